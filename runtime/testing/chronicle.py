"""All that happened in a simulation, in one order and on one clock.

The timelines of the sessions arrive here as they are written, with what people did in between;
events, log lines and faults of the script are views of it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import attrs

from runtime.decisions.timeline import Entry
from runtime.testing.agenda import Signal
from runtime.testing.faults import Fault, Faults


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
        traceback = row.detail.get("traceback")
        if row.kind == "error" and traceback:
            # Without a traceback it is an error that the script was told as an event.
            self._faults.add(
                Fault(t=row.t, session=row.session, what=row.what, traceback=str(traceback))
            )
        self.signal.notify()

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
