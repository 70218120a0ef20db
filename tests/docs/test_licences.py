"""The page about licences names what an installation brings."""

from __future__ import annotations

from importlib.metadata import files

import pytest

from tests.docs.licences import BROUGHT, PAGE, WHY, Brought, direct

ANEW = "write it anew: python -m tests.docs.licences"


def test_every_direct_dependency_has_a_reason() -> None:
    assert set(WHY) == direct()


def test_the_page_names_every_direct_dependency_and_what_it_is_for() -> None:
    # What they say of their licences, and what they need in turn, changes with their versions.
    rows = [line.split(" | ") for line in PAGE.read_text().splitlines()]
    named = {row[0].removeprefix("| "): row[-1].removesuffix(" |") for row in rows if len(row) == 3}
    assert {name: named.get(name) for name in WHY} == dict(WHY), ANEW


@pytest.mark.parametrize("each", [b for b in BROUGHT if b.file], ids=lambda each: each.what)
def test_what_is_said_to_be_inside_is_inside(each: Brought) -> None:
    assert any(each.file in str(file) for file in files(each.by) or ())
