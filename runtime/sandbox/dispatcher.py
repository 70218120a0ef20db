"""One FIFO and one task that delivers everything of a session: events, answers, timers.

Rules: plain handlers run here, one at a time; an async handler starts here in its turn and runs to
its first await before anything else is delivered. After terminate() only Terminating and Terminated
are delivered. What a script raises becomes an ErrorFrame, and the next delivery follows.
"""

from __future__ import annotations

import inspect
import math
from collections import deque
from collections.abc import Callable, Coroutine, Sequence
from functools import partial
from typing import Any, Final

import attrs
import trio

from runtime.api.amd import AMDDetector
from runtime.api.call import Call
from runtime.api.conference import Conference
from runtime.api.event_constants import CallEvents
from runtime.api.events import Event, build
from runtime.api.listeners import Listener, Listeners
from runtime.api.running import RUNNING, Run
from runtime.api.session import Phase, Session
from runtime.api.timers import Timer
from runtime.api.values import WebSocketReadyState
from runtime.api.websocket import WebSocket
from runtime.sandbox.answers import Answer
from runtime.sandbox.event_facts import (
    EVENTS,
    HTTP_REQUEST,
    TERMINAL,
    TERMINATED,
    TERMINATING,
    is_last,
    source_field,
)
from runtime.sandbox.fault import Sources, describe
from runtime.sandbox.frames import (
    CallInfo,
    ErrorFrame,
    EventFrame,
    ReleaseFrame,
    ReplyFrame,
    ResponseFrame,
    ResultFrame,
    WorkerFrame,
)
from runtime.sandbox.nurseries import LegNursery
from runtime.sandbox.steps import announce_first_pause

Delivery = EventFrame | ResultFrame | ResponseFrame | ReleaseFrame | Timer

SLOW_S: Final = 0.1
"""After such a delivery the reader gets its turn before the next one, whatever the order in which
trio runs tasks: a ping of the core is answered between two slow handlers."""


@attrs.define(eq=False)
class _Batch:
    """The handlers of one event that still run; `done` is called once after the last of them."""

    running: int
    done: Callable[[], None]
    answer: Answer | None = None

    def returned(self, value: object) -> None:
        if self.answer is not None:
            self.answer.take(value)

    def failed(self) -> None:
        if self.answer is not None:
            self.answer.failed()

    def one_ended(self) -> None:
        self.running -= 1
        if self.running == 0:
            self.done()


