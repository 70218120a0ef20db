"""Who may call: loopback on loopback, the allowed networks, and nobody else."""

from __future__ import annotations

import attrs
import pytest

from runtime.legs.sip.networks import networks
from runtime.legs.sip.pace import (
    MAX_WELCOME,
    RETRY_AFTER_S,
    TOLD_BURST,
    WELCOME_BURST,
    WELCOME_PER_S,
)
from runtime.legs.sip.peers import PeerGate
from runtime.legs.sip.strangers import BAN_S, KNOCKS, MAX_STRANGERS
from runtime.legs.sip.trunk.recognition import Door
from sip.address import PeerAddress
from sip.agent import ConductReport, MustProve, Refusal


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
    assert gate.remembered == {"strangers": 0, "acquaintances": 0, "welcome": 1}


def paced(peer: PeerAddress, *, loopback: bool = False, door: Door = "closed") -> list[int]:
    """What 2,500 requests in one moment get: 1 for heard, 503, or 0 for silence."""
    gate = PeerGate(
        networks([f"{peer.host}/32"]), loopback=loopback, now=lambda: 0.0, trunks=lambda _: door
    )
    found = [gate.accept(peer) for _ in range(WELCOME_BURST + 500)]
    return [one.status if isinstance(one, Refusal) else 1 for one in found]


@pytest.mark.parametrize("door", ["closed", "open", "prove"])
def test_a_flood_of_a_welcome_peer_gets_503_and_then_silence(door: Door) -> None:
    peer = PeerAddress(transport="udp", host="203.0.113.9", port=5060)
    told = paced(peer, door=door)
    assert told == [1] * WELCOME_BURST + [503] * TOLD_BURST + [0] * (500 - TOLD_BURST)


def test_on_loopback_nobody_is_slowed_down() -> None:
    peer = PeerAddress(transport="udp", host="127.0.0.1", port=5060)
    assert set(paced(peer, loopback=True)) == {1}


def test_each_address_has_a_pace_of_its_own_and_gets_it_back() -> None:
    clock = Clock()
    busy = gate("203.0.113.0/24", clock=clock)
    flooding = PeerAddress(transport="udp", host="203.0.113.9", port=5060)
    calm = attrs.evolve(flooding, host="203.0.113.10")
    for _ in range(WELCOME_BURST + 1):
        refused = busy.accept(flooding)
    assert isinstance(refused, Refusal)
    assert (refused.status, refused.retry_after_s) == (503, RETRY_AFTER_S)
    assert f"{WELCOME_PER_S:g} a second" in refused.reason
    assert busy.accept(calm) is None
    clock.now = 1.0
    heard = [busy.accept(flooding) is None for _ in range(500)]
    assert heard.count(True) == WELCOME_PER_S


def test_a_flood_from_all_addresses_of_a_network_takes_bounded_memory() -> None:
    wide = gate("10.0.0.0/8")
    for n in range(MAX_WELCOME + 50):
        wide.accept(PeerAddress(transport="udp", host=f"10.0.{n >> 8}.{n & 255}", port=5060))
    assert wide.remembered["welcome"] == MAX_WELCOME
