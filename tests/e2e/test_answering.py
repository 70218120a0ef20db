"""Incoming calls before and at the answer: nothing goes out that the script did not ask for."""

from __future__ import annotations

import pytest

from tests.e2e.phone import Dialog, Phone, telephone
from tests.e2e.runtime_process import RuntimeProcess
from tests.e2e.sounds import check_tone
from tests.e2e.wire import Described, Sdp

pytestmark = pytest.mark.loopback


async def steps(phone: Phone, text: str, caller: str = "wire") -> Dialog:
    return await phone.call("before_answer", headers=[("X-Steps", text)], caller=caller)


def statuses(call: Dialog) -> list[int]:
    """Each once: a retransmission is no step."""
    return list(dict.fromkeys(message.status for message in call.responses))


async def test_an_answer_comes_without_180_and_183(phone: Phone) -> None:
    call = await steps(phone, "answer")
    await call.connected()
    assert statuses(call) == [100, 200]
    assert (await call.response(200)).get("X-Step") == "answer"
    await call.bye()


async def test_ring_is_a_180_without_sdp(phone: Phone) -> None:
    call = await steps(phone, "ring wait answer")
    await call.connected()
    assert statuses(call) == [100, 180, 200]
    ringing = await call.response(180)
    assert (ringing.body, ringing.get("X-Step")) == (b"", "ring")
    await call.bye()


async def test_early_media_is_heard_before_the_answer_and_the_stream_goes_on(phone: Phone) -> None:
    call = await steps(phone, "early play answer play")
    early = await call.response(183)
    assert Described.read(early.body).port > 0
    await call.connected()
    before = len(call.audio.packets)
    await call.hear(1.3)
    await call.bye()
    first, second = call.audio.heard()
    check_tone(first, 440, 1.0)
    check_tone(second, 440, 1.0)
    assert first.end_s < before * 0.02 + 0.1
    assert statuses(call) == [100, 183, 200]
    call.audio.check_unbroken()


@pytest.mark.parametrize("code", [302, 404, 486, 500, 603])
async def test_a_rejection_carries_the_scripts_code(phone: Phone, code: int) -> None:
    call = await steps(phone, f"reject-{code}")
    final = await call.final()
    assert (final.status, final.get("X-Step")) == (code, "reject")
    assert statuses(call) == [100, code]


async def test_a_rejection_after_ringing(runtime: RuntimeProcess, phone: Phone) -> None:
    call = await steps(phone, "ring wait reject-486", "later")
    assert (await call.final()).status == 486
    await runtime.logged("later disconnected 486")


async def test_a_caller_who_gives_up_is_told_487_and_the_script_too(
    runtime: RuntimeProcess, phone: Phone
) -> None:
    call = await steps(phone, "ring never", "impatient")
    await call.response(180)
    await call.cancel()
    assert (await call.final()).status == 487
    await call.until(lambda: call.others, "an answer to the CANCEL")
    assert call.others[0].start == "SIP/2.0 200 OK"
    await runtime.logged("impatient disconnected 487")


async def test_a_caller_who_gives_up_at_once_is_told_487(phone: Phone) -> None:
    call = await steps(phone, "wait wait answer")
    await call.response(100)
    await call.cancel()
    assert (await call.final()).status == 487


async def test_nobody_listens_for_calls(phone: Phone) -> None:
    call = await phone.call("no_listener")
    final = await call.final()
    assert final.status == 480
    assert "CallAlerting" in final.reason + final.get("Warning")


async def test_an_unknown_name_is_404_with_the_reason(phone: Phone) -> None:
    call = await phone.call("nobody-by-this-name")
    final = await call.final()
    assert final.status == 404
    assert "nobody-by-this-name" in final.reason + final.get("Warning")


async def test_a_call_without_an_offer_gets_ours_in_the_200(phone: Phone) -> None:
    call = await phone.call(
        "play", sdp=None, auto_ack=False, headers=[("X-Sound", "440.wav"), ("X-Then", "hangup")]
    )
    offer = await call.connected()
    assert 0 in offer.payloads
    await call.acknowledge(await call.response(200), call.sdp.to_bytes())
    await call.ended()
    [heard] = call.audio.heard()
    check_tone(heard, 440, 1.0)


async def test_no_codec_in_common_is_488_with_a_warning(phone: Phone) -> None:
    sdp = Sdp(port=40_000, payloads=[18], extra=["a=rtpmap:18 G729/8000"])
    call = await phone.call("quiet", sdp=sdp)
    final = await call.final()
    assert final.status == 488
    assert "G729" in final.get("Warning")


async def test_ten_calls_at_once_are_ten_sessions(runtime: RuntimeProcess, phone: Phone) -> None:
    before = set(runtime.sessions())
    calls = [await phone.call("quiet", caller=f"crowd{number}") for number in range(10)]
    for call in calls:
        await call.connected()
    for call in calls:
        await call.hear(0.2)
        await call.bye()
    assert len(set(runtime.sessions()) - before) == 10
    for call in calls:
        call.audio.check_unbroken()


async def test_a_call_over_tcp_is_answered_and_heard(runtime: RuntimeProcess) -> None:
    async with telephone(runtime.port("tcp"), "tcp") as phone:
        headers = [("X-Sound", "440.wav"), ("X-Then", "hangup")]
        call = await phone.call("play", headers=headers)
        await call.connected()
        await call.ended()
        [heard] = call.audio.heard()
        check_tone(heard, 440, 1.0)
