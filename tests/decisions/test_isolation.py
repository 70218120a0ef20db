"""Which levels may serve whom."""

from __future__ import annotations

import pytest

from runtime.decisions.isolation import Refuse, Serve, decide
from runtime.sandbox.levels import Act, Level, Lock, Required, SandboxReport, unprobed

SECCOMP = Lock("seccomp", True, "kernel filter")
LANDLOCK = Lock("landlock", True, "version 7")
REFUSED = Act("open a file", True, "EPERM")


def report(*locks: Lock, acts: tuple[Act, ...] = (REFUSED,)) -> SandboxReport:
    return SandboxReport(locks=locks, acts=acts)


FULL = report(SECCOMP, LANDLOCK)
PARTIAL = report(SECCOMP, Lock("landlock", False, "this kernel has none"))
NONE = report(Lock("seccomp", False, "no"), Lock("landlock", False, "no"))


@pytest.mark.parametrize(
    ("found", "level"),
    [
        (FULL, Level.FULL),
        (PARTIAL, Level.PARTIAL),
        (report(Lock("seccomp", False, ""), LANDLOCK), Level.PARTIAL),
        (report(SECCOMP, LANDLOCK, acts=(Act("fork", False, "allowed"),)), Level.PARTIAL),
        (report(SECCOMP, LANDLOCK, Lock("user", False, "still root")), Level.PARTIAL),
        (report(SECCOMP), Level.PARTIAL),
        (report(SECCOMP, LANDLOCK, acts=()), Level.NONE),
        (NONE, Level.NONE),
        (unprobed("it hangs"), Level.NONE),
    ],
)
def test_the_level_follows_from_what_was_found(found: SandboxReport, level: Level) -> None:
    assert found.level is level
    assert SandboxReport.from_json(found.to_json()) == found


@pytest.mark.parametrize("required", ["full", "partial", "none"])
@pytest.mark.parametrize("found", [FULL, PARTIAL, NONE], ids=["full", "partial", "none"])
@pytest.mark.parametrize("loopback", [True, False], ids=["loopback", "public"])
@pytest.mark.parametrize("dev", [True, False], ids=["dev", "run"])
def test_only_dev_and_loopback_go_below_what_is_required(
    found: SandboxReport, required: Required, loopback: bool, dev: bool
) -> None:
    verdict = decide(found, required, loopback=loopback, dev=dev)
    if found.level.rank >= Level(required).rank:
        assert verdict == Serve()
    elif dev or loopback:
        assert isinstance(verdict, Serve)
        assert verdict.banner is not None
        assert "run only scripts that you trust" in verdict.banner
    else:
        assert isinstance(verdict, Refuse)
        assert "callstage doctor" in verdict.why
        assert f"{required} is required" in verdict.why


def test_what_is_missing_names_locks_and_acts() -> None:
    found = report(SECCOMP, Lock("landlock", False, "none"), acts=(Act("fork", False, "allowed"),))
    assert found.missing == "landlock: none; a script can: fork"
