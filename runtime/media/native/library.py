"""The compiled helper of the audio engine: finds it, and describes its structs (engine.c).

It is compiled when the package is installed on a machine with a C compiler (.ci/native_build.py),
and never needed: without it the engine does the same work by numpy and the socket module. A library
that was compiled from another version of engine.c is not used.
"""

from __future__ import annotations

import ctypes
import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import attrs
from numpy.typing import NDArray

from runtime.media.clock import STEPS

SOURCE: Final = Path(__file__).with_name("engine.c")
LIBRARY: Final = Path(__file__).with_name("engine.so")
ADDRESS_MAX: Final = 28
DIGEST_SIZE: Final = 65
"""Of a SHA-256 in hexadecimal, with the zero at its end."""


class Unavailable(Exception):
    """The engine works without the helper; str() says why and what to do."""


class Inbox(ctypes.Structure):
    _fields_ = (
        ("struct_size", ctypes.c_int64),
        ("sockets", ctypes.c_void_p),
        ("socket_legs", ctypes.c_void_p),
        ("again", ctypes.c_void_p),
        ("sockets_count", ctypes.c_int64),
        ("idle", ctypes.c_void_p),
        ("idle_count", ctypes.c_int64),
        ("turn", ctypes.c_int64),
        ("rows", ctypes.c_void_p),
        ("row_size", ctypes.c_int64),
        ("capacity", ctypes.c_int64),
        ("lengths", ctypes.c_void_p),
        ("legs", ctypes.c_void_p),
        ("times", ctypes.c_void_p),
        ("count", ctypes.c_int64),
        ("refused", ctypes.c_int64),
    )


class Following(ctypes.Structure):
    _fields_ = (
        ("struct_size", ctypes.c_int64),
        ("legs", ctypes.c_int64),
        ("heads", ctypes.c_void_p),
        ("sizes", ctypes.c_void_p),
        ("tables", ctypes.c_void_p),
        ("highest", ctypes.c_void_p),
        ("received", ctypes.c_void_p),
        ("last_arrival", ctypes.c_void_p),
        ("max_gap", ctypes.c_void_p),
        ("jitter", ctypes.c_void_p),
        ("octets_received", ctypes.c_void_p),
        ("timestamp", ctypes.c_void_p),
        ("least", ctypes.c_void_p),
        ("most", ctypes.c_void_p),
        ("end", ctypes.c_void_p),
        ("base", ctypes.c_void_p),
        ("ring", ctypes.c_void_p),
        ("written", ctypes.c_void_p),
        ("slots", ctypes.c_int64),
        ("clock", ctypes.c_int64),
        ("decoder", ctypes.c_void_p),
        ("lost", ctypes.c_void_p),
    )


class Arrivals(ctypes.Structure):
    _fields_ = (
        ("struct_size", ctypes.c_int64),
        ("rows", ctypes.c_void_p),
        ("row_size", ctypes.c_int64),
        ("count", ctypes.c_int64),
        ("lengths", ctypes.c_void_p),
        ("legs", ctypes.c_void_p),
        ("times", ctypes.c_void_p),
        ("followed", ctypes.c_void_p),
    )


class Frame(ctypes.Structure):
    _fields_ = (
        ("struct_size", ctypes.c_int64),
        ("legs", ctypes.c_int64),
        ("rows", ctypes.c_int64),
        ("players", ctypes.c_int64),
        ("slots", ctypes.c_int64),
        ("clock", ctypes.c_int64),
        ("samples", ctypes.c_void_p),
        ("at", ctypes.c_void_p),
        ("ring", ctypes.c_void_p),
        ("written", ctypes.c_void_p),
        ("missed", ctypes.c_void_p),
        ("noise_level", ctypes.c_void_p),
        ("pause_from", ctypes.c_void_p),
        ("noise", ctypes.c_void_p),
        ("noise_period", ctypes.c_int64),
        ("running", ctypes.c_void_p),
        ("running_count", ctypes.c_int64),
        ("player_rows", ctypes.c_void_p),
        ("filled", ctypes.c_void_p),
        ("cursor", ctypes.c_void_p),
        ("blocks", ctypes.c_void_p),
        ("block_frames", ctypes.c_int64),
        ("run_at", ctypes.c_void_p),
        ("run_left", ctypes.c_void_p),
        ("spent", ctypes.c_int64),
        ("source_of", ctypes.c_void_p),
        ("heard", ctypes.c_void_p),
        ("packets", ctypes.c_void_p),
        ("packet_size", ctypes.c_int64),
        ("law", ctypes.c_void_p),
        ("sequence", ctypes.c_void_p),
        ("timestamp", ctypes.c_void_p),
        ("active", ctypes.c_void_p),
        ("clock_step", ctypes.c_void_p),
        ("encoder", ctypes.c_void_p),
    )


