"""The page about limits says what the table says."""

from __future__ import annotations

from tests.docs.limits import PAGE, page


def test_the_page_is_current() -> None:
    assert PAGE.read_text() == page(), "write it anew: python -m tests.docs.limits"


def test_the_page_about_the_configuration_leads_to_it() -> None:
    assert "(limits.md)" in (PAGE.parent / "configuration.md").read_text()
