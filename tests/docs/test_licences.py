"""The page about licences names every distribution that an installation brings."""

from __future__ import annotations

from importlib.metadata import files

import pytest

from tests.docs.licences import BROUGHT, PAGE, WHY, Brought, direct, direct_part, indirect_rows

ANEW = "write it anew: python -m tests.docs.licences"


def test_every_direct_dependency_has_a_reason() -> None:
    assert set(WHY) == direct()


def test_the_page_is_current() -> None:
    written = PAGE.read_text()
    assert written.startswith(direct_part()), ANEW
    # Other Pythons and machines need some more or less; what is needed here must be there.
    assert set(indirect_rows()) <= set(written.splitlines()), ANEW


@pytest.mark.parametrize("each", [b for b in BROUGHT if b.file], ids=lambda each: each.what)
def test_what_is_said_to_be_inside_is_inside(each: Brought) -> None:
    assert any(each.file in str(file) for file in files(each.by) or ())
