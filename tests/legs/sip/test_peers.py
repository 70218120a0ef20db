"""Who may call: loopback on loopback, the allowed networks, and nobody else."""

from __future__ import annotations

from runtime.legs.sip.peers import BAN_S, KNOCKS, MAX_STRANGERS, PeerGate, networks


def gate(*allow: str) -> PeerGate:
    return PeerGate(networks(allow))


def test_loopback_is_always_admitted_to_a_loopback_listener() -> None:
    assert gate().judge("127.0.0.1", "127.0.0.1", 0.0) == "admit"
    assert gate().judge("::1", "::1", 0.0) == "admit"


def test_loopback_on_a_public_listener_needs_the_allow_list() -> None:
    assert gate().judge("127.0.0.1", "0.0.0.0", 0.0) == "refuse"
    assert gate("127.0.0.0/8").judge("127.0.0.1", "0.0.0.0", 0.0) == "admit"


def test_allowed_networks_are_admitted_over_either_family() -> None:
    allowed = gate("203.0.113.0/24", "2001:db8::/32")
    assert allowed.judge("203.0.113.7", "0.0.0.0", 0.0) == "admit"
    assert allowed.judge("::ffff:203.0.113.7", "::", 0.0) == "admit"
    assert allowed.judge("2001:db8::7%eth0", "::", 0.0) == "admit"
    assert allowed.judge("203.0.114.7", "0.0.0.0", 0.0) == "refuse"


def test_a_stranger_is_answered_a_few_times_and_then_ignored_for_a_while() -> None:
    strict = gate()
    verdicts = [strict.judge("198.51.100.1", "0.0.0.0", float(n)) for n in range(KNOCKS + 3)]
    assert verdicts == ["refuse"] * KNOCKS + ["ignore"] * 3
    assert (strict.refused, strict.ignored) == (KNOCKS, 3)
    assert strict.judge("198.51.100.2", "0.0.0.0", 9.0) == "refuse"
    assert strict.judge("198.51.100.1", "0.0.0.0", BAN_S + 1) == "refuse"


def test_a_flood_of_addresses_takes_bounded_memory() -> None:
    strict = gate()
    for n in range(MAX_STRANGERS + 50):
        strict.judge(f"10.{n >> 16}.{n >> 8 & 255}.{n & 255}", "0.0.0.0", 0.0)
    assert len(strict._strangers) == MAX_STRANGERS


def test_what_is_no_address_is_a_stranger() -> None:
    assert gate("0.0.0.0/0").judge("somewhere", "0.0.0.0", 0.0) == "refuse"
