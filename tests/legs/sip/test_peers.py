"""Who may call: loopback on loopback, the allowed networks, and nobody else."""

from __future__ import annotations

import attrs
import pytest

from runtime.legs.sip.networks import networks
from runtime.legs.sip.peers import PeerGate
from runtime.legs.sip.strangers import BAN_S, KNOCKS, MAX_STRANGERS
from runtime.legs.sip.trunk.recognition import Door
from sip.address import PeerAddress
from sip.agent import ConductReport, MustProve


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def gate(*allow: str, loopback: bool = False, clock: Clock | None = None) -> PeerGate:
    return PeerGate(networks(allow), loopback=loopback, now=clock or Clock())


def test_loopback_is_admitted_when_a_listener_is_there() -> None:
    assert gate(loopback=True).judge("127.0.0.1") == "admit"
    assert gate(loopback=True).judge("::1") == "admit"
    assert gate(loopback=True).judge("203.0.113.7") == "refuse"


def test_loopback_on_a_public_listener_needs_the_allow_list() -> None:
    assert gate().judge("127.0.0.1") == "refuse"
    assert gate("127.0.0.0/8").judge("127.0.0.1") == "admit"


def test_allowed_networks_are_admitted_over_either_family() -> None:
    allowed = gate("203.0.113.0/24", "2001:db8::/32")
    assert allowed.judge("203.0.113.7") == "admit"
    assert allowed.judge("::ffff:203.0.113.7") == "admit"
    assert allowed.judge("2001:db8::7%eth0") == "admit"
    assert allowed.judge("203.0.114.7") == "refuse"


def test_a_stranger_is_answered_a_few_times_and_then_ignored_for_a_while() -> None:
    clock = Clock()
    strict = gate(clock=clock)
    verdicts = [strict.judge("198.51.100.1") for _ in range(KNOCKS + 3)]
    assert verdicts == ["refuse"] * KNOCKS + ["ignore"] * 3
    assert (strict.refused, strict.ignored) == (KNOCKS, 3)
    assert strict.judge("198.51.100.2") == "refuse"
    clock.now = BAN_S + 1
    assert strict.judge("198.51.100.1") == "refuse"


def test_a_stranger_learns_nothing_but_403() -> None:
    peer = PeerAddress(transport="udp", host="198.51.100.1", port=5060)
    strict = gate()
    refusals = [strict.accept(peer) for _ in range(KNOCKS + 1)]
    assert refusals[0] is not None
    assert (refusals[0].status, refusals[0].reason) == (403, "Forbidden")
    assert "[sip] allow" in refusals[0].detail
    assert refusals[-1] is not None
    assert refusals[-1].status == 0
    assert gate("198.51.100.0/24").accept(peer) is None


def test_a_flood_of_addresses_takes_bounded_memory() -> None:
    strict = gate()
    for n in range(MAX_STRANGERS + 50):
        strict.judge(f"10.{n >> 16}.{n >> 8 & 255}.{n & 255}")
    assert len(strict._strangers) == MAX_STRANGERS


def test_what_is_no_address_is_a_stranger() -> None:
    assert gate("0.0.0.0/0").judge("somewhere") == "refuse"


def test_a_trunk_may_call_from_anywhere() -> None:
    known = PeerAddress(transport="tls", host="203.0.113.9", port=5061, names=("sbc",))
    door = PeerGate(
        (),
        loopback=False,
        now=lambda: 0.0,
        trunks=lambda peer: "open" if "sbc" in peer.names else "closed",
    )
    assert door.accept(known) is None
    assert door.accept(attrs.evolve(known, names=("x",))) is not None


@pytest.mark.parametrize("host", ["203.0.113.9", "198.51.100.7", "127.0.0.1"])
def test_a_trunk_with_a_login_proves_itself_even_where_everybody_may_call(host: str) -> None:
    peer = PeerAddress(transport="udp", host=host, port=5060)
    door: Door = "prove"
    gate = PeerGate(
        networks(["198.51.100.0/24"]),
        loopback=True,
        users=True,
        now=lambda: 0.0,
        trunks=lambda _: door,
    )
    assert gate.accept(peer) == MustProve()


def test_a_trunk_that_guesses_is_locked_out_and_not_banned() -> None:
    peer = PeerAddress(transport="udp", host="203.0.113.9", port=5060)
    gate = PeerGate((), loopback=False, users=True, now=lambda: 0.0, trunks=lambda _: "prove")
    for _ in range(100):
        gate.note(ConductReport(peer=peer, conduct="wrong password", why="guessing"))
    assert gate.accept(peer) == MustProve()
    assert gate.remembered == {"strangers": 0, "acquaintances": 0}