class Cruise(ctypes.Structure):
    _fields_ = (
        ("struct_size", ctypes.c_int64),
        ("origin", ctypes.c_double),
        ("step_s", ctypes.c_double),
        ("count", ctypes.c_int64),
        ("frames", ctypes.c_int64),
        ("legs", ctypes.c_int64),
        ("behind", ctypes.c_int32),
        ("epoll", ctypes.c_int32),
        ("plans", ctypes.c_void_p * STEPS),
        ("planned", ctypes.c_int64 * STEPS),
        ("followed", ctypes.c_void_p),
    )


class Departure(ctypes.Structure):
    _fields_ = (
        ("fd", ctypes.c_int32),
        ("address_size", ctypes.c_uint32),
        ("address", ctypes.c_uint8 * ADDRESS_MAX),
        ("sizes", ctypes.c_uint32 * 2),
        ("instead_size", ctypes.c_uint32),
        ("packets", ctypes.c_void_p * 2),
        ("instead", ctypes.c_void_p),
    )


class Outbox(ctypes.Structure):
    _fields_ = (
        ("struct_size", ctypes.c_int64),
        ("departures", ctypes.c_void_p),
        ("legs", ctypes.c_int64),
        ("refused", ctypes.c_int64),
        ("failed", ctypes.c_int64),
    )


@attrs.frozen
class Library:
    """The helper's functions; each returns a count. RuntimeError for a struct of another layout."""

    read: Callable[[Any], int]
    follow: Callable[[Any, Any], int]
    frame: Callable[[Any, int, int], int]
    play: Callable[[Any], int]
    send: Callable[[Any, Any, int, int], int]
    step: Callable[[Any, Any, float, int, int], int]
    cruise: Callable[[Any, Any, Any, Any, Any], int]


def load(path: Path = LIBRARY, source: Path = SOURCE) -> Library:
    """The helper, ready for use. Raises Unavailable."""
    if not path.exists():
        raise Unavailable(
            "the native helper was not compiled; install a C compiler, then callstage again"
        )
    try:
        dll = ctypes.CDLL(str(path))
        compiled_from = (ctypes.c_char * DIGEST_SIZE).in_dll(dll, "callstage_source").value
    except (OSError, ValueError) as exc:
        raise Unavailable(f"the native helper cannot be loaded: {exc}") from exc
    if compiled_from != digest(source):
        raise Unavailable(
            "the native helper was compiled from another version; install callstage again"
        )
    pointer, size = ctypes.c_void_p, ctypes.c_int64
    return Library(
        read=_function(dll.callstage_read, pointer),
        follow=_function(dll.callstage_follow, pointer, pointer),
        frame=_function(dll.callstage_frame, pointer, size, size),
        play=_function(dll.callstage_play, pointer),
        send=_function(dll.callstage_send, pointer, pointer, pointer, size),
        step=_function(dll.callstage_step, pointer, pointer, ctypes.c_double, pointer, size),
        cruise=_function(dll.callstage_cruise, pointer, pointer, pointer, pointer, pointer),
    )


def available() -> str:
    """Why this machine does without the helper; empty when it is there."""
    try:
        load()
    except Unavailable as exc:
        return str(exc)
    return ""


def means(without_helper: str) -> str:
    """What an engine does its work with, for people."""
    return f"numpy ({without_helper})" if without_helper else "native helper"


def digest(source: Path) -> bytes:
    """Names a version of the helper's source."""
    return hashlib.sha256(source.read_bytes()).hexdigest().encode()


def pointer(array: NDArray[Any]) -> int:
    """Where the array lies; whoever hands it on keeps the array alive and in its place."""
    assert array.flags.c_contiguous
    return array.ctypes.data


def structure(kind: type[ctypes.Structure], **values: int) -> Any:
    """A struct whose size is noted in it, so that the helper can tell its layout."""
    return kind(struct_size=ctypes.sizeof(kind), **values)


def _function(function: Any, *arguments: Any) -> Any:
    function.argtypes, function.restype = arguments, ctypes.c_int64
    function.errcheck = _checked
    return function


def _checked(count: int, function: Any, _: Any) -> int:
    if count < 0:
        raise RuntimeError(f"{function.__name__} was given a struct of another layout")
    return count
