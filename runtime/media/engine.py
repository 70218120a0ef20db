"""The engine process: `python -m runtime.media.engine`, started by media/client.py.

Thin: wires sockets, schedule and link to the tick of media/tick.py. One loop, no threads, no
garbage collection; it ends when the link to the core does. Strangers' packets are all it reads, so
it is locked before the first: UDP sockets are what it can still open.
"""

from __future__ import annotations

import contextlib
import ctypes
import gc
import os
import random
import resource
import time
from functools import partial
from typing import Any, Final

from runtime.media.clock import FRAME_S, Schedule, Step
from runtime.media.codecs.table import CodecTable
from runtime.media.native.cruise import Cruise
from runtime.media.native.library import Library, Unavailable, load
from runtime.media.native.traffic import NativeTraffic
from runtime.media.ports import PortPool
from runtime.media.protocol import (
    ENGINE,
    EngineReady,
    EngineRefused,
    EngineReport,
    Event,
    ProtocolError,
    StartEngine,
    decode_commands,
    encode_events,
)
from runtime.media.rtp.datagrams import NoPorts
from runtime.media.sockets import UdpSockets
from runtime.media.tick import Capacity, Engine
from runtime.media.traffic import PythonTraffic
from runtime.processes.blocking_link import BlockingLink
from runtime.processes.confine import Confinement
from runtime.processes.entering import enter_child, leave
from runtime.processes.locking import lock_for_good
from runtime.processes.packets import LinkClosed
from runtime.sandbox.profiles import ENGINE as ENGINE_PROFILE

START_TIMEOUT_S: Final = 30.0
"""The core sends StartEngine at once; without it there is no core."""
EVENTS_PER_PACKET: Final = 200
"""The largest event has 500 octets of JSON; 128 KiB fit into a packet."""
MAX_WAITING_EVENTS: Final = 50_000
"""Minutes of a busy engine. A core that reads nothing for so long is broken: the engine ends."""
REPORT_FRAMES: Final = 50
"""Once a second."""
REST_S: Final = 1.0
"""As often while there is nobody; the core believes an engine that is silent for long to hang."""
DESCRIPTORS_PER_LEG: Final = 3
"""RTCP, and the RTP port's door and line."""
SPARE_DESCRIPTORS: Final = 64
MEMORY_BYTES: Final = 1024 * 1024 * 1024
"""Of its own, over what it begins with: legs, players and their histories take under 100 kB each,
and there are thousands at most. Sounds and recordings are mapped, and are the core's to bound."""
CONFINEMENT: Final = Confinement(
    profile=ENGINE_PROFILE,
    memory_bytes=MEMORY_BYTES,
    memory=resource.RLIMIT_DATA,
    file_bytes=resource.RLIM_INFINITY,  # it can open none; its standard error may be one
    descriptors=None,
)
_PR_SET_TIMERSLACK: Final = 29
_PR_SET_THP_DISABLE: Final = 41


def main() -> None:
    link = enter_child()
    _take_memory_in_small_pages()
    try:
        start = _await_start(link)
        legs = min(start.max_legs, _affordable_legs(start.max_legs))
        if refusal := _refusal(start, legs):
            link.send(encode_events([Event(ENGINE, EngineRefused(reason=refusal))]))
            return
        library, without_helper = _helper(start)
        new_traffic = partial(NativeTraffic, library) if library else PythonTraffic
        sockets = UdpSockets(start.host, start.first_port, start.last_port, legs, new_traffic)
        capacity = Capacity(legs=legs, players=start.max_players)
        codecs = CodecTable()
        codecs.load(start.codecs)
        engine = Engine(sockets, capacity, random.SystemRandom().random, library, codecs)
        _settle_down()
        report = lock_for_good(CONFINEMENT)
        ready = EngineReady(max_legs=legs, sandbox=report, without_helper=without_helper)
        link.send(encode_events([Event(ENGINE, ready)]))
        Loop(link, sockets, engine).run()
    except LinkClosed:
        leave()


