"""All that happened in a simulation, in one order and on one clock.

The timelines of the sessions arrive here as they are written, with what people did in between;
events, log lines and faults of the script are views of it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

import attrs

from runtime.decisions.failure import ORDERLY
from runtime.decisions.timeline import Entry
from runtime.testing.agenda import Signal
from runtime.testing.faults import Fault, Faults

ENDS: Final = "ends: "
"""How the core records why a session ends; the cause follows."""


@attrs.frozen(kw_only=True)
class Row:
    """One line: what happened where. `t` is seconds since the simulation began."""

    t: float
    session: str
    kind: str
    """session, sip, media, event, command, log, error or refusal; "act" for what people did."""
    what: str
    leg: str | None = None
    detail: Mapping[str, Any] = attrs.field(factory=dict[str, Any])


@attrs.frozen(kw_only=True)
class SimEvent:
    """One event that was sent to a script."""

    t: float
    session: str
    name: str
    """"Call.Connected", "Application.Started" ..."""
    leg: str | None
    """Call.id() for the events of a call."""
    fields: Mapping[str, Any]

    def __str__(self) -> str:
        return f"{self.t:8.2f}  {self.name}  {dict(self.fields) or ''}".rstrip()


class Chronicle:
    """Takes the timelines of all sessions; `sink` is the factory that the registry wants."""

    def __init__(self, now: Callable[[], float], faults: Faults) -> None:
        self.rows: list[Row] = []
        self.signal = Signal()
        self.frozen = False
        self._broken: set[str] = set()
        self._now = now
        self._faults = faults
        faults.watch(self.signal)

    def sink(self, session_id: str) -> SessionSink:
        return SessionSink(self, session_id, began=self._now())

    def note(self, who: str, what: str) -> None:
        """Something that a person of the simulation did."""
        self.add(Row(t=self._now(), session="", kind="act", what=f"{who} {what}"))

    def add(self, row: Row) -> None:
        if self.frozen:
            return
        self.rows.append(row)
        fault = self._fault_of(row)
        if fault is not None:
            self._broken.add(row.session)
            self._faults.add(fault)
        self.signal.notify()

    def _fault_of(self, row: Row) -> Fault | None:
        """What fails a test: an exception, or the end of a session that nobody wanted."""
        # An error without a traceback is one that the script was told as an event.
        traceback = str(row.detail.get("traceback", ""))
        if row.kind == "error" and traceback:
            return Fault(t=row.t, session=row.session, what=row.what, traceback=traceback)
        wanted = row.what.removeprefix(ENDS) in ORDERLY
        if row.kind == "session" and row.what.startswith(ENDS) and not wanted:
            if row.session in self._broken:
                return None
            what = f"the session {row.what}: {row.detail.get('detail', '')}"
            return Fault(t=row.t, session=row.session, what=what)
        return None

    @property
    def events(self) -> list[SimEvent]:
        return [
            SimEvent(t=row.t, session=row.session, name=row.what, leg=row.leg, fields=row.detail)
            for row in self.rows
            if row.kind == "event"
        ]

    @property
    def logs(self) -> list[str]:
        """What the scripts wrote with Logger.write, in order."""
        return [row.what for row in self.rows if row.kind == "log"]


class SessionSink:
    """The timeline of one session on its way into the chronicle."""

    def __init__(self, chronicle: Chronicle, session_id: str, *, began: float) -> None:
        self._chronicle = chronicle
        self._session_id = session_id
        self._began = began

    def write(self, entry: Entry) -> None:
        row = Row(
            t=self._began + entry.t,
            session=self._session_id,
            kind=entry.kind,
            what=entry.what,
            leg=entry.leg,
            detail=entry.detail,
        )
        self._chronicle.add(row)

    def close(self) -> None:
        """Rows stay readable after the session."""
