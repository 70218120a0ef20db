"""Hostile packets and senseless columns: the helper touches nothing but what it was given.

Every array lies between guards, which must come out as they went in. (Run by hand under ASan and
UBSan as well, see docs/design/audio-engine.md.)
"""

from __future__ import annotations

import ctypes
import random
import socket
from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from runtime.media.native import library as native
from runtime.media.native.library import Library, pointer, structure
from runtime.media.native.traffic import RESTING
from runtime.media.traffic import SO_TIMESTAMPNS
from tests.media.native.helper import helper

GUARD = 4096
FILL = 0xA5
LEGS, SLOTS, ROWS, ROW_SIZE, PLAYERS, BLOCK_FRAMES = 5, 8, 12, 256, 3, 4
RUN_FRAMES = 20
RUN = np.zeros(RUN_FRAMES * 160, dtype=np.int16)
"""What lies behind a run is the engine's to know, and its length."""
ODD = (-(1 << 62), -(1 << 31), -161, -1, 0, 1, 2, 4, 5, 159, 160, 172, 1 << 31, 1 << 62)
"""Numbers that break careless arithmetic."""


class Guarded:
    """Arrays with guards around them."""

    def __init__(self) -> None:
        self._all: list[tuple[NDArray[np.uint8], int]] = []

    def array(self, values: NDArray[Any]) -> NDArray[Any]:
        size = values.nbytes
        whole = np.full(GUARD + size + GUARD, FILL, dtype=np.uint8)
        inside: NDArray[Any] = whole[GUARD : GUARD + size].view(values.dtype)
        inside[:] = values.reshape(-1)
        self._all.append((whole, size))
        return inside

    def check(self) -> None:
        for whole, size in self._all:
            assert (whole[:GUARD] == FILL).all()
            assert (whole[GUARD + size :] == FILL).all()


@pytest.fixture(scope="module")
def library() -> Library:
    return helper()


def odd(chance: random.Random, count: int, *likely: int) -> NDArray[np.int64]:
    values = [chance.choice([*likely, *likely, chance.choice(ODD)]) for _ in range(count)]
    return np.array(values, dtype=np.int64)


def octets(chance: random.Random, count: int) -> NDArray[np.uint8]:
    return np.frombuffer(chance.randbytes(count), dtype=np.uint8)


def zeros(count: int, kind: str = "i8") -> NDArray[Any]:
    return np.zeros(count, dtype=kind)


def places(guarded: Guarded, columns: Mapping[str, Any]) -> tuple[Any, dict[str, int]]:
    arrays = {name: guarded.array(column) for name, column in columns.items()}
    return arrays, {name: pointer(array) for name, array in arrays.items()}


@pytest.mark.parametrize("seed", range(300))
def test_following_packets_of_any_kind_stays_within_its_columns(
    library: Library, seed: int
) -> None:
    chance, guarded = random.Random(seed), Guarded()
    heads = octets(chance, LEGS * 12)
    columns = {
        "heads": heads,
        "sizes": odd(chance, LEGS, 172),
        "tables": np.array([chance.choice([0, 256, 999, 65535]) for _ in range(LEGS)], "u2"),
        **{name: zeros(LEGS) for name in ("highest", "received", "octets_received", "end")},
        **{name: zeros(LEGS, "f8") for name in ("last_arrival", "max_gap", "jitter")},
        "timestamp": odd(chance, LEGS, 0, 160, 320) // 4,
        "base": odd(chance, LEGS, 0, 160, -160) // 4,
        "least": zeros(LEGS),
        "most": zeros(LEGS),
        "ring": zeros(SLOTS * LEGS * 160, "i2"),
        "written": zeros(SLOTS * LEGS, "u1"),
        "decoder": zeros(512, "i2"),
        "lost": zeros(LEGS, "u1"),
    }
    arrays, at = places(guarded, columns)
    clock = chance.choice([0, 160, 161, 1 << 40, -160])
    following = structure(native.Following, legs=LEGS, slots=SLOTS, clock=clock, **at)
    rows = octets(chance, ROWS * ROW_SIZE).reshape(ROWS, ROW_SIZE).copy()
    legs = odd(chance, ROWS, *range(LEGS))
    for row, leg in zip(rows, legs, strict=True):
        if 0 <= leg < LEGS and chance.random() < 0.8:
            row[:12] = heads.reshape(LEGS, 12)[leg]
    _, came = places(
        guarded,
        {
            "rows": rows,
            "lengths": odd(chance, ROWS, 172, 172),
            "legs": legs,
            "times": zeros(ROWS, "f8"),
            "followed": np.array([chance.choice([0] * 8 + [1, 2]) for _ in range(ROWS)], "u1"),
        },
    )
    row_size = chance.choice([ROW_SIZE, ROW_SIZE, 171, 0, -5])
    arrivals = structure(native.Arrivals, row_size=row_size, count=ROWS, **came)
    try:
        library.follow(ctypes.addressof(following), ctypes.addressof(arrivals))
    except RuntimeError:
        assert row_size < 172 or clock < 0
    guarded.check()
    assert not arrays["lost"].any()


