"""The recordings folder: names, limits, and files of killed recorders put right.

DATA/recordings/SESSION/NUMBER.CONTAINER. The folder never takes more than the operator gives it,
and the disk is never filled up: a call matters more than its recording. Blocking; the store calls
it in threads.
"""

from __future__ import annotations

import contextlib
import os
import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Final

from runtime.media.port import RecordingError
from runtime.media.sounds.headers import HEAD_BYTES, repair

CONTAINERS: Final = ("mp3", "wav", "flac", "ogg")
MIN_FREE_BYTES: Final = 64 * 1024 * 1024
"""Left to the rest of the machine."""
_SESSION: Final = re.compile(r"[A-Za-z0-9_-]{1,64}")


class RecordingDisk:
    def __init__(self, folder: Path, limit_bytes: int) -> None:
        self.folder = folder
        self.limit_bytes = limit_bytes
        self._finished_bytes = 0

    def create(
        self, session_id: str, number: int, container: str, growing: Iterable[Path] = ()
    ) -> tuple[Path, int]:
        """A new empty file and its descriptor. Raises RecordingError, also when all is full."""
        if not _SESSION.fullmatch(session_id) or number < 1 or container not in CONTAINERS:
            raise RecordingError(f"{session_id}/{number}.{container} is no recording's name")
        if (why := self.why_full(growing)) is not None:
            raise RecordingError(why)
        path = self.folder / session_id / f"{number}.{container}"
        try:
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            flags = os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC | os.O_NOFOLLOW
            return path, os.open(path, flags, 0o600)
        except OSError as exc:
            raise RecordingError(f"{path} cannot be written: {exc.strerror}") from exc

    def find(self, session_id: str, number: int) -> Path | None:
        """The file of a recording, finished or not."""
        if not _SESSION.fullmatch(session_id):
            return None
        for container in CONTAINERS:
            path = self.folder / session_id / f"{number}.{container}"
            if path.is_file() and not path.is_symlink():
                return path
        return None

    def add_finished(self, size_bytes: int) -> None:
        """A recording is complete; its size counts from now on without looking at it again."""
        self._finished_bytes += size_bytes

    def why_full(self, growing: Iterable[Path]) -> str | None:
        """None while more may be recorded; `growing` are the recordings in progress."""
        sizes = sum(_size(path) for path in growing)
        if self._finished_bytes + sizes >= self.limit_bytes:
            # Somebody may have tidied up since the last time.
            self._finished_bytes = sum(_size(path) for path in self._files()) - sizes
            used = self._finished_bytes + sizes
            if used >= self.limit_bytes:
                return (
                    f"the recordings take {used:,} bytes, the limit is {self.limit_bytes:,} "
                    "([data] recordings_max)"
                )
        try:
            disk = os.statvfs(self.folder)
        except OSError as exc:
            return f"{self.folder} cannot be used: {exc.strerror}"
        free = disk.f_bavail * disk.f_frsize
        return f"the disk is full ({free:,} bytes are free)" if free < MIN_FREE_BYTES else None

    def recover(self) -> list[Path]:
        """Put right what a killed core left; the paths that needed it. Before any recording."""
        try:
            self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        except OSError as exc:
            raise RecordingError(f"{self.folder} cannot be made: {exc.strerror}") from exc
        files = list(self._files())
        self._finished_bytes = sum(_size(path) for path in files)
        return [path for path in files if self.repair(path)]

    def repair(self, path: Path) -> bool:
        """Let the file's header tell its length; whether it did not."""
        with contextlib.suppress(OSError):
            fd = os.open(path, os.O_RDWR | os.O_CLOEXEC | os.O_NOFOLLOW)
            try:
                patches = repair(os.pread(fd, HEAD_BYTES, 0), os.fstat(fd).st_size)
                for at, data in patches:
                    os.pwrite(fd, data, at)
                return bool(patches)
            finally:
                os.close(fd)
        return False

    def _files(self) -> Iterator[Path]:
        for container in CONTAINERS:
            for path in self.folder.glob(f"*/*.{container}"):
                if path.is_file() and not path.is_symlink():
                    yield path


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return 0
