"""A running runtime in a storm of hostile packets, while a call beside it plays a tone.

The tone has no gap, memory stays where it was, and a phone still registers afterwards.
"""

from __future__ import annotations

import itertools
import json
import random
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Final

import pytest
import trio

from tests.e2e import process_tree
from tests.e2e.home import LOOPBACK, Home, hosts
from tests.e2e.phone import Phone, telephone
from tests.e2e.runtime_process import RuntimeProcess, callstage
from tests.e2e.waiting import until
from tests.fuzz.sip_grammar import hostile_requests
from tests.interop.programs import require_program, run_program

pytestmark = [pytest.mark.interop, pytest.mark.loopback]

STORM_S: Final = 8.0
"""Cap of a storm; on a slow machine fewer packets are sent in it, and the same must be true."""
WARM_S: Final = 3.0
PACKETS: Final = 8_000
SOAK_PACKETS: Final = 100_000
SOAK_S: Final = 240.0
TRIES: Final = 20
AT_ONCE: Final = 20
"""Packets between two looks at the witness."""
SLACK_KIB: Final = 8_000
"""What is remembered of strangers is some 2 MiB when full; Python adds arenas."""
MAX_TRANSACTIONS: Final = 5_000
"""Of allowed peers: each of their requests that begins something is remembered for 32 s."""
TRANSACTION_KIB: Final = 3
"""Request and response, as bytes and as read."""
FORGOTTEN_S: Final = 64.0
"""Twice the life of a transaction."""
PASSWORD: Final = "correct-horse"


def configured(scripts: Path, name: str, *, listen: str, allow: str, rtp: str) -> list[str]:
    config = scripts / f"{name}.toml"
    config.write_text(
        f'[sip]\nlisten = ["udp://{listen}:0"]\nallow = ["{allow}"]\n[rtp]\nhost = "{rtp}"\n'
        f'[users.bob]\npassword = "{PASSWORD}"\n'
        '[[rule]]\nname = "held"\nto = "held"\nscenario = "held.py"\n'
    )
    return ["--config", str(config), "--sip", f"udp://{listen}:0"]


def packets(count: int, seed: int) -> Iterator[bytes]:
    return itertools.islice(hostile_requests(random.Random(seed)), count)


def signalling(runtime: RuntimeProcess, home: Home) -> dict[str, Any]:
    """What /healthz says of the tables, asked from where the runtime lives."""
    ask = f"import urllib.request as u; print(u.urlopen('{runtime.http}/healthz').read().decode())"
    done = subprocess.run(
        [*home.prefix, sys.executable, "-c", ask], capture_output=True, text=True, timeout=20
    )
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout)["signalling"]
    return found


@asynccontextmanager
async def witness(runtime: RuntimeProcess, server: Home, home: Home) -> AsyncIterator[None]:
    """A call whose tone must not have a gap while the block runs."""
    async with telephone(runtime.port(), server=server.address, home=home) as phone:
        call = await phone.call("held", caller="witness")
        await call.connected()
        await call.until(call.audio.sounds, "the tone")
        yield
        await is_heard_again(phone)
        await call.hear(0.3)
        await call.bye()
        [heard] = call.audio.heard()
        assert heard.kind == "tone"
        call.audio.check_unbroken()


async def is_heard_again(phone: Phone) -> None:
    """What a storm left in the socket has been read: a test telephone repeats nothing itself."""
    for _ in range(TRIES):
        with trio.move_on_after(1.0):
            await phone.ask(phone.request("OPTIONS"))
            return
    raise AssertionError(f"no answer to {TRIES} OPTIONS")


async def storm(
    runtime: RuntimeProcess, server: Home, homes: Sequence[Home], count: int, cap_s: float
) -> int:
    """Send up to `count` hostile packets from these hosts within `cap_s`; how many it were."""
    sockets = [home.datagram_socket() for home in homes]
    for home, each in zip(homes, sockets, strict=True):
        await each.bind((home.address, 0))
    sent = 0
    with trio.move_on_after(cap_s):
        for data in packets(count, seed=7):
            with_room = sockets[sent % len(sockets)]
            await with_room.sendto(data[:60_000], (server.address, runtime.port()))
            sent += 1
            if sent % AT_ONCE == 0:
                await trio.sleep(0.005)
    for each in sockets:
        each.close()
    return sent


async def survives(
    runtime: RuntimeProcess,
    server: Home,
    friend: Home,
    attackers: Sequence[Home],
    *,
    count: int = PACKETS,
    cap_s: float = STORM_S,
    slack_kib: int = SLACK_KIB,
) -> int:
    async with witness(runtime, server, friend):
        await storm(runtime, server, attackers, 1_000, WARM_S)  # every table warm
        before = process_tree.private_kib(runtime.pid)
        sent = await storm(runtime, server, attackers, count, cap_s)
    grown = process_tree.private_kib(runtime.pid) - before
    assert grown < slack_kib, f"{grown} KiB after {sent} packets"
    assert not runtime.log_lines("fault in")
    assert sent > 500
    found = signalling(runtime, server)
    assert found["registrations"] == 0
    assert found["transactions"] < MAX_TRANSACTIONS
    await until(lambda: signalling(runtime, server)["sip_sessions"] == 0, "the end of all calls")
    return sent


