"""Owns one session from its first frame to its last recording: tasks, timers, calls, the worker.

Whatever goes wrong inside ends this session with one reason and nothing else. What each error ends
is decided in decisions/failure.py; the steps of the start and the end are in lifecycle.py.
"""

from __future__ import annotations

import traceback
from collections.abc import Callable
from functools import partial

import attrs
import trio

from runtime.decisions import session_state
from runtime.decisions.failure import Cause, End
from runtime.decisions.family import Family
from runtime.decisions.problems import Calls
from runtime.decisions.secrets import SecretBook
from runtime.decisions.session_state import TAKES_CALLERS, SessionState
from runtime.legs.leg import Leg
from runtime.media.port import RecordingResult
from runtime.session import farewell, lifecycle
from runtime.session.access import AccessDesk
from runtime.session.alarms import Alarms
from runtime.session.apology import apologise
from runtime.session.call_leg import CallLeg
from runtime.session.calls import CallBook
from runtime.session.channel import Outbox
from runtime.session.context import SessionContext
from runtime.session.departure import Departure
from runtime.session.events import Events
from runtime.session.history import History, picture_of_recording, picture_of_session
from runtime.session.http import HttpDesk
from runtime.session.inbound import Inbound
from runtime.session.recording import RecordingBook, RecordingJob
from runtime.session.rounds import Rounds
from runtime.session.routes import Routes
from runtime.session.rules import DEFAULT_APPLICATION
from runtime.session.scripts import Scripts
from runtime.session.settings import Ports, SessionSettings
from runtime.session.tasks import Tasks
from runtime.session.timeline import Timeline
from runtime.session.units import UnitTable
from runtime.session.views import LegView, SessionView
from runtime.session.watch import Watch
from runtime.session.worker import Bundle, WorkerLauncher, WorkerProcess


@attrs.frozen(kw_only=True)
class Plan:
    """What a session is to run, and on whose behalf."""

    id: str
    scenario: str
    bundle: Bundle
    rule: str | None = None
    custom_data: str = ""
    over_http: bool = False
    conference_name: str | None = None
    """What was dialled to get into a shared session."""
    family: Family = attrs.field(factory=Family)
    application: str = DEFAULT_APPLICATION
    access: str = attrs.field(default="", repr=False)
    """The secret in the URL at which its script can be asked."""


@attrs.frozen(kw_only=True)
class Surroundings:
    """What all sessions of a runtime share."""

    settings: SessionSettings
    ports: Ports
    launcher: WorkerLauncher
    scripts: Scripts
    rounds: Rounds
    """In which every worker is looked at."""
    new_nonce: Callable[[], str]
    wall_time: Callable[[], float]
    draining: Callable[[], bool]
    changed: Callable[[], None]
    """Called when a call of the session came or went."""
    history: History
    ends: Callable[[Plan, Cause], None]
    """Called once, when it is known why a session ends, however long its farewell takes."""


