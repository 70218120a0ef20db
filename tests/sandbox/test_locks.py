"""The locks of session workers, tried from inside, as root's workers and as an ordinary user's."""

from __future__ import annotations

import os
import platform
import sys

import pytest

from runtime.sandbox.landlock import abi_version
from runtime.sandbox.probe import acts, lethal_acts
from runtime.sandbox.seccomp import SeccompUnavailable, build_filter
from runtime.sandbox.syscalls import (
    ALLOWED,
    ARGUMENTS,
    DECODER,
    KILLED,
    MACHINES,
    SESSION,
    Profile,
)
from tests.sandbox import allowed_acts, forbidden_acts
from tests.sandbox.locked import ORDINARY_USER, outcomes

MAX_INSTRUCTIONS = 4096
"""Of the kernel, BPF_MAXINSNS."""

on_linux = pytest.mark.skipif(sys.platform != "linux", reason="kernel locks are Linux only")
on_x86_64 = pytest.mark.skipif(
    platform.machine() != "x86_64", reason="the numbers of these acts are those of x86_64"
)
PROFILES = {"session": SESSION, "decoder": DECODER}
FORBIDDEN = "tests.sandbox.forbidden_acts"
ALLOWED_ACTS = "tests.sandbox.allowed_acts"
USERS = [(), ("--user", str(ORDINARY_USER))]
EXPECTED = {
    "start a thread": "RuntimeError: can't start new thread",
    "use more memory": "ENOMEM",
    "trace a process": "signal 31",
    **dict.fromkeys(forbidden_acts.DEADLY, "signal 31"),
    "every other number": "done",
}
UNPROVED = {"every other number"}
"""Trying every system call in an unlocked process would do harm."""


@pytest.fixture(params=USERS, ids=["root", "ordinary user"])
def user(request: pytest.FixtureRequest) -> tuple[str, ...]:
    if request.param and os.getuid() != 0:
        pytest.skip("this is an ordinary user already")
    options: tuple[str, ...] = request.param
    return options


@on_linux
@on_x86_64
@pytest.mark.parametrize("act", forbidden_acts.ACTS)
def test_a_forbidden_act_is_refused(user: tuple[str, ...], act: str) -> None:
    assert outcomes(FORBIDDEN, *user)[act] == EXPECTED.get(act, "EPERM")


@on_linux
@on_x86_64
@pytest.mark.parametrize("act", sorted(set(forbidden_acts.ACTS) - UNPROVED))
def test_without_locks_the_same_act_is_not_refused(act: str) -> None:
    outcome = outcomes(FORBIDDEN, "--unlocked")[act]
    assert outcome not in ("EPERM", "EACCES", EXPECTED.get(act))
    assert not outcome.startswith("signal")


@on_linux
def test_every_act_of_the_probe_succeeds_without_locks() -> None:
    found = outcomes(FORBIDDEN, "--unlocked")
    assert {found[name] for name in (*acts(), *lethal_acts())} <= {"done", "exit 0"}


@on_linux
@pytest.mark.parametrize("act", allowed_acts.ACTS)
def test_what_scripts_need_works_behind_the_locks(user: tuple[str, ...], act: str) -> None:
    assert outcomes(ALLOWED_ACTS, *user)[act] == "done"


@on_linux
def test_this_kernel_has_landlock() -> None:
    assert abi_version() >= 1


@pytest.mark.parametrize("profile", PROFILES.values(), ids=PROFILES)
@pytest.mark.parametrize("machine", MACHINES)
def test_a_program_can_be_built_for_every_machine(machine: str, profile: Profile) -> None:
    program = build_filter(machine, profile)
    assert len(program) % 8 == 0
    assert len(program) // 8 < MAX_INSTRUCTIONS


def test_a_machine_without_a_table_says_so() -> None:
    with pytest.raises(SeccompUnavailable, match="no system call table for riscv64"):
        build_filter("riscv64")


def test_no_call_is_on_two_lists() -> None:
    ruled = [rule.name for rule in ARGUMENTS]
    names = [*ALLOWED, *KILLED, *ruled]
    assert len(names) == len(set(names))
    assert set(names) <= set(MACHINES["x86_64"].numbers)
    assert set(MACHINES["x86_64"].numbers) == set(names) | set(DECODER.allowed)
    assert set(ruled) <= set(MACHINES["aarch64"].numbers)
