"""Where the keys are that seal what is stored: DATA/callstage.key unless the operator says else.

A key file is its owner's alone, and is replaced whole. Blocking.
"""

from __future__ import annotations

import contextlib
import os
import secrets
import stat
from pathlib import Path
from typing import Final

from runtime.store.sealing import MAX_KEYS, Key, KeyFault, KeyRing, new_key

FILE: Final = "callstage.key"
MAX_FILE_BYTES: Final = 4_096
"""Sixteen keys and some comments; a larger file is the wrong file."""
_FOR_OTHERS: Final = stat.S_IRWXO


def read_ring(file: Path) -> KeyRing:
    """Raises KeyFault; FileNotFoundError when there is no such file."""
    try:
        with file.open("rb") as stream:
            others = stat.S_IMODE(os.fstat(stream.fileno()).st_mode) & _FOR_OTHERS
            raw = stream.read(MAX_FILE_BYTES + 1)
    except FileNotFoundError:
        raise
    except OSError as exc:
        raise KeyFault(f"the key file {file} cannot be read: {exc.strerror}") from exc
    if others:
        raise KeyFault(f"the key file {file} can be used by everybody: chmod 600 {file}")
    if len(raw) > MAX_FILE_BYTES:
        raise KeyFault(f"{file} is no key file: more than {MAX_FILE_BYTES} bytes")
    return KeyRing.parse(raw.decode("ascii", "replace"), f"the key file {file}")


def make_ring(file: Path) -> KeyRing:
    """A new file with a new key, or what another process has just made. Raises KeyFault."""
    with contextlib.suppress(FileExistsError):
        _put(file, (new_key(),), instead=False)
    return read_ring(file)


def add_key(file: Path) -> Key:
    """A new key before those that are there: it seals from the next start on. Raises KeyFault."""
    try:
        before = read_ring(file)
    except FileNotFoundError:
        raise KeyFault(f"there is no key file {file}") from None
    if len(before.keys) >= MAX_KEYS:
        raise KeyFault(f"{file} has {MAX_KEYS} keys, the limit; take old ones out first")
    key = new_key()
    _put(file, (key, *before.keys), instead=True)
    return key


def _put(file: Path, keys: tuple[Key, ...], *, instead: bool) -> None:
    """Whole and on disk before it has its name. Raises FileExistsError unless `instead`."""
    part = file.with_name(f".{file.name}.{secrets.token_hex(4)}")
    text = "".join(f"{key.text}\n" for key in keys)
    try:
        descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        with open(descriptor, "w", encoding="ascii") as stream:
            stream.write(text)
            stream.flush()
            os.fsync(descriptor)
        if instead:
            part.rename(file)
        else:
            os.link(part, file)
    except FileExistsError:
        raise
    except OSError as exc:
        raise KeyFault(f"the key file {file} cannot be written: {exc.strerror}") from exc
    finally:
        part.unlink(missing_ok=True)