class SessionHost:
    """One session."""

    def __init__(self, plan: Plan, around: Surroundings, timeline: Timeline) -> None:
        self.plan = plan
        self.around = around
        self.timeline = timeline
        self.state = SessionState.STARTING
        self.process: WorkerProcess | None = None
        self.outbox = Outbox(around.settings.limits.events_queued)
        self.ending = trio.Event()
        self.worker_gone = Departure()
        self.was_ready = False
        self.top_level_over = trio.Event()
        """The script's top level has run, or has failed."""
        self.end_reason: End | None = None
        self.started = around.wall_time()
        self._began = trio.current_time()
        self._duration: float | None = None
        self._kept: set[int] = set()
        self._calls_event = trio.Event()
        self.context = self._make_context()
        self.watch = Watch(
            self.context.alarms,
            send=self.context.events.send,
            fail=self.end,
            new_nonce=around.new_nonce,
            pid=lambda: self.process.pid if self.process else None,
            limits=around.settings.limits,
            rounds=around.rounds,
        )
        timeline.record(
            "session",
            f"began: {plan.scenario}",
            version=plan.bundle.version,
            rule=plan.rule,
        )
        self._remember()

    def _make_context(self) -> SessionContext:
        ports, settings = self.around.ports, self.around.settings
        events = Events(
            self.plan.id,
            self.outbox,
            self.timeline,
            most_held=settings.limits.events_queued,
            on_sent=lambda: self.watch.event_sent(),
            fail=self.end,
        )
        tasks = Tasks(self._crashed)
        application = self.plan.application
        # What the operator configured wins over what was set for the application.
        known = (*settings.secrets_of(application), *settings.secrets)
        secrets = SecretBook(known, self.around.new_nonce())
        return SessionContext(
            id=self.plan.id,
            application=application,
            settings=settings,
            ports=ports,
            assets=self.plan.bundle.assets,
            timeline=self.timeline,
            events=events,
            alarms=Alarms(),
            tasks=tasks,
            units=UnitTable(),
            routes=Routes(ports.media, self.timeline, settings.limits.conference_members),
            calls=CallBook(self.plan.family, self._calls_changed),
            recordings=RecordingBook(
                self.plan.id,
                ports.media,
                ports.recordings,
                self.timeline,
                most=settings.limits.recordings,
                on_complete=self._recording_complete,
            ),
            http=HttpDesk(
                ports.http.of(self.plan.bundle.assets),
                settings.limits,
                secrets,
                events=events,
                timeline=self.timeline,
                tasks=tasks,
            ),
            access=AccessDesk(settings.limits, events, self.timeline),
            secrets=secrets,
            history=self.around.history,
            wall_time=self.around.wall_time,
            end=self.end,
            draining=self.around.draining,
            custom_data=self.plan.custom_data,
        )

    # --- life -----------------------------------------------------------------------------------

    async def run(self) -> None:
        """From the launch of the worker to the last finished file."""
        try:
            async with trio.open_nursery() as files:
                self.context.recordings.open(files)
                try:
                    await self._live()
                finally:
                    self.release_everything()
        except* Exception:  # noqa: BLE001 - as in _live; the release itself went wrong
            self._crashed(traceback.format_exc())
        finally:
            self._over()

    async def _live(self) -> None:
        try:
            await lifecycle.live(self, Inbound(self).take)
        except* Exception:  # noqa: BLE001 - the session's edge: other sessions must not notice
            self._crashed(traceback.format_exc())

    def end(self, end: End) -> None:
        """The session ends for this reason, unless it ends already."""
        if self.end_reason is not None:
            self._end_again(end)
            return
        self.end_reason = end
        self.state = session_state.step(self.state, session_state.Input.END)
        self.timeline.record("session", f"ends: {end.cause}", detail=end.detail or None)
        self.around.ends(self.plan, end.cause)
        self.ending.set()
        self.context.events.close()
        if end.finishes_requests:
            self.context.http.leave()
        else:
            self.context.http.close()
        self.context.access.leave()
        if not end.script_hears:
            self.context.access.close()
        self._kept = farewell.release_calls(self.context, end)
        self._set_idle_clock()

    async def apologise(self) -> None:
        """To the answered calls of a session that failed; then they are hung up too."""
        end = self._why()
        owed = [
            call for call in self.context.units.of(CallLeg) if farewell.is_owed_apology(call, end)
        ]
        calls = [call for call in owed if call.unit not in self._kept]
        if calls:
            await apologise(self.context, calls, self.calls_changed)
        for call in calls:
            farewell.release_call(call, end)

    def _end_again(self, end: End) -> None:
        """The first reason stands, but what it still waited for may have become pointless."""
        if not end.finishes_requests:
            self.context.http.close()
        if not end.script_hears:
            self.worker_gone.set()
            self.context.access.close()
        else:
            self._kept.clear()
            for call in self.context.units.of(CallLeg):
                if call.alive:
                    farewell.release_call(call, end)

    def release_everything(self) -> None:
        """Calls are hung up, media is given back, files are closed. Safe twice."""
        self._kept.clear()
        self.end(End(Cause.SHUTDOWN, "the runtime stopped"))
        for call in self.context.units.of(CallLeg):
            farewell.release_call(call, self._why())
        self.context.access.close()
        self.context.recordings.close()
        self.context.alarms.close()
        self.watch.close()

    def _why(self) -> End:
        return self.end_reason or End(Cause.SHUTDOWN)

    def _over(self) -> None:
        self.state = session_state.step(self.state, session_state.Input.OVER)
        self._duration = trio.current_time() - self._began
        why = self._why()
        self.timeline.record("session", f"over: {why.cause}", detail=why.detail or None)
        self.timeline.close()
        self._remember()

    def _crashed(self, text: str) -> None:
        """A bug of ours in a task or callback of this session."""
        self.timeline.record("error", "internal error", traceback=text)
        last = text.strip().rsplit("\n", 1)[-1]
        self.end(End(Cause.INTERNAL, f"internal error: {last[:160]}"))

    # --- calls ----------------------------------------------------------------------------------

    @property
    def takes_callers(self) -> bool:
        return self.state in TAKES_CALLERS

    @property
    def keeping(self) -> bool:
        """Whether bridged calls outlive the script."""
        return bool(self._kept)

    def add_caller(self, leg: Leg, *, joined: bool) -> None:
        """An incoming leg for this session: CallAlerting follows when the script is ready."""
        call = CallLeg(self.context, incoming=True, joined=joined)
        unit = self.context.units.own(call)
        call.leg = leg
        call.open(unit, self.around.settings.limits.unanswered_s)
        identity = leg.identity
        self.context.events.emit(
            "Application.CallAlerting",
            fields={
                "call": call.info(),
                "callerid": identity.callerid,
                "destination": identity.number,
                "toURI": identity.to_uri,
                "fromURI": identity.from_uri,
                "displayName": identity.display_name,
                "headers": dict(identity.headers),
                "customData": call.custom_data,
            },
            on_reply=partial(self._alerted, call),
        )
        call.attach(leg)

    def _alerted(self, call: CallLeg, handled: bool) -> None:
        if handled or not call.alive:
            return
        text = f"scenario {self.plan.scenario!r} has no CallAlerting listener"
        kind = Calls.NO_LISTENER
        self.timeline.refuse(kind, f"call refused (480): {text}", leg=call.id)
        call.refuse(kind, text)
        if not len(self.context.calls):
            self.end(End(Cause.NO_LISTENER, text))

    def _calls_changed(self) -> None:
        if self._kept:
            self._kept = farewell.release_partners(self.context, self._kept)
        self._set_idle_clock()
        self._calls_event.set()
        self._calls_event = trio.Event()
        self.around.changed()

    async def calls_changed(self) -> None:
        """Return when a call came or went."""
        await self._calls_event.wait()

    def _set_idle_clock(self) -> None:
        alarms, idle_s = self.context.alarms, self.around.settings.limits.idle_session_s
        if self.end_reason is None and not len(self.context.calls):
            text = f"no call for {idle_s:g} s"
            alarms.set("idle", idle_s, lambda: self.end(End(Cause.IDLE, text)))
        else:
            alarms.clear("idle")

    def start_clocks(self) -> None:
        """The idle clock runs from the start, also before there ever was a call (R8)."""
        length = self.around.settings.limits.session_s
        text = f"the session is {length:g} s old, the limit"
        alarm = partial(self.end, End(Cause.LENGTH, text))
        self.context.alarms.set("length", length, alarm)
        self._set_idle_clock()

    def _recording_complete(self, job: RecordingJob, result: RecordingResult) -> None:
        self.around.history.recording(picture_of_recording(self.plan.id, job, result))

    def _remember(self) -> None:
        self.around.history.session(picture_of_session(self))

    # --- outside --------------------------------------------------------------------------------

    @property
    def access_url(self) -> str:
        """For whoever may ask its script."""
        return self.around.settings.access_url(self.plan.access)

    @property
    def duration_s(self) -> float | None:
        """None while it is not over."""
        return self._duration

    def view(self) -> SessionView:
        age = trio.current_time() - self._began
        end = self.end_reason
        return SessionView(
            id=self.plan.id,
            application=self.plan.application,
            scenario=self.plan.scenario,
            version=self.plan.bundle.version,
            rule=self.plan.rule,
            state=self.state.value,
            pid=None if self.process is None else self.process.pid,
            started=self.started,
            duration_s=age if self._duration is None else self._duration,
            legs=tuple(_leg_view(call) for call in self.context.units.of(CallLeg) if call.alive),
            recordings=tuple(self.context.recordings.views()),
            end_cause=end.cause.value if end else None,
            end_detail=end.detail if end else "",
        )


def _leg_view(call: CallLeg) -> LegView:
    identity = call.identity
    return LegView(
        id=call.id,
        incoming=call.incoming,
        state=call.state,
        number=identity.number if identity else "",
        callerid=identity.callerid if identity else "",
        remote=identity.remote if identity else "",
        duration_s=call.duration_s,
    )
