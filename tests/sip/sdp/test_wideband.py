"""G.722, Opus and L16 in offers and answers: parameters, payload types, clocks, packet lengths."""

from __future__ import annotations

import attrs
import pytest

from sip.sdp import (
    G722,
    L16_NARROW,
    L16_WIDE,
    OPUS,
    PCMA,
    PCMU,
    MediaCapabilities,
    NegotiationError,
    accept_answer,
    answer_offer,
    make_offer,
)
from tests.sip.sdp.offers import LOCAL, audio

HD = MediaCapabilities(codecs=(OPUS, G722, PCMU, PCMA))
OFFER = make_offer(HD, LOCAL)
WEB_OFFER = audio(
    "a=rtpmap:111 opus/48000/2",
    "a=fmtp:111 minptime=10;useinbandfec=1",
    "a=rtpmap:63 red/48000/2",
    "a=rtpmap:110 telephone-event/48000",
    "a=rtpmap:126 telephone-event/8000",
    formats="111 63 9 0 8 13 110 126",
)


def test_our_offer_says_what_we_play_and_capture() -> None:
    assert OFFER.media[0].formats == ("96", "9", "0", "8", "101", "97")
    text = str(OFFER)
    assert "a=rtpmap:96 opus/48000/2\r\n" in text
    assert (
        "a=fmtp:96 maxplaybackrate=16000;sprop-maxcapturerate=16000;"
        "stereo=0;sprop-stereo=0;useinbandfec=1\r\n" in text
    )
    # RFC 3551 4.5.2: 8000, whatever its audio has.
    assert "a=rtpmap:9 G722/8000\r\n" in text
    assert "a=rtpmap:101 telephone-event/8000\r\n" in text
    assert "a=rtpmap:97 telephone-event/48000\r\n" in text
    assert "a=ptime:20\r\n" in text


def test_l16_has_a_dynamic_payload_type_for_each_rate() -> None:
    offer = make_offer(MediaCapabilities(codecs=(L16_WIDE, L16_NARROW)), LOCAL)
    assert "a=rtpmap:97 L16/16000\r\n" in str(offer)
    assert "a=rtpmap:98 L16/8000\r\n" in str(offer)


def test_a_browsers_offer_is_answered_with_opus_and_digits_on_its_clock() -> None:
    answer, agreed = answer_offer(WEB_OFFER, HD, LOCAL)
    assert answer.media[0].formats == ("111", "110")
    assert agreed.codec.same_format(OPUS)
    assert agreed.codec.fmtp == "minptime=10;useinbandfec=1"
    assert "a=fmtp:111 maxplaybackrate=16000;" in str(answer)
    assert (agreed.dtmf_send, agreed.dtmf_clock_rate) == (110, 48000)


def test_without_opus_of_ours_the_same_offer_is_answered_with_its_next_codec() -> None:
    answer, agreed = answer_offer(WEB_OFFER, MediaCapabilities(codecs=(PCMU, G722)), LOCAL)
    assert answer.media[0].formats == ("9", "126")
    assert agreed.codec.same_format(G722)
    assert (agreed.dtmf_send, agreed.dtmf_clock_rate) == (126, 8000)


def test_payload_types_may_differ_in_the_two_directions() -> None:
    theirs = audio(
        "a=rtpmap:120 opus/48000/2",
        "a=fmtp:120 maxplaybackrate=8000",
        "a=rtpmap:121 telephone-event/48000",
        formats="120 121",
    )
    agreed = accept_answer(OFFER, theirs, HD)
    assert agreed.send_payload_type == 120
    assert agreed.receive_payload_types == {96, 120}
    assert (agreed.dtmf_send, agreed.dtmf_receive) == (121, 97)
    assert agreed.codec.fmtp == "maxplaybackrate=8000"


def test_the_first_codec_of_an_answer_is_sent_and_all_of_them_are_received() -> None:
    theirs = audio("a=rtpmap:96 opus/48000/2", formats="9 96 0")
    agreed = accept_answer(OFFER, theirs, HD)
    assert agreed.codec.same_format(G722)
    assert [(c.name, c.payload_type) for c in agreed.also_received] == [("opus", 96), ("PCMU", 0)]


def test_opus_without_its_two_channels_is_another_format() -> None:
    """RFC 7587 7: the rtpmap always says 2."""
    with pytest.raises(NegotiationError) as refused:
        answer_offer(audio("a=rtpmap:96 opus/48000", formats="96"), HD, LOCAL)
    assert "opus/48000 (only as opus/48000/2)" in refused.value.warning


def test_a_peer_that_takes_only_short_packets_gets_g711() -> None:
    offer = attrs.evolve(WEB_OFFER, attributes=())
    stream = audio("a=rtpmap:111 opus/48000/2", "a=maxptime:10", formats="111 9 0")
    answer, agreed = answer_offer(stream, HD, LOCAL)
    assert agreed.codec.same_format(PCMU)
    assert agreed.ptime_ms == 10
    assert answer.media[0].attribute("ptime") == "10"
    assert answer_offer(offer, HD, LOCAL)[1].ptime_ms == 20


def test_a_wish_for_short_packets_does_not_cost_a_peer_its_codec() -> None:
    stream = audio("a=rtpmap:111 opus/48000/2", "a=ptime:10", formats="111 9 0")
    _, agreed = answer_offer(stream, HD, LOCAL)
    assert (agreed.codec.name, agreed.ptime_ms) == ("opus", 20)


def test_a_change_of_codec_keeps_the_meaning_of_every_number() -> None:
    answer, _ = answer_offer(WEB_OFFER, HD, LOCAL)
    again = make_offer(HD, LOCAL, previous=answer)
    assert again.media[0].formats[0] == "111"
    assert "a=rtpmap:110 telephone-event/48000\r\n" in str(again)
    back, agreed = answer_offer(audio(formats="0"), HD, LOCAL, previous=again)
    assert agreed.codec.same_format(PCMU)
    assert back.origin.version > answer.origin.version
