"""ApplicationStorage: small values that all sessions of the application share and that outlive
them."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any, Final, Generic, TypeVar

import attrs

from runtime.api.errors import CommandFailed
from runtime.api.handle import Handle, without_name
from runtime.api.names import StrictNames
from runtime.api.running import current
from runtime.decisions.storage import MAX_LISTED
from runtime.sandbox.storage_commands import GetPair, ListKeys, PutPair, RemovePair

T = TypeVar("T")


@attrs.frozen(kw_only=True)
class KeyValue:
    """A pair of ApplicationStorage; `expireAt` is the Unix time at which it is gone, `expire` the
    same as our scripts had it first. VoxEngine reference: StorageKey."""

    key: str
    value: str
    expireAt: int

    @property
    def expire(self) -> int:
        return self.expireAt


@attrs.frozen(kw_only=True)
class KeyList:
    """What ApplicationStorage.keys gives: `keys`, those set first first."""

    keys: tuple[str, ...]


class StorageHandle(Handle[T], Generic[T]):
    """Awaiting it gives what was asked for, or raises CommandFailed."""

    __slots__ = ("_read",)

    def __init__(self, what: str, read: Callable[[str | None], T]) -> None:
        super().__init__(what)
        self._read = read

    def _receive(self, value: str | None, error: str | None) -> None:
        self._settle(self._read(value) if error is None else None, error)

    def _outcome(self) -> T:
        if self._error is not None:
            raise CommandFailed(f"{self._what}(): {without_name(self._error)}")
        return super()._outcome()


class Storage(StrictNames):
    """Key-value pairs of the application. They are kept in DATA/callstage.db, in tests for the
    length of a test. VoxEngine reference: ApplicationStorage."""

    __slots__ = ()
    _shown_as = "ApplicationStorage"

    def __repr__(self) -> str:
        return "ApplicationStorage"

    def put(self, key: str, value: str, ttl: int) -> StorageHandle[KeyValue]:
        """Set a pair for `ttl` seconds (0 to 7,776,000, 90 days); awaiting gives it as KeyValue.

        `key` has 1 to 200 characters, `value` up to 2,000. Awaiting raises CommandFailed when the
        application has too many pairs (10,000 by default). VoxEngine reference:
        ApplicationStorage.put.
        """
        return _asked("put", PutPair, _pair, key=key, value=value, ttl=ttl)

    def get(self, key: str) -> StorageHandle[KeyValue | None]:
        """Awaiting gives the pair as KeyValue, None when there is none (any more). VoxEngine
        reference: ApplicationStorage.get."""
        return _asked("get", GetPair, _pair_or_none, key=key)

    def remove(self, key: str) -> StorageHandle[KeyValue | None]:
        """Take a pair away; awaiting gives what was there, or None. VoxEngine reference:
        ApplicationStorage.remove."""
        return _asked("remove", RemovePair, _pair_or_none, key=key)

    def keys(self, pattern: str = "*", count: int = MAX_LISTED) -> StorageHandle[KeyList]:
        """Awaiting gives a KeyList of up to `count` (1 to 1,000) keys that match; one `*` in
        `pattern` stands for any characters. Without one it is a key, or a namespace: "user" gives
        "user" and all that begin with "user:". Awaiting raises CommandFailed when they have more
        than 512 KiB together. VoxEngine reference: ApplicationStorage.keys."""
        return _asked("keys", ListKeys, _keys, pattern=pattern, count=count)


ApplicationStorage: Final = Storage()


def _asked(
    what: str, command: type[Any], read: Callable[[str | None], T], **fields: object
) -> StorageHandle[T]:
    session = current()
    handle = StorageHandle(f"ApplicationStorage.{what}", read)
    return session.command(session.build(handle._what, command, {}, **fields), handle)


def _pair(value: str | None) -> KeyValue:
    pair = json.loads(value or "")
    return KeyValue(key=pair["key"], value=pair["value"], expireAt=pair["expire"])


def _pair_or_none(value: str | None) -> KeyValue | None:
    return None if value is None else _pair(value)


def _keys(value: str | None) -> KeyList:
    return KeyList(keys=tuple(json.loads(value or "[]")))
