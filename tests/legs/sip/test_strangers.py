"""How often an address may knock, with a clock that the test moves."""

from __future__ import annotations

import pytest

from runtime.legs.sip.networks import networks
from runtime.legs.sip.peers import Ban, PeerGate
from runtime.legs.sip.strangers import (
    BAN_S,
    KNOWN_BURST,
    KNOWN_S,
    MAX_KNOWN,
    MAX_STRANGERS,
    PATIENCE,
    SHUT_OUT_AFTER,
    Acquaintances,
)
from sip.address import PeerAddress
from sip.agent import Conduct, ConductReport

SCANNER = "198.51.100.66"


class Door:
    """A gate on a public bind with users, and who knocks at it."""

    def __init__(self, *allow: str) -> None:
        self.now = 0.0
        self.bans: list[Ban] = []
        self.gate = PeerGate(
            networks(allow),
            loopback=False,
            users=True,
            now=lambda: self.now,
            on_ban=self.bans.append,
        )

    def knock(self, host: str = SCANNER, times: int = 1) -> list[str]:
        return [self.gate.judge(host) for _ in range(times)]

    def note(self, conduct: Conduct, host: str = SCANNER) -> None:
        peer = PeerAddress(transport="udp", host=host, port=5060)
        self.gate.note(ConductReport(peer=peer, conduct=conduct, why=f"it is a {conduct}"))

    def shuts_out(self, host: str = SCANNER) -> bool:
        return self.gate.shuts_out(PeerAddress(transport="udp", host=host, port=5060))


def test_a_stranger_may_prove_to_be_a_user_but_not_for_ever() -> None:
    door = Door()
    assert door.knock(times=PATIENCE) == ["prove"] * PATIENCE
    assert door.bans == []
    assert door.knock(times=3) == ["ignore"] * 3
    [ban] = door.bans
    assert (ban.host, ban.seconds) == (SCANNER, BAN_S)
    assert "without credentials" in ban.why
    door.now = BAN_S + 1
    assert door.knock() == ["prove"]


def test_a_slow_stranger_is_told_again_and_again() -> None:
    door = Door()
    for _ in range(500):
        door.now += 5
        assert door.knock(times=2) == ["prove"] * 2


def test_a_scanner_is_banned_at_once_and_not_even_read() -> None:
    door = Door()
    assert door.knock() == ["prove"]
    door.note("scanner")
    assert [ban.why for ban in door.bans] == ["it is a scanner"]
    assert door.shuts_out()
    assert not door.shuts_out("198.51.100.1")
    assert door.gate.banned == 1
    door.now = BAN_S
    assert not door.shuts_out()
    assert door.gate.banned == 0


def test_whoever_guesses_passwords_is_banned_soon() -> None:
    door = Door()
    tries = 0
    while not door.bans:
        door.knock()
        door.note("wrong password")
        tries += 1
    assert tries == 7


def test_a_banned_address_is_read_for_a_while_and_then_no_more() -> None:
    door = Door()
    door.knock(times=PATIENCE + SHUT_OUT_AFTER - 1)
    assert not door.shuts_out()
    door.knock()
    assert door.shuts_out()


def test_a_phone_that_proved_itself_is_never_banned_only_slowed() -> None:
    door = Door()
    door.knock(times=PATIENCE)
    door.note("proved")
    for _ in range(20):
        door.note("wrong password")
    heard = door.knock(times=KNOWN_BURST + 10)
    assert heard == ["prove"] * KNOWN_BURST + ["ignore"] * 10
    assert not door.shuts_out()
    assert door.bans == []
    door.now += 1
    assert door.knock() == ["prove"]


def test_an_acquaintance_ends() -> None:
    door = Door()
    door.note("proved")
    door.now = KNOWN_S
    assert door.knock(times=PATIENCE + 1)[-1] == "ignore"


def test_a_right_password_ends_a_ban() -> None:
    door = Door()
    door.knock(times=PATIENCE + 1)
    door.note("proved")
    assert door.knock() == ["prove"]


def test_allowed_peers_are_never_counted() -> None:
    door = Door("198.51.100.0/24")
    for _ in range(100):
        door.note("scanner")
        door.note("wrong password")
    assert door.knock(times=1_000) == ["admit"] * 1_000
    assert not door.shuts_out()


@pytest.mark.parametrize("host", ["198.51.100.7", "2001:db8::7"])
def test_a_flood_from_invented_addresses_pushes_out_no_phone(host: str) -> None:
    door = Door()
    door.note("proved", host)
    for number in range(MAX_STRANGERS + 1_000):
        door.knock(f"10.{number >> 16}.{number >> 8 & 255}.{number & 255}")
    assert len(door.gate._strangers) == MAX_STRANGERS
    assert door.knock(host, times=PATIENCE + 5) == ["prove"] * (PATIENCE + 5)


def test_acquaintances_are_bounded() -> None:
    known = Acquaintances()
    for number in range(MAX_KNOWN + 10):
        known.add(f"h{number}", 0.0)
    assert len(known) == MAX_KNOWN
    assert known.may("h0", 0.0) is None
