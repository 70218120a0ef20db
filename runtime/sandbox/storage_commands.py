"""Commands about what outlives the session: pairs of the application, and reports."""

from __future__ import annotations

from typing import ClassVar, Final

import attrs

from runtime.decisions.storage import MAX_KEY, MAX_LISTED, MAX_TTL_S, MAX_VALUE
from runtime.sandbox.command import Command
from runtime.sandbox.schema import MAX_REPORT, checked, one_of, text_of, whole_number


@attrs.frozen(kw_only=True)
class GetPair(Command):
    """Settles with the pair as JSON, or with nothing when there is none."""

    op: ClassVar[str] = "storage.get"
    key: str = checked(text_of(MAX_KEY, empty=False))


@attrs.frozen(kw_only=True)
class PutPair(Command):
    """Settles with the pair as JSON."""

    op: ClassVar[str] = "storage.put"
    key: str = checked(text_of(MAX_KEY, empty=False))
    value: str = checked(text_of(MAX_VALUE, lines=True))
    ttl: int = checked(whole_number(0, MAX_TTL_S))


@attrs.frozen(kw_only=True)
class RemovePair(Command):
    """Settles as `GetPair`, with what was there."""

    op: ClassVar[str] = "storage.remove"
    key: str = checked(text_of(MAX_KEY, empty=False))


@attrs.frozen(kw_only=True)
class ListKeys(Command):
    """Settles with a JSON list of keys."""

    op: ClassVar[str] = "storage.keys"
    pattern: str = checked(text_of(MAX_KEY))
    count: int = checked(whole_number(1, MAX_LISTED))


@attrs.frozen(kw_only=True)
class Report(Command):
    """CallList: what became of the task that this session is. `data` is JSON."""

    op: ClassVar[str] = "session.report"
    kind: str = checked(one_of("result", "error", "progress", "next_attempt"))
    data: str = checked(text_of(MAX_REPORT, lines=True))


STORAGE_COMMANDS: Final[tuple[type[Command], ...]] = (
    GetPair,
    PutPair,
    RemovePair,
    ListKeys,
    Report,
)
