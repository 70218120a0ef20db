"""Our offers and what the answers to them mean."""

from __future__ import annotations

import attrs
import pytest

from sip.sdp import (
    PCMA,
    PCMU,
    Codec,
    Direction,
    MediaCapabilities,
    NegotiationError,
    SessionDescription,
    accept_answer,
    answer_offer,
    make_offer,
)
from tests.sip.sdp.offers import CAPS, LOCAL, audio, sdp

OPUS = Codec("opus", 111, 48000, 2)
OFFER = make_offer(CAPS, LOCAL)


def refused(answer: SessionDescription) -> NegotiationError:
    with pytest.raises(NegotiationError) as caught:
        accept_answer(OFFER, answer, CAPS)
    return caught.value


def test_a_usual_offer() -> None:
    assert str(OFFER) == (
        "v=0\r\n"
        "o=callstage 77 1 IN IP4 127.0.0.1\r\n"
        "s=-\r\n"
        "c=IN IP4 127.0.0.1\r\n"
        "t=0 0\r\n"
        "m=audio 10000 RTP/AVP 0 8 101\r\n"
        "a=rtpmap:0 PCMU/8000\r\n"
        "a=rtpmap:8 PCMA/8000\r\n"
        "a=rtpmap:101 telephone-event/8000\r\n"
        "a=fmtp:101 0-16\r\n"
        "a=ptime:20\r\n"
        "a=sendrecv\r\n"
    )


def test_two_of_us_agree() -> None:
    peer = attrs.evolve(LOCAL, host="127.0.0.2", port=20_000, session_id=5)
    answer, theirs = answer_offer(OFFER, CAPS, peer)
    ours = accept_answer(OFFER, answer, CAPS)
    assert ours.codec == theirs.codec == PCMU
    assert (ours.remote_host, ours.remote_rtp_port) == ("127.0.0.2", 20_000)
    assert (theirs.remote_host, theirs.remote_rtp_port) == ("127.0.0.1", 10_000)
    assert ours.dtmf_send == theirs.dtmf_receive == 101
    assert ours.direction is theirs.direction is Direction.SENDRECV


def test_each_clock_rate_has_its_own_digits_and_number() -> None:
    offer = make_offer(
        MediaCapabilities(codecs=(attrs.evolve(OPUS, payload_type=101), PCMA)), LOCAL
    )
    stream = offer.media[0]
    assert [(c.name, c.clock_rate, c.payload_type) for c in stream.codecs()] == [
        ("opus", 48000, 101),
        ("PCMA", 8000, 8),
        ("telephone-event", 8000, 96),
        ("telephone-event", 48000, 97),
    ]


def test_offers_may_hold_and_leave_out_digits() -> None:
    offer = make_offer(MediaCapabilities(dtmf=False), LOCAL, Direction.SENDONLY)
    assert offer.media[0].formats == ("0", "8")
    assert "a=sendonly" in str(offer)


def test_the_answers_payload_types_are_for_sending() -> None:
    caps = MediaCapabilities(codecs=(OPUS, PCMU))
    offer = make_offer(caps, LOCAL)
    answer = audio(
        "a=rtpmap:107 opus/48000/2",
        "a=fmtp:107 maxplaybackrate=16000",
        "a=rtpmap:99 telephone-event/48000",
        formats="107 99",
    )
    negotiated = accept_answer(offer, answer, caps)
    assert negotiated.send_payload_type == 107
    assert negotiated.codec.fmtp == "maxplaybackrate=16000"
    assert negotiated.receive_payload_types == {107, 111}
    assert (negotiated.dtmf_send, negotiated.dtmf_receive) == (99, 96)


def test_a_number_that_means_another_codec_to_us_is_not_received() -> None:
    caps = MediaCapabilities(codecs=(OPUS, Codec("iLBC", 107)))
    offer = make_offer(caps, LOCAL)
    answer = audio("a=rtpmap:107 opus/48000/2", formats="107")
    assert accept_answer(offer, answer, caps).receive_payload_types == {111}


def test_an_answer_may_leave_out_the_rtpmap_of_what_we_explained() -> None:
    caps = MediaCapabilities(codecs=(OPUS,))
    negotiated = accept_answer(make_offer(caps, LOCAL), audio(formats="111 101"), caps)
    assert negotiated.codec.name == "opus"
    assert negotiated.dtmf_send == 101


def test_digits_on_another_clock_keep_the_number_of_that_clock() -> None:
    caps = MediaCapabilities(codecs=(OPUS, PCMU))
    offer = make_offer(caps, LOCAL)
    assert "a=rtpmap:101 telephone-event/8000" in str(offer)
    answer = audio(
        "a=rtpmap:111 opus/48000/2", "a=rtpmap:101 telephone-event/8000", formats="111 101"
    )
    negotiated = accept_answer(offer, answer, caps)
    assert (negotiated.dtmf_send, negotiated.dtmf_receive) == (101, 101)
    assert negotiated.dtmf_clock_rate == 8000


def test_the_answerers_order_wins() -> None:
    assert accept_answer(OFFER, audio(formats="8 0"), CAPS).codec == PCMA
    assert accept_answer(OFFER, audio(formats="18 8"), CAPS).codec == PCMA


