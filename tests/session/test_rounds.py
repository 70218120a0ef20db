"""One task that looks at everybody, instead of a timer for each."""

from __future__ import annotations

from functools import partial

import trio

from runtime.session.rounds import Rounds


async def test_everybody_is_looked_at_in_each_round(
    autojump_clock: trio.testing.MockClock, nursery: trio.Nursery
) -> None:
    rounds, seen = Rounds(2.0), list[tuple[str, float]]()
    began = trio.current_time()
    nursery.start_soon(rounds.run)
    for name in ("one", "two"):
        rounds.join(partial(_note, seen, name, began))
    await trio.sleep(5)
    assert seen == [("one", 2.0), ("two", 2.0), ("one", 4.0), ("two", 4.0)]


async def test_who_leaves_in_a_round_is_not_called_any_more(
    autojump_clock: trio.testing.MockClock, nursery: trio.Nursery
) -> None:
    rounds, seen = Rounds(2.0), list[str]()

    def second() -> None:
        seen.append("second")

    def first() -> None:
        seen.append("first")
        rounds.leave(second)

    rounds.join(first)
    rounds.join(second)
    nursery.start_soon(rounds.run)
    await trio.sleep(5)
    assert seen == ["first", "first"]


def _note(seen: list[tuple[str, float]], name: str, began: float) -> None:
    seen.append((name, trio.current_time() - began))
