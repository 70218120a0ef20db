"""Which address peers are told instead of our own."""

from __future__ import annotations

import pytest

from sip.address import Transport
from sip.advertise import MAX_ENTRIES, Advertised, as_advertised

BOTH = "203.0.113.9, 2001:db8::9"


@pytest.mark.parametrize(
    ("text", "peer", "transport", "told"),
    [
        ("", "198.51.100.1", "udp", None),
        ("203.0.113.9", "198.51.100.1", "udp", ("203.0.113.9", None)),
        ("203.0.113.9:6000", "198.51.100.1", "tls", ("203.0.113.9", 6000)),
        ("203.0.113.9", "2001:db8::1", "udp", None),
        (BOTH, "198.51.100.1", "udp", ("203.0.113.9", None)),
        (BOTH, "2001:db8::1", "udp", ("2001:db8::9", None)),
        (BOTH, "carrier.example", "udp", ("203.0.113.9", None)),
        ("pbx.example.com", "2001:db8::1", "udp", ("pbx.example.com", None)),
        ("[2001:db8::9]:6000", "2001:db8::1", "udp", ("2001:db8::9", 6000)),
        ("203.0.113.9, tls://203.0.113.9:443", "198.51.100.1", "tls", ("203.0.113.9", 443)),
        ("203.0.113.9, tls://203.0.113.9:443", "198.51.100.1", "udp", ("203.0.113.9", None)),
        ("tls://203.0.113.9:443", "198.51.100.1", "udp", None),
        ("203.0.113.9", "192.168.1.7", "udp", None),
        ("203.0.113.9", "fe80::1%eth0", "udp", None),
    ],
)
def test_what_a_peer_is_told(
    text: str, peer: str, transport: Transport, told: tuple[str, int | None] | None
) -> None:
    entry = Advertised.parse(text, ["192.168.0.0/16", "fe80::/10"]).to(peer, transport)
    assert (None if entry is None else (entry.host, entry.port)) == told


@pytest.mark.parametrize(
    ("text", "peer", "told"),
    [
        (BOTH, "198.51.100.1", "203.0.113.9"),
        (BOTH, "2001:db8::1", "2001:db8::9"),
        (BOTH, "192.168.1.7", ""),
        ("pbx.example.com", "198.51.100.1", ""),
        ("pbx.example.com, 203.0.113.9", "198.51.100.1", "203.0.113.9"),
        ("udp://203.0.113.9:6000", "carrier.example", "203.0.113.9"),
        ("", "198.51.100.1", ""),
    ],
)
def test_where_audio_is_to_be_sent(text: str, peer: str, told: str) -> None:
    assert Advertised.parse(text, ["192.168.0.0/16"]).media_host(peer) == told


def test_audio_of_one_family_is_told_an_address_of_it() -> None:
    both = Advertised.parse(BOTH)
    assert both.media_host("2001:db8::1", 4) == "203.0.113.9"
    assert both.media_host("198.51.100.1", 6) == "2001:db8::9"
    assert Advertised.parse("203.0.113.9").media_host("2001:db8::1", 4) == "203.0.113.9"
    assert Advertised.parse("203.0.113.9").media_host("2001:db8::1") == ""
    assert Advertised.parse("203.0.113.9").media_host("2001:db8::1", 6) == ""


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("host:port", "write a host, or host:port"),
        ("host:0", "write a host, or host:port"),
        ("203.0.113.9, host:99999", "write a host, or host:port"),
        ("sctp://203.0.113.9:5060", "'sctp' is no transport"),
        (", ".join(["203.0.113.9"] * (MAX_ENTRIES + 1)), "the limit is 16"),
    ],
)
def test_what_cannot_be_advertised_is_refused(text: str, why: str) -> None:
    with pytest.raises(ValueError, match=why):
        Advertised.parse(text)


def test_text_and_values_are_both_settings() -> None:
    assert as_advertised(BOTH) == Advertised.parse(BOTH)
    assert as_advertised(Advertised.parse(BOTH)) == Advertised.parse(BOTH)
