"""What the parts of one session share: its ways in and out, and its tables."""

from __future__ import annotations

from collections.abc import Callable

import attrs
import trio

from runtime.decisions.failure import End
from runtime.decisions.secrets import SecretBook
from runtime.decisions.transfers import Places
from runtime.media.sounds.sound_port import Assets
from runtime.session.access import AccessDesk
from runtime.session.alarms import Alarms
from runtime.session.calls import CallBook
from runtime.session.events import Events
from runtime.session.history import History
from runtime.session.http import HttpDesk
from runtime.session.mail import MailDesk
from runtime.session.recording import RecordingBook
from runtime.session.routes import Routes
from runtime.session.settings import Ports, SessionSettings
from runtime.session.tasks import Tasks
from runtime.session.timeline import Timeline
from runtime.session.units import UnitTable


@attrs.define(kw_only=True, eq=False)
class SessionContext:
    """Given to every call, player, recorder and command handler of one session."""

    id: str
    application: str
    """Whose scenario runs: its pairs and secrets are those of the session."""
    settings: SessionSettings
    ports: Ports
    assets: Assets
    timeline: Timeline
    events: Events
    alarms: Alarms
    tasks: Tasks
    units: UnitTable
    routes: Routes
    calls: CallBook
    recordings: RecordingBook
    http: HttpDesk
    access: AccessDesk
    secrets: SecretBook
    history: History
    wall_time: Callable[[], float]
    """Seconds since the epoch, for people; `now` is what durations are made of."""
    end: Callable[[End], None]
    """End the session; the first reason stands."""
    draining: Callable[[], bool]
    """Whether the runtime goes down, so that no new call may be placed."""
    custom_data: str = ""
    places: Places = attrs.field(factory=Places)
    """Calls elsewhere that peers have asked this session to enter."""
    mail: MailDesk = attrs.field(init=False)

    @mail.default
    def _mail_desk(self) -> MailDesk:
        return MailDesk(
            self.ports.mail,
            self.settings.limits,
            events=self.events,
            timeline=self.timeline,
            tasks=self.tasks,
        )

    @staticmethod
    def now() -> float:
        return trio.current_time()
