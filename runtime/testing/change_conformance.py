"""What every leg does about changes of the call that a script asks for; see conformance.py."""

from __future__ import annotations

from typing import Protocol, runtime_checkable

from runtime.decisions.directions import AudioDirection
from runtime.legs.leg import ReinviteAccepted, ReinviteRejected
from runtime.testing.conformance import FarEnd, LegConformance, saw, until


@runtime_checkable
class ChangingFarEnd(FarEnd, Protocol):
    """A far end that answers re-INVITEs. Its step: "reinvite" (text: the description, or its line
    about the direction)."""

    async def refuse_changes(self, code: int) -> None:
        """Every re-INVITE of the leg from now on; at first all are taken."""


class ChangeConformance(LegConformance):
    """The whole suite, and changes; name the subclass Test..., so that it is collected."""

    async def test_a_change_of_ours_is_answered_and_told(self) -> None:
        async with self.bench() as bench:
            leg, far, heard = await self.connected(bench)
            leg.reinvite(AudioDirection.SENDS, {"X-Part": "2"})
            accepted = await heard.wait_for(ReinviteAccepted)
            asked = await saw(far, "reinvite")
            assert asked.headers == {"X-Part": "2"}
            assert "a=sendonly" in asked.text
            assert accepted.mime_type == "application/sdp"
            assert "a=recvonly" in accepted.body
            leg.reinvite(None, {})
            await until(lambda: len([s for s in far.steps if s.name == "reinvite"]) == 2)
            assert "a=sendonly" in [s for s in far.steps if s.name == "reinvite"][1].text
            await until(lambda: len(heard.events) == 3)
            assert heard.names() == ["Connected", "ReinviteAccepted", "ReinviteAccepted"]

    async def test_a_change_of_ours_that_is_refused_leaves_the_call_as_it_was(self) -> None:
        async with self.bench() as bench:
            leg, far, heard = await self.connected(bench)
            await _changing(far).refuse_changes(488)
            leg.reinvite(AudioDirection.NONE, {})
            rejected = await heard.wait_for(ReinviteRejected)
            assert rejected.code == 488
            leg.reinvite(None, {})
            await until(lambda: len([s for s in far.steps if s.name == "reinvite"]) == 2)
            assert "a=sendrecv" in [s for s in far.steps if s.name == "reinvite"][1].text
            assert "Held" not in heard.names()


def _changing(far: FarEnd) -> ChangingFarEnd:
    assert isinstance(far, ChangingFarEnd), "the bench must make far ends that answer changes"
    return far
