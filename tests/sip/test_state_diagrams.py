"""The diagrams of the reference are those of the tables."""

from __future__ import annotations

import runpy
from pathlib import Path

SCRIPT = Path(__file__).parents[2] / "docs" / "reference" / "draw_sip_states.py"


def test_the_page_is_what_the_tables_say() -> None:
    drawn = runpy.run_path(str(SCRIPT))["page"]()
    assert SCRIPT.with_name("sip-states.md").read_text() == drawn, f"run {SCRIPT.name}"
