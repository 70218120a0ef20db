"""What must hold for all four tables, whatever they say."""

from __future__ import annotations

import pytest

from sip.transaction.client import CLIENT
from sip.transaction.client_invite import INVITE_CLIENT
from sip.transaction.server import SERVER
from sip.transaction.server_invite import INVITE_SERVER
from sip.transaction.vocabulary import Input, MachineKind, Start, State, Stop, Timer

FROM_THE_PEER = {
    "INVITE client": {Input.PROVISIONAL, Input.SUCCESS, Input.FAILURE, Input.TRANSPORT_ERROR},
    "client": {Input.PROVISIONAL, Input.SUCCESS, Input.FAILURE, Input.TRANSPORT_ERROR},
    "INVITE server": {Input.REPEAT, Input.ACK, Input.TRANSPORT_ERROR},
    "server": {Input.REPEAT, Input.TRANSPORT_ERROR},
}
KINDS = pytest.mark.parametrize(
    "kind", [CLIENT, INVITE_CLIENT, SERVER, INVITE_SERVER], ids=lambda k: k.name
)


@KINDS
def test_every_living_state_has_a_step_for_everything_the_network_can_bring(
    kind: MachineKind,
) -> None:
    states = {state for state, _ in kind.table} - {State.INITIAL}
    missing = [(s, i) for s in states for i in FROM_THE_PEER[kind.name] if (s, i) not in kind.table]
    assert missing == []


@KINDS
def test_every_state_is_reached_and_every_path_ends(kind: MachineKind) -> None:
    reached = {State.INITIAL}
    while True:
        more = {step.state for (state, _), step in kind.table.items() if state in reached}
        if more <= reached:
            break
        reached |= more
    assert reached == {state for state, _ in kind.table} | {State.TERMINATED}
    assert all(state is not State.TERMINATED for state, _ in kind.table)


@KINDS
def test_a_running_timer_has_a_step_in_each_state_in_which_it_may_come_up(
    kind: MachineKind,
) -> None:
    seen: set[tuple[State, frozenset[Timer]]] = set()
    todo = [(State.INITIAL, frozenset[Timer]())]
    while todo:
        here = todo.pop()
        if here in seen or here[0] is State.TERMINATED:
            continue
        seen.add(here)
        state, running = here
        assert all((state, timer) in kind.table for timer in running), here
        for (at, event), step in kind.table.items():
            if at is state and (not isinstance(event, Timer) or event in running):
                after = set(running) - {event}
                for deed in step.deeds:
                    if isinstance(deed, Stop):
                        after.discard(deed.timer)
                    elif hasattr(deed, "timer"):
                        after.add(deed.timer)
                todo.append((step.state, frozenset(after)))


@KINDS
def test_a_step_that_ends_the_transaction_starts_no_timer(kind: MachineKind) -> None:
    for step in kind.table.values():
        if step.state is State.TERMINATED:
            assert not any(isinstance(deed, Start) for deed in step.deeds)
