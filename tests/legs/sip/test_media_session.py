"""Offer and answer of one leg, message by message."""

from __future__ import annotations

from typing import cast

import pytest

from runtime.legs.sip.media_session import (
    CODECS,
    Agreement,
    MediaSession,
    capabilities,
    local_media,
)
from runtime.legs.sip.settings import LegSettings
from runtime.legs.sip.trace import TraceBook
from runtime.media.codecs.table import FORMATS
from runtime.media.port import LegAddress, MediaLeg, MediaPort, ReceivedFormat
from sip.advertise import Advertised
from sip.sdp import NegotiationError, SdpError, SessionDescription
from tests.legs.sip.fakes import FakeMediaLeg

ADDRESS = LegAddress(host="127.0.0.1", rtp_port=10_000, rtcp_port=10_001)


def audio(*codecs: str) -> MediaSession:
    return MediaSession(capabilities(codecs or ("PCMU", "PCMA")), local_media(ADDRESS, 77))


def sdp(
    *,
    host: str = "127.0.0.2",
    port: int = 4_000,
    formats: str = "0 8 101",
    version: int = 1,
    extra: str = "",
) -> bytes:
    lines = [
        "v=0",
        f"o=peer 1 {version} IN IP4 {host}",
        "s=-",
        f"c=IN IP4 {host}",
        "t=0 0",
        f"m=audio {port} RTP/AVP {formats}",
        "a=rtpmap:101 telephone-event/8000",
        *([extra] if extra else []),
    ]
    return ("\r\n".join(lines) + "\r\n").encode()


def version_of(described: bytes) -> int:
    return int(SessionDescription.parse(described).origin.version)


def ways(agreement: Agreement) -> tuple[bool, bool]:
    return agreement.stream.sending, agreement.stream.receiving


def test_an_offer_is_answered_with_one_codec_and_the_peers_address() -> None:
    agreement = audio().answer(sdp())
    stream = agreement.stream
    assert (stream.remote_host, stream.remote_port, stream.remote_rtcp_port) == (
        "127.0.0.2",
        4_000,
        4_001,
    )
    assert (stream.codec, stream.send_payload_type, stream.dtmf_send_payload_type) == (
        "PCMU",
        0,
        101,
    )
    assert b"m=audio 10000 RTP/AVP 0 101" in agreement.sdp


def test_hold_and_resume_are_told_once_each_and_raise_the_version() -> None:
    session = audio()
    first = session.answer(sdp())
    session.settle()
    held = session.answer(sdp(version=2, extra="a=sendonly"))
    again = session.answer(sdp(version=3, extra="a=inactive"))
    resumed = session.answer(sdp(version=4))
    assert [a.hold for a in (first, held, again, resumed)] == [None, "held", None, "resumed"]
    assert [ways(a) for a in (first, held, again, resumed)] == [
        (True, True),
        (False, True),
        (False, False),
        (True, True),
    ]
    assert b"a=recvonly" in held.sdp
    assert b"a=inactive" in again.sdp
    versions = [version_of(a.sdp) for a in (first, held, again, resumed)]
    assert versions == [versions[0] + n for n in range(4)]


def test_a_refresh_changes_nothing_and_keeps_the_version() -> None:
    session = audio()
    first = session.answer(sdp())
    session.settle()
    again = session.answer(sdp())
    assert again == first


def test_hold_by_address_keeps_the_peers_place() -> None:
    session = audio()
    session.answer(sdp())
    session.settle()
    held = session.answer(sdp(host="0.0.0.0", version=2))
    assert held.hold == "held"
    assert (held.stream.remote_host, held.stream.remote_port) == ("127.0.0.2", 4_000)
    assert not held.stream.sending
    assert session.answer(sdp(version=3)).hold == "resumed"


def test_a_call_that_begins_held_is_not_put_on_hold() -> None:
    session = audio()
    session.answer(sdp(extra="a=inactive"))
    session.settle()
    assert session.answer(sdp(version=2)).hold is None
    assert session.answer(sdp(version=3, extra="a=sendonly")).hold == "held"


def test_a_new_codec_and_address_take_effect() -> None:
    session = audio()
    session.answer(sdp())
    session.settle()
    moved = session.answer(sdp(host="127.0.0.3", port=5_000, formats="8 101", version=2))
    assert (moved.stream.codec, moved.stream.remote_host, moved.stream.remote_port) == (
        "PCMA",
        "127.0.0.3",
        5_000,
    )


def test_an_offer_without_our_codecs_is_refused_and_changes_nothing() -> None:
    session = audio()
    session.answer(sdp())
    before = session.stream
    with pytest.raises(NegotiationError, match="G729"):
        session.answer(sdp(formats="18", version=2))
    assert session.stream == before
    assert version_of(session.answer(sdp(version=3)).sdp) == 1


