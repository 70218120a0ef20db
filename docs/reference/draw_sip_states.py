"""Draws the state diagrams of sip-states.md from the tables in the code.

Run it after a table has changed: `python docs/reference/draw_sip_states.py`. A test compares.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

from sip.dialog.offer_answer import TURNS
from sip.dialog.phases import MOVES
from sip.transaction.client import CLIENT
from sip.transaction.client_invite import INVITE_CLIENT
from sip.transaction.server import SERVER
from sip.transaction.server_invite import INVITE_SERVER
from sip.transaction.vocabulary import MachineKind, Timer

PAGE = Path(__file__).with_name("sip-states.md")
HEAD = """\
# State machines of the SIP core

Drawn from the tables in `sip/transaction` and `sip/dialog` by `draw_sip_states.py`; do not edit.
Steps that change nothing are left out.
"""


def page() -> str:
    """The whole page."""
    kinds = (INVITE_CLIENT, CLIENT, INVITE_SERVER, SERVER)
    sections = [section(f"{kind.name} transaction", transaction_edges(kind)) for kind in kinds]
    moves = ((phase.value, to.value, move.value) for (phase, move), to in MOVES.items())
    turns = ((state.value, to.value, turn.value) for (state, turn), to in TURNS.items())
    sections.append(section("INVITE session", moves))
    sections.append(section("Offer and answer", turns))
    return "\n".join([HEAD, *sections])


def transaction_edges(kind: MachineKind) -> Iterator[tuple[str, str, str]]:
    for (state, event), step in kind.table.items():
        name = f"timer {event.value}" if isinstance(event, Timer) else event.value
        yield state.value, step.state.value, name


def section(title: str, edges: Iterable[tuple[str, str, str]]) -> str:
    """One diagram; parallel edges share an arrow."""
    labels: dict[tuple[str, str], list[str]] = {}
    for start, end, label in edges:
        if start != end:
            labels.setdefault((start, end), []).append(label)
    lines = [f"    {word(a)} --> {word(b)}: {', '.join(by)}" for (a, b), by in labels.items()]
    return "\n".join([f"## {title}", "```mermaid", "stateDiagram-v2", *lines, "```", ""])


def word(state: str) -> str:
    return state.replace("'", "").replace(" ", "_")


if __name__ == "__main__":
    PAGE.write_text(page())
