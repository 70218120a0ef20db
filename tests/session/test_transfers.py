"""Transfers of a session's calls: what the script hears, what goes out, what is refused."""

from __future__ import annotations

from trio.testing import MockClock

from runtime.legs.leg import Replaced, TransferComplete, TransferFailed, TransferRequested
from tests.session.bench import Bench, bench
from tests.session.fakes.leg import FakeLeg
from tests.session.fakes.worker import FakeWorker


async def asked(b: Bench, *, heard: bool = True) -> tuple[FakeLeg, FakeWorker, int]:
    """A call whose peer has asked for a transfer that the script handles."""
    leg, worker, unit = await b.connected()
    if not heard:
        worker.unheard = {"Call.BlindTransferRequested"}
    await worker.command("call.handle_transfers", unit=unit, handle=True)
    leg.say(TransferRequested(transfer_to="bob", headers={"X-A": "1"}))
    await b.quiet()
    return leg, worker, unit


async def test_a_completed_transfer_is_told_and_the_call_is_left(
    autojump_clock: MockClock,
) -> None:
    async with bench() as b:
        leg, worker, unit = await b.connected()
        await worker.command("call.transfer", unit=unit, to="sip:bob@h", headers={"X-A": "1"})
        assert leg.transfers.sent == ["to sip:bob@h"]
        leg.say(TransferComplete())
        await b.quiet()
        assert worker.names() == ["Call.TransferComplete", "Call.Disconnected"]
        assert worker.last("Call.TransferComplete").fields["role"] == "transferor"
        gone = worker.last("Call.Disconnected").fields
        assert (gone["internalCode"], gone["reason"]) == (200, "transferred")
        assert leg.sent[-1] == "hangup"


async def test_a_failed_transfer_leaves_the_call_as_it_was(autojump_clock: MockClock) -> None:
    async with bench() as b:
        leg, worker, unit = await b.connected()
        await worker.command("call.transfer", unit=unit, to="sip:bob@h")
        leg.say(TransferFailed(code=486, reason="Busy Here"))
        await b.quiet()
        assert worker.names() == ["Call.TransferFailed"]
        fields = worker.last("Call.TransferFailed").fields
        assert fields == {
            "headers": {},
            "role": "transferor",
            "code": 486,
            "reason": "Busy Here",
        }
        assert not leg.ended
        await worker.command("call.transfer", unit=unit, to="sip:eve@h")
        assert leg.transfers.sent == ["to sip:bob@h", "to sip:eve@h"]


async def test_a_second_transfer_meanwhile_fails_with_491(autojump_clock: MockClock) -> None:
    async with bench() as b:
        leg, worker, unit = await b.connected()
        await worker.command("call.transfer", unit=unit, to="sip:bob@h")
        await worker.command("call.transfer", unit=unit, to="sip:eve@h")
        assert worker.last("Call.TransferFailed").fields["code"] == 491
        assert leg.transfers.sent == ["to sip:bob@h"]


async def test_the_eleventh_transfer_of_a_call_fails_with_403(autojump_clock: MockClock) -> None:
    async with bench() as b:
        leg, worker, unit = await b.connected()
        for _ in range(11):
            await worker.command("call.transfer", unit=unit, to="sip:bob@h")
            leg.say(TransferFailed(code=486, reason="Busy Here"))
        assert len(leg.transfers.sent) == 10
        codes = [e.fields["code"] for e in worker.events if e.name == "Call.TransferFailed"]
        assert codes[:10] == [486] * 10
        assert 403 in codes[10:]


async def test_a_transfer_to_another_call_needs_that_one_connected(
    autojump_clock: MockClock,
) -> None:
    async with bench() as b:
        leg, worker, unit = await b.connected()
        callee = await b.dialled(worker, 1)
        await worker.command("call.transfer", unit=unit, other=1)
        assert worker.last("Call.TransferFailed").fields["code"] == 480
        callee.ack()
        await b.quiet()
        await worker.command("call.transfer", unit=unit, other=1)
        assert leg.transfers.sent == ["to sip:1@127.0.0.1"]
        callee.bye()
        leg.say(TransferFailed(code=481, reason="Gone"))
        await b.quiet()
        await worker.command("call.transfer", unit=unit, other=1)
        assert worker.last("Call.TransferFailed").fields["code"] == 480


async def test_a_transfer_before_the_answer_is_refused(autojump_clock: MockClock) -> None:
    async with bench() as b:
        leg, worker, unit = await b.alerting()
        result = worker.result(await worker.command("call.transfer", unit=unit, to="sip:bob@h"))
        assert "not connected" in (result or "")
        assert leg.transfers.sent == []


async def test_a_transfer_to_nothing_or_to_itself_is_refused(autojump_clock: MockClock) -> None:
    async with bench() as b:
        _, worker, unit = await b.connected()
        nothing = worker.result(await worker.command("call.transfer", unit=unit))
        itself = worker.result(await worker.command("call.transfer", unit=unit, other=unit))
        assert "neither an address nor a call" in (nothing or "")
        assert "to itself" in (itself or "")


