"""The page about HTTP lists the metrics that there are, and the how-to asks for no others."""

from __future__ import annotations

from runtime.control.metric_table import TABLE
from tests.docs.metrics import PAGE, named, renewed

HOW_TO = PAGE.parents[1] / "howto" / "monitoring.md"


def test_the_table_is_current() -> None:
    page = PAGE.read_text()
    assert page == renewed(page), "write it anew: python -m tests.docs.metrics"
    assert named(page) >= {figure.name for figure in TABLE}


def test_the_alerts_ask_for_metrics_that_there_are() -> None:
    asked = named(HOW_TO.read_text())
    assert len(asked) > 5
    assert asked <= {figure.name for figure in TABLE}
