"""Thousands of calls of all kinds in one process leave nothing behind in it.

One simulation runs them, twenty at a time, most to their end and every third cut off somewhere.
What is there afterwards is compared with what was there after the first of them. `make soak` runs
it; hundreds of calls are a test of the simulator's own.
"""

from __future__ import annotations

import gc
import itertools
import json
import os
import sys
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import Final

import attrs
import pytest
import trio
import trio.testing

from runtime.session.registry import KEPT_AFTER_END
from runtime.testing import Rule, Sim, SimCaller, answers, busy, rings, run_simulation

AT_ONCE: Final = 20
AT_A_TIME: Final = 500
"""Then their record is dropped: it is some 50 KiB a call."""
WARM_UP: Final = KEPT_AFTER_END + 50
"""After so many calls all caches are filled, and for each session that ends an older one goes."""
OBJECTS_PER_CALL: Final = 0.05
BLOCKS_PER_CALL: Final = 4
"""Of pymalloc: some numbers and texts, as the sessions that are kept differ in size; an object that
stays with all it holds is hundreds."""
DESK, BUSY, NOBODY = "+442079460991", "+442079460992", "+442079460993"
CUSTOM_DATA: Final = {
    "conference": {"pin": "4711"},
    "forwarding": {"targets": [BUSY, DESK], "ring_for": 5},
    "ivr": {"colleague": DESK},
    "office_hours": {"target": NOBODY, "ring_for": 5},
}
SCENARIOS: Final = (
    "conference",
    "echo",
    "forwarding",
    "hello",
    "ivr",
    "masking",
    "office_hours",
    "voicemail",
)


async def talks(caller: SimCaller, what: str = "Hello?") -> None:
    await caller.hears("Desk.")
    await caller.says(what)
    await caller.ended(within=200)


async def conference(caller: SimCaller) -> None:
    await caller.hears("PIN")
    await caller.press("4711#")
    await caller.hears("Thank you", to_the_end=True)
    await caller.says("Good morning, everybody.")
    caller.hang_up()


async def echo(caller: SimCaller) -> None:
    await caller.hears("hear yourself", to_the_end=True)
    await caller.says("One, two.")
    await caller.press("#")
    await caller.ended()


async def ivr(caller: SimCaller) -> None:
    await caller.hears("Press 1")
    await caller.press("2")
    await talks(caller)


async def leaves_a_message(caller: SimCaller) -> None:
    await caller.hears("beep.wav", to_the_end=True)
    await caller.says("Please call me back.")
    await caller.press("#")
    await caller.ended()


async def listens(caller: SimCaller) -> None:
    await caller.ended(within=200)


LIVES: Final[dict[str, Callable[[SimCaller], Awaitable[None]]]] = {
    "conference": conference,
    "echo": echo,
    "forwarding": talks,
    "hello": listens,
    "ivr": ivr,
    "masking": listens,
    "office_hours": leaves_a_message,
    "voicemail": leaves_a_message,
}


def prepare(sim: Sim) -> None:
    sim.on_dial(DESK, answers(after=1, says="Desk.", talks_for=3))
    sim.on_dial(BUSY, busy())
    sim.on_dial(NOBODY, rings())
    sim.load_rules(
        *(
            Rule(
                name=name,
                to=name,
                scenario=f"module:scenarios.{name}",
                conference=name == "conference",
                custom_data=json.dumps(CUSTOM_DATA.get(name, {})),
            )
            for name in SCENARIOS
        )
    )


async def call(sim: Sim, number: int) -> None:
    """Every third caller hangs up somewhere: at a moment of its own, up to half a minute later."""
    name = SCENARIOS[number % len(SCENARIOS)]
    caller = await sim.call(name, f"+4477{number:08}")
    if number % 3 == 0:
        await trio.sleep(number * 0.37 % 30)
        caller.hang_up()
    else:
        await LIVES[name](caller)


async def calls(sim: Sim, numbers: Iterator[int], how_many: int) -> None:
    """Place so many calls, and wait until nothing of them goes on any more."""

    async def caller() -> None:
        for number in places:
            await call(sim, number)

    places = itertools.islice(numbers, how_many)
    async with trio.open_nursery() as nursery:
        for _ in range(AT_ONCE):
            nursery.start_soon(caller)
    await sim.advance(130)
    assert sim.sessions == []
    sim.forget()


@attrs.frozen(kw_only=True)
class Footprint:
    """What this process holds."""

    tasks: int
    descriptors: int
    objects: int
    blocks: int
    kinds: Counter[type] = attrs.field(repr=False)

    @classmethod
    async def take(cls) -> Footprint:
        await trio.testing.wait_all_tasks_blocked()
        for _ in range(3):
            gc.collect()
        objects = gc.get_objects()
        return cls(
            tasks=trio.lowlevel.current_statistics().tasks_living,
            descriptors=len(os.listdir("/proc/self/fd")),
            objects=len(objects),
            blocks=sys.getallocatedblocks(),
            kinds=Counter(map(type, objects)),
        )


def leave_nothing_behind(how_many: int) -> float:
    """The CPU seconds that a call took."""
    spent = 0.0

    async def all_of_them(sim: Sim) -> None:
        nonlocal spent
        prepare(sim)
        numbers = itertools.count()
        await calls(sim, numbers, WARM_UP)
        before = await Footprint.take()
        began = time.process_time()
        for _ in range(how_many // AT_A_TIME):
            await calls(sim, numbers, AT_A_TIME)
        spent = time.process_time() - began
        after = await Footprint.take()
        more = (after.kinds - before.kinds).most_common(8)
        assert (after.tasks, after.descriptors) == (before.tasks, before.descriptors)
        assert after.objects - before.objects <= OBJECTS_PER_CALL * how_many, more
        assert after.blocks - before.blocks <= BLOCKS_PER_CALL * how_many, more
        assert sim.errors == []

    run_simulation(all_of_them, Path(__file__).parent)
    return spent / how_many


@pytest.mark.soak
def test_ten_thousand_calls_leave_nothing_behind(capsys: pytest.CaptureFixture[str]) -> None:
    cost = leave_nothing_behind(10_000)
    with capsys.disabled():
        print(f"a simulated call takes {cost * 1000:.1f} ms of CPU")
