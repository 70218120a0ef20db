"""Uploaded sounds on disk: each content once, by its SHA-256, and a folder of links per version.

DATA/uploads/sounds/SHA256 and DATA/uploads/versions/DIGEST/. Blocking; called in
threads. A file is complete before it has its name, so that a kill leaves nothing half.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import secrets
import shutil
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import BinaryIO, Final

import attrs

from runtime.applications.faults import Kind, Refused
from runtime.sandbox.bundle import MAX_ASSET

MAX_SHELF: Final = 4 * 1024**3
"""Bytes of all sounds; some hundred hours of speech."""
UNUSED_S: Final = 3_600.0
"""A sound that no version names goes after this; an upload names it within seconds."""
_PART: Final = ".part"


class Arriving:
    """A sound while it comes: pieces in order, then `finish`, or `drop`."""

    def __init__(self, part: Path, place: Path) -> None:
        self._part = part
        self._place = place
        self._file: BinaryIO = part.open("xb")
        self._digest = hashlib.sha256()
        self._size = 0

    def add(self, piece: bytes) -> None:
        """Raises Refused when it gets too large."""
        self._size += len(piece)
        if self._size > MAX_ASSET:
            raise Refused(Kind.FULL, f"a sound has at most {MAX_ASSET} bytes")
        self._digest.update(piece)
        self._file.write(piece)

    def finish(self) -> int:
        """On disk for good; its size. Raises Refused when it is not what it is called."""
        found = self._digest.hexdigest()
        if found != self._place.name:
            raise Refused(Kind.INVALID, f"the content has the SHA-256 {found}, not the one named")
        self._file.flush()
        os.fsync(self._file.fileno())
        self._file.close()
        self._part.rename(self._place)
        _sync(self._place.parent)
        return self._size

    def drop(self) -> None:
        """Safe after `finish`."""
        self._file.close()
        self._part.unlink(missing_ok=True)


@attrs.frozen
class Shelf:
    folder: Path

    @property
    def _sounds(self) -> Path:
        return self.folder / "sounds"

    def begin(self, sha256: str) -> Arriving:
        """Raises Refused when there is no room."""
        self._sounds.mkdir(mode=0o700, parents=True, exist_ok=True)
        used = sum(entry.stat().st_size for entry in os.scandir(self._sounds))
        if used + MAX_ASSET > MAX_SHELF:
            raise Refused(
                Kind.FULL, f"the uploaded sounds take {used} bytes; delete scenarios first"
            )
        part = self._sounds / f"{sha256}.{secrets.token_hex(4)}{_PART}"
        return Arriving(part, self._sounds / sha256)

    def sizes(self, digests: Collection[str]) -> dict[str, int]:
        """Of those that are there. They are kept from now on as if they had just come."""
        found: dict[str, int] = {}
        for digest in digests:
            with contextlib.suppress(FileNotFoundError):
                os.utime(self._sounds / digest)
                found[digest] = (self._sounds / digest).stat().st_size
        return found

    def version_folder(self, digest: str) -> Path:
        """Its name says what is in it."""
        return self.folder / "versions" / digest

    def arrange(self, folder: Path, sounds: Mapping[str, str]) -> None:
        """Make the folder as it should be, whatever a kill left of it. Raises OSError."""
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        for name, digest in sounds.items():
            place = folder / name
            place.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            with contextlib.suppress(FileExistsError):
                os.link(self._sounds / digest, place)

    def tidy(self, used: Collection[str], now: float) -> int:
        """Delete sounds that no version names, and pieces that a kill left; how many."""
        gone = 0
        with contextlib.suppress(FileNotFoundError), os.scandir(self._sounds) as entries:
            for entry in entries:
                if entry.name not in used and entry.stat().st_mtime < now - UNUSED_S:
                    os.unlink(entry.path)
                    gone += 1
        return gone

    def remove_versions(self, used: Collection[str]) -> None:
        """All others, while no session can be playing from them."""
        with contextlib.suppress(FileNotFoundError):
            for folder in (self.folder / "versions").iterdir():
                if folder.name not in used:
                    shutil.rmtree(folder, ignore_errors=True)


def _sync(folder: Path) -> None:
    """The name in the folder is on disk, too."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
