"""Answers, greets the caller and hangs up: the smallest whole scenario.

Call any number. customData (JSON, optional): {"greeting": "what to say"}
"""

from __future__ import annotations

import json

from runtime import AppEvents, CallEvents, VoxEngine

settings = {"greeting": "Hello, and welcome to Callstage."}
settings |= json.loads(VoxEngine.customData() or "{}")


@VoxEngine.on(AppEvents.CallAlerting)
async def incoming(e: AppEvents.CallAlerting) -> None:
    call = e.call
    call.addEventListener(CallEvents.Disconnected, VoxEngine.terminate)
    await call.answer()
    await call.say(settings["greeting"])
    call.hangup()
