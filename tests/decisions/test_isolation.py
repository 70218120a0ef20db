"""Which levels may serve whom."""

from __future__ import annotations

import pytest

from runtime.decisions.isolation import Refuse, Serve, decide
from runtime.sandbox.levels import (
    Act,
    Isolation,
    Level,
    Lock,
    Required,
    SandboxReport,
    unprobed,
)

SECCOMP = Lock("seccomp", True, "kernel filter")
LANDLOCK = Lock("landlock", True, "version 7")
REFUSED = Act("open a file", True, "EPERM")


def report(*locks: Lock, acts: tuple[Act, ...] = (REFUSED,)) -> SandboxReport:
    return SandboxReport(locks=locks, acts=acts)


FULL = report(SECCOMP, LANDLOCK)
PARTIAL = report(SECCOMP, Lock("landlock", False, "this kernel has none"))
KINDS = ("session", "decoder", "recorder", "voice", "engine", "recogniser")
NONE = report(Lock("seccomp", False, "no"), Lock("landlock", False, "no"))


def isolation(**weaker: SandboxReport) -> Isolation:
    """All kinds are locked fully, but for those named."""
    return Isolation.of(**{**dict.fromkeys(KINDS, FULL), **weaker})


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
    verdict = decide(isolation(), required, loopback=loopback, dev=dev)
    assert verdict == Serve()
    verdict = decide(isolation(decoder=found), required, loopback=loopback, dev=dev)
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
    assert found.missing == "landlock: none; it can fork"


@pytest.mark.parametrize("kind", KINDS)
def test_the_whole_is_as_good_as_its_weakest_kind(kind: str) -> None:
    assert isolation().level is Level.FULL
    assert isolation().missing == ""
    weak = isolation(**{kind: PARTIAL})
    assert weak.level is Level.PARTIAL
    verdict = decide(weak, "full", loopback=False)
    assert isinstance(verdict, Refuse)
    assert "this kernel has none" in verdict.why
    assert isolation(**{kind: unprobed("it does not start")}).level is Level.NONE


def test_what_is_missing_is_told_kind_by_kind() -> None:
    weak = isolation(decoder=PARTIAL, voice=unprobed("it does not start"))
    assert weak.missing == (
        "file decoder: landlock: this kernel has none; voice: probe: it does not start"
    )
    assert weak.to_json()["processes"]["file decoder"]["level"] == "partial"
