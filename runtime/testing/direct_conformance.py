"""What every two legs do whose peers talk to each other directly; see conformance.py."""

from __future__ import annotations

from contextlib import AbstractAsyncContextManager
from typing import Protocol

import attrs
import pytest

from runtime.legs.leg import Connected, Ended, Headers, Held, Leg, Resumed, Ringing
from runtime.testing.conformance import FarEnd, Heard, count, saw


class DirectBench(Protocol):
    """Makes pairs of legs. The steps of the far ends have "hold" and "resume", for what the other
    peer has asked."""

    async def incoming(self, number: str, headers: Headers) -> tuple[Leg, FarEnd]:
        """As in LegBench."""
        ...

    async def direct(self, caller: Leg) -> tuple[Leg, FarEnd]:
        """Call another far end, who is to talk to the peer of `caller`."""
        ...


@attrs.frozen
class Side:
    """One of the two legs."""

    leg: Leg
    far: FarEnd
    heard: Heard


class DirectConformance:
    """The whole suite; name the subclass Test..., so that it is collected."""

    def bench(self) -> AbstractAsyncContextManager[DirectBench]:
        raise NotImplementedError(f"{type(self).__name__} must return its DirectBench here")

    async def ringing(self, bench: DirectBench) -> tuple[Side, Side]:
        """A caller who waits, and somebody who was called for it."""
        caller, ann = await bench.incoming("100", {})
        callee, bob = await bench.direct(caller)
        return Side(caller, ann, Heard(caller)), Side(callee, bob, Heard(callee))

    async def talking(self, bench: DirectBench) -> tuple[Side, Side]:
        """Both are connected."""
        ann, bob = await self.ringing(bench)
        await bob.far.answer({})
        await bob.heard.wait_for(Connected)
        ann.leg.answer_directly(bob.leg, {"X-Agent": "7"})
        await ann.heard.wait_for(Connected)
        return ann, bob

    async def test_the_caller_is_answered_once_the_other_is_connected(self) -> None:
        async with self.bench() as bench:
            ann, bob = await self.talking(bench)
            assert (await saw(ann.far, "answered")).headers == {"X-Agent": "7"}
            assert ann.heard.names() == bob.heard.names() == ["Connected"]
            ann.leg.answer_directly(bob.leg, {})
            ann.leg.hangup({})
            await saw(ann.far, "bye")
            assert count(ann.far, "answered") == 1

    async def test_early_media_is_ringing(self) -> None:
        async with self.bench() as bench:
            ann, bob = await self.ringing(bench)
            await bob.far.early_media({"X-A": "1"})
            assert (await bob.heard.wait_for(Ringing)).headers == {"X-A": "1"}
            assert bob.heard.names() == ["Ringing"]
            ann.leg.ring({})
            await saw(ann.far, "180")
            bob.leg.hangup({})
            await saw(bob.far, "cancelled")

    @pytest.mark.parametrize("first", [True, False], ids=["caller", "callee"])
    async def test_a_hold_is_told_of_the_one_and_asked_of_the_other(self, first: bool) -> None:
        async with self.bench() as bench:
            sides = await self.talking(bench)
            one, other = sides if first else reversed(sides)
            await one.far.hold()
            await one.heard.wait_for(Held)
            await saw(other.far, "hold")
            await one.far.resume()
            await one.heard.wait_for(Resumed)
            await saw(other.far, "resume")
            assert one.heard.names() == [
                *("Connected", "Reinvited", "Held", "Reinvited", "Resumed")
            ]
            assert other.heard.names() == ["Connected", "ReinviteAccepted", "ReinviteAccepted"]

    @pytest.mark.parametrize("first", [True, False], ids=["caller", "callee"])
    async def test_the_end_of_one_leaves_the_other_up(self, first: bool) -> None:
        async with self.bench() as bench:
            sides = await self.talking(bench)
            one, other = sides if first else reversed(sides)
            await one.far.bye()
            assert (await one.heard.wait_for(Ended)).by == "peer"
            assert other.heard.names() == ["Connected"]
            other.leg.hangup({})
            await saw(other.far, "bye")

    async def test_a_caller_who_gives_up_leaves_the_other_ringing(self) -> None:
        async with self.bench() as bench:
            ann, bob = await self.ringing(bench)
            await ann.far.cancel()
            assert (await ann.heard.wait_for(Ended)).code == 487
            assert bob.heard.events == []
            ann.leg.answer_directly(bob.leg, {})
            bob.leg.hangup({})
            await saw(bob.far, "cancelled")

    async def test_a_call_that_was_made_for_another_caller_is_no_answer(self) -> None:
        async with self.bench() as bench:
            _, bob = await self.ringing(bench)
            other, far = await bench.incoming("101", {})
            await bob.far.answer({})
            await bob.heard.wait_for(Connected)
            other.answer_directly(bob.leg, {})
            other.reject(486, "Busy Here", {})
            await saw(far, "rejected")
            assert count(far, "answered") == 0