@pytest.mark.parametrize(
    ("offered", "answered", "ours", "held"),
    [
        ("sendrecv", "sendrecv", "sendrecv", False),
        ("sendrecv", "sendonly", "recvonly", True),
        ("sendrecv", "recvonly", "sendonly", False),
        ("sendrecv", "inactive", "inactive", True),
        ("sendonly", "recvonly", "sendonly", False),
        ("sendonly", "sendrecv", "sendonly", False),
        ("sendonly", "inactive", "inactive", True),
        ("recvonly", "sendonly", "recvonly", False),
        ("inactive", "inactive", "inactive", False),
        ("inactive", "sendrecv", "inactive", False),
    ],
)
def test_directions_meet(offered: str, answered: str, ours: str, held: bool) -> None:
    offer = make_offer(CAPS, LOCAL, Direction(offered))
    negotiated = accept_answer(offer, audio(f"a={answered}"), CAPS)
    assert negotiated.direction is Direction(ours)
    assert negotiated.peer_held is held


def test_an_answer_with_an_unspecified_address_is_a_hold() -> None:
    answer = sdp("m=audio 4000 RTP/AVP 0", address="c=IN IP4 0.0.0.0")
    negotiated = accept_answer(OFFER, answer, CAPS)
    assert negotiated.direction is Direction.RECVONLY
    assert negotiated.peer_held


def test_ptime_of_an_answer_counts() -> None:
    assert accept_answer(OFFER, audio("a=ptime:10"), CAPS).ptime_ms == 10
    assert accept_answer(OFFER, audio("a=ptime:30"), CAPS).ptime_ms == 20


def test_maxptime_and_rtcp_of_an_answer_count() -> None:
    negotiated = accept_answer(OFFER, audio("a=maxptime:10", "a=rtcp:9"), CAPS)
    assert (negotiated.ptime_ms, negotiated.remote_rtcp_port) == (10, 9)


@pytest.mark.parametrize(
    ("answer", "code", "text"),
    [
        (audio(port=0), 304, "port 0"),
        (audio(formats="18"), 305, "G729/8000 (not supported)"),
        (sdp(), 304, "no stream in place"),
        (sdp("m=video 9 RTP/AVP 31"), 304, "video"),
        (sdp("m=audio 9 RTP/SAVP 0"), 302, "encrypted"),
        (sdp("m=audio 9 RTP/AVP 0", address=""), 301, "no c= line"),
        (sdp("m=audio 9 RTP/AVP 0", address="c=IN IP6 ::1"), 301, "family"),
    ],
)
def test_answers_that_agree_on_nothing(answer: SessionDescription, code: int, text: str) -> None:
    error = refused(answer)
    assert (error.status, error.warning_code) == (488, code)
    assert text in error.warning


def test_an_answer_can_only_be_judged_against_an_offer_of_ours() -> None:
    with pytest.raises(ValueError, match="make_offer"):
        accept_answer(sdp(), audio(), CAPS)


def test_a_new_offer_goes_on_where_the_last_description_ended() -> None:
    offer = sdp(
        "m=video 5000 RTP/AVP 31",
        "m=audio 4000 RTP/AVP 8 96",
        "a=rtpmap:96 telephone-event/8000",
    )
    answer, _ = answer_offer(offer, CAPS, LOCAL)
    hold = make_offer(CAPS, LOCAL, Direction.SENDONLY, previous=answer)
    assert [line for line in str(hold).splitlines() if line[0] in "om"] == [
        "o=callstage 77 2 IN IP4 127.0.0.1",
        "m=video 0 RTP/AVP 31",
        "m=audio 10000 RTP/AVP 0 8 96",
    ]
    again = make_offer(CAPS, LOCAL, Direction.SENDONLY, previous=hold)
    assert again == hold
    assert accept_answer(hold, sdp("m=video 0 RTP/AVP 31", "m=audio 1 RTP/AVP 0"), CAPS)


def test_no_payload_type_changes_its_meaning_within_a_session() -> None:
    caps = MediaCapabilities(codecs=(PCMU, OPUS))
    offer = audio("a=rtpmap:111 telephone-event/8000", formats="0 111")
    answer, _ = answer_offer(offer, caps, LOCAL)
    codecs = make_offer(caps, LOCAL, previous=answer).media[0].codecs()
    assert [(c.name, c.clock_rate, c.payload_type) for c in codecs] == [
        ("PCMU", 8000, 0),
        ("opus", 48000, 96),
        ("telephone-event", 8000, 111),
        ("telephone-event", 48000, 101),
    ]


def test_after_a_session_without_audio_it_is_offered_at_the_end() -> None:
    offer = make_offer(CAPS, LOCAL, previous=sdp("m=audio 0 RTP/AVP 0"))
    assert [stream.port for stream in offer.media] == [0, 10_000]


def test_when_every_dynamic_number_is_taken_a_codec_is_left_out() -> None:
    many = tuple(Codec(f"x{number}", 96) for number in range(40))
    offer = make_offer(MediaCapabilities(codecs=(*many, PCMU)), LOCAL)
    numbers = [codec.payload_type for codec in offer.media[0].codecs()]
    assert len(numbers) == len(set(numbers)) == 33
