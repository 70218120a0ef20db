"""Standard output that nobody can write to ends a command in a sentence, whichever it is.

Everything that commands say goes through `sys.stdout`. What fails there is told apart from the
other files of a command by an exception of its own, wherever in its tasks it comes up.
"""

from __future__ import annotations

import errno
import io
import os
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer

LOST: Final = 1
"""The exit code: what was asked for was not told."""


class OutputLost(Exception):
    """Standard output took no more; no OSError, which verbs look for in files of their own."""

    def __init__(self, cause: OSError) -> None:
        super().__init__(f"standard output cannot be written: {cause.strerror}")
        self.is_closed_pipe = cause.errno == errno.EPIPE


class _Raw(io.RawIOBase):
    """The descriptor itself, below all buffers; it is left open."""

    def __init__(self, descriptor: int) -> None:
        super().__init__()
        self._descriptor = descriptor

    def fileno(self) -> int:
        return self._descriptor

    def isatty(self) -> bool:
        return os.isatty(self._descriptor)

    def writable(self) -> bool:
        return True

    def write(self, data: ReadableBuffer, /) -> int:
        try:
            return os.write(self._descriptor, data)
        except OSError as exc:
            raise OutputLost(exc) from exc


def command_output(command: Callable[[], None]) -> None:
    """Run a command; SystemExit when its output was lost. A pipe that was closed (`| head`) needs
    no words: whoever closed it has what it wants."""
    _watch()
    lost: OutputLost | None = None
    try:
        try:
            command()
        finally:
            sys.stdout.flush()
    except* OutputLost as group:
        lost = _first(group)
    if lost is not None:
        _forget_output()
        if not lost.is_closed_pipe:
            sys.stderr.write(f"callstage: {lost}\n")
        raise SystemExit(LOST)


def _watch() -> None:
    """Puts our descriptor below `sys.stdout`; one that is closed takes everything."""
    if sys.stdout is None:
        sys.stdout = open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115 - until the end
        return
    before = sys.stdout
    sys.stdout = io.TextIOWrapper(
        io.BufferedWriter(_Raw(before.fileno())),
        encoding=before.encoding,
        errors=before.errors,
        line_buffering=before.isatty(),
    )


def _first(group: BaseExceptionGroup[OutputLost]) -> OutputLost:
    """All of them say the same."""
    found = group.exceptions[0]
    return _first(found) if isinstance(found, BaseExceptionGroup) else found


def _forget_output() -> None:
    """What is buffered is written at the exit, once more."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, sys.stdout.fileno())
    os.close(nowhere)
