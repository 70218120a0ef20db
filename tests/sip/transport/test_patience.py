"""How long a connection is waited for, at exact times."""

from __future__ import annotations

from sip.transport.limits import IDLE_S, LOOK_AGAIN_S, MESSAGE_S, PING_S, PONG_S
from sip.transport.patience import GiveUp, Patience, SendPing, Verdict, WaitUntil

FAILED = GiveUp("the flow failed: no answer to a keep-alive within 10 s")


def patience(*, pings: bool = True, must_answer: bool = False) -> Patience:
    """One that heard its first message at 0."""
    made = Patience(0, pings=pings, must_answer=must_answer)
    made.heard(0, complete=True)
    return made


def needed(one: Patience, now: float) -> Verdict:
    return one.next(now, lambda: True)


def idle(one: Patience, now: float) -> Verdict:
    return one.next(now, lambda: False)


def test_the_first_message_is_due_soon() -> None:
    one = Patience(0, pings=True, must_answer=True)
    assert needed(one, 0) == WaitUntil(MESSAGE_S)
    assert needed(one, MESSAGE_S) == GiveUp("no whole message in time")


def test_a_message_that_has_begun_is_due_from_its_first_byte() -> None:
    one = patience()
    one.heard(50, complete=False)
    one.heard(70, complete=False)
    assert needed(one, 70) == WaitUntil(50 + MESSAGE_S)


def test_a_needed_connection_is_pinged_after_silence() -> None:
    one = patience()
    assert needed(one, 0) == WaitUntil(PING_S)
    assert needed(one, PING_S) == SendPing()
    assert needed(one, PING_S) == WaitUntil(2 * PING_S)
    assert needed(one, 2 * PING_S) == SendPing()


def test_a_peer_that_never_answered_a_ping_need_not() -> None:
    one = patience()
    now = 0.0
    for _ in range(20):
        now += PING_S
        assert needed(one, now) == SendPing()
        assert isinstance(needed(one, now), WaitUntil)


def test_a_peer_that_answered_once_must_answer_again() -> None:
    one = patience()
    assert needed(one, PING_S) == SendPing()
    one.ponged()
    one.heard(PING_S + 1, complete=True)
    assert needed(one, 2 * PING_S + 1) == SendPing()
    assert needed(one, 2 * PING_S + 1) == WaitUntil(2 * PING_S + 1 + PONG_S)
    assert needed(one, 2 * PING_S + 1 + PONG_S) == FAILED


def test_any_message_shows_that_the_flow_lives() -> None:
    one = patience(must_answer=True)
    assert needed(one, PING_S) == SendPing()
    one.heard(PING_S + 5, complete=True)
    assert needed(one, PING_S + PONG_S) == WaitUntil(2 * PING_S + 5)


def test_a_line_end_without_a_ping_is_no_promise() -> None:
    one = patience()
    one.ponged()
    assert needed(one, PING_S) == SendPing()
    assert needed(one, PING_S) == WaitUntil(2 * PING_S)


def test_a_connection_that_nothing_needs_is_not_pinged_and_ends() -> None:
    one = patience(must_answer=True)
    assert idle(one, PING_S) == WaitUntil(PING_S + LOOK_AGAIN_S)
    assert idle(one, IDLE_S - 10) == WaitUntil(IDLE_S)
    assert idle(one, IDLE_S) == GiveUp("idle")


def test_whose_pings_are_not_ours_is_looked_at_again_while_needed() -> None:
    one = patience(pings=False)
    assert needed(one, 0) == WaitUntil(IDLE_S)
    assert needed(one, IDLE_S) == WaitUntil(IDLE_S + LOOK_AGAIN_S)
    assert idle(one, IDLE_S + LOOK_AGAIN_S) == GiveUp("idle")
