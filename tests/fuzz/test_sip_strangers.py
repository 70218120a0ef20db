"""A user agent with users and a gate, in a storm of scanners, guessers and noise.

Nothing escapes, nothing grows, nobody gets more bytes than it sent twice over, and the phone that
is registered stays so.
"""

from __future__ import annotations

import random

import pytest

from runtime.legs.sip.peers import Ban, PeerGate
from runtime.legs.sip.strangers import MAX_STRANGERS
from sip.address import PeerAddress
from tests.fuzz.sip_grammar import hostile_requests
from tests.sip.agent.fake_phone import FakePhone, flow_from
from tests.sip.agent.lab import Lab
from tests.sip.agent.test_members import lab_with_users

STORM = 6_000
OVERHEAD = 28
"""IP and UDP headers."""
AFTER_S = 8_000.0
"""Longer than every transaction, ban and acquaintance."""


def guarded_lab(bans: list[Ban]) -> Lab:
    lab = lab_with_users()
    gate = PeerGate((), loopback=False, users=True, now=lambda: lab.now, on_ban=bans.append)
    lab.gate = gate.accept
    lab.shuts_out = gate.shuts_out
    lab.on_conduct = gate.note
    return lab


def sent_since(lab: Lab, heard: int) -> int:
    return sum(len(one.message.to_bytes()) + OVERHEAD for one in lab.heard[heard:])


@pytest.mark.parametrize("sources", [3, 900])
def test_a_storm_leaves_nothing_behind_and_a_phone_in_its_place(sources: int) -> None:
    bans: list[Ban] = []
    lab = guarded_lab(bans)
    phone = FakePhone(lab)
    assert phone.register(expires=3600).status == 200
    dice = random.Random(sources)
    messages = hostile_requests(dice)
    for _ in range(STORM):
        source = dice.randrange(sources)
        flow = flow_from(f"203.0.{source // 250}.{source % 250}", dice.randrange(1024, 65_535))
        data, heard = next(messages), len(lab.heard)
        lab.deliver(data, flow)
        assert sent_since(lab, heard) <= 2 * (len(data) + OVERHEAD)
        lab.run(lab.now + 0.01)
    assert lab.phone.sessions == []
    assert lab.agent.layer.server_count <= 1  # that of the phone's own REGISTER
    assert lab.agent.members.remembered < 2 * sources + 100
    assert len(lab.agent.members.registrar) == 1
    assert bans
    assert phone.register(expires=3600).status == 200
    lab.run(AFTER_S)
    assert lab.agent.next_timeout() is None


def test_a_storm_from_invented_addresses_is_answered_by_the_second_not_by_the_packet() -> None:
    lab = guarded_lab([])
    for number in range(STORM):
        host = f"10.{number // 65_536}.{number // 256 % 256}.{number % 256}"
        lab.deliver(FakePhone(lab, flow=flow_from(host)).write("REGISTER"), flow_from(host))
    assert len(lab.heard) == 1_000
    lab.run(1.0)
    lab.deliver(FakePhone(lab).write("REGISTER"), flow_from())
    assert len(lab.heard) == 1_001


def test_what_is_remembered_of_strangers_is_bounded() -> None:
    gate = PeerGate((), loopback=False, users=True, now=lambda: 0.0)
    for number in range(3 * MAX_STRANGERS):
        gate.accept(
            PeerAddress(transport="udp", host=f"10.0.{number // 250}.{number % 250}", port=1)
        )
    assert gate.remembered == {"strangers": MAX_STRANGERS, "acquaintances": 0, "welcome": 0}
