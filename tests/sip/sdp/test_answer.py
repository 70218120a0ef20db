"""Answers to offers: codec, digits, direction, address, refused streams, and refusals."""

from __future__ import annotations

import attrs
import pytest

from sip.sdp import (
    PCMU,
    Codec,
    Direction,
    MediaCapabilities,
    NegotiationError,
    SessionDescription,
    answer_offer,
)
from tests.sip.sdp.offers import CAPS, LOCAL, audio, sdp

S, R, SR, NONE = (
    Direction.SENDONLY,
    Direction.RECVONLY,
    Direction.SENDRECV,
    Direction.INACTIVE,
)
OPUS = Codec("opus", 111, 48000, 2, "useinbandfec=1")


def refused(offer: SessionDescription, caps: MediaCapabilities = CAPS) -> NegotiationError:
    with pytest.raises(NegotiationError) as caught:
        answer_offer(offer, caps, LOCAL)
    assert caught.value.status == 488
    return caught.value


def test_a_usual_answer() -> None:
    offer = audio("a=rtpmap:101 telephone-event/8000", "a=fmtp:101 0-15", formats="8 0 101")
    answer, negotiated = answer_offer(offer, CAPS, LOCAL)
    assert str(answer) == (
        "v=0\r\n"
        "o=callstage 77 1 IN IP4 127.0.0.1\r\n"
        "s=-\r\n"
        "c=IN IP4 127.0.0.1\r\n"
        "t=0 0\r\n"
        "m=audio 10000 RTP/AVP 8 101\r\n"
        "a=rtpmap:8 PCMA/8000\r\n"
        "a=rtpmap:101 telephone-event/8000\r\n"
        "a=fmtp:101 0-16\r\n"
        "a=ptime:20\r\n"
        "a=sendrecv\r\n"
    )
    assert negotiated.codec.name == "PCMA"
    assert negotiated.send_payload_type == 8
    assert negotiated.receive_payload_types == {8}
    assert (negotiated.dtmf_send, negotiated.dtmf_receive) == (101, 101)
    assert negotiated.remote_host == "192.0.2.1"
    assert (negotiated.remote_rtp_port, negotiated.remote_rtcp_port) == (4000, 4001)
    assert (negotiated.ptime_ms, negotiated.direction) == (20, SR)
    assert not negotiated.peer_held


@pytest.mark.parametrize(
    ("formats", "chosen"),
    [("0 8", "PCMU"), ("8 0", "PCMA"), ("18 9 8 0", "PCMA"), ("13 101 0", "PCMU"), ("0", "PCMU")],
)
def test_the_offerers_order_wins_among_our_codecs(formats: str, chosen: str) -> None:
    answer, negotiated = answer_offer(audio(formats=formats), CAPS, LOCAL)
    assert negotiated.codec.name == chosen
    assert len(answer.media[0].formats) == 1


def test_dynamic_payload_types_are_the_offerers() -> None:
    caps = MediaCapabilities(codecs=(OPUS, PCMU))
    offer = audio(
        "a=rtpmap:96 OPUS/48000/2",
        "a=rtpmap:97 telephone-event/8000",
        "a=rtpmap:98 telephone-event/48000",
        formats="96 0 97 98",
    )
    answer, negotiated = answer_offer(offer, caps, LOCAL)
    assert answer.media[0].formats == ("96", "98")
    assert answer.media[0].attribute("fmtp") == "96 useinbandfec=1"
    # What binds us in sending are the peer's parameters, and it has none.
    assert negotiated.codec == attrs.evolve(OPUS, payload_type=96, fmtp="")
    assert negotiated.dtmf_clock_rate == 48000
    assert (negotiated.dtmf_send, negotiated.dtmf_receive) == (98, 98)


def test_digits_on_another_clock_are_better_than_none() -> None:
    caps = MediaCapabilities(codecs=(OPUS,))
    offer = audio("a=rtpmap:96 opus/48000/2", "a=rtpmap:101 telephone-event/8000", formats="96 101")
    answer, negotiated = answer_offer(offer, caps, LOCAL)
    assert negotiated.dtmf_send == 101
    assert "a=rtpmap:101 telephone-event/8000" in str(answer)


