"""What of one peer's description the other may have: addresses, keys, encryption, holds."""

from __future__ import annotations

import pytest

from runtime.legs.sip.encryption import Encryption
from runtime.legs.sip.passing import (
    mismatch,
    puts_on_hold,
    read_description,
    refuse_passing,
    unreachable,
)
from sip.address import PeerAddress, Transport
from sip.sdp import SessionDescription, SrtpPolicy
from tests.legs.sip.fakes import offer

KEY = "a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:" + "A" * 40
REACHABLE = ""


def read(sdp: bytes) -> SessionDescription:
    said = read_description(sdp)
    assert isinstance(said, SessionDescription)
    return said


def at(transport: Transport, host: str = "127.0.0.1") -> PeerAddress:
    return PeerAddress(transport=transport, host=host, port=5060)


@pytest.mark.parametrize(
    ("told", "source", "sink", "why"),
    [
        ("198.51.99.7", "198.51.99.7", "203.1.1.1", REACHABLE),
        ("198.51.99.9", "198.51.99.7", "10.0.0.9", REACHABLE),
        ("10.0.0.5", "10.0.0.5", "10.0.0.9", REACHABLE),
        ("10.0.0.5", "10.0.0.5", "192.168.7.9", REACHABLE),
        ("192.168.1.5", "203.1.1.1", "203.1.1.1", REACHABLE),
        ("192.168.1.5", "203.1.1.1", "203.1.1.2", "behind the NAT of 203.1.1.1"),
        ("192.168.1.5", "203.1.1.1", "10.0.0.9", "behind the NAT of 203.1.1.1"),
        ("10.0.0.5", "10.0.0.5", "203.1.1.1", "private network, and the other peer at 203.1.1.1"),
        ("100.64.0.7", "203.1.1.1", "203.1.1.2", "behind the NAT"),
        ("127.0.0.1", "127.0.0.1", "127.0.0.2", REACHABLE),
        ("127.0.0.1", "203.1.1.1", "127.0.0.1", "from the same machine only"),
        ("127.0.0.1", "127.0.0.1", "10.0.0.9", "from the same machine only"),
        ("0.0.0.0", "203.1.1.1", "10.0.0.9", REACHABLE),
        ("239.1.2.3", "203.1.1.1", "203.1.1.2", "the address of a group"),
        ("media.example.com", "203.1.1.1", "203.1.1.2", REACHABLE),
        ("fd00::5", "2a01:db::1", "2a01:db::2", "behind the NAT"),
        ("2a01:db::1", "2a01:db::1", "2a01:db::2", REACHABLE),
        ("10.0.0.5", "::ffff:10.0.0.5", "::ffff:10.0.0.9", REACHABLE),
    ],
)
def test_nobody_is_given_an_address_that_it_could_not_reach(
    told: str, source: str, sink: str, why: str
) -> None:
    assert (why in unreachable(told, source, sink)) if why else not unreachable(told, source, sink)


def test_a_peer_that_looks_for_a_way_itself_may_be_behind_a_nat() -> None:
    candidate = "a=candidate:1 1 UDP 2130706431 192.168.1.5 4000 typ host"
    behind = offer(host="192.168.1.5")
    here, there = at("udp", "203.1.1.1"), at("udp", "203.1.1.2")
    assert "behind the NAT" in refuse_passing(read(behind), here, there, Encryption())
    with_ice = offer(host="192.168.1.5", extra=candidate)
    assert refuse_passing(read(with_ice), here, there, Encryption()) == ""


@pytest.mark.parametrize(
    ("source", "sink", "protected_only", "why"),
    [
        ("tls", "tls", True, ""),
        ("tls", "wss", True, ""),
        ("udp", "udp", False, ""),
        ("udp", "tls", False, ""),
        ("tls", "udp", False, "keys that came over TLS would leave over UDP"),
        ("wss", "tcp", False, "keys that came over WSS would leave over TCP"),
        ("udp", "udp", True, "no SRTP keys over UDP here"),
    ],
)
def test_keys_never_leave_over_a_way_that_is_less_protected(
    source: Transport, sink: Transport, protected_only: bool, why: str
) -> None:
    encryption = Encryption(only_protected=protected_only)
    keyed = read(offer(host="127.0.0.1", extra=KEY))
    refusal = refuse_passing(keyed, at(source), at(sink), encryption)
    assert (why in refusal) if why else refusal == ""
    plain = read(offer(host="127.0.0.1"))
    assert refuse_passing(plain, at(source), at(sink), encryption) == ""


def test_where_encryption_is_required_plain_audio_is_not_passed_on() -> None:
    required = Encryption(policy=SrtpPolicy.REQUIRED)
    plain = offer(host="127.0.0.1")
    here = at("tls")
    assert "encryption is required" in refuse_passing(read(plain), here, here, required)
    secure = plain.replace(b"RTP/AVP", b"RTP/SAVP") + KEY.encode() + b"\r\n"
    assert refuse_passing(read(secure), here, here, required) == ""


def test_a_stream_that_is_refused_needs_no_address() -> None:
    none = read(b"v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\nm=audio 0 RTP/AVP 0\r\n")
    assert refuse_passing(none, at("udp"), at("udp"), Encryption()) == ""
    open_ = read(b"v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\nm=audio 9 RTP/AVP 0\r\n")
    assert "no address" in refuse_passing(open_, at("udp"), at("udp"), Encryption())


def test_what_tells_of_people_stays_here() -> None:
    text = offer().replace(
        b"t=0 0\r\n", b"i=my desk\r\ne=ann@example.com\r\nk=clear:x\r\nt=0 0\r\n"
    )
    passed = read(text).to_bytes()
    assert passed == offer()


@pytest.mark.parametrize("sdp", [None, b"", b"hello", b"v=0\r\nm=audio x RTP/AVP 0\r\n"])
def test_what_is_no_description_is_not_passed_on(sdp: bytes | None) -> None:
    assert "session description" in str(read_description(sdp)) or "m=" in str(read_description(sdp))


def test_an_answer_has_as_many_streams_as_its_offer() -> None:
    one = read(offer())
    two = read(offer() + b"m=video 0 RTP/AVP 31\r\n")
    assert mismatch(one, one) == ""
    assert mismatch(None, two) == ""
    assert mismatch(two, one) == "2 streams were offered, and 1 answered"


@pytest.mark.parametrize(
    ("extra", "host", "held"),
    [
        ("a=sendrecv", "127.0.0.1", False),
        ("a=recvonly", "127.0.0.1", False),
        ("a=sendonly", "127.0.0.1", True),
        ("a=inactive", "127.0.0.1", True),
        ("a=sendrecv", "0.0.0.0", True),
    ],
)
def test_who_takes_no_audio_is_on_hold(extra: str, host: str, held: bool) -> None:
    assert puts_on_hold(read(offer(host=host, extra=extra))) is held