@pytest.mark.parametrize("seed", range(300))
def test_a_frame_of_senseless_columns_stays_within_them(library: Library, seed: int) -> None:
    chance, guarded = random.Random(seed), Guarded()
    rows = 1 + LEGS + PLAYERS
    columns = {
        "samples": zeros(rows * 160, "i2"),
        "at": zeros(rows, "u8"),
        "ring": octets(chance, SLOTS * LEGS * 320).view(np.int16),
        "written": np.array([chance.random() < 0.5 for _ in range(SLOTS * LEGS)], "u1"),
        "missed": odd(chance, LEGS, 0, 480),
        "noise_level": odd(chance, LEGS, 0, 100),
        "pause_from": odd(chance, LEGS, 0, 160),
        "noise": zeros(7 + 160, "i2"),
        "running": odd(chance, 6, *range(PLAYERS)),
        "player_rows": odd(chance, PLAYERS, *range(rows)),
        "filled": odd(chance, PLAYERS, *range(BLOCK_FRAMES)),
        "cursor": odd(chance, PLAYERS, *range(BLOCK_FRAMES)),
        "blocks": zeros(PLAYERS * BLOCK_FRAMES * 160, "i2"),
        "run_at": np.full(PLAYERS, pointer(RUN), dtype="u8"),
        "run_left": odd(chance, PLAYERS, 0, 1, RUN_FRAMES).clip(max=RUN_FRAMES),
        "source_of": odd(chance, LEGS, *range(rows)),
        "heard": zeros(LEGS * 160, "i2"),
        "packets": zeros(LEGS * 172, "u1"),
        "law": odd(chance, LEGS, 0, 1),
        "sequence": odd(chance, LEGS, 7) // 2,
        "timestamp": odd(chance, LEGS, 7) // 2,
        "active": np.array([chance.choice([0, 1, 77]) for _ in range(LEGS)], "u1"),
        "clock_step": np.full(LEGS, 160),
        "encoder": zeros(2 * 65536, "u1"),
    }
    if chance.random() < 0.8:  # a frame in which all legs go on as they did
        columns["written"][:] = 0
        columns["missed"][:] = 480
    _, at = places(guarded, columns)
    frame = structure(
        native.Frame,
        legs=LEGS,
        rows=rows,
        players=PLAYERS,
        slots=SLOTS,
        noise_period=7,
        clock=chance.choice([0, 160, 1 << 40, -1]),
        running_count=6,
        block_frames=BLOCK_FRAMES,
        packet_size=chance.choice([172, 172, 172, 100]),
        **at,
    )
    count = chance.choice([0, 3, LEGS, LEGS, LEGS, LEGS + 1, -1])
    try:
        library.frame(ctypes.addressof(frame), count, chance.choice([0, 1, 2, 3, 4, 9, -3]))
        library.play(ctypes.addressof(frame))
    except RuntimeError:
        assert frame.packet_size < 172 or frame.clock < 0 or not 0 <= count <= LEGS
    guarded.check()


def test_packets_of_all_sizes_are_read_within_their_rows(library: Library) -> None:
    guarded = Guarded()
    with (
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as here,
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as there,
    ):
        here.bind(("127.0.0.1", 0))
        here.setsockopt(socket.SOL_SOCKET, SO_TIMESTAMPNS, 1)
        arrays, at = places(
            guarded,
            {
                "sockets": np.array([-1, here.fileno(), 1 << 30], "i4"),
                "socket_legs": np.array([0, 3, 1], "i4"),
                "idle": zeros(3, "u1"),
                "again": zeros(3, "i4"),
                "rows": zeros(4 * ROW_SIZE, "u1"),
                "lengths": zeros(4),
                "legs": zeros(4),
                "times": zeros(4, "f8"),
            },
        )
        inbox = structure(
            native.Inbox, sockets_count=3, row_size=ROW_SIZE, capacity=4, idle_count=3, **at
        )
        for size in (0, 1, 11, 12, 171, 172, 173, 255, 256, 257, 1472, 9000, 65507):
            inbox.count = 3  # one row is left
            for _ in range(2):
                there.sendto(b"\xee" * size, here.getsockname())
            assert library.read(ctypes.addressof(inbox)) == 1
            assert inbox.count == 4
            assert arrays["lengths"][3] == min(size, ROW_SIZE)
            assert arrays["legs"][3] == 3
            assert library.read(ctypes.addressof(inbox)) == 0  # no row is left
            here.recv(1)
        inbox.count, inbox.sockets_count = 0, -1
        with pytest.raises(RuntimeError):
            library.read(ctypes.addressof(inbox))
        guarded.check()