def test_without_digits_on_either_side_there_are_none() -> None:
    _, negotiated = answer_offer(audio(formats="0"), CAPS, LOCAL)
    assert negotiated.dtmf_send is None
    offer = audio("a=rtpmap:101 telephone-event/8000", formats="0 101")
    answer, negotiated = answer_offer(offer, MediaCapabilities(dtmf=False), LOCAL)
    assert negotiated.dtmf_receive is None
    assert answer.media[0].formats == ("0",)


@pytest.mark.parametrize(
    ("offered", "answered", "held"),
    [
        ("sendrecv", SR, False),
        ("sendonly", R, True),
        ("recvonly", S, False),
        ("inactive", NONE, True),
    ],
)
@pytest.mark.parametrize("level", ["session", "stream"])
def test_the_direction_is_mirrored(
    offered: str, answered: Direction, held: bool, level: str
) -> None:
    line, stream = f"a={offered}", "m=audio 4000 RTP/AVP 0"
    offer = sdp(line, stream) if level == "session" else sdp("a=sendrecv", stream, line)
    answer, negotiated = answer_offer(offer, CAPS, LOCAL)
    assert negotiated.direction is answered
    assert answer.direction_of(answer.media[0]) is answered
    assert negotiated.peer_held is held


def test_our_own_wish_narrows_the_direction() -> None:
    _, negotiated = answer_offer(audio(), CAPS, LOCAL, direction=S)
    assert negotiated.direction is S
    _, negotiated = answer_offer(audio("a=sendonly"), CAPS, LOCAL, direction=S)
    assert negotiated.direction is NONE


def test_hold_by_an_unspecified_address() -> None:
    for lines in (
        ("m=audio 4000 RTP/AVP 0", "c=IN IP4 0.0.0.0"),
        ("m=audio 4000 RTP/AVP 0", "c=IN IP6 ::", "a=sendrecv"),
    ):
        _, negotiated = answer_offer(sdp(*lines), CAPS, LOCAL)
        assert negotiated.direction is R
        assert negotiated.peer_held
    _, negotiated = answer_offer(
        sdp("m=audio 4000 RTP/AVP 0", "a=inactive", address="c=IN IP4 0.0.0.0"), CAPS, LOCAL
    )
    assert negotiated.direction is NONE


def test_every_other_stream_keeps_its_place_with_port_0() -> None:
    offer = sdp(
        "m=video 5000 RTP/AVP 31 34",
        "a=rtpmap:31 H261/90000",
        "m=audio 4000 RTP/SAVP 0",
        "m=audio 4002 RTP/AVP 0",
        "m=audio 4004 RTP/AVP 0",
        "m=image 6000 udptl t38",
        "m=application 9 UDP/DTLS/SCTP webrtc-datachannel",
        "m=x-new 1 foo/bar what ever",
    )
    answer, negotiated = answer_offer(offer, CAPS, LOCAL)
    assert [line for line in str(answer).splitlines() if line[0] == "m"] == [
        "m=video 0 RTP/AVP 31 34",
        "m=audio 0 RTP/SAVP 0",
        "m=audio 10000 RTP/AVP 0",
        "m=audio 0 RTP/AVP 0",
        "m=image 0 udptl t38",
        "m=application 0 UDP/DTLS/SCTP webrtc-datachannel",
        "m=x-new 0 foo/bar what ever",
    ]
    assert negotiated.remote_rtp_port == 4002


def test_a_stream_without_formats_costs_nothing_but_its_own_place() -> None:
    """Against the grammar, but that is how some phones say that they have no video."""
    answer, _ = answer_offer(sdp("m=video 0 RTP/AVP", "m=audio 4000 RTP/AVP 0"), CAPS, LOCAL)
    assert [line for line in str(answer).splitlines() if line[0] == "m"] == [
        "m=video 0 RTP/AVP 0",
        "m=audio 10000 RTP/AVP 0",
    ]


def test_a_stream_that_is_switched_off_is_passed_over() -> None:
    offer = sdp("m=audio 0 RTP/AVP 0", "m=audio 4002 RTP/AVP 8")
    answer, negotiated = answer_offer(offer, CAPS, LOCAL)
    assert [stream.port for stream in answer.media] == [0, 10_000]
    assert negotiated.codec.name == "PCMA"


def test_the_streams_own_address_counts() -> None:
    offer = sdp("m=audio 4000 RTP/AVP 0", "c=IN IP4 198.51.100.7")
    _, negotiated = answer_offer(offer, CAPS, LOCAL)
    assert negotiated.remote_host == "198.51.100.7"
    offer = sdp("m=audio 4000 RTP/AVP 0", "c=IN IP4 198.51.100.8", address="")
    assert answer_offer(offer, CAPS, LOCAL)[1].remote_host == "198.51.100.8"


