"""Time-of-day routing: rings the office while it is open, and takes a message when it is not.

The clock is that of the office's time zone, summer time included. A message is taken too when
nobody answers; it is recorded, and its URL is in the log.
customData (JSON, all but `target` optional): {"target": "sip:office@192.0.2.7", "timezone":
"Europe/London", "hours": {"Mon": ["09:00", "17:30"], "Sat": ["10:00", "13:00"]}, "holidays":
["2026-12-25"], "ring_for": 20}. Days that are not in `hours` are closed all day.
"""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any

from runtime import AppEvents, Call, CallEvents, Logger, RecorderEvents, VoxEngine, bridge

WEEKDAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")

settings: dict[str, Any] = {
    "timezone": "Europe/London",
    "hours": {day: ["09:00", "17:30"] for day in WEEKDAYS[:5]},
    "holidays": [],
    "ring_for": 20,
}
settings |= json.loads(VoxEngine.customData() or "{}")

CLOSED = "We are closed at the moment."
NOBODY = "Sorry, nobody can take your call right now."


@VoxEngine.on(AppEvents.CallAlerting)
async def incoming(e: AppEvents.CallAlerting) -> None:
    call = e.call
    call.addEventListener(CallEvents.Disconnected, VoxEngine.terminate)
    if not is_open(VoxEngine.now(settings["timezone"])):
        await take_message(call, CLOSED)
    elif not await put_through(call):
        await take_message(call, NOBODY)
    call.hangup()


def is_open(now: datetime) -> bool:
    """From the first minute on, and not in the last any more."""
    hours = settings["hours"].get(WEEKDAYS[now.weekday()])
    if hours is None or now.date().isoformat() in settings["holidays"]:
        return False
    opens, closes = hours
    return bool(opens <= now.strftime("%H:%M") < closes)


async def put_through(call: Call) -> bool:
    """Ring the office and join the two until one hangs up; whether anybody answered."""
    call.ring()
    office = dial(settings["target"], call.callerid())
    if not await office.answered(timeout=settings["ring_for"]):
        office.hangup()
        return False
    call.answer()
    await bridge(call, office)
    return True


def dial(target: str, callerid: str) -> Call:
    if target.startswith(("sip:", "sips:")):
        return VoxEngine.callSIP(target, callerid=callerid)
    return VoxEngine.callPSTN(target, callerid)


async def take_message(call: Call, why: str) -> None:
    await call.answer()
    await call.say(f"{why} Please leave a message after the tone.")
    await call.startPlayback("beep.wav")
    recorder = VoxEngine.createRecorder(name=f"message from {call.callerid()}", container="wav")
    recorder.on(RecorderEvents.Started)(lambda e: Logger.write(f"message: {e.url}"))
    call.sendMediaTo(recorder)
    await call.gather(finishOn="#", timeout=120)
    recorder.stop()
    await call.say("Thank you. Goodbye.")
