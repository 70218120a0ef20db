"""The core's side of the engine: MediaPort over the control link, and the engine's life.

Commands given between two trio steps travel together and take effect in the same tick. When the
engine dies everything that was open is told MediaLost and a new engine is started at once. A few
legs are kept open in advance, so that a call never waits for its ports.
"""

from __future__ import annotations

import itertools
from collections import deque
from collections.abc import Callable, Iterator
from functools import partial
from typing import Final

import attrs
import trio

from runtime.media.heard import Heard
from runtime.media.native.library import means
from runtime.media.outbox import Outbox
from runtime.media.port import (
    LegAddress,
    LegClosed,
    MediaConference,
    MediaLeg,
    MediaPlayer,
    MediaRecorder,
    MediaSink,
    MediaSource,
    MediaUnavailable,
    PlayerFinished,
    PlayerListener,
    RecorderClosed,
    RecorderListener,
    Recording,
    Sound,
)
from runtime.media.protocol import (
    CloseUnit,
    Command,
    Connect,
    Disconnect,
    EngineReady,
    EngineRefused,
    EngineReport,
    Event,
    LegOpened,
    LegRefused,
    OpenConference,
    OpenLeg,
    OpenPlayer,
    OpenRecorder,
    OpenTonePlayer,
    ProtocolError,
    StartEngine,
    TicksSkipped,
    decode_events,
)
from runtime.media.proxies import (
    ConferenceProxy,
    LegProxy,
    PlayerProxy,
    Proxy,
    RecorderProxy,
    buffer_of,
    ring_of,
    unit_of,
)
from runtime.media.spare_legs import SpareLegs
from runtime.media.tone_script import ToneScript
from runtime.processes.child import Child, describe_exit, start_child
from runtime.processes.link import LinkFull
from runtime.processes.packets import LinkClosed
from runtime.sandbox.levels import Weaker, admitted, unprobed

ENGINE_MODULE: Final = "runtime.media.engine"
NICE: Final = -10
"""Halves the engine's lateness beside busy processes; granted when the core may."""
START_TIMEOUT_S: Final = 30.0
"""Starting takes 0.3 s; a machine that needs this long cannot carry calls."""
SILENT_S: Final = 15.0
"""The engine reports every second; one that hangs for so long is killed and started anew."""
RESTART_PAUSE_S: Final = 1.0
"""Between engines that die young one after the other: a broken one must not burn a core."""
SHORT_LIFE_S: Final = 5.0
CLOSE_GRACE_S: Final = 1.0
"""For the engine's RTCP BYEs at the end."""
SPARE_LEGS: Final = 16
"""Legs open in advance: a hundred calls a second need two per tick."""


SOCKET_CODECS: Final = ("opus",)
"""What WebSockets may carry, whatever calls are offered: 8 ms and 1 MiB at the engine's start."""


def _no_note(_: str) -> None:
    return


@attrs.frozen(kw_only=True)
class MediaLimits:
    """How much the engine is made for."""

    legs: int = 2000
    players: int = 4000
    spare_legs: int = SPARE_LEGS