def test_ipv6() -> None:
    local = attrs.evolve(LOCAL, host="2001:db8::1")
    offer = sdp("m=audio 4000 RTP/AVP 0", address="c=IN IP6 2001:DB8:0::2")
    answer, negotiated = answer_offer(offer, CAPS, local)
    assert negotiated.remote_host == "2001:db8::2"
    assert "o=callstage 77 1 IN IP6 2001:db8::1\r\n" in str(answer)
    assert "c=IN IP6 2001:db8::1\r\n" in str(answer)


@pytest.mark.parametrize(
    ("lines", "port"),
    [
        (("a=rtcp:53020",), 53020),
        (("a=rtcp:53020 IN IP4 126.16.64.4",), 53020),
        (("a=rtcp:x",), 4001),
        (("a=rtcp:0",), 4001),
        (("a=rtcp",), 4001),
    ],
)
def test_rtcp_goes_where_it_is_wanted(lines: tuple[str, ...], port: int) -> None:
    assert answer_offer(audio(*lines), CAPS, LOCAL)[1].remote_rtcp_port == port


def test_the_last_port_has_no_port_after_it() -> None:
    assert answer_offer(audio(port=65_535), CAPS, LOCAL)[1].remote_rtcp_port == 65_535


def test_our_rtcp_port_is_announced_when_it_is_not_the_next_one() -> None:
    answer, _ = answer_offer(audio(), CAPS, attrs.evolve(LOCAL, rtcp_port=10_001))
    assert "a=rtcp" not in str(answer).replace("a=rtcp-", "")
    answer, _ = answer_offer(audio(), CAPS, attrs.evolve(LOCAL, rtcp_port=12_000))
    assert answer.media[0].attribute("rtcp") == "12000"


@pytest.mark.parametrize(
    ("line", "ptime"),
    [
        ("a=maxptime:10", 10),
        ("a=maxptime:19", 10),
        ("a=maxptime:20", 20),
        ("a=maxptime:150", 20),
        ("a=maxptime:0", 20),
        ("a=maxptime:x", 20),
        ("a=ptime:30", 20),
        ("a=ptime:10", 10),
        ("a=ptime:5", 10),
        ("a=ptime:0", 20),
        ("a=ptime:x", 20),
        ("a=ptime:11", 20),
    ],
)
def test_packets_are_20_ms_unless_the_peer_takes_or_wants_only_shorter_ones(
    line: str, ptime: int
) -> None:
    answer, negotiated = answer_offer(audio(line), CAPS, LOCAL)
    assert negotiated.ptime_ms == ptime
    assert answer.media[0].attribute("ptime") == str(ptime)


def test_the_version_grows_when_the_answer_changes_and_only_then() -> None:
    first, _ = answer_offer(audio(), CAPS, LOCAL)
    again, _ = answer_offer(audio(), CAPS, LOCAL, previous=first)
    held, _ = answer_offer(audio("a=sendonly"), CAPS, LOCAL, previous=again)
    resumed, _ = answer_offer(audio(), CAPS, attrs.evolve(LOCAL, version=9), previous=held)
    assert [d.origin.version for d in (first, again, held, resumed)] == ["1", "1", "2", "3"]
    assert again == first
    assert held.origin.session_id == "77"


def test_a_previous_description_may_come_from_the_wire() -> None:
    first, _ = answer_offer(audio(), CAPS, LOCAL)
    stored = SessionDescription.parse(first.to_bytes())
    assert answer_offer(audio(), CAPS, LOCAL, previous=stored)[0] == first


def test_no_common_codec_lists_what_was_offered_and_why_each_failed() -> None:
    offer = audio(
        "a=rtpmap:96 opus/48000/2",
        "a=rtpmap:97 PCMU/16000",
        'a=rtpmap:99 "\x07\u00e9/8000',
        "a=rtpmap:101 telephone-event/8000",
        formats="18 96 97 98 99 101 13",
    )
    error = refused(offer)
    assert error.warning_code == 305
    assert error.failures == (
        "G729/8000 (not supported)",
        "opus/48000/2 (not supported)",
        "PCMU/16000 (only as PCMU/8000)",
        "payload type 98 without rtpmap",
        "???/8000 (not supported)",
    )
    assert all(text in error.warning for text in error.failures)
    assert error.warning.endswith("we take PCMU/8000, PCMA/8000")
    assert error.warning_header("127.0.0.1") == f'305 127.0.0.1 "{error.warning}"'


