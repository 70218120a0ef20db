"""Passes calls on: tries one target after the other until somebody answers.

The caller hears ringing, or whatever the target's side plays, and is answered only when a target
is; when nobody is there the call is refused, after an apology if there is one, and costs nothing.
customData (JSON): {"targets": ["sip:ann@192.0.2.7", "+442079460123"], "ring_for": 15,
"apology": "what to say when nobody answers"}
"""

from __future__ import annotations

import json
from typing import Any

from runtime import AppEvents, Call, CallEvents, Logger, VoxEngine, bridge

settings: dict[str, Any] = {"targets": [], "ring_for": 15, "apology": ""}
settings |= json.loads(VoxEngine.customData() or "{}")

BUSY, UNAVAILABLE = 486, 480


@VoxEngine.on(AppEvents.CallAlerting)
async def incoming(e: AppEvents.CallAlerting) -> None:
    call = e.call
    call.addEventListener(CallEvents.Disconnected, VoxEngine.terminate)
    call.ring()
    code = UNAVAILABLE
    for target in settings["targets"]:
        callee = dial(target, call)
        callee.on(CallEvents.AudioStarted)(lambda e: let_hear(e.call, call))
        outcome = await callee.answered(timeout=settings["ring_for"])
        if outcome:
            call.answer()
            await bridge(call, callee, hangup=True)
            return
        Logger.write(f"{target}: {outcome.code} {outcome.reason}")
        callee.hangup()
        code = BUSY if outcome.code == BUSY else UNAVAILABLE
    if settings["apology"]:
        call.startEarlyMedia()
        await call.say(settings["apology"])
    call.reject(code)


def dial(target: str, caller: Call) -> Call:
    """Call a SIP address or a telephone number in the caller's name."""
    if target.startswith(("sip:", "sips:")):
        name = caller.displayName()
        return VoxEngine.callSIP(target, callerid=caller.callerid(), displayName=name)
    return VoxEngine.callPSTN(target, caller.callerid())


def let_hear(callee: Call, caller: Call) -> None:
    """The target's side plays something before it answers."""
    caller.startEarlyMedia()
    callee.sendMediaTo(caller)
