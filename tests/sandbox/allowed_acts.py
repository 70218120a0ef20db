"""What the work of each kind of process needs, and its locks must let through."""

from __future__ import annotations

import ctypes
import datetime
import decimal
import gc
import hashlib
import json
import os
import random
import re
import resource
import secrets
import select
import socket
import sys
import time
import traceback
import uuid
import zlib
import zoneinfo
from collections.abc import Callable
from typing import Any

import espeakng_loader
import pytest
import trio

from runtime.media.ports import PortPool, SocketPair
from runtime.sandbox.ceilings import Ceilings
from runtime.sandbox.lock import UNTIDY, lower_memory


async def timers() -> None:
    order: list[int] = []

    async def later(number: int) -> None:
        await trio.sleep(number / 100)
        order.append(number)

    async with trio.open_nursery() as nursery:
        for number in (3, 1, 2):
            nursery.start_soon(later, number)
    assert sorted(order) == [1, 2, 3]  # those that are due at once come in any order


async def cancellation() -> None:
    with trio.move_on_after(0.01) as scope:
        await trio.sleep_forever()
    assert scope.cancelled_caught
    send, receive = trio.open_memory_channel[int](1)
    await send.send(1)
    assert await receive.receive() == 1


async def no_thread() -> None:
    with pytest.raises(RuntimeError, match="thread"):
        await trio.to_thread.run_sync(os.getpid)
    await trio.sleep(0.01)


def time_of_day() -> None:
    assert datetime.datetime.now(datetime.UTC).year > 2000
    assert datetime.datetime.now().astimezone().tzinfo is not None
    assert time.strptime("30 Nov 00", "%d %b %y").tm_year == 2000
    zone = zoneinfo.ZoneInfo("Pacific/Auckland")
    assert datetime.datetime(2024, 1, 1, tzinfo=zone).utcoffset() == datetime.timedelta(hours=13)
    for clock in (time.monotonic, time.process_time, time.perf_counter, time.thread_time):
        clock()
    time.sleep(0.001)


def randomness() -> None:
    assert random.SystemRandom().random() < 1
    assert len(secrets.token_hex(8)) == 16
    assert len(os.urandom(100)) == 100
    random.seed()
    uuid.uuid4()
    uuid.uuid1()


def computing() -> None:
    assert json.loads(json.dumps({"ä": [1.5, None]})) == {"ä": [1.5, None]}
    assert re.sub(r"(\d)(?=(\d{3})+$)", r"\1,", "1234567") == "1,234,567"
    assert hashlib.sha256(b"x").hexdigest().startswith("2d711642")
    assert hashlib.pbkdf2_hmac("sha512", b"x", b"y", 1000)
    assert hashlib.new("md5", b"x").digest()
    assert zlib.decompress(zlib.compress(b"x" * 100_000)) == b"x" * 100_000
    assert decimal.Decimal(2).sqrt().quantize(decimal.Decimal("1.00")) == decimal.Decimal("1.41")
    assert sorted(str(n) for n in range(100_000))[0] == "0"


def recursion() -> None:
    def deeper() -> None:
        deeper()

    with pytest.raises(RecursionError) as caught:
        deeper()
    traceback.format_exception(caught.value)


def memory_is_bounded_and_comes_back() -> None:
    for _ in range(3):
        held: list[bytearray] = []
        try:
            while True:
                held.append(bytearray(1 << 20))
        except MemoryError:
            blocks = len(held)
        held.clear()
        # One more may have been free in the heap before.
        assert 30 <= blocks <= (Ceilings().memory_bytes >> 20) + 1
    small: list[object] = []
    try:
        while True:
            small.append([object()] * 50)
    except MemoryError:
        small.clear()
    gc.collect()


def memory_is_given_up_for_good() -> None:
    limit, _ = resource.getrlimit(resource.RLIMIT_AS)
    lower_memory(Ceilings(), 16 << 20)
    assert resource.getrlimit(resource.RLIMIT_AS) == (limit - (48 << 20), limit - (48 << 20))
    with pytest.raises((ValueError, PermissionError)):
        resource.setrlimit(resource.RLIMIT_AS, (limit, limit))


def tidy() -> None:
    assert not [name for name in sys.modules if name.partition(".")[0] in UNTIDY]
    with pytest.raises((ImportError, OSError)):
        __import__("ctypes")


SESSION: dict[str, Callable[[], Any]] = {
    "timers": timers,
    "cancellation and channels": cancellation,
    "an error instead of a thread": no_thread,
    "clocks and time zones": time_of_day,
    "randomness": randomness,
    "computing": computing,
    "deep recursion": recursion,
    "collecting garbage": gc.collect,
    "memory": memory_is_bounded_and_comes_back,
    "giving up memory": memory_is_given_up_for_good,
    "no ctypes": tidy,
}


def datagrams(family: socket.AddressFamily, host: str) -> None:
    """What a leg does with its ports, from the first to the last (media/ports.py, sockets.py)."""
    pair: SocketPair = PortPool(host, 0, 0).take()
    other, spare, port = PortPool(host, 0, 0).take()
    rtp, rtcp, _ = pair
    assert rtp.family is family
    rtp.connect((host, port))
    rtp.send(b"connected")
    rtcp.sendto(b"not connected", (host, port))
    assert {other.recv(100), other.recv(100)} == {b"connected", b"not connected"}
    poll = select.poll()
    poll.register(other, select.POLLIN)
    assert poll.poll(0) == []
    for sock in (rtp, rtcp, other, spare):
        sock.close()


def a_language(name: str) -> Callable[[], None]:
    """The data of a voice that was never used before are read behind the locks."""

    def speak() -> None:
        library = ctypes.CDLL(espeakng_loader.get_library_path())
        heard: list[int] = []
        listen = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_void_p, ctypes.c_int, ctypes.c_void_p)(
            lambda _, count, __: heard.append(count) or 0
        )
        library.espeak_SetSynthCallback(listen)
        assert library.espeak_SetVoiceByName(name.encode()) == 0
        assert library.espeak_Synth("один two drei".encode(), 20, 0, 1, 0, 1, None, None) == 0
        assert sum(heard) > 1000

    return speak


WORK: dict[str, Callable[[], Any]] = {
    "randomness": lambda: os.urandom(100),
    "sleeping": lambda: time.sleep(0.001),
    "clocks": lambda: (time.monotonic(), time.time(), time.process_time()),
    "memory": lambda: bytearray(20_000_000),
    "a second descriptor": lambda: os.close(os.dup(0)),
    "collecting garbage": gc.collect,
    "a traceback": lambda: traceback.format_exception(ValueError("x")),
}

ACTS: dict[str, dict[str, Callable[[], Any]]] = {
    "session": SESSION,
    "decoder": WORK,
    "recorder": WORK,
    "recogniser": WORK,
    "voice": {
        **WORK,
        "a language": a_language("de"),
        "a language with a large dictionary": a_language("ru"),
    },
    "engine": {
        **WORK,
        "datagrams": lambda: datagrams(socket.AF_INET, "127.0.0.1"),
        "datagrams of IPv6": lambda: datagrams(socket.AF_INET6, "::1"),
    },
}