def test_departures_that_make_no_sense_are_not_sent(library: Library) -> None:
    departures: Any = (native.Departure * 3)()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        packet = np.zeros(172, dtype=np.uint8)
        for departure in departures:
            departure.fd = sock.fileno()
            departure.packets[0], departure.sizes[0] = pointer(packet), len(packet)
        departures[0].fd = -1
        departures[1].address_size = 29
        departures[2].sizes[0] = 70_000
        outbox = structure(native.Outbox, departures=ctypes.addressof(departures), legs=3)
        inbox = structure(native.Inbox, row_size=ROW_SIZE)
        plan = np.array([0, 2, 4, 1, 3, 5, -1, 6, 2**31 - 1, -(2**31)], dtype=np.int32)
        places = ctypes.addressof(inbox), ctypes.addressof(outbox)
        assert library.send(*places, pointer(plan), len(plan)) == 0
        assert (outbox.refused, outbox.failed) == (0, 0)


def test_a_silent_socket_that_sends_is_read_into_a_free_row_only(library: Library) -> None:
    guarded = Guarded()
    departures: Any = (native.Departure * 3)()
    with (
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as here,
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as there,
    ):
        there.bind(("127.0.0.1", 0))
        here.connect(there.getsockname())
        packet = np.zeros(172, dtype=np.uint8)
        for departure in departures:
            departure.fd = here.fileno()
            departure.packets[0], departure.sizes[0] = pointer(packet), len(packet)
        arrays, at = places(
            guarded,
            {
                "idle": np.array([0, RESTING], "u1"),
                "rows": zeros(2 * ROW_SIZE, "u1"),
                "lengths": zeros(2),
                "legs": zeros(2),
                "times": zeros(2, "f8"),
            },
        )
        inbox = structure(native.Inbox, row_size=ROW_SIZE, capacity=2, idle_count=2, **at)
        outbox = structure(native.Outbox, departures=ctypes.addressof(departures), legs=3)
        plan = np.array([0, 2, 4], dtype=np.int32)
        for full in (1, 0):
            inbox.count = 1 + full
            arrays["idle"][1] = RESTING
            there.sendto(b"\xee" * 9000, here.getsockname())
            library.send(
                ctypes.addressof(inbox), ctypes.addressof(outbox), pointer(plan), len(plan)
            )
            assert inbox.count == 2
            # Who was not asked is read in the next frame; who was read may have more.
            assert arrays["idle"].tolist() == [0, RESTING if full else 1]
        # Of the three legs the second was silent, and the third is beyond what is known of them.
        assert (arrays["lengths"].tolist(), arrays["legs"].tolist()) == ([0, ROW_SIZE], [0, 1])
        guarded.check()


def test_structs_of_another_layout_are_refused(library: Library) -> None:
    def right(kind: type[ctypes.Structure], size_off: int = 0) -> int:
        struct = kind(struct_size=ctypes.sizeof(kind) - size_off)
        kept.append(struct)
        return ctypes.addressof(struct)

    def wrong(kind: type[ctypes.Structure]) -> int:
        return right(kind, 8)

    kept: list[ctypes.Structure] = []
    with pytest.raises(RuntimeError, match="another layout"):
        library.read(wrong(native.Inbox))
    with pytest.raises(RuntimeError, match="another layout"):
        library.send(right(native.Inbox), wrong(native.Outbox), 0, 0)
    with pytest.raises(RuntimeError, match="another layout"):
        library.send(wrong(native.Inbox), right(native.Outbox), 0, 0)
    with pytest.raises(RuntimeError, match="another layout"):
        library.frame(wrong(native.Frame), 0, 0)
    with pytest.raises(RuntimeError, match="another layout"):
        library.play(wrong(native.Frame))
    with pytest.raises(RuntimeError, match="another layout"):
        library.follow(wrong(native.Following), wrong(native.Arrivals))
    with pytest.raises(RuntimeError, match="another layout"):
        library.step(right(native.Inbox), wrong(native.Outbox), 0.0, 0, 0)
    with pytest.raises(RuntimeError, match="another layout"):
        library.cruise(
            wrong(native.Inbox),
            wrong(native.Outbox),
            wrong(native.Following),
            wrong(native.Frame),
            wrong(native.Cruise),
        )