async def test_the_wish_to_handle_transfers_reaches_a_leg_that_is_dialled_later(
    autojump_clock: MockClock,
) -> None:
    async with bench() as b:
        leg, worker, unit = await b.alerting()
        assert not leg.transfers.handled
        await worker.command("call.handle_transfers", unit=unit, handle=True)
        assert leg.transfers.handled
        await worker.command("call.handle_transfers", unit=unit, handle=False)
        assert not leg.transfers.handled


async def test_a_request_of_the_peer_waits_for_the_script_s_outcome(
    autojump_clock: MockClock,
) -> None:
    async with bench() as b:
        leg, worker, unit = await asked(b)
        event = worker.last("Call.BlindTransferRequested")
        assert event.fields == {"transferTo": "bob", "headers": {"X-A": "1"}}
        assert leg.transfers.sent == []
        await worker.command("call.report_transfer", unit=unit, code=200, reason="OK")
        assert leg.transfers.sent == ["report 200 OK"]
        assert not leg.ended
        again = worker.result(await worker.command("call.report_transfer", unit=unit, code=200))
        assert "asked for no transfer" in (again or "")


async def test_a_request_that_nobody_listens_for_is_refused_with_603(
    autojump_clock: MockClock,
) -> None:
    async with bench() as b:
        leg, _, _ = await asked(b, heard=False)
        assert [line.split()[:2] for line in leg.transfers.sent] == [["report", "603"]]
        assert any("listens for BlindTransferRequested" in line for line in b.lines("refusal"))


async def test_another_peer_in_the_place_of_this_one_is_told_and_the_call_goes_on(
    autojump_clock: MockClock,
) -> None:
    async with bench() as b:
        leg, worker, unit = await b.connected()
        leg.say(Replaced(headers={"X-A": "1"}))
        await b.quiet()
        assert worker.names() == ["Call.TransferComplete"]
        assert worker.last("Call.TransferComplete").fields == {
            "headers": {"X-A": "1"},
            "role": "target",
        }
        assert b.view().legs[0].id.endswith(f"-{unit}")
        assert not leg.ended


async def test_a_second_request_of_the_peer_replaces_one_that_it_gave_up(
    autojump_clock: MockClock,
) -> None:
    async with bench() as b:
        leg, worker, unit = await asked(b)
        leg.say(TransferRequested(transfer_to="eve"))
        await b.quiet()
        assert worker.last("Call.BlindTransferRequested").fields["transferTo"] == "eve"
        result = worker.result(
            await worker.command("call.report_transfer", unit=unit, code=486, reason="Busy")
        )
        assert result == "done"


async def test_an_outcome_that_is_neither_success_nor_failure_is_refused(
    autojump_clock: MockClock,
) -> None:
    async with bench() as b:
        leg, worker, unit = await asked(b)
        result = worker.result(await worker.command("call.report_transfer", unit=unit, code=202))
        assert "no failure" in (result or "")
        assert leg.transfers.sent == []


# --- a call elsewhere that is to be taken over ---

THERE = "12@there;to-tag=a;from-tag=b"


async def asked_to_take_over(b: Bench) -> tuple[FakeLeg, FakeWorker]:
    leg, worker, unit = await b.connected()
    await worker.command("call.handle_transfers", unit=unit, handle=True)
    leg.say(TransferRequested(transfer_to="bob", address="sip:bob@h", replaces=THERE))
    await b.quiet()
    return leg, worker


async def test_the_script_hears_whom_to_dial_and_what_to_pass_on(
    autojump_clock: MockClock,
) -> None:
    async with bench() as b:
        _, worker = await asked_to_take_over(b)
        fields = worker.last("Call.BlindTransferRequested").fields
        assert fields["headers"] == {"Refer-To": "sip:bob@h", "Replaces": THERE}
        assert b.dialer.requests == []


async def test_a_script_dials_into_the_call_that_was_named(autojump_clock: MockClock) -> None:
    async with bench() as b:
        _, worker = await asked_to_take_over(b)
        headers = {"X-A": "1", "replaces": THERE}
        await worker.command("call.create", unit=91, kind="sip", to="sip:bob@h", headers=headers)
        await b.quiet()
        [request] = b.dialer.requests
        assert (request.replaces, request.headers) == (THERE, {"X-A": "1"})


async def test_a_script_dials_into_no_call_that_nobody_named(autojump_clock: MockClock) -> None:
    async with bench() as b:
        _, worker = await asked_to_take_over(b)
        headers = {"Replaces": "guess;to-tag=a;from-tag=b"}
        await worker.command("call.create", unit=91, kind="sip", to="sip:bob@h", headers=headers)
        await b.quiet()
        assert b.dialer.requests == []
        failed = worker.last("Call.Failed").fields
        assert failed["code"] == 403
        assert "Replaces names no call" in str(failed["reason"])
