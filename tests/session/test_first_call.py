"""A call from its first byte to its end, as the script sees it."""

from __future__ import annotations

from trio.testing import MockClock

from tests.session.bench import bench


async def test_a_call_is_answered_and_hung_up_by_the_caller(autojump_clock: MockClock) -> None:
    async with bench() as b:
        leg, worker, unit = await b.alerting(headers={"X-Order": "7"})
        assert worker.modules == ["ivr"]
        assert worker.names() == ["Application.Started", "Application.CallAlerting"]
        alerting = worker.last("Application.CallAlerting")
        assert alerting.fields["destination"] == "100"
        assert alerting.fields["headers"] == {"X-Order": "7"}
        answer = await worker.command("call.answer", unit=unit)
        assert (leg.sent, worker.result(answer)) == (["200"], None)
        leg.ack()
        await b.quiet()
        assert worker.result(answer) == "connected"
        assert worker.names()[2:] == ["Call.Connected"]
        leg.bye(16)
        await b.quiet()
        gone = worker.last("Call.Disconnected")
        assert gone.fields["internalCode"] == 16
        assert gone.state == "TERMINATED"
        assert worker.heard[-1] == f"release {unit}"
