"""What the zygote finds out about its locks, here and on kernels that lack some."""

from __future__ import annotations

import json
import subprocess
import sys
from functools import cache
from typing import Any

import pytest

from runtime.processes.confine import held
from runtime.sandbox.levels import Level, SandboxReport
from tests.sandbox.process_core import zygote
from tests.sandbox.weaker_kernel import command

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="kernel locks are Linux only")

PROBE = """
import json
from runtime.sandbox.ceilings import Ceilings
from runtime.sandbox.lock import confinement
from runtime.sandbox.probe import probe
print(json.dumps(probe(confinement(Ceilings())).to_json()))
"""


@cache
def probe(*missing: str) -> dict[str, Any]:
    words = [*(command(*missing) if missing else ()), sys.executable, "-c", PROBE]
    done = subprocess.run(words, capture_output=True, text=True, check=True, timeout=60)
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def report(*missing: str) -> SandboxReport:
    return SandboxReport.from_json(probe(*missing))


def allowed(found: SandboxReport) -> set[str]:
    return {act.name for act in found.acts if not act.refused}


def test_with_both_kernel_locks_every_act_is_refused() -> None:
    found = report()
    assert found.level is Level.FULL
    assert allowed(found) == set()
    assert found.missing == ""
    assert held(found.locks) == {"seccomp", "landlock", "user", "limits"}


def test_without_landlock_the_filter_refuses_everything_alone() -> None:
    found = report("landlock")
    assert found.level is Level.PARTIAL
    assert allowed(found) == set()
    assert found.missing == "landlock: this kernel has none, or it is switched off"
    assert held(found.locks) == {"seccomp", "user", "limits"}


def test_without_the_filter_landlock_keeps_files_closed() -> None:
    found = report("seccomp")
    assert found.level is Level.PARTIAL
    assert held(found.locks) == {"landlock", "user", "limits"}
    assert "open a file" not in allowed(found)
    assert "start a program" not in allowed(found)
    assert {"create a socket", "look at a file", "make memory executable"} <= allowed(found)
    assert "seccomp: " in found.missing


def test_without_both_only_resources_are_limited() -> None:
    found = report("seccomp", "landlock")
    assert found.level is Level.NONE
    assert {"open a file", "create a socket", "start a program"} <= allowed(found)
    assert not {"fork", "start a thread", "use more memory"} & allowed(found)


@pytest.mark.loopback
async def test_the_launcher_knows_what_its_zygote_found() -> None:
    async with zygote() as launcher:
        assert launcher.sandbox.level is Level.FULL
