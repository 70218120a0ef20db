"""SIP legs on loopback do what every leg must do."""

from __future__ import annotations

from contextlib import AbstractAsyncContextManager

import pytest

from runtime.testing.conformance import LegBench, LegConformance
from tests.legs.sip.bench import sip_bench


@pytest.mark.loopback
class TestSipLegs(LegConformance):
    def bench(self) -> AbstractAsyncContextManager[LegBench]:
        return sip_bench()
