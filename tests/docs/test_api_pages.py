"""The pages of single objects and events are current, and say when each event comes."""

from __future__ import annotations

import pytest

from runtime.api.events import Event
from tests.docs.api_pages import BEGINNINGS, FOLDER, events, order_of, pages, successors


def test_the_pages_are_current() -> None:
    written = {str(file.relative_to(FOLDER)): file.read_text() for file in FOLDER.rglob("*.md")}
    made = pages()
    assert sorted(written) == sorted(made), "run: python -m tests.docs.api_pages"
    for path, text in made.items():
        assert written[path] == text, f"{path}: run: python -m tests.docs.api_pages"


@pytest.mark.parametrize(
    "event", [event for _, _, event in events()], ids=[event.name for _, _, event in events()]
)
def test_every_event_says_when_it_comes(event: type[Event]) -> None:
    assert order_of(event).endswith(".")


def test_what_may_come_next_is_read_off_the_table_of_call_states() -> None:
    assert successors(BEGINNINGS["incoming"]) == {
        "": {"Connected", "Disconnected"},
        "Connected": {"Disconnected"},
        "Disconnected": set(),
    }
    outgoing = successors(BEGINNINGS["outgoing"])
    assert outgoing["Ringing"] == {"AudioStarted", "Connected", "Failed"}
    assert outgoing["AudioStarted"] == {"Connected", "Failed", "Ringing"}
    assert outgoing["Connected"] == {"Disconnected"}
    assert outgoing["Failed"] == outgoing["Disconnected"] == set()
