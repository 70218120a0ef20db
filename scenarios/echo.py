"""An echo test: the caller hears himself, to judge delay and quality of the line.

Call any number, speak, and press # to end it; it ends by itself after a minute.
customData (JSON, optional): {"seconds": 60}
"""

from __future__ import annotations

import json
from typing import Any

from runtime import AppEvents, CallEvents, VoxEngine

settings: dict[str, Any] = {"seconds": 60}
settings |= json.loads(VoxEngine.customData() or "{}")


@VoxEngine.on(AppEvents.CallAlerting)
async def incoming(e: AppEvents.CallAlerting) -> None:
    call = e.call
    call.addEventListener(CallEvents.Disconnected, VoxEngine.terminate)
    await call.answer()
    await call.say("You will now hear yourself. Press the hash key to end the test.")
    call.sendMediaTo(call)
    await call.gather(finishOn="#", timeout=settings["seconds"])
    call.stopMediaTo(call)
    await call.say("Thank you for testing. Goodbye.")
    call.hangup()
