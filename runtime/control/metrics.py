"""`GET /metrics`: what the table of metrics (metric_table.py) reads, in the text format of
Prometheus.

Everything is read when it is asked for. The registry of the library is our own; its global one,
which other code of the process could add to, is not shown.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from importlib import metadata
from typing import Final

from prometheus_client import CollectorRegistry, ProcessCollector
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4, generate_latest
from prometheus_client.registry import Collector
from starlette.requests import Request
from starlette.responses import Response

from runtime.control.answered import Answered
from runtime.control.figures import Figures
from runtime.control.metric_table import TABLE, Facts
from runtime.session.registry import SessionRegistry

TEXT: Final = CONTENT_TYPE_PLAIN_0_0_4


class Metrics:
    """The door."""

    def __init__(
        self, registry: SessionRegistry, figures: Callable[[], Figures], answered: Answered
    ) -> None:
        version = metadata.version("callstage")

        def facts() -> Facts:
            return Facts(
                version=version,
                draining=registry.draining,
                now=registry.standing(),
                most_sessions=registry.most_sessions,
                tally=registry.tally,
                refusals=registry.refused.counts,
                answered=answered.counts,
                machine=figures(),
            )

        self._shown = CollectorRegistry()
        self._shown.register(_Families(facts))
        ProcessCollector(registry=self._shown)

    async def show(self, _: Request) -> Response:
        return Response(generate_latest(self._shown), media_type=TEXT)


class _Families(Collector):
    """The table, read at one moment."""

    def __init__(self, facts: Callable[[], Facts]) -> None:
        self._facts = facts

    def describe(self) -> list[Metric]:
        """Nothing: their names need not be known before there is something to read."""
        return []

    def collect(self) -> Iterator[Metric]:
        facts = self._facts()
        for each in TABLE:
            make = CounterMetricFamily if each.kind == "counter" else GaugeMetricFamily
            family = make(each.name, each.what, labels=each.labels)
            for labels, value in each.read(facts):
                family.add_metric(labels, value)
            yield family
