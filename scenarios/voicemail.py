"""Voicemail: a greeting, a beep, and a recording of what the caller says.

Call any number and speak after the beep; # or hanging up ends the message. The recording can be
fetched over HTTP, and its URL is in the log.
customData (JSON, optional): {"greeting": "what to say", "seconds": 120}
"""

from __future__ import annotations

import json
from typing import Any

from runtime import AppEvents, Call, CallEvents, Logger, RecorderEvents, VoxEngine

settings: dict[str, Any] = {
    "greeting": "Nobody can take your call. Please leave a message after the tone.",
    "seconds": 120,
}
settings |= json.loads(VoxEngine.customData() or "{}")


@VoxEngine.on(AppEvents.CallAlerting)
async def incoming(e: AppEvents.CallAlerting) -> None:
    call = e.call
    call.addEventListener(CallEvents.Disconnected, VoxEngine.terminate)
    await call.answer()
    await call.say(settings["greeting"])
    await call.startPlayback("beep.wav")
    await take_message(call)
    await call.say("Thank you. Goodbye.")
    call.hangup()


async def take_message(call: Call) -> None:
    """Record the caller, and nobody else, until #, a long message, or the end of the call."""
    recorder = VoxEngine.createRecorder(name=f"message from {call.callerid()}", container="wav")
    recorder.on(RecorderEvents.Started)(
        lambda e: Logger.write(f"message from {call.callerid()}: {e.url}")
    )
    call.sendMediaTo(recorder)
    await call.gather(finishOn="#", timeout=settings["seconds"])
    recorder.stop()
