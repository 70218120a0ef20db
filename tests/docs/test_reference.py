"""The page about the scenario API says what the code does."""

from __future__ import annotations

import inspect
import re

import runtime
from runtime.api.names import public_names
from tests.docs.reference import OPTIONS, PAGE, page


def test_the_page_is_current() -> None:
    assert PAGE.read_text() == page(), "write it anew: python -m tests.docs.reference"


def test_every_public_name_stands_on_it() -> None:
    text = PAGE.read_text()
    for name in runtime.__all__:
        assert re.search(rf"^##+ `?{name}\b", text, re.MULTILINE), name
    for thing in ("Call", "Player", "Recorder", "Conference", "VoxEngine", "Net", "Logger"):
        for method in public_names(getattr(runtime, thing)):
            assert re.search(rf"`(await )?{method}[(`]", text), f"{thing}.{method}"


def test_every_table_of_options_belongs_to_a_method() -> None:
    for name in OPTIONS:
        owner, method = name.split(".")
        parameters = inspect.signature(getattr(getattr(runtime, owner), method)).parameters
        assert any(p.kind is p.VAR_KEYWORD for p in parameters.values()), name


def test_every_event_that_is_fired_says_when() -> None:
    rows = [row for row in PAGE.read_text().splitlines() if row.startswith("| `")]
    assert rows
    assert [row for row in rows if row.endswith("|  |")] == []
