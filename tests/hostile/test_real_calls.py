"""Hostile scripts in a whole runtime: a caller beside them hears an unbroken tone."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Final

import numpy as np
import pytest
import trio

from runtime.sandbox.launcher import BLANKS
from tests.e2e.audio import RATE, Samples
from tests.e2e.phone import Dialog, Phone, telephone
from tests.e2e.runtime_process import RuntimeProcess, callstage
from tests.e2e.sounds import stage
from tests.hostile.corpus import CORPUS

pytestmark = [
    pytest.mark.loopback,
    pytest.mark.slow,
    pytest.mark.skipif(sys.platform != "linux", reason="kernel locks are Linux only"),
]

FIGHTERS: Final = (
    "loop-in-c",
    "loop-that-swallows",
    "sleep-without-trio",
    "growing-list",
    "fork-bomb",
    "thread-bomb",
    "log-bomb",
    "commands",
    "segfault",
    "exit",
    "ptrace",
    "garbage",
    "kill-all",
    "terminal",
)
MAX_GAP_S: Final = 0.04
QUIET: Final = 300
"""Of 32,768; the tone has 8,000."""
WITNESS: Final = [("X-Sound", "440-loop.wav"), ("X-Again", "1"), ("X-Then", "stay")]


def longest_gap_s(samples: Samples) -> float:
    """The longest stretch without a tone, after its first and before its last sample."""
    loud = np.flatnonzero(np.abs(samples.astype(np.int32)) > QUIET)
    return float(np.diff(loud).max()) / RATE


async def test_a_caller_beside_hostile_scripts_hears_an_unbroken_tone(tmp_path: Path) -> None:
    folder = stage(tmp_path / "scripts")
    for name in FIGHTERS:
        (folder / f"{name}.py").write_text(CORPUS[name].script)
    scripts = [folder / "play.py", *(folder / f"{name}.py" for name in FIGHTERS)]
    with callstage(*scripts, folder=tmp_path) as runtime:
        async with telephone(runtime.port()) as phone:
            witness = await phone.call("play", headers=WITNESS)
            await witness.connected()
            await witness.hear(1.0)
            async with trio.open_nursery() as nursery:
                for name in FIGHTERS:
                    nursery.start_soon(fight, runtime, phone, name)
            await witness.hear(1.0)
            await witness.bye()
            # The zygote, its blank workers, the witness, and those who went on: their sessions
            # wait for calls.
            living = 2 + BLANKS + sum(CORPUS[name].ends is None for name in FIGHTERS)
            await runtime.until(
                lambda: len(runtime.processes("zygote")) == living, "the others are gone"
            )
    witness.audio.check_unbroken()
    [heard] = witness.audio.heard()
    assert heard.kind == "tone"
    assert longest_gap_s(witness.audio.samples()) < MAX_GAP_S


async def fight(runtime: RuntimeProcess, phone: Phone, name: str) -> None:
    case = CORPUS[name]
    call: Dialog = await phone.call(name)
    await call.connected()
    session = await runtime.session_of(call.call_id)
    if case.ends is None:
        await runtime.until(lambda: told(runtime, session, case.until), f"{name} has attacked")
        await call.bye()
        return
    await call.ended()
    timeline = await runtime.over(session)
    assert timeline[-1]["what"] == f"over: {case.ends}"
    assert case.says in str(timeline)


def told(runtime: RuntimeProcess, session: str, text: str) -> bool:
    return any(text in entry["what"] for entry in runtime.timeline(session))
