"""The timeline of one session as it grows, read from its file without starting over."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any, Final

import attrs

MAX_TEXT: Final = 4_000
"""Of one entry: some scripts write megabytes."""
OVER: Final = "over: "


@attrs.define
class Story:
    """What has happened so far; `look` reads on."""

    file: Path
    call_id: str = ""
    """Of the call that it began with: a script that calls itself begins more of its name."""
    logs: list[str] = attrs.field(factory=list)
    told: list[str] = attrs.field(factory=list)
    """All entries, one line each, cut."""
    errors: list[str] = attrs.field(factory=list)
    end: str | None = None
    """The cause, once the session is over."""
    _position: int = 0

    @property
    def session(self) -> str:
        return self.file.parent.name

    def look(self) -> Story:
        with self.file.open("rb") as file:
            file.seek(self._position)
            for line in file.read().splitlines(keepends=True):
                if not line.endswith(b"\n"):
                    break
                self._position += len(line)
                self._take(json.loads(line))
        return self

    def _take(self, entry: dict[str, Any]) -> None:
        kind, what = entry["kind"], entry["what"][:MAX_TEXT]
        self.told.append(f"{kind}: {what} {entry['detail']}"[:MAX_TEXT])
        if kind == "log":
            self.logs.append(what)
        elif kind == "error":
            self.errors.append(what)
        elif kind == "sip" and not self.call_id and what.startswith("in INVITE"):
            self.call_id = _call_id(entry["detail"]["text"])
        elif kind == "session" and what.startswith(OVER):
            self.end = what.removeprefix(OVER)


@attrs.define
class Library:
    """The stories of one runtime, each found by the call that began it."""

    folder: Path
    _known: dict[str, Story] = attrs.field(factory=dict)

    def of_call(self, call_id: str) -> Story | None:
        """The session that this call began, once it has begun."""
        for folder in self.folder.iterdir() if self.folder.is_dir() else ():
            if folder.name not in self._known and (folder / "timeline.jsonl").exists():
                self._known[folder.name] = Story(folder / "timeline.jsonl")
        stories = self._known.values()
        return next((each for each in stories if _call_of(each) == call_id), None)


def _call_of(story: Story) -> str:
    return story.call_id or story.look().call_id


def _call_id(message: str) -> str:
    return re.findall(r"^Call-ID: (.*)\r$", message, re.MULTILINE)[0]
