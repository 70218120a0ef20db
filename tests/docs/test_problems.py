"""Every numbered problem has its page, and no page is of another time."""

from __future__ import annotations

from tests.docs.problems import FOLDER, pages


def test_the_pages_are_current() -> None:
    written = {page.name: page.read_text() for page in FOLDER.iterdir()}
    assert written == pages(), "write them anew: python -m tests.docs.problems"