def test_rubbish_is_no_session_description() -> None:
    with pytest.raises(SdpError):
        audio().answer(b"v=1\r\n\xff")


def test_our_offer_lists_our_codecs_and_takes_the_answer() -> None:
    session = audio("PCMA", "PCMU")
    assert b"m=audio 10000 RTP/AVP 8 0 101" in session.offer()
    assert session.waits_for_answer
    agreement = session.accept(sdp(formats="0 101"))
    assert agreement.stream.codec == "PCMU"
    session.settle()
    assert not session.waits_for_answer


def test_the_branch_that_answers_last_wins() -> None:
    session = audio()
    session.offer()
    session.accept(sdp(port=4_000, extra="a=sendonly"))
    winner = session.accept(sdp(port=6_000))
    assert winner.stream.remote_port == 6_000
    assert winner.hold is None


def test_our_offer_inside_a_call_continues_the_last_description() -> None:
    session = audio()
    version = version_of(session.answer(sdp()).sdp)
    session.settle()
    assert version_of(session.offer()) == version + 1
    assert session.accept(sdp(version=2)).stream.codec == "PCMU"


def test_an_answer_without_an_offer_is_our_own_fault() -> None:
    with pytest.raises(RuntimeError, match="nothing was offered"):
        audio().accept(sdp())


def test_the_advertised_address_and_an_odd_rtcp_port_are_told() -> None:
    address = LegAddress(host="10.0.0.5", rtp_port=10_000, rtcp_port=10_777)
    session = MediaSession(capabilities(), local_media(address, 1, "203.0.113.5"))
    offer = session.offer()
    assert b"c=IN IP4 203.0.113.5" in offer
    assert b"a=rtcp:10777" in offer


def test_every_codec_of_the_configuration_reaches_the_engine_by_its_name() -> None:
    for name in CODECS:
        caller, called = audio(name), audio(name)
        agreement = called.answer(caller.offer())
        heard = caller.accept(agreement.sdp)
        assert agreement.stream.codec == heard.stream.codec == name
        assert FORMATS[name].clock_hz == heard.stream.dtmf_clock_hz


def test_what_the_peer_may_switch_to_is_told_to_the_engine() -> None:
    caller = audio("opus", "G722", "PCMU")
    caller.offer()
    answer = (
        "v=0\r\no=a 1 1 IN IP4 192.0.2.9\r\ns=-\r\nc=IN IP4 192.0.2.9\r\nt=0 0\r\n"
        "m=audio 4000 RTP/AVP 96 0\r\na=rtpmap:96 opus/48000/2\r\na=fmtp:96 useinbandfec=1\r\n"
    )
    stream = caller.accept(answer.encode()).stream
    assert stream.codec == "opus"
    assert stream.fmtp == "useinbandfec=1"
    assert stream.other_formats == (ReceivedFormat(0, "PCMU"),)


def session_of(engine: str, peer: str, *, advertised: str = "") -> str:
    """The c= line of our offer, for an engine on a host and a peer somewhere."""
    settings = LegSettings(
        media=cast(MediaPort, None),  # no leg is opened here
        book=TraceBook(lambda: 0.0),
        now=lambda: 0.0,
        new_number=lambda: 1,
        advertised=Advertised.parse(advertised),
        source_address=lambda host: "2001:db8::7" if ":" in host else "198.51.100.7",
    )
    address = LegAddress(host=engine, rtp_port=10_000, rtcp_port=10_001)
    leg = cast(MediaLeg, FakeMediaLeg(address))
    offer = settings.audio_of(leg, peer, transport="udp").offer().decode()
    return next(line for line in offer.splitlines() if line.startswith("c="))


@pytest.mark.parametrize(
    ("engine", "peer", "told"),
    [
        ("192.0.2.1", "2001:db8::9", "c=IN IP4 192.0.2.1"),
        ("0.0.0.0", "192.0.2.9", "c=IN IP4 198.51.100.7"),
        ("0.0.0.0", "2001:db8::9", "c=IN IP4 198.51.100.7"),
        ("::", "192.0.2.9", "c=IN IP4 198.51.100.7"),
        ("::", "2001:db8::9", "c=IN IP6 2001:db8::7"),
    ],
)
def test_we_name_an_address_at_which_the_engine_listens(engine: str, peer: str, told: str) -> None:
    assert session_of(engine, peer) == told
    # an engine with both families is reached at its own address of the peer's
    own = told if (engine, ":" in peer) == ("::", True) else "c=IN IP4 203.0.113.5"
    assert session_of(engine, peer, advertised="203.0.113.5") == own