def test_attributes_that_we_do_not_speak_are_neither_in_the_way_nor_answered() -> None:
    """RFC 3611 5.1, RFC 4585, RFC 8285: extended reports, feedback, header extensions."""
    unknown = (
        "a=rtcp-xr:voip-metrics stat-summary=loss,jitt",
        "a=rtcp-fb:* nack",
        "a=extmap:1 urn:ietf:params:rtp-hdrext:ssrc-audio-level",
        "a=ssrc:1 cname:x",
        "a=silenceSupp:off - - - -",
    )
    answer, negotiated = answer_offer(audio(*unknown), CAPS, LOCAL)
    assert negotiated.codec.name == "PCMU"
    written = str(answer)
    assert [line for line in unknown if line.partition(":")[0] in written] == []


def test_encryption_is_refused_by_name() -> None:
    error = refused(sdp("m=audio 4000 RTP/SAVP 0", "a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:x"))
    assert error.warning_code == 302
    assert "RTP/SAVP: encryption is switched off here; offer RTP/AVP" in error.warning


@pytest.mark.parametrize(
    ("lines", "code", "text"),
    [
        ((), 304, "no stream"),
        (("m=video 5000 RTP/AVP 31",), 304, "video RTP/AVP: only audio is taken"),
        (("m=audio 0 RTP/AVP 0",), 304, "switched off"),
        (("m=audio 4000 foo/bar 0",), 302, "foo/bar: unknown transport"),
        (("m=audio 4000 RTP/AVP 101",), 305, "payload type 101 without rtpmap"),
        (("m=audio 4000 RTP/AVP 13",), 305, "nothing that carries audio"),
        (("m=video 9 RTP/AVP 31", "m=audio 4000 RTP/SAVP 0"), 302, "encryption"),
    ],
)
def test_offers_without_audio_that_we_can_take(
    lines: tuple[str, ...], code: int, text: str
) -> None:
    error = refused(sdp(*lines))
    assert error.warning_code == code
    assert text in error.warning


@pytest.mark.parametrize(
    ("address", "code"),
    [
        ("", 301),
        ("c=IN IP4 example.com", 301),
        ("c=IN IP4 1.2.3", 301),
        ("c=IN IP6 2001:db8::1", 301),
        ("c=IN IP4 224.2.1.1/127", 330),
        ("c=IN IP4 255.255.255.255", 330),
    ],
)
def test_addresses_that_nothing_may_be_sent_to(address: str, code: int) -> None:
    assert refused(sdp("m=audio 4000 RTP/AVP 0", address=address)).warning_code == code


def test_a_refusal_of_very_much_stays_short() -> None:
    formats = " ".join(map(str, range(35, 128)))
    maps = [f"a=rtpmap:{number} c{number}/8000" for number in range(35, 128)]
    one = refused(audio(*maps, formats=formats))
    assert "and 81 more" in one.warning
    assert len(one.failures) == 93
    lines = [line for port in range(4000, 4009) for line in (f"m=audio {port} RTP/AVP 3", "a=x")]
    many = refused(sdp(*lines, *(f"m=x{n} 9 y/z{n} 0" for n in range(20))))
    assert len(many.warning) < 620


def test_with_both_families_an_offer_is_answered_in_its_own() -> None:
    local = attrs.evolve(LOCAL, other_host="2001:db8::1")
    for address, host in (("c=IN IP6 2001:db8::2", "2001:db8::1"), ("c=IN IP4 192.0.2.2", "")):
        offer = sdp("m=audio 4000 RTP/AVP 0", address=address)
        answer, agreed = answer_offer(offer, CAPS, local)
        family = "IP6" if host else "IP4"
        assert f"c=IN {family} {host or LOCAL.host}\r\n" in str(answer)
        assert agreed.remote_host == address.split()[2]


def test_the_stream_counts_when_it_names_another_family_than_the_session() -> None:
    local = attrs.evolve(LOCAL, other_host="2001:db8::1")
    offer = sdp("m=audio 4000 RTP/AVP 0", "c=IN IP6 2001:db8::2")
    answer, agreed = answer_offer(offer, CAPS, local)
    assert "c=IN IP6 2001:db8::1\r\n" in str(answer)
    assert agreed.remote_host == "2001:db8::2"
