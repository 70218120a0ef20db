"""Re-INVITEs that a script asks for: one at a time, and only of a call whose audio is here."""

from __future__ import annotations

from trio.testing import MockClock

from runtime.legs.leg import ReinviteAccepted, ReinviteRejected
from tests.session.bench import bench


async def test_the_next_change_waits_for_the_answer_to_the_one_before(
    autojump_clock: MockClock,
) -> None:
    async with bench() as b:
        leg, worker, unit = await b.connected()
        await worker.command("call.reinvite", unit=unit, direction="sendonly", headers={"X-A": "1"})
        assert (leg.sent[-1], leg.headers[-1]) == ("reinvite sendonly", {"X-A": "1"})
        early = await worker.command("call.reinvite", unit=unit, direction="")
        assert worker.result(early) == (
            "error: reInvite(): the peer has not answered the one before; nothing was sent (E2402)"
        )
        leg.say(ReinviteAccepted(mime_type="application/sdp", body="a=x", headers={"X-B": "2"}))
        await b.quiet()
        assert worker.last("Call.ReInviteAccepted").fields == {
            "mimeType": "application/sdp",
            "body": "a=x",
            "headers": {"X-B": "2"},
        }
        await worker.command("call.reinvite", unit=unit, direction="")
        assert leg.sent[-1] == "reinvite as it is"
        leg.say(ReinviteRejected(code=488, reason="no", headers={"X-C": "3"}))
        await b.quiet()
        assert worker.last("Call.ReInviteRejected").fields == {"headers": {"X-C": "3"}}


async def test_before_the_answer_nothing_can_be_changed(autojump_clock: MockClock) -> None:
    async with bench() as b:
        leg, worker, unit = await b.alerting()
        asked = await worker.command("call.reinvite", unit=unit, direction="inactive")
        assert "is not connected; nothing was sent (E2402)" in (worker.result(asked) or "")
        assert leg.sent == []