class Dispatcher:
    """Delivers to one session's handlers. `post` from anywhere, `run` as one task."""

    def __init__(
        self,
        session: Session,
        send: Callable[[WorkerFrame], None],
        sources: Sources,
        nursery: trio.Nursery,
        entering: Callable[[], None],
    ) -> None:
        self._session = session
        self._entering = entering
        self._send = send
        self._sources = sources
        self._nursery = nursery
        self._queue: deque[Delivery] = deque()
        self._arrived = trio.Event()
        self._legs: dict[int, LegNursery] = {}
        self._own = LegNursery()

    def post(self, delivery: Delivery) -> None:
        self._queue.append(delivery)
        self._arrived.set()

    @property
    def waiting(self) -> int:
        return len(self._queue)

    async def run(self) -> None:
        while True:
            while self._queue:
                began = trio.current_time()
                await self._deliver(self._queue.popleft())
                await trio.lowlevel.checkpoint()
                if trio.current_time() - began > SLOW_S:
                    await trio.lowlevel.checkpoint()
            self._arrived = trio.Event()
            await self._arrived.wait()

    async def _deliver(self, delivery: Delivery) -> None:
        match delivery:
            case EventFrame():
                await self._event(delivery)
            case ResultFrame(req=req) if self._session.requests.owns(req):
                # The core did not take it: as VoxEngine's "limits violated".
                await self._response(ResponseFrame(req=req, code=0, error=delivery.error))
            case ResponseFrame():
                await self._response(delivery)
            case ResultFrame():
                if self._session.settle(delivery.req, delivery.value, delivery.error):
                    await self._let_waiters_run()
            case ReleaseFrame():
                self._release(delivery.unit)
            case Timer():
                await self._timer(delivery)

    async def _let_waiters_run(self) -> None:
        """A task whose wait is over goes on before the next event; nothing depends on it."""
        await trio.lowlevel.checkpoint()

    # --- events ---------------------------------------------------------------------------------

    async def _event(self, frame: EventFrame) -> None:
        session = self._session
        last = frame.name in (TERMINATING, TERMINATED)
        if last:
            session.phase = Phase.TERMINATING if frame.name == TERMINATING else Phase.TERMINATED
            session.timers.clear_all()
        unit = self._unit_of(frame)
        answer = self._answer_to(frame)
        stale = isinstance(unit, Call) and self._is_stale(unit, frame)
        if (session.phase is not Phase.RUNNING and not last) or stale:
            self._reply(frame)
            if answer is not None:
                answer.ending()
            return
        if unit is None and frame.unit is not None:
            self._reply(frame)
            return
        table: Listeners = session.listeners if unit is None else unit._table
        listeners = table.of(frame.name)
        batch = _Batch(1, partial(self._handled, frame, bool(listeners), answer), answer)
        event = await self._run_listeners(frame, unit, listeners, batch)
        waited_for = isinstance(unit, Call | AMDDetector) and event is not None
        if waited_for and unit._happened(event):
            await self._let_waiters_run()
        if frame.unit is not None and is_last(frame):
            self._release(frame.unit)
        batch.one_ended()

    def _answer_to(self, frame: EventFrame) -> Answer | None:
        """What becomes of the handlers' return values."""
        if frame.name != HTTP_REQUEST:
            return None
        session = self._session
        return Answer(
            frame.fields.pop("request"), self._send, session.log, session.most_answer_bytes
        )

    def _unit_of(self, frame: EventFrame) -> Any:
        """The unit an event is about, made from CallInfo when it is new; its state is renewed."""
        info = frame.fields.get("call")
        unit = self._session.units.get(-1 if frame.unit is None else frame.unit)
        if isinstance(info, dict):
            known = self._session.units.get(info["unit"])
            call = known or Call(self._session, CallInfo(**info))
            frame.fields["call"] = call
            unit = unit or (call if frame.unit is not None else None)
        socket = frame.fields.get("websocket")
        if isinstance(socket, dict):
            frame.fields["websocket"] = WebSocket(
                self._session, socket["unit"], socket["url"], WebSocketReadyState.OPEN
            )
        if isinstance(unit, Call):
            unit._learn(frame.state, frame.name, frame.fields)
        elif isinstance(unit, WebSocket):
            unit._learn(frame.name)
        elif isinstance(unit, Conference) and not is_last(frame):
            unit._learn(frame.name, frame.fields)
        elif unit is not None and is_last(frame):
            unit._stopped = True
        return unit

    def _is_stale(self, call: Call, frame: EventFrame) -> bool:
        """Whether it reports on a playback that the script has replaced or stopped since."""
        playback = frame.fields.pop("playback", None)
        if playback is None:
            return False
        if call._playing is None or call._playing[0] != playback:
            return True
        if frame.name == CallEvents.PlaybackFinished.name:
            call._playing = None
        return False

    async def _run_listeners(
        self, frame: EventFrame, unit: Any, listeners: Sequence[Listener], batch: _Batch
    ) -> Event | None:
        event_class = EVENTS.get(frame.name)
        if event_class is None:
            return None
        source = {} if unit is None else {source_field(frame.name): unit}
        fields = {name: value for name, value in frame.fields.items() if name not in source}
        event = build(event_class, source, fields)
        for listener in listeners:
            if not listener.removed:
                if listener.once:
                    listener.table.drop(frame.name, listener)
                await self._run_listener(listener, event, frame, unit, batch)
        return event

    async def _run_listener(
        self, listener: Listener, event: Event, frame: EventFrame, unit: Any, batch: _Batch
    ) -> None:
        leg = unit._unit if isinstance(unit, Call) else listener.leg
        last, farewell = frame.name in TERMINAL, frame.name in (TERMINATING, TERMINATED)
        run = Run(self._session, leg, listener.where, terminal=last, farewell=farewell)
        arguments = (event,) if listener.takes_event else ()
        own = self._legs.get(unit._unit) if isinstance(unit, Call) else self._own
        if own is None:
            own = self._legs[unit._unit] = LegNursery()
        await self._call(partial(listener.callback, *arguments), run, own, "handler", batch)

    def _handled(self, frame: EventFrame, heard: bool, answer: Answer | None) -> None:
        """All handlers of an event have returned; `heard` is False when there were none."""
        self._reply(frame, heard)
        if answer is not None and self._session.phase is Phase.TERMINATED:
            answer.ending()  # the handlers were cancelled with the session
        elif answer is not None:
            answer.over(heard=heard)
        if frame.name == TERMINATED:
            self._session.forget_commands()
            self._nursery.cancel_scope.cancel()

    def _reply(self, frame: EventFrame, handled: bool = True) -> None:
        if frame.reply:
            self._send(ReplyFrame(seq=frame.seq, handled=handled))

    def _release(self, unit: int) -> None:
        known = self._session.units.pop(unit, None)
        if known is not None:
            known._table.close(f"{known} has ended")
        leg = self._legs.pop(unit, None)
        if leg is not None:
            leg.release()

    async def _timer(self, timer: Timer) -> None:
        if self._session.phase is Phase.RUNNING and self._session.timers.take(timer):
            await self._call(timer.callback, timer.run, self._own, "timer", None)

    async def _response(self, frame: ResponseFrame) -> None:
        """Also after terminate(): a request that was under way is told its end (R7)."""
        taken = self._session.requests.take(frame)
        if taken is None or self._session.phase is Phase.TERMINATED:
            return
        request, result = taken
        if request.callback is not None:
            callback = partial(request.callback, result)
            await self._call(callback, request.run, self._own, "handler", None)
        elif request.handle._is_awaited():
            request.handle._settle(result)
            await self._let_waiters_run()
        else:
            request.handle._settle(result)

    # --- running the script's code --------------------------------------------------------------

    async def _call(
        self,
        callback: Callable[[], object],
        run: Run,
        leg: LegNursery,
        kind: str,
        batch: _Batch | None,
    ) -> None:
        token = RUNNING.set(run)
        self._entering()
        try:
            result = callback()
        except KeyboardInterrupt:
            raise
        except BaseException as exc:  # noqa: BLE001 - the session's edge: recorded with its traceback
            self.report(exc, run.leg, kind)
            if batch is not None:
                batch.failed()
            return
        finally:
            RUNNING.reset(token)
        if inspect.iscoroutine(result):
            await self._start(result, run, leg, kind, batch)
        elif batch is not None:
            batch.returned(result)

    async def _start(
        self,
        coroutine: Coroutine[Any, Any, object],
        run: Run,
        leg: LegNursery,
        kind: str,
        batch: _Batch | None,
    ) -> None:
        """Start an async handler in its nursery and return when it first pauses."""
        nursery = await _opened(leg, self._nursery, coroutine)
        paused = trio.Event()
        if batch is not None:
            batch.running += 1
        token = RUNNING.set(run)
        try:
            nursery.start_soon(self._task, coroutine, paused, run, leg, kind, batch)
        finally:
            RUNNING.reset(token)
        await paused.wait()

    async def _task(
        self,
        coroutine: Coroutine[Any, Any, object],
        paused: trio.Event,
        run: Run,
        leg: LegNursery,
        kind: str,
        batch: _Batch | None,
    ) -> None:
        leg.began(run)
        whole = False
        try:
            value = await announce_first_pause(coroutine, paused.set)
            whole = True
            if batch is not None:
                batch.returned(value)
        except BaseExceptionGroup as group:
            passing, own = group.split(_is_no_fault)
            if own is not None:
                self.report(own, run.leg, "task" if paused.is_set() else kind)
            if passing is not None:
                raise passing from None
        except BaseException as exc:  # the session's edge: recorded with its traceback
            if _is_no_fault(exc):
                raise
            self.report(exc, run.leg, "task" if paused.is_set() else kind)
        finally:
            paused.set()
            leg.ended(run)
            if batch is not None:
                if not whole:
                    batch.failed()
                batch.one_ended()

    def report(self, error: BaseException, leg: int | None, kind: str) -> None:
        """Tell the core of an uncaught exception of the script; it decides what that ends."""
        fault = describe(error, self._sources)
        self._send(
            ErrorFrame(
                unit=leg,
                kind=kind,
                message=fault.message,
                traceback=fault.traceback,
                where=fault.where,
            )
        )


def _is_no_fault(error: BaseException) -> bool:
    """Of the script's: a developer's Ctrl-C, and a cancellation that it did not raise itself."""
    if isinstance(error, trio.Cancelled):
        return trio.current_effective_deadline() == -math.inf
    return isinstance(error, KeyboardInterrupt)


async def _opened(
    leg: LegNursery, parent: trio.Nursery, coroutine: Coroutine[Any, Any, object]
) -> trio.Nursery:
    """The nursery for a handler, which never begins when all is cancelled first."""
    try:
        return await leg.open(parent)
    except BaseException:
        coroutine.close()
        raise