class Loop:
    """Collects, ticks and sends by the schedule until the link closes."""

    def __init__(self, link: BlockingLink, sockets: UdpSockets, engine: Engine) -> None:
        self._link = link
        self._sockets = sockets
        self._engine = engine
        self._cruise: Cruise | None = None
        if isinstance(sockets.traffic, NativeTraffic):
            self._cruise = engine.cruise(sockets.traffic, sockets.watched)
        self._schedule = Schedule(time.monotonic() + FRAME_S)
        self._events: list[Event] = []
        self._frames = 0
        self._reported = 0
        self._called = False
        """The core sent something, or closed the link."""
        sockets.watch(link.fileno(), self._on_call)

    def run(self) -> None:
        """Raises LinkClosed at the end; whoever hears the legs is told by RTCP BYE before."""
        try:
            while True:
                if self._engine.idle and not self._called:
                    self._rest()
                elif self._cruise is not None:
                    self._go_on(self._cruise)
                else:
                    self._step(self._schedule.next(time.monotonic()))
        except LinkClosed:
            self._engine.close(time.monotonic(), time.time())
            raise

    def _step(self, step: Step) -> None:
        if step.number == 0:
            time.sleep(max(0.0, step.deadline - time.monotonic()))
            self._sockets.collect()
            self._tick(step.skipped)
        elif self._sockets.planned(step.number):
            self._sockets.step(step.number, step.deadline)

    def _rest(self) -> None:
        """Nobody is there to be heard: sleep until the core calls, and tell it now and then that
        all is well."""
        if not self._sockets.collect(REST_S):
            self._tell([self._report()])
        self._schedule.restart(time.monotonic())

    def _go_on(self, cruise: Cruise) -> None:
        """Until something is to be done that the helper cannot do."""
        went = cruise.run(self._schedule, 0 if self._called else self._engine.steady_frames)
        self._frames += went.frames
        self._engine.went_by(went.frames)
        if went.called:
            self._sockets.collect_others()
        self._tick(self._schedule.next(time.monotonic()).skipped)

    def _tick(self, skipped: int) -> None:
        if self._called:
            self._called = False
            for packet, fds in self._link.receive_nowait():
                self._engine.command(decode_commands(packet), fds)
        now, wall = time.monotonic(), time.time()
        idle = self._engine.idle
        if not idle:
            self._engine.begin_tick(now, wall, skipped)
        self._sockets.flush(0)
        events = [] if idle else self._engine.end_tick(now, wall)
        self._frames += 1
        if self._frames >= self._reported + REPORT_FRAMES:
            self._reported = self._frames
            events.append(self._report())
        self._tell(events)

    def _report(self) -> Event:
        report = EngineReport(
            frames=self._frames,
            legs=self._engine.configured_legs,
            skipped_frames=self._schedule.skipped_frames,
            sends_refused=self._sockets.counters.refused,
            sends_failed=self._sockets.counters.failed,
            cpu_s=time.process_time(),
        )
        return Event(ENGINE, report)

    def _on_call(self) -> None:
        self._called = True

    def _tell(self, events: list[Event]) -> None:
        self._events += events
        while self._events:
            batch = self._events[:EVENTS_PER_PACKET]
            if not self._link.try_send(encode_events(batch)):
                break
            del self._events[: len(batch)]
        if len(self._events) > MAX_WAITING_EVENTS:
            raise ProtocolError(f"the core left {len(self._events)} events unread")


def _await_start(link: BlockingLink) -> StartEngine:
    if not link.wait(START_TIMEOUT_S):
        raise ProtocolError(f"no StartEngine within {START_TIMEOUT_S:.0f} s")
    packet, _ = link.receive()
    commands: list[Any] = decode_commands(packet)
    if len(commands) != 1 or not isinstance(commands[0], StartEngine):
        raise ProtocolError(f"{commands!r} instead of StartEngine")
    return commands[0]


def _helper(start: StartEngine) -> tuple[Library | None, str]:
    """The native helper, or why the engine works without it."""
    if not start.helper:
        return None, "the native helper is not wanted"
    try:
        return load(), ""
    except Unavailable as exc:
        return None, str(exc)


def _affordable_legs(wanted: int) -> int:
    """How many legs the limit of open files allows, after raising it as far as permitted."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    needed = wanted * DESCRIPTORS_PER_LEG + wanted + SPARE_DESCRIPTORS
    if soft != resource.RLIM_INFINITY and soft < needed:
        soft = needed if hard == resource.RLIM_INFINITY else min(needed, hard)
        with contextlib.suppress(OSError, ValueError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
        soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft == resource.RLIM_INFINITY:
        return wanted
    # A leg's sockets, and one mapped sound or recording.
    return max(0, (soft - SPARE_DESCRIPTORS) // (DESCRIPTORS_PER_LEG + 1))


def _refusal(start: StartEngine, legs: int) -> str | None:
    """Why the engine cannot work at all; the first pair of ports is tried."""
    if legs < 1:
        return "the limit of open files leaves no descriptor for a leg; raise it (ulimit -n)"
    try:
        rtp, rtcp, _ = PortPool(start.host, start.first_port, start.last_port).take()
    except NoPorts as exc:
        return str(exc)
    rtp.close()
    rtcp.close()
    return None


def _take_memory_in_small_pages() -> None:
    """Tables are used from the front, and the kernel clears what is used for the first time. With
    large pages, 2 MiB at once: 6 ms in which nobody is sent anything, once for every 64 players."""
    ctypes.CDLL(None).prctl(_PR_SET_THP_DISABLE, 1, 0, 0, 0)


def _settle_down() -> None:
    """Nothing may interrupt the loop from now on."""
    ctypes.CDLL(None).prctl(_PR_SET_TIMERSLACK, 1, 0, 0, 0)
    if len(os.sched_getaffinity(0)) > 1:
        # The lowest real-time priority, where permitted; the core's wish for -10 stays otherwise.
        # With one processor an overloaded engine would leave the core too little to end calls.
        with contextlib.suppress(OSError):
            policy = os.SCHED_RR | os.SCHED_RESET_ON_FORK
            os.sched_setscheduler(0, policy, os.sched_param(1))
    gc.collect()
    # What lives now lives for ever, and the loop makes no cycles: nothing to collect.
    gc.freeze()
    gc.disable()


if __name__ == "__main__":
    main()