class MediaClient:
    """Implements MediaPort. `run` owns the engine; everything else may be called while it runs."""

    def __init__(
        self,
        host: str,
        ports: range,
        *,
        limits: MediaLimits | None = None,
        helper: bool = True,
        codecs: tuple[str, ...] = (),
        on_note: Callable[[str], None] = _no_note,
    ) -> None:
        self._host = host
        self._ports = ports
        self._limits = limits or MediaLimits()
        self._helper = helper
        self.without_helper = ""
        """Why the engine works without its native helper; empty when it has it."""
        self._codecs = codecs
        self._note = on_note
        self.report = EngineReport()
        """The engine's own counters, a second old at most."""
        self.sandbox = unprobed("the media engine has not started")
        """How well the engine is locked, as the latest found by trying."""
        self.skipped_frames = 0
        """20 ms frames that all engines so far were too late for."""
        self.restarts = 0
        self.heard = Heard()
        self._ids = itertools.count(1)
        self._proxies: dict[int, Proxy] = {}
        self._outbox: Outbox | None = None
        self._spares = SpareLegs(
            self._limits.spare_legs, lambda: self._send(OpenLeg(next(self._ids)))
        )
        self._deferred: deque[Callable[[], None]] = deque()
        self._deferred_news = trio.Event()

    @property
    def means(self) -> str:
        """What the engine does its work with."""
        return means(self.without_helper)

    # --- MediaPort ------------------------------------------------------------------------------

    async def open_leg(self) -> MediaLeg:
        await trio.lowlevel.checkpoint()
        return await self._spares.take()

    def open_player(
        self,
        source: Sound | ToneScript,
        listener: PlayerListener,
        *,
        loop: bool = False,
        paused: bool = False,
    ) -> MediaPlayer:
        player = PlayerProxy(next(self._ids), self._send, listener)
        if isinstance(source, ToneScript):
            script = attrs.evolve(source, loop=source.loop or loop)
            command = OpenTonePlayer(unit=player.unit, script=script, paused=paused)
            self._open(player, command)
            return player
        buffer = buffer_of(source)
        if buffer is None:
            self._refuse(player, f"{source.label}: the sound was closed before it was played")
        else:
            opening = OpenPlayer(unit=player.unit, fd=0, loop=loop, paused=paused)
            self._open(player, opening, buffer.fd)
        return player

    def open_conference(self) -> MediaConference:
        conference = ConferenceProxy(next(self._ids), self._send)
        self._open(conference, OpenConference(conference.unit))
        return conference

    def open_recorder(self, recording: Recording, listener: RecorderListener) -> MediaRecorder:
        recorder = RecorderProxy(next(self._ids), self._send, listener)
        ring = ring_of(recording)
        if ring is None:
            self._refuse(recorder, "the recording is finished already")
        else:
            self._open(recorder, OpenRecorder(unit=recorder.unit, fd=0), ring.fd)
        return recorder

    def connect(self, source: MediaSource, sink: MediaSink) -> None:
        speaker, listener = unit_of(source), unit_of(sink)
        if listener.open:
            self._send(Connect(speaker.unit, listener.unit))

    def disconnect(self, source: MediaSource, sink: MediaSink) -> None:
        self._send(Disconnect(unit_of(source).unit, unit_of(sink).unit))

    # --- life of the engine ---------------------------------------------------------------------

    async def run(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Keep an engine running until cancelled; started when the first one can carry calls.

        Raises MediaUnavailable when the first one cannot start at all.
        """
        started = False

        def on_ready() -> None:
            nonlocal started
            if not started:
                started = True
                task_status.started()

        short_lives = 0
        while True:
            began = trio.current_time()
            try:
                await self._run_one(on_ready)
            except (MediaUnavailable, OSError) as exc:
                if not started:
                    raise
                self._note(f"the media engine cannot start: {exc}")
            short = trio.current_time() - began < SHORT_LIFE_S
            short_lives = short_lives + 1 if short else 0
            if short_lives > 1:
                await trio.sleep(RESTART_PAUSE_S)

    async def _run_one(self, on_ready: Callable[[], None]) -> None:
        """One engine, from its start to its end. Raises MediaUnavailable when it cannot start."""
        child = start_child(ENGINE_MODULE, nice=NICE)
        try:
            await self._begin(child)
            on_ready()
            await self._serve(child)
        finally:
            lost = self._end()
            await child.close(CLOSE_GRACE_S)
        self.restarts += 1
        status = describe_exit(child.status if child.status is not None else -9)
        self._note(f"the media engine ended ({status}) with {lost} units; starting another")

    async def _begin(self, child: Child) -> None:
        """Tell the engine what to do and wait until it is ready."""
        outbox = Outbox(child.link)
        outbox.put(
            StartEngine(
                host=self._host,
                first_port=self._ports.start,
                last_port=self._ports.stop - 1,
                max_legs=self._limits.legs,
                max_players=self._limits.players,
                helper=self._helper,
                codecs=tuple(dict.fromkeys((*self._codecs, *SOCKET_CODECS))),
            )
        )
        try:
            outbox.flush()
            with trio.fail_after(START_TIMEOUT_S):
                packet, _ = await child.link.receive()
            what = decode_events(packet)[0].what
        except (LinkClosed, ProtocolError, trio.TooSlowError) as exc:
            raise MediaUnavailable(f"the media engine did not start: {exc}") from exc
        if isinstance(what, EngineRefused):
            raise MediaUnavailable(what.reason)
        if not isinstance(what, EngineReady):
            raise MediaUnavailable(f"the media engine said {what!r} instead of being ready")
        try:
            self.sandbox = admitted(what.sandbox, self.sandbox)
        except Weaker as exc:
            raise MediaUnavailable(f"the media engine is not used: {exc}") from exc
        if what.max_legs < self._limits.legs:
            self._note(f"the limit of open files allows {what.max_legs} legs only")
        self.without_helper = what.without_helper
        self._outbox = outbox
        self._spares.start(what.max_legs)

    async def _serve(self, child: Child) -> None:
        """Until the link closes: commands out, events in."""
        outbox = self._outbox
        assert outbox is not None
        try:
            async with trio.open_nursery() as nursery:
                nursery.start_soon(self._deliver_deferred)
                nursery.start_soon(outbox.run)
                await self._receive(child)
                nursery.cancel_scope.cancel()
        except* (LinkClosed, LinkFull, ProtocolError, trio.TooSlowError) as group:
            for exc in _leaves(group):
                self._note(f"the media engine is given up: {exc or type(exc).__name__}")

    async def _receive(self, child: Child) -> None:
        while True:
            with trio.fail_after(SILENT_S):
                packet, _ = await child.link.receive()
            for event in decode_events(packet):
                self._on_event(event)

    def _end(self) -> int:
        """The engine is gone; tell everything that was open. Returns how many that were."""
        if self._outbox is not None:
            self._outbox.close()
            self._outbox = None
        self._spares.stop()
        lost, self._proxies = self._proxies, {}
        for proxy in lost.values():
            self._defer(proxy.lost)
        self._run_deferred()
        return len(lost)

    # --- events ---------------------------------------------------------------------------------

    def _on_event(self, event: Event) -> None:
        what = event.what
        if isinstance(what, EngineReport):
            self.report = what
        elif isinstance(what, TicksSkipped):
            self.skipped_frames += what.frames
            self._note(f"the media engine was {what.frames * 20} ms late and skipped that time")
        elif isinstance(what, LegOpened):
            self._on_leg_opened(event.unit, what)
        elif isinstance(what, LegRefused):
            self._spares.refused(what.reason)
        elif (proxy := self._proxies.get(event.unit)) is not None:
            if isinstance(what, LegClosed | PlayerFinished | RecorderClosed):
                del self._proxies[event.unit]
                proxy.open = False
            if isinstance(what, LegClosed):
                self._spares.closed()
                self.heard.add(what.statistics)
            proxy.deliver(what)

    def _on_leg_opened(self, unit: int, what: LegOpened) -> None:
        address = LegAddress(host=self._host, rtp_port=what.rtp_port, rtcp_port=what.rtcp_port)
        leg = LegProxy(unit, self._send, address)
        self._proxies[unit] = leg
        self._spares.opened(leg)

    # --- commands -------------------------------------------------------------------------------

    def _send(self, command: Command) -> None:
        if self._outbox is not None:
            self._outbox.put(command)
        if isinstance(command, CloseUnit):
            proxy = self._proxies.get(command.unit)
            if proxy is not None and proxy.ends_silently:
                del self._proxies[command.unit]

    def _open(self, proxy: Proxy, command: Command, fd: int | None = None) -> None:
        if self._outbox is None:
            self._defer(proxy.lost)
            return
        try:
            self._outbox.put(command, fd)
        except OSError as exc:  # no descriptor left to hand the memory over with
            self._refuse(proxy, f"it cannot be handed to the media engine: {exc}")
        else:
            self._proxies[proxy.unit] = proxy

    def _refuse(self, proxy: Proxy, reason: str) -> None:
        self._defer(partial(proxy.refused, reason))

    def _defer(self, call: Callable[[], None]) -> None:
        """Tell a listener something, but not from within the call that opened the thing."""
        self._deferred.append(call)
        self._deferred_news.set()

    async def _deliver_deferred(self) -> None:
        while True:
            self._run_deferred()
            await self._deferred_news.wait()

    def _run_deferred(self) -> None:
        self._deferred_news = trio.Event()
        while self._deferred:
            self._deferred.popleft()()


def _leaves(group: BaseExceptionGroup[BaseException]) -> Iterator[BaseException]:
    """The exceptions within groups of groups."""
    for exc in group.exceptions:
        if isinstance(exc, BaseExceptionGroup):
            yield from _leaves(exc)
        else:
            yield exc
