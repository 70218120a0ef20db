"""The locks of every kind of process, tried from inside, as root's and as an ordinary user's."""

from __future__ import annotations

import os
import platform
import sys
from collections.abc import Iterator

import pytest

from runtime.sandbox.acts import acts, lethal_acts
from runtime.sandbox.landlock import abi_version
from tests.sandbox import allowed_acts, forbidden_acts
from tests.sandbox.kinds import CONFINEMENTS, SESSION
from tests.sandbox.locked import ORDINARY_USER, LockedProcesses, locked_processes

on_linux = pytest.mark.skipif(sys.platform != "linux", reason="kernel locks are Linux only")
on_x86_64 = pytest.mark.skipif(
    platform.machine() != "x86_64", reason="the numbers of these acts are those of x86_64"
)
FORBIDDEN = "tests.sandbox.forbidden_acts"
ALLOWED_ACTS = "tests.sandbox.allowed_acts"
USERS = [None, ORDINARY_USER]
EXPECTED = {
    "start a thread": "RuntimeError: can't start new thread",
    "use more memory": "ENOMEM",
    "trace a process": "signal 31",
    **dict.fromkeys(forbidden_acts.DEADLY, "signal 31"),
    "every other number": "done",
}
READING = (
    "open a file", "open a folder", "openat for reading", "openat of a relative name",
    "openat of the process's memory",
)  # fmt: skip
EXPECTED_OF = {"voice": dict.fromkeys(READING, "EACCES")}
"""The voice may open files for reading: where, Landlock says."""
ROOT_ONLY = {"a packet socket", "a raw socket", "perf_event_open", "userfaultfd"}
"""Refused to ordinary users anyway."""
UNPROVED = {"every other number"}
"""Trying every system call in an unlocked process would do harm."""
FORBIDDEN_ACTS = [(kind, act) for kind, acts in forbidden_acts.ACTS.items() for act in acts]
WORK = [(kind, act) for kind, acts in allowed_acts.ACTS.items() for act in acts]


@pytest.fixture(scope="module")
def processes() -> Iterator[LockedProcesses]:
    with locked_processes() as started:
        yield started


@pytest.fixture(params=USERS, ids=["root", "ordinary user"])
def user(request: pytest.FixtureRequest) -> int | None:
    if request.param and os.getuid() != 0:
        pytest.skip("this is an ordinary user already")
    number: int | None = request.param
    return number


@on_linux
@on_x86_64
@pytest.mark.parametrize(("kind", "act"), FORBIDDEN_ACTS)
def test_a_forbidden_act_is_refused(
    processes: LockedProcesses, user: int | None, kind: str, act: str
) -> None:
    expected = {**EXPECTED, **EXPECTED_OF.get(kind, {})}
    assert processes.outcomes(FORBIDDEN, kind, user=user)[act] == expected.get(act, "EPERM")


@on_linux
@on_x86_64
@pytest.mark.parametrize("act", sorted(set(forbidden_acts.ACTS[SESSION]) - UNPROVED))
def test_without_locks_the_same_act_is_not_refused(processes: LockedProcesses, act: str) -> None:
    if act in ROOT_ONLY and os.geteuid() != 0:
        pytest.skip("this is an ordinary user already")
    outcome = processes.outcomes(FORBIDDEN, locked=False)[act]
    assert outcome not in ("EPERM", "EACCES")
    assert not outcome.startswith("signal")


def test_no_act_is_forbidden_to_others_that_is_not_to_scripts() -> None:
    for kind, forbidden in forbidden_acts.ACTS.items():
        assert set(forbidden) <= set(forbidden_acts.ACTS[SESSION]), kind


@on_linux
@pytest.mark.parametrize("kind", CONFINEMENTS)
def test_every_act_of_the_probe_succeeds_without_locks(
    processes: LockedProcesses, kind: str
) -> None:
    found = processes.outcomes(FORBIDDEN, kind, locked=False)
    tried = (*acts(CONFINEMENTS[kind]), *lethal_acts())
    assert {found[name] for name in tried} <= {"done", "exit 0"}


@on_linux
@pytest.mark.parametrize(("kind", "act"), WORK)
def test_what_the_work_needs_is_let_through(
    processes: LockedProcesses, user: int | None, kind: str, act: str
) -> None:
    assert processes.outcomes(ALLOWED_ACTS, kind, user=user)[act] == "done"


@on_linux
def test_this_kernel_has_landlock() -> None:
    assert abi_version() >= 1
