"""Simulated legs pass the same suite as legs on a wire."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager

import attrs
import pytest
import trio

from runtime.legs.leg import DialRequest, Headers, Leg, LegIdentity
from runtime.testing.agenda import Agenda, Signal
from runtime.testing.callers import SimCallee
from runtime.testing.conformance import LegBench, Step
from runtime.testing.dialer import DialScript, SimDialer
from runtime.testing.direct_conformance import DirectBench, DirectConformance
from runtime.testing.legs import SimLeg, WireStep
from runtime.testing.symbolic_media import SymbolicMedia
from runtime.testing.transfer_conformance import TransferConformance


class EmptyStage:
    def note(self, who: str, what: str) -> None:
        """Nobody reads it."""

    def watch(self, signal: Signal) -> None:
        """Nothing ever fails here."""

    def check(self) -> None:
        """Nothing ever fails here."""


def _nobody_acts(script: DialScript, callee: SimCallee) -> None:
    """Here the suite itself is the callee."""


class SimFarEnd:
    """The conformance suite's far end, driven through the person's side of a simulated leg."""

    def __init__(self, leg: SimLeg) -> None:
        self._leg = leg

    @property
    def steps(self) -> list[Step]:
        ours = [step for step in self._leg.wire if step.by == "us"]
        return [_step(step) for step in ours]

    async def ring(self, headers: Headers) -> None:
        self._leg.peer_rings(headers)

    async def early_media(self, headers: Headers) -> None:
        self._leg.peer_early_media(headers)

    async def answer(self, headers: Headers) -> None:
        self._leg.peer_answers(headers, "")

    async def reject(self, code: int, reason: str) -> None:
        self._leg.peer_rejects(code, reason, {})

    async def cancel(self) -> None:
        self._leg.peer_hangs_up({})

    async def bye(self, cause: int | None = None) -> None:
        self._leg.peer_hangs_up({}, cause=cause)

    async def refuse_changes(self, code: int) -> None:
        self._leg.changes.refusal = (code, "Not Acceptable Here")

    async def hold(self) -> None:
        self._leg.changes.peer_holds()

    async def resume(self) -> None:
        self._leg.changes.peer_resumes()

    async def info(self, mime_type: str, body: str) -> None:
        self._leg.peer_sends_info(mime_type, body, {})

    async def press(self, tone: str) -> None:
        self._leg.peer_signals_tone(tone)

    async def message(self, text: str) -> None:
        self._leg.peer_sends_message(text, {})

    async def decide_transfer(self, code: int, reason: str) -> None:
        self._leg.transfers.peer_decides(code, reason)

    async def refuse_transfer(self, code: int) -> None:
        self._leg.transfers.peer_decides(code, "")

    async def hand_over(self, headers: Headers) -> None:
        self._leg.transfers.peer_replaced(headers)

    async def ask_transfer(self, to: str, headers: Headers) -> None:
        self._leg.transfers.peer_asks(to, headers)


def _step(step: WireStep) -> Step:
    name, _, code = step.what.partition(" ")
    return Step(name=name, code=int(code or 0), text=step.body, headers=step.headers)


@attrs.define
class SimBench:
    agenda: Agenda
    media: SymbolicMedia
    dialer: SimDialer

    async def incoming(self, number: str, headers: Headers) -> tuple[Leg, SimFarEnd]:
        identity = LegIdentity(
            number=number,
            callerid="200",
            display_name="",
            from_uri="sip:200@far.sim",
            to_uri=f"sip:{number}@callstage.sim",
            headers=headers,
        )
        media = await self.media.open_leg()
        leg = SimLeg(identity=identity, incoming=True, media=media, agenda=self.agenda)
        return leg, SimFarEnd(leg)

    async def direct(self, caller: Leg) -> tuple[Leg, SimFarEnd]:
        request = DialRequest(kind="user", to="bob", callerid="200", direct_for=caller)
        return await self.outgoing(request)

    async def outgoing(self, request: DialRequest) -> tuple[Leg, SimFarEnd]:
        callee = self.dialer.expect(request.to)
        leg = await self.dialer.dial(request)
        return leg, SimFarEnd(callee.leg)


@asynccontextmanager
async def sim_bench() -> AsyncIterator[SimBench]:
    async with trio.open_nursery() as nursery:
        agenda = Agenda()
        media = SymbolicMedia(agenda)
        nursery.start_soon(agenda.run)
        yield SimBench(agenda, media, SimDialer(agenda, media, EmptyStage(), _nobody_acts))
        nursery.cancel_scope.cancel()


@pytest.mark.usefixtures("autojump_clock")
class TestSimulatedLegs(TransferConformance):
    def bench(self) -> AbstractAsyncContextManager[LegBench]:
        return sim_bench()


@pytest.mark.usefixtures("autojump_clock")
class TestDirectCalls(DirectConformance):
    def bench(self) -> AbstractAsyncContextManager[DirectBench]:
        return sim_bench()
