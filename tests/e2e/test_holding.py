"""re-INVITE: hold and resume in all its spellings, told once each; the stream stays one stream."""

from __future__ import annotations

import attrs
import pytest

from tests.e2e.audio import FRAME
from tests.e2e.phone import Dialog, Phone
from tests.e2e.runtime_process import RuntimeProcess

pytestmark = pytest.mark.loopback


async def on_the_line(phone: Phone, caller: str) -> Dialog:
    call = await phone.call("held", caller=caller)
    await call.connected()
    await call.until(call.audio.sounds, "the tone")
    return call


def told(runtime: RuntimeProcess, caller: str) -> list[str]:
    lines = runtime.log_lines(f"{caller} o")
    return [line.partition(f"{caller} ")[2].split(" kind")[0] for line in lines]


@pytest.mark.parametrize(
    ("direction", "answered"), [("sendonly", "recvonly"), ("inactive", "inactive")]
)
async def test_nothing_is_sent_to_a_caller_on_hold(
    runtime: RuntimeProcess, phone: Phone, direction: str, answered: str
) -> None:
    call = await on_the_line(phone, direction)
    first = call.answers[-1]
    held = await call.reinvite(direction=direction)
    assert held.direction == answered
    assert held.version == first.version + 1
    await runtime.logged(f"{direction} on hold")
    await call.hear_nothing(0.6)
    before = call.audio.packets[-1]
    resumed = await call.reinvite(direction="sendrecv")
    assert resumed.direction == "sendrecv"
    await runtime.logged(f"{direction} off hold")
    await call.hear(0.5)
    await call.bye()
    after = call.audio.packets[call.audio.packets.index(before) + 1]
    assert after.sequence == (before.sequence + 1) & 0xFFFF
    assert after.ssrc == before.ssrc
    assert after.marker
    spent = after.at - before.at
    assert (after.timestamp - before.timestamp) / (50 * FRAME) == pytest.approx(spent, abs=0.06)
    assert told(runtime, direction) == ["on hold", "off hold"]


async def test_a_script_puts_its_caller_on_hold_and_is_told_how_that_was_taken(
    runtime: RuntimeProcess, phone: Phone
) -> None:
    call = await phone.call("changing", caller="changed")
    await call.connected()
    await call.until(call.audio.sounds, "the tone")
    call.sdp = attrs.evolve(call.sdp, direction="recvonly")
    await call.info("application/dtmf-relay", "Signal=1\r\nDuration=100\r\n")
    await runtime.logged("accepted application/sdp, recvonly: True, {}")
    asked = await call.requested("INVITE")
    assert asked.get("X-Key") == "1"
    assert call.answers[-1].direction == "sendonly"
    await call.hear(0.4)
    call.sdp = attrs.evolve(call.sdp, direction="inactive")
    await call.info("application/dtmf-relay", "Signal=2\r\nDuration=100\r\n")
    await runtime.logged("accepted application/sdp, recvonly: False, {}")
    await call.hear_nothing(0.4)
    call.sdp = attrs.evolve(call.sdp, direction="sendrecv")
    await call.info("application/dtmf-relay", "Signal=3\r\nDuration=100\r\n")
    await runtime.logged("accepted application/sdp, recvonly: False, {}", 2)
    assert call.answers[-1].direction == "sendrecv"
    await call.hear(0.4)
    await call.bye()
    session = await runtime.session_of(call.call_id)
    assert "on hold" not in [row["what"] for row in runtime.timeline(session)]


async def test_the_old_way_of_holding_by_address(runtime: RuntimeProcess, phone: Phone) -> None:
    call = await on_the_line(phone, "nowhere")
    await call.reinvite(host="0.0.0.0")
    await runtime.logged("nowhere on hold")
    await call.hear_nothing(0.4)
    await call.reinvite(host="127.0.0.1")
    await runtime.logged("nowhere off hold")
    await call.hear(0.3)
    await call.bye()
    assert told(runtime, "nowhere") == ["on hold", "off hold"]


async def test_a_reinvite_that_changes_nothing_is_no_hold_and_no_new_version(
    runtime: RuntimeProcess, phone: Phone
) -> None:
    call = await on_the_line(phone, "steady")
    first = call.answers[-1]
    again = await call.reinvite()
    assert (again.version, again.direction) == (first.version, "sendrecv")
    await call.hear(0.5)
    await call.bye()
    assert told(runtime, "steady") == []
    call.audio.check_unbroken()


async def test_holding_twice_is_told_once(runtime: RuntimeProcess, phone: Phone) -> None:
    call = await on_the_line(phone, "twice")
    await call.reinvite(direction="sendonly")
    await call.reinvite(direction="inactive")
    await call.reinvite(direction="sendonly")
    await call.reinvite(direction="sendrecv")
    await runtime.logged("twice off hold")
    await call.bye()
    assert told(runtime, "twice") == ["on hold", "off hold"]


async def test_a_change_of_the_call_is_told_before_what_it_means_and_a_refresh_is_not(
    runtime: RuntimeProcess, phone: Phone
) -> None:
    call = await on_the_line(phone, "changer")
    await call.reinvite()
    await call.reinvite(direction="sendonly")
    await runtime.logged("changer on hold")
    await call.reinvite(direction="sendrecv")
    await runtime.logged("changer off hold")
    await call.bye()
    lines = [
        line.partition("changer ")[2].split(" kind")[0] for line in runtime.log_lines("changer ")
    ]
    assert [line for line in lines if line.startswith(("changed", "on ", "off "))] == [
        "changed: application/sdp, sendonly: True, {}",
        "on hold",
        "changed: application/sdp, sendonly: False, {}",
        "off hold",
    ]


async def test_a_reinvite_without_an_offer_gets_ours(phone: Phone) -> None:
    call = await on_the_line(phone, "asking")
    call.auto_ack = False
    request = await call.ask("INVITE")
    answer = await call.answered(request)
    assert answer.status == 200
    assert b"m=audio" in answer.body
    await call.acknowledge(answer, call.sdp.to_bytes())
    await call.hear(0.5)
    await call.bye()
    call.audio.check_unbroken()


async def test_a_caller_that_moves_its_audio_is_followed(phone: Phone) -> None:
    call = await on_the_line(phone, "moving")
    moved = await phone.more_audio()
    await call.reinvite(port=moved.port)
    call.audio.silent, moved.remote = True, call.audio.remote
    await call.until(lambda: len(moved.packets) > 25, "audio at the new port")
    await call.bye()
    assert moved.packets[0].ssrc == call.audio.packets[0].ssrc
    assert moved.packets[0].sequence == (call.audio.packets[-1].sequence + 1) & 0xFFFF


async def test_an_update_holds_too(runtime: RuntimeProcess, phone: Phone) -> None:
    call = await on_the_line(phone, "updating")
    request = await call.update(direction="sendonly")
    assert (await call.answered(request)).status == 200
    await runtime.logged("updating on hold")
    await call.hear_nothing(0.4)
    await call.bye()
