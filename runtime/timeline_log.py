"""The log as a view of the timelines: which entries of a session become lines of it."""

from __future__ import annotations

from typing import Final

import attrs
from structlog.typing import FilteringBoundLogger

from runtime.decisions.timeline import Entry
from runtime.session.timeline import TimelineSink
from runtime.session.timeline_file import TimelineFiles

SHOWN: Final = frozenset({"session", "log", "error", "refusal"})
"""SIP messages, events and media facts are in the session's timeline; a log of them is noise."""


@attrs.frozen
class LoggedTimelines:
    """The registry's `timelines`: all of it to the file, what people look for to the log too."""

    files: TimelineFiles
    log: FilteringBoundLogger

    def open(self, session_id: str) -> TimelineSink:
        return _LoggedTimeline(self.files.open(session_id), self.log.bind(session=session_id))


@attrs.frozen
class _LoggedTimeline:
    file: TimelineSink
    log: FilteringBoundLogger

    def write(self, entry: Entry) -> None:
        self.file.write(entry)
        if entry.kind not in SHOWN:
            return
        detail = {name: value for name, value in entry.detail.items() if name not in _RESERVED}
        if entry.leg is not None:
            detail["leg"] = entry.leg
        line = self.log.error if entry.kind == "error" else self.log.info
        line(entry.what, kind=entry.kind, **detail)

    def close(self) -> None:
        self.file.close()


_RESERVED: Final = frozenset({"event", "level", "timestamp", "kind", "session", "leg"})
"""Names that a log line already uses; an entry's detail keeps them in the timeline alone."""
