"""SIP legs on loopback do what every leg must do."""

from __future__ import annotations

from contextlib import AbstractAsyncContextManager

import pytest

from runtime.testing.conformance import LegBench
from runtime.testing.transfer_conformance import TransferConformance
from tests.legs.sip.bench import sip_bench


@pytest.mark.loopback
class TestSipLegs(TransferConformance):
    def bench(self) -> AbstractAsyncContextManager[LegBench]:
        return sip_bench()
