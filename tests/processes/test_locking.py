"""Every kind of worker locks itself wherever it runs, and says honestly how well."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from runtime.processes.confine import LockLost, check_held
from runtime.sandbox.levels import (
    LANDLOCK,
    LIMITS,
    SECCOMP,
    USER,
    Level,
    Lock,
    SandboxReport,
    Weaker,
    admitted,
    unprobed,
)
from tests.sandbox.kinds import CONFINEMENTS, SESSION
from tests.sandbox.locked import ORDINARY_USER
from tests.sandbox.weaker_kernel import command

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="kernel locks are Linux only")
as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can give up being root")

WORKERS = sorted(set(CONFINEMENTS) - {SESSION})
NO_PRIVILEGE = ["setpriv", "--bounding-set", "-all", "--inh-caps", "-all"]
"""As in a container that was given none; programs that root starts have no capability then."""
LOCK = """
import json, os, sys
from pathlib import Path
import attrs
from runtime.processes.locking import lock_for_good
from tests.sandbox.kinds import CONFINEMENTS, LOAD
kind, user, reads = sys.argv[1:]
LOAD[kind]()
confinement = CONFINEMENTS[kind]
if reads:
    confinement = attrs.evolve(confinement, reads=Path(reads))
if user:
    os.setgroups([])
    os.setresgid(int(user), int(user), int(user))
    os.setresuid(int(user), int(user), int(user))
report = lock_for_good(confinement)
os.write(1, json.dumps({"report": report.to_json(), "uid": os.getuid()}).encode())
"""


@cache
def lock(kind: str, *prefix: str, user: str = "", reads: str = "") -> dict[str, Any]:
    words = [*prefix, sys.executable, "-c", LOCK, kind, user, reads]
    done = subprocess.run(words, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def report(kind: str, *prefix: str, user: str = "", reads: str = "") -> SandboxReport:
    return SandboxReport.from_json(lock(kind, *prefix, user=user, reads=reads)["report"])


def allowed(found: SandboxReport) -> set[str]:
    return {act.name for act in found.acts if not act.refused}


def details(found: SandboxReport) -> dict[str, str]:
    return {lock.name: lock.detail for lock in found.locks}


@pytest.mark.parametrize("kind", WORKERS)
def test_every_kind_is_locked_fully_here(kind: str) -> None:
    found = report(kind)
    assert found.missing == ""
    assert found.level is Level.FULL
    assert {lock.name for lock in found.locks} == {SECCOMP, LANDLOCK, USER, LIMITS}
    assert lock(kind)["uid"] != 0


@as_root
@pytest.mark.parametrize("kind", WORKERS)
def test_every_kind_is_locked_fully_as_an_ordinary_user(kind: str) -> None:
    found = report(kind, user=str(ORDINARY_USER))
    assert found.missing == ""
    assert found.level is Level.FULL


@as_root
@pytest.mark.parametrize("kind", WORKERS)
def test_every_kind_is_locked_fully_as_root_without_a_privilege(kind: str) -> None:
    found = report(kind, *NO_PRIVILEGE)
    assert found.missing == ""
    assert found.level is Level.FULL
    assert lock(kind, *NO_PRIVILEGE)["uid"] == 0
    assert "root without a single privilege" in details(found)[USER]


@pytest.mark.parametrize("kind", WORKERS)
def test_without_landlock_the_level_is_partial(kind: str) -> None:
    found = report(kind, *command("landlock"))
    assert found.level is Level.PARTIAL
    assert "landlock: this kernel has none, or it is switched off" in found.missing
    # The voice opens files for reading: without Landlock, any.
    assert allowed(found) == ({"open a file", "open a folder"} if kind == "voice" else set())


@pytest.mark.parametrize("kind", WORKERS)
def test_without_the_filter_landlock_keeps_files_closed(kind: str) -> None:
    found = report(kind, *command("seccomp"))
    assert found.level is Level.PARTIAL
    assert "seccomp: " in found.missing
    assert not {"open a file", "create a file", "start a program"} & allowed(found)
    assert {"create a TCP socket", "make memory executable"} <= allowed(found)


@pytest.mark.parametrize("kind", WORKERS)
def test_without_both_only_resources_are_limited(kind: str) -> None:
    found = report(kind, *command("seccomp", "landlock"))
    assert found.level is Level.NONE
    assert {"open a file", "start a program"} <= allowed(found)
    assert "use more memory" not in allowed(found)


@as_root
def test_data_that_root_alone_may_read_keep_the_uid_and_cost_the_level(tmp_path: Path) -> None:
    (tmp_path / "data").write_text("x")
    (tmp_path / "data").chmod(0o600)
    found = report("voice", reads=str(tmp_path))
    assert found.level is Level.PARTIAL
    assert lock("voice", reads=str(tmp_path))["uid"] == 0
    assert f"{tmp_path} can be read by root alone (chmod -R a+rX it)" in found.missing
    assert allowed(found) == set()


@as_root
def test_data_below_a_folder_that_is_root_s_alone_can_be_read_all_the_same(tmp_path: Path) -> None:
    """As when the interpreter was installed below /root: nobody may not even look in there."""
    private = tmp_path / "private"
    private.mkdir(mode=0o700)
    program = """
import ctypes, os, shutil, sys
from pathlib import Path
import espeakng_loader
data = Path(espeakng_loader.get_data_path())
espeakng_loader.get_data_path = lambda: sys.argv[1]
shutil.copytree(data, sys.argv[1])
from runtime.processes.confine import Locks
from runtime.speech.espeak import Espeak, confinement
library = Espeak()
library.voices()
locks = Locks.prepared(confinement(library.data)).apply(os.getppid())
assert all(lock.held for lock in locks), locks
assert os.getuid() == 65534
assert library._library.espeak_SetVoiceByName(b"zle/ru") == 0
"""
    words = [sys.executable, "-c", program, str(private / "espeak-ng-data")]
    done = subprocess.run(words, capture_output=True, text=True, timeout=60)
    shutil.rmtree(private)
    assert done.returncode == 0, done.stderr


def test_a_lock_that_held_in_the_trial_must_hold_in_the_process() -> None:
    locks = (Lock(SECCOMP, True), Lock(LANDLOCK, False, "gone"))
    check_held({SECCOMP}, locks)
    with pytest.raises(LockLost, match="no landlock in this process"):
        check_held({SECCOMP, LANDLOCK}, locks)


def test_a_process_that_is_locked_less_well_than_before_is_not_admitted() -> None:
    full = report("decoder")
    weaker = report("decoder", *command("landlock"))
    assert admitted(weaker, unprobed("none has started")) is weaker
    assert admitted(full, weaker) is full
    with pytest.raises(Weaker, match=r"partial, before they were full \(landlock"):
        admitted(weaker, full)
