"""Who hears whom: an echo, two calls joined, three in a conference; without a gap in the audio."""

from __future__ import annotations

import pytest

from runtime.media.listening import HeardInterval
from tests.e2e.audio import tone
from tests.e2e.phone import Dialog, Phone
from tests.e2e.runtime_process import RuntimeProcess
from tests.e2e.sounds import channel, check_tone
from tests.hearing import joined

pytestmark = pytest.mark.loopback


def says(call: Dialog, hertz: float) -> None:
    """A tone without end: a second of it fits whole frames, so that it has no seam."""
    call.audio.say(tone(hertz, 1.0), again=True)


def pitches(heard: list[HeardInterval]) -> set[int]:
    """To the nearest 10 Hz."""
    return {round(hertz / 10) * 10 for part in heard for hertz in part.frequencies_hz}


async def test_a_caller_hears_himself_without_delay(phone: Phone) -> None:
    call = await phone.call("mirror")
    await call.connected()
    await call.hear(0.3)
    call.audio.say(tone(500, 1.0))
    await call.hear(1.8)
    await call.bye()
    [heard] = joined(call.audio.heard())
    check_tone(heard, 500, 1.0)
    call.audio.check_unbroken()


async def test_two_calls_hear_each_other_and_not_themselves(
    runtime: RuntimeProcess, phone: Phone
) -> None:
    call = await phone.call("bridge", headers=[("X-Target", phone.uri), ("X-Record", "1")])
    await call.connected()
    other = await phone.incoming()
    says(call, 440)
    says(other, 880)
    await other.answer()
    await runtime.logged("bridge True 200")
    await call.until(call.audio.sounds, "the other side")
    await other.until(other.audio.sounds, "the other side")
    await call.hear(2.0)
    await call.bye()
    await other.ended()
    [at_caller], [at_callee] = joined(call.audio.heard()), joined(other.audio.heard())
    assert pitches([at_caller]) == {880}
    assert pitches([at_callee]) == {440}
    assert at_caller.duration_s > 1.8
    assert at_callee.duration_s > 1.8
    session = await runtime.session_of(call.call_id)
    await runtime.over(session)
    file = next(path for path in runtime.recordings() if session in str(path))
    assert pitches(channel(file, 0)) == {440}
    assert pitches(channel(file, 1)) == {880}


async def test_easy_process_joins_from_the_first_ringing_to_the_hang_up(
    runtime: RuntimeProcess, phone: Phone
) -> None:
    call = await phone.call("easy", headers=[("X-Target", phone.uri)])
    other = await phone.incoming()
    assert not call.finals
    await other.reply(180, "Ringing")
    await call.response(180)
    await other.answer()
    await call.connected()
    says(call, 440)
    says(other, 880)
    await runtime.logged("easy established CONNECTED CONNECTED")
    await call.hear(1.5)
    await other.bye()
    await call.ended()
    assert pitches(call.audio.heard()) == {880}
    assert pitches(other.audio.heard()) == {440}


async def test_in_a_conference_everybody_hears_the_others_and_not_himself(
    runtime: RuntimeProcess, phone: Phone
) -> None:
    targets = [("X-One", phone.uri), ("X-Two", phone.uri)]
    first = await phone.call("trio_room", headers=targets)
    await first.connected()
    second = await phone.incoming(1)
    await second.answer()
    third = await phone.incoming(2)
    await third.answer()
    await runtime.logged("in the room", times=3)
    tones = {440: first, 880: second, 1320: third}
    for hertz, call in tones.items():
        says(call, hertz)
    marks = {hertz: len(call.audio.packets) for hertz, call in tones.items()}
    await first.hear(2.0)
    await first.bye()
    for call in (second, third):
        await call.ended()
    for hertz, call in tones.items():
        late = call.audio.audio_packets()[min(marks[hertz] + 50, len(call.audio.packets) - 1)]
        assert pitches(call.audio.heard(since=late)) == set(tones) - {hertz}
        call.audio.check_unbroken()
