"""Number masking: two people call each other through a number of ours and never see theirs.

Start a session with customData {"between": ["+447700900001", "+447700900002"], "via":
"+442079460100", "days": 30} to link two numbers; from then on a call of either to `via` reaches the
other, who sees `via`. Links are kept in ApplicationStorage and end by themselves. Without
"between" customData is not needed: point the rule of the numbers in `via` here.
"""

from __future__ import annotations

import json
from typing import Any

from runtime import AppEvents, ApplicationStorage, Call, CallEvents, Logger, VoxEngine

settings: dict[str, Any] = {"days": 30}
settings |= json.loads(VoxEngine.customData() or "{}")

DAY_S = 24 * 60 * 60


@VoxEngine.on(AppEvents.Started)
async def started() -> None:
    """A session that was started to link two numbers."""
    if "between" in settings:
        one, other = settings["between"]
        await link(one, other)
        await link(other, one)
        VoxEngine.terminate()


async def link(caller: str, callee: str) -> None:
    await ApplicationStorage.put(key(caller, settings["via"]), callee, settings["days"] * DAY_S)


def key(caller: str, via: str) -> str:
    return f"masked:{via}:{caller}"


@VoxEngine.on(AppEvents.CallAlerting)
async def incoming(e: AppEvents.CallAlerting) -> None:
    call = e.call
    call.addEventListener(CallEvents.Disconnected, VoxEngine.terminate)
    linked = await ApplicationStorage.get(key(e.callerid, e.destination))
    if linked is None:
        Logger.write("nobody is linked to this caller")
        call.startEarlyMedia()
        await call.say("The person you are calling cannot be reached through this number.")
        call.reject(404)
    else:
        connect(call, linked.value)


def connect(call: Call, number: str) -> None:
    """Call on as the number that was dialled; VoxEngine joins the two until either hangs up."""
    VoxEngine.easyProcess(call, VoxEngine.callPSTN(number, call.number()))