async def a_phone_registers(
    runtime: RuntimeProcess, server: Home, home: Home, folder: Path
) -> None:
    target = f"sip:bob@{server.address}:{runtime.port()}"
    command = [*home.prefix, require_program("sipsak"), "-U", "-s", target, "-u", "bob"]
    contact = ["-a", PASSWORD, "-x", "600", "-C", f"sip:bob@{home.address}:5999"]
    run = await run_program([*command, *contact], folder, timeout_s=20)
    assert run.exit_code == 0, run.trace()
    assert signalling(runtime, server)["registrations"] == 1


async def test_a_storm_of_allowed_peers_breaks_no_tone(scripts: Path, tmp_path: Path) -> None:
    """On loopback nobody is banned: every packet is read and answered."""
    options = configured(scripts, "storm", listen="127.0.0.1", allow="127.0.0.0/8", rtp="127.0.0.1")
    with callstage(folder=tmp_path, options=options) as runtime:
        await survives(runtime, LOOPBACK, LOOPBACK, [LOOPBACK] * 4)
        await a_phone_registers(runtime, LOOPBACK, LOOPBACK, tmp_path)


async def storm_of_strangers(
    scripts: Path, folder: Path, *, count: int = PACKETS, cap_s: float = STORM_S
) -> int:
    with hosts() as (ours, friend, stranger):
        here, allow = ours.address, f"{friend.address}/32"
        options = configured(scripts, "strangers", listen=here, allow=allow, rtp=here)
        with callstage(folder=folder, options=options, prefix=ours.prefix) as runtime:
            sent = await survives(runtime, ours, friend, [stranger], count=count, cap_s=cap_s)
            assert signalling(runtime, ours)["strangers"] == 1
            assert f"{stranger.address} is ignored for 600 s" in runtime.log()
            assert len(runtime.log_lines("refused (")) < 60  # a storm fills no log
            await a_phone_registers(runtime, ours, friend, folder)
            return sent


async def test_a_storm_of_strangers_breaks_no_tone(scripts: Path, tmp_path: Path) -> None:
    await storm_of_strangers(scripts, tmp_path)


async def storm_of_welcome_peers(
    scripts: Path, folder: Path, *, count: int = PACKETS, cap_s: float = STORM_S
) -> int:
    """From an address in `[sip] allow` that is not on loopback, beside a friend's call."""
    with hosts() as (ours, friend, mad):
        here, allow = ours.address, f"{friend.address}/31"
        options = configured(scripts, "welcome", listen=here, allow=allow, rtp=here)
        with callstage(folder=folder, options=options, prefix=ours.prefix) as runtime:
            sent = await survives(
                runtime,
                ours,
                friend,
                [mad],
                count=count,
                cap_s=cap_s,
                slack_kib=SLACK_KIB + TRANSACTION_KIB * MAX_TRANSACTIONS,
            )
            assert signalling(runtime, ours)["strangers"] == 0
            assert len(runtime.log_lines("refused (")) < 400  # a storm fills no log
            await a_phone_registers(runtime, ours, friend, folder)
            return sent


async def test_a_storm_of_a_welcome_peer_breaks_no_tone(scripts: Path, tmp_path: Path) -> None:
    await storm_of_welcome_peers(scripts, tmp_path)


@pytest.mark.soak
async def test_a_hundred_thousand_hostile_packets(scripts: Path, tmp_path: Path) -> None:
    sent = await storm_of_strangers(scripts, tmp_path, count=SOAK_PACKETS, cap_s=SOAK_S)
    assert sent == SOAK_PACKETS


@pytest.mark.soak
async def test_a_hundred_thousand_packets_of_allowed_peers(scripts: Path, tmp_path: Path) -> None:
    """What they began is remembered for a while, and then it is not."""
    options = configured(
        scripts, "storm-soak", listen="127.0.0.1", allow="127.0.0.0/8", rtp="127.0.0.1"
    )
    with callstage(folder=tmp_path, options=options) as runtime:
        await survives(
            runtime,
            LOOPBACK,
            LOOPBACK,
            [LOOPBACK] * 4,
            count=SOAK_PACKETS,
            cap_s=SOAK_S,
            slack_kib=SLACK_KIB + TRANSACTION_KIB * MAX_TRANSACTIONS,
        )
        await until(
            lambda: signalling(runtime, LOOPBACK)["transactions"] == 0,
            "every transaction is forgotten",
            within_s=FORGOTTEN_S,
        )


@pytest.mark.soak
async def test_a_hundred_thousand_packets_of_a_welcome_peer(scripts: Path, tmp_path: Path) -> None:
    sent = await storm_of_welcome_peers(scripts, tmp_path, count=SOAK_PACKETS, cap_s=SOAK_S)
    assert sent == SOAK_PACKETS
