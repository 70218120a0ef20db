"""What every leg does about transfers and texts, in either direction; see conformance.py."""

from __future__ import annotations

from typing import Protocol, runtime_checkable

from runtime.legs.leg import (
    Ended,
    Headers,
    MessageReceived,
    Replaced,
    TransferComplete,
    TransferFailed,
    TransferRequested,
)
from runtime.testing.change_conformance import ChangeConformance
from runtime.testing.conformance import FarEnd, saw

TARGET = "sip:bob@127.0.0.1:5070"


@runtime_checkable
class TransferringFarEnd(FarEnd, Protocol):
    """A far end that can transfer and be transferred. Its steps: "refer" (text: the target) and
    "transfer" (code: the outcome that the leg tells), beside "rejected" for a refused request."""

    async def decide_transfer(self, code: int, reason: str) -> None:
        """Accept the leg's request, and tell this outcome of it."""

    async def refuse_transfer(self, code: int) -> None: ...
    async def message(self, text: str) -> None: ...
    async def ask_transfer(self, to: str, headers: Headers) -> None: ...
    async def hand_over(self, headers: Headers) -> None:
        """Another peer takes this one's place; from now on the far end is that one."""


class TransferConformance(ChangeConformance):
    """The whole suite with changes, transfers and texts; subclasses are to be named Test...."""

    async def test_a_transfer_names_its_target_and_completes(self) -> None:
        async with self.bench() as bench:
            leg, far, heard = await self.connected(bench)
            leg.transfers.to(TARGET, {})
            assert (await saw(far, "refer")).text == TARGET
            await _person(far).decide_transfer(200, "OK")
            await heard.wait_for(TransferComplete)
            assert heard.names() == ["Connected", "TransferComplete"]

    async def test_a_busy_target_fails_the_transfer_and_the_call_goes_on(self) -> None:
        async with self.bench() as bench:
            leg, far, heard = await self.connected(bench)
            leg.transfers.to(TARGET, {})
            await saw(far, "refer")
            await _person(far).decide_transfer(486, "Busy Here")
            failed = await heard.wait_for(TransferFailed)
            assert failed == TransferFailed(code=486, reason="Busy Here")
            leg.hangup({})
            await saw(far, "bye")

    async def test_a_refused_transfer_fails_with_the_code(self) -> None:
        async with self.bench() as bench:
            leg, far, heard = await self.connected(bench)
            leg.transfers.to(TARGET, {})
            await saw(far, "refer")
            await _person(far).refuse_transfer(603)
            assert (await heard.wait_for(TransferFailed)).code == 603

    async def test_what_is_no_address_is_never_sent(self) -> None:
        async with self.bench() as bench:
            leg, far, heard = await self.connected(bench)
            leg.transfers.to("bob", {})
            assert (await heard.wait_for(TransferFailed)).code == 400
            assert [step.name for step in far.steps if step.name == "refer"] == []

    async def test_a_transfer_to_a_call_that_is_not_connected_fails(self) -> None:
        async with self.bench() as bench:
            leg, _, heard = await self.connected(bench)
            other, _ = await bench.incoming("101", {})
            leg.transfers.to_leg(other, {})
            assert (await heard.wait_for(TransferFailed)).code == 480

    async def test_the_peer_s_request_is_refused_unless_it_is_asked_for(self) -> None:
        async with self.bench() as bench:
            _, far, heard = await self.connected(bench)
            await _person(far).ask_transfer(TARGET, {})
            assert (await saw(far, "rejected")).code == 603
            assert heard.names() == ["Connected"]

    async def test_the_peer_s_request_is_told_and_its_outcome_is_reported(self) -> None:
        async with self.bench() as bench:
            leg, far, heard = await self.connected(bench)
            leg.transfers.handle(True)
            await _person(far).ask_transfer(TARGET, {"X-Ticket": "7"})
            told = await heard.wait_for(TransferRequested)
            assert told == TransferRequested(
                transfer_to="bob", headers={"X-Ticket": "7"}, address=TARGET
            )
            leg.transfers.report(486, "Busy Here")
            outcome = await saw(far, "transfer")
            assert (outcome.code, outcome.text) == (486, "Busy Here")

    async def test_the_peer_may_ask_for_a_call_that_takes_over_another(self) -> None:
        async with self.bench() as bench:
            leg, far, heard = await self.connected(bench)
            leg.transfers.handle(True)
            there = "12%40there%3Bto-tag%3Da%3Bfrom-tag%3Db"
            await _person(far).ask_transfer(f"{TARGET}?Replaces={there}", {})
            told = await heard.wait_for(TransferRequested)
            assert (told.transfer_to, told.address) == ("bob", TARGET)
            assert told.replaces == "12@there;to-tag=a;from-tag=b"

    async def test_another_peer_takes_the_place_of_this_one(self) -> None:
        async with self.bench() as bench:
            leg, far, heard = await self.connected(bench)
            leg.transfers.handle(True)
            await _person(far).hand_over({"X-Ticket": "7"})
            await heard.wait_for(Replaced)
            leg.hangup({})
            await saw(far, "bye")
            ended = await heard.wait_for(Ended)
            assert (ended.code, ended.by) == (200, "us")
            assert heard.names() == ["Connected", "Replaced", "Ended"]

    async def test_nobody_takes_the_place_of_a_peer_unless_it_is_asked_for(self) -> None:
        async with self.bench() as bench:
            leg, far, heard = await self.connected(bench)
            await _person(far).hand_over({})
            assert (await saw(far, "rejected")).code == 603
            leg.hangup({})
            await heard.wait_for(Ended)
            assert heard.names() == ["Connected", "Ended"]

    async def test_texts_pass_in_both_directions(self) -> None:
        async with self.bench() as bench:
            leg, far, heard = await self.connected(bench)
            leg.send_message("Grüße")
            assert (await saw(far, "message")).text == "Grüße"
            await _person(far).message("zurück")
            assert await heard.wait_for(MessageReceived) == MessageReceived(text="zurück")

    async def test_the_end_of_a_call_ends_its_transfer_first(self) -> None:
        async with self.bench() as bench:
            leg, far, heard = await self.connected(bench)
            leg.transfers.to(TARGET, {})
            await saw(far, "refer")
            await far.bye()
            await heard.wait_for(Ended)
            assert heard.names() == ["Connected", "TransferFailed", "Ended"]


def _person(far: FarEnd) -> TransferringFarEnd:
    assert isinstance(far, TransferringFarEnd)
    return far
