"""Verdicts on silent workers, with numbers."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from runtime.decisions.limits import Limits
from runtime.decisions.watchdog import LOOK_S, TICK_S, Silence, Usage, Verdict

LIMITS = Limits()
Begin = Callable[[Limits, float, float], Silence]


def verdict_at(
    usage: Callable[[float], Usage],
    *,
    every: float = LOOK_S,
    until: float = 60.0,
    begin: Begin = Silence.of_handlers,
    limits: Limits = LIMITS,
) -> tuple[Verdict, float] | None:
    """When which verdict falls on a worker that was asked at 100 s, seconds after that."""
    silence = begin(limits, 100.0, usage(0.0).cpu_s)
    for number in range(1, round(until / every) + 1):
        elapsed = number * every
        verdict = silence.look(100.0 + elapsed, usage(elapsed))
        if verdict is not None:
            return verdict, elapsed
    return None


CASES: list[tuple[str, Callable[[float], Usage], tuple[Verdict, float] | None]] = [
    ("sleeps", lambda t: Usage(cpu_s=3.0), (Verdict.BLOCKS, 5.0)),
    ("is stopped", lambda t: Usage(cpu_s=3.0, waited_s=7.0), (Verdict.BLOCKS, 5.0)),
    ("computes all the time", lambda t: Usage(cpu_s=3.0 + t, runnable=True), (Verdict.BURNS, 1.5)),
    (
        "computes on half a processor that it waits for",
        lambda t: Usage(cpu_s=t / 2, waited_s=t / 2, runnable=True),
        (Verdict.BURNS, 2.75),
    ),
    (
        "gets a tenth of a processor, and could not do more",
        lambda t: Usage(cpu_s=t / 10, waited_s=t * 0.9, runnable=True),
        (Verdict.BURNS, 12.75),
    ),
    (
        "sleeps nine tenths of the time",
        lambda t: Usage(cpu_s=t / 10, waited_s=0.0),
        (Verdict.BLOCKS, 5.0),
    ),
    (
        "waits for a processor nine tenths of the time, and sleeps otherwise",
        lambda t: Usage(cpu_s=0.4, waited_s=t * 0.9),
        (Verdict.BLOCKS, 47.75),
    ),
    ("never gets a processor", lambda t: Usage(cpu_s=0.4, runnable=True), None),
    (
        "gets one only at last, and its wait is told only then",
        lambda t: (
            Usage(cpu_s=0.4, runnable=True)
            if t < 30
            else Usage(cpu_s=0.4 + t / 1e3, waited_s=t, runnable=True)
        ),
        None,
    ),
    (
        "spins while something that is not in the queue takes nine tenths of its processor",
        lambda t: Usage(cpu_s=t / 10, runnable=True),
        (Verdict.BURNS, 12.75),
    ),
    (
        "spins, and is told its waits long after it began to wait",
        lambda t: Usage(cpu_s=int(t) / 10 + t / 1e3, waited_s=int(t) * 0.9, runnable=True),
        (Verdict.BURNS, 13.0),
    ),
    (
        "used up its share and then sleeps",
        lambda t: Usage(cpu_s=min(t, 1.0), runnable=t < 1.0),
        (Verdict.BURNS, 5.75),
    ),
    (
        "used nearly all of its share and then sleeps",
        lambda t: Usage(cpu_s=min(t, 0.9), runnable=t < 0.9),
        (Verdict.BLOCKS, 5.75),
    ),
    (
        "wakes up before each second look",
        lambda t: Usage(cpu_s=t / 100, runnable=t % 0.5 == 0),
        (Verdict.BLOCKS, 5.0),
    ),
    ("is no process", lambda t: Usage(), (Verdict.BLOCKS, 5.0)),
]


@pytest.mark.parametrize(("usage", "expected"), [c[1:] for c in CASES], ids=[c[0] for c in CASES])
def test_what_becomes_of_a_worker_that(
    usage: Callable[[float], Usage], expected: tuple[Verdict, float] | None
) -> None:
    assert verdict_at(usage) == expected


def test_a_core_that_looks_late_does_not_blame_the_worker() -> None:
    assert verdict_at(lambda t: Usage(), every=4.0, until=36.0) is None
    assert verdict_at(lambda t: Usage(), every=4.0) == (Verdict.BLOCKS, 40.0)


def test_a_late_look_finds_burnt_cpu_time_all_the_same() -> None:
    assert verdict_at(lambda t: Usage(cpu_s=t), every=4.0) == (Verdict.BURNS, 4.0)


def test_an_import_has_more_time() -> None:
    busy = verdict_at(lambda t: Usage(cpu_s=t), begin=Silence.of_import)
    assert busy == (Verdict.BURNS, 4.5)
    asleep = verdict_at(lambda t: Usage(), begin=Silence.of_import)
    assert asleep == (Verdict.BLOCKS, 10.0)


IMPORTS: list[tuple[str, Callable[[float], Usage], tuple[Verdict, float] | None]] = [
    ("gets a tenth of a processor", lambda t: Usage(cpu_s=t / 10, runnable=True), None),
    (
        "gets an eighth of a processor, for long enough",
        lambda t: Usage(cpu_s=t / 8, runnable=True),
        (Verdict.BURNS, 34.25),
    ),
    (
        "used up its share and then sleeps",
        lambda t: Usage(cpu_s=min(t, 3.0), runnable=t < 3.0),
        (Verdict.BURNS, 12.75),
    ),
    (
        "computes a little and then sleeps",
        lambda t: Usage(cpu_s=min(t, 1.0), runnable=t < 1.0),
        (Verdict.BLOCKS, 10.75),
    ),
]


@pytest.mark.parametrize(
    ("usage", "expected"), [c[1:] for c in IMPORTS], ids=[c[0] for c in IMPORTS]
)
def test_what_becomes_of_an_import_that(
    usage: Callable[[float], Usage], expected: tuple[Verdict, float] | None
) -> None:
    assert verdict_at(usage, begin=Silence.of_import, until=40.0) == expected


def test_just_within_the_limits_is_within() -> None:
    silence = Silence.of_handlers(LIMITS, 0.0, 0.0)
    for number in range(1, round(LIMITS.blocked_s / LOOK_S)):
        usage = Usage(cpu_s=LIMITS.handler_cpu_s + TICK_S)
        assert silence.look(number * LOOK_S, usage) is None


def test_a_handler_that_may_compute_longer_is_not_killed_before_it_is_interrupted() -> None:
    patient = Limits(handler_cpu_s=8.0)
    assert verdict_at(lambda t: Usage(cpu_s=t), limits=patient) == (Verdict.BURNS, 8.5)
    assert verdict_at(lambda t: Usage(), limits=patient) == (Verdict.BLOCKS, 9.0)


def test_what_an_import_and_a_blocked_handler_may_take_is_configured() -> None:
    limits = Limits(import_cpu_s=9.0, blocked_s=2.0)
    busy = verdict_at(lambda t: Usage(cpu_s=t), begin=Silence.of_import, limits=limits)
    assert busy == (Verdict.BURNS, 10.5)
    assert verdict_at(lambda t: Usage(), limits=limits) == (Verdict.BLOCKS, 2.0)
