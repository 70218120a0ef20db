"""A welcome peer that floods a live user agent: told, then ignored, and its call goes on."""

from __future__ import annotations

from runtime.legs.sip.networks import networks
from runtime.legs.sip.pace import RETRY_AFTER_S, TOLD_BURST, WELCOME_BURST, WELCOME_PER_S
from runtime.legs.sip.peers import PeerGate
from sip.message import Response
from tests.sip.agent.lab import PEER, Lab


def lab_with_welcome_peer() -> Lab:
    lab = Lab()
    gate = PeerGate(networks([f"{PEER}/32"]), loopback=False, now=lambda: lab.now)
    lab.gate = gate.accept
    return lab


def flood(lab: Lab, count: int) -> list[int]:
    """What so many OPTIONS get: their status, or 0 for silence."""
    statuses = []
    for number in range(count):
        heard = len(lab.heard)
        lab.deliver(
            lab.request("OPTIONS", branch=f"f{number}", call_id=f"flood-{number}@{lab.now:g}")
        )
        answers = [one.message for one in lab.heard[heard:] if isinstance(one.message, Response)]
        statuses.append(answers[0].status if answers else 0)
    return statuses


def test_a_flood_is_told_when_to_come_again_and_then_ignored_with_the_reason() -> None:
    lab = lab_with_welcome_peer()
    told = flood(lab, WELCOME_BURST + TOLD_BURST + 100)
    assert told == [200] * WELCOME_BURST + [503] * TOLD_BURST + [0] * 100
    assert lab.responses(503)[0].headers.get("Retry-After") == str(RETRY_AFTER_S)
    assert {(one.status, one.why) for one in lab.refusals} == {
        (503, f"too many requests: more than {WELCOME_PER_S:g} a second from one address"),
        (0, f"too many requests: more than {WELCOME_PER_S:g} a second from one address"),
    }
    assert lab.agent.layer.server_count == 0


def test_a_call_of_the_flooding_peer_goes_on_and_ends_as_it_should() -> None:
    lab = lab_with_welcome_peer()
    lab.answered_call()
    flood(lab, WELCOME_BURST + 500)
    lab.forget_what_was_heard()
    lab.in_dialog("OPTIONS", 2)
    lab.in_dialog("BYE", 3)
    assert [response.status for response in lab.responses()] == [200, 200]
    assert lab.events() == ["Ended remote bye 200"]


def test_its_pace_comes_back_by_the_second() -> None:
    lab = lab_with_welcome_peer()
    flood(lab, WELCOME_BURST + TOLD_BURST)
    lab.run(2.0)
    assert flood(lab, 1_000).count(200) == 2 * WELCOME_PER_S
