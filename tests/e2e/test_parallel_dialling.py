"""first_answered and bridge with real SIP: who is cancelled, who is joined, who ends it."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
import trio

from tests.e2e.audio import tone
from tests.e2e.phone import Dialog, Phone, telephone
from tests.e2e.runtime_process import RuntimeProcess
from tests.e2e.sounds import check_tone

pytestmark = pytest.mark.loopback


@pytest.fixture
async def others(runtime: RuntimeProcess) -> AsyncIterator[tuple[Phone, Phone]]:
    async with telephone(runtime.port()) as one, telephone(runtime.port()) as other:
        yield one, other


async def rings(phone: Phone, others: tuple[Phone, Phone], caller: str) -> Dialog:
    """A caller whose call makes the script ring both."""
    targets = " ".join(each.uri for each in others)
    call = await phone.call("hunt", caller=caller, headers=[("X-Targets", targets)])
    await call.connected()
    return call


async def test_the_first_who_answers_is_joined_and_the_other_is_cancelled(
    runtime: RuntimeProcess, phone: Phone, others: tuple[Phone, Phone]
) -> None:
    call = await rings(phone, others, "hunter1")
    one, other = [await each.incoming() for each in others]
    for ringing in (one, other):
        await ringing.reply(180, "Ringing")
    await other.answer()
    await runtime.logged("hunter1 joined 1")
    await one.requested("CANCEL")
    other.audio.say(tone(440, 1.0))
    await call.hear(1.0)
    check_tone(call.audio.heard()[0], 440, 1.0)
    await other.bye()
    await call.ended()
    await runtime.logged("hunter1 call_ended by agent")


async def test_of_two_who_answer_in_the_same_moment_one_is_let_go(
    runtime: RuntimeProcess, phone: Phone, others: tuple[Phone, Phone]
) -> None:
    call = await rings(phone, others, "hunter2")
    dialogs = [await each.incoming() for each in others]
    async with trio.open_nursery() as nursery:
        for each in dialogs:
            nursery.start_soon(each.answer)
    line = await runtime.logged("hunter2 joined")
    kept = int(line.rpartition("joined ")[2].split()[0].rstrip('",}'))
    await dialogs[1 - kept].ended()
    await call.bye()
    await dialogs[kept].ended()
    await runtime.logged("hunter2 call_ended by caller")


async def test_when_nobody_answers_the_reasons_are_told(
    runtime: RuntimeProcess, phone: Phone, others: tuple[Phone, Phone]
) -> None:
    call = await rings(phone, others, "hunter3")
    one, other = [await each.incoming() for each in others]
    await one.reply(486, "Busy Here")
    await other.reply(603, "Decline")
    line = await runtime.logged("hunter3 first_answered(): nobody answered")
    assert "486 Busy Here" in line
    assert "603 Decline" in line
    await call.ended()
