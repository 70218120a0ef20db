"""Landlock: the second kernel lock; every file, TCP and signal right given up, or nearly.

A ruleset that handles every right and allows none, except, for a process whose library reads its
own data, reading below one folder. Needs no privilege; how much it can refuse depends on the
kernel's ABI version, which is asked, and reported by the probe.
"""

from __future__ import annotations

import ctypes
import os
import struct
from pathlib import Path
from typing import Final

import attrs

_libc: Final = ctypes.CDLL(None, use_errno=True)
_CREATE_RULESET: Final = 444
_ADD_RULE: Final = 445
_RESTRICT_SELF: Final = 446
_VERSION_FLAG: Final = 1
_PR_SET_NO_NEW_PRIVS: Final = 38
_PATH_BENEATH: Final = 1
_READ_FILE_AND_FOLDER: Final = 0b1100
"""LANDLOCK_ACCESS_FS_READ_FILE and _READ_DIR."""

_FS_RIGHTS: Final = {1: (1 << 13) - 1, 2: (1 << 14) - 1, 3: (1 << 15) - 1, 5: (1 << 16) - 1}
"""File rights by the ABI that brought the last of them: execute ... refer, truncate, ioctl_dev."""
_NET_ABI: Final = 4
_NET_RIGHTS: Final = 0b11
"""Bind and connect TCP."""
_SCOPE_ABI: Final = 6
_SCOPES: Final = 0b11
"""Abstract UNIX sockets and signals stay inside."""


class LandlockUnavailable(Exception):
    """The kernel has no Landlock, or it is switched off; str() says which."""


def abi_version() -> int:
    """0 when there is none."""
    version = int(_libc.syscall(_CREATE_RULESET, None, 0, _VERSION_FLAG))
    return max(version, 0)


def ruleset(abi: int) -> bytes:
    """struct landlock_ruleset_attr with every right that `abi` knows handled."""
    rights = _FS_RIGHTS[max(known for known in _FS_RIGHTS if known <= abi)]
    fields = [rights]
    if abi >= _NET_ABI:
        fields.append(_NET_RIGHTS)
    if abi >= _SCOPE_ABI:
        fields.append(_SCOPES)
    return struct.pack(f"={len(fields)}Q", *fields)


@attrs.frozen
class Ruleset:
    """Gives up every right that this kernel's Landlock knows. Prepared once, for every fork."""

    abi: int
    but_reading: Path | None
    """The folder below which files may still be read."""
    _attributes: bytes

    @classmethod
    def prepared(cls, *, but_reading: Path | None = None) -> Ruleset:
        """Raises LandlockUnavailable."""
        abi = abi_version()
        if abi < 1:
            raise LandlockUnavailable("this kernel has none, or it is switched off")
        return cls(abi, but_reading, ruleset(abi))

    def restrict(self) -> None:
        """Restrict the calling thread, and what it starts, for good. Raises LandlockUnavailable."""
        size = len(self._attributes)
        descriptor = int(_libc.syscall(_CREATE_RULESET, self._attributes, size, 0))
        if descriptor < 0:
            raise LandlockUnavailable(f"ruleset: {os.strerror(ctypes.get_errno())}")
        try:
            if self.but_reading is not None:
                _allow_reading(descriptor, self.but_reading)
            if _libc.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0:
                raise LandlockUnavailable(f"no_new_privs: {os.strerror(ctypes.get_errno())}")
            if _libc.syscall(_RESTRICT_SELF, descriptor, 0) != 0:
                raise LandlockUnavailable(f"restrict: {os.strerror(ctypes.get_errno())}")
        finally:
            os.close(descriptor)


def _allow_reading(ruleset: int, folder: Path) -> None:
    """struct landlock_path_beneath_attr, which is packed."""
    try:
        parent = os.open(folder, os.O_PATH | os.O_CLOEXEC)
    except OSError as exc:
        raise LandlockUnavailable(f"{folder}: {exc.strerror}") from exc
    try:
        rule = struct.pack("=Qi", _READ_FILE_AND_FOLDER, parent)
        if _libc.syscall(_ADD_RULE, ruleset, _PATH_BENEATH, rule, 0) != 0:
            raise LandlockUnavailable(f"rule: {os.strerror(ctypes.get_errno())}")
    finally:
        os.close(parent)
