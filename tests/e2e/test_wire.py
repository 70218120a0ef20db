"""The live endpoint against odd and hostile messages, while a call beside it plays a tone."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
import trio

from tests.e2e import wire
from tests.e2e.phone import Phone, telephone
from tests.e2e.runtime_process import RuntimeProcess
from tests.torture.messages import torture_messages

pytestmark = pytest.mark.loopback


@asynccontextmanager
async def unbroken_tone(runtime: RuntimeProcess, caller: str) -> AsyncIterator[None]:
    """A call whose audio must not have a gap while the block runs."""
    async with telephone(runtime.port()) as phone:
        listener = await phone.call("held", caller=caller)
        await listener.connected()
        await listener.until(listener.audio.sounds, "the tone")
        yield
        await listener.hear(0.3)
        await listener.bye()
        [heard] = listener.audio.heard()
        assert heard.kind == "tone"
        listener.audio.check_unbroken()


async def test_options_are_answered_with_what_we_can(phone: Phone) -> None:
    answer = await phone.ask(phone.request("OPTIONS"))
    assert answer.status == 200
    for method in ("INVITE", "ACK", "BYE", "CANCEL", "OPTIONS", "INFO"):
        assert method in answer.get("Allow")
    assert "application/sdp" in answer.get("Accept")


async def test_unknown_methods_are_refused_with_those_that_are_known(phone: Phone) -> None:
    answer = await phone.ask(phone.request("CONJURE"))
    assert answer.status in (405, 501)
    assert "INVITE" in answer.get("Allow")


async def test_registrations_are_refused_without_a_registrar(phone: Phone) -> None:
    assert (await phone.ask(phone.request("REGISTER"))).status == 403


@pytest.mark.parametrize("method", ["BYE", "INFO", "CANCEL"])
async def test_what_belongs_to_no_call_is_481(phone: Phone, method: str) -> None:
    request = phone.request(method)
    if method != "CANCEL":
        headers = tuple(
            (name, f"{value};tag=none" if name == "To" else value)
            for name, value in request.headers
        )
        request = wire.Message(request.start, headers)
    assert (await phone.ask(request)).status == 481


async def test_an_extension_that_is_required_and_unknown_is_420(phone: Phone) -> None:
    answer = await phone.ask(phone.request("OPTIONS", "anyone", ("Require", "teleportation")))
    assert (answer.status, answer.get("Unsupported")) == (420, "teleportation")


async def test_a_retransmitted_invite_is_the_same_call(
    runtime: RuntimeProcess, phone: Phone
) -> None:
    before = len(runtime.log_lines("quiet answered repeater"))
    call = await phone.call("quiet", caller="repeater")
    await phone.send(call.invite)
    await phone.send(call.invite)
    await call.connected()
    await call.hear(0.2)
    await call.bye()
    assert len(runtime.log_lines("quiet answered repeater")) == before + 1


async def test_the_torture_messages_harm_nobody(runtime: RuntimeProcess) -> None:
    async with unbroken_tone(runtime, "tortured"), telephone(runtime.port()) as phone:
        for message in torture_messages():
            await phone.send(message.data)
        answer = await phone.ask(phone.request("OPTIONS"))
        assert answer.status == 200
    assert not runtime.log_lines("fault in")


async def test_the_torture_messages_over_tcp_harm_nobody(runtime: RuntimeProcess) -> None:
    async with unbroken_tone(runtime, "tortured-stream"):
        for message in torture_messages():
            stream = await trio.open_tcp_stream("127.0.0.1", runtime.port("tcp"))
            with trio.move_on_after(1):
                await stream.send_all(message.data)
            await trio.aclose_forcefully(stream)
        async with telephone(runtime.port("tcp"), "tcp") as phone:
            assert (await phone.ask(phone.request("OPTIONS"))).status == 200
    assert not runtime.log_lines("fault in")


async def test_noise_and_endless_headers_harm_nobody(runtime: RuntimeProcess) -> None:
    async with unbroken_tone(runtime, "noisy"), telephone(runtime.port()) as phone:
        for size in (1, 100, 60_000):
            await phone.send(b"\0" * size)
            await phone.send(b"INVITE sip:a@b SIP/2.0\r\n" + b"X" * size)
            await phone.send(b"INVITE sip:a@b SIP/2.0\r\n" + b"X-A: b\r\n" * (size // 8) + b"\r\n")
            await phone.send(b"SIP/2.0 200 OK\r\nVia: " + b"," * size + b"\r\n\r\n")
        await phone.send(b"\r\n\r\n")
        assert (await phone.ask(phone.request("OPTIONS"))).status == 200


async def test_a_stream_that_never_ends_its_message_is_cut_off(runtime: RuntimeProcess) -> None:
    stream = await trio.open_tcp_stream("127.0.0.1", runtime.port("tcp"))
    async with stream:
        with pytest.raises(trio.BrokenResourceError), trio.fail_after(30):  # noqa: PT012
            for _ in range(10_000):
                await stream.send_all(b"X-Long: " + b"y" * 4_000)


async def test_keep_alives_on_a_stream_are_answered(runtime: RuntimeProcess) -> None:
    stream = await trio.open_tcp_stream("127.0.0.1", runtime.port("tcp"))
    async with stream:
        await stream.send_all(b"\r\n\r\n")
        with trio.fail_after(20):
            assert await stream.receive_some() == b"\r\n"


async def test_session_timers_below_the_minimum_are_422(phone: Phone) -> None:
    headers = [("Supported", "timer"), ("Session-Expires", "30")]
    call = await phone.call("quiet", headers=headers)
    final = await call.final()
    assert (final.status, final.get("Min-SE")) == (422, "90")


async def test_reliable_provisionals_when_the_caller_requires_them(phone: Phone) -> None:
    headers = [("Require", "100rel"), ("X-Steps", "ring wait answer")]
    call = await phone.call("before_answer", headers=headers)
    ringing = await call.response(180)
    assert ringing.get("RSeq")
    rack = f"{ringing.get('RSeq')} {call.invite.get('CSeq')}"
    prack = await call.ask("PRACK", headers=[("RAck", rack)])
    assert (await call.answered(prack)).status == 200
    await call.connected()
    await call.bye()
