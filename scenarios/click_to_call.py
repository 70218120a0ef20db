"""Joins two people: calls the first, and when that one has answered, the second.

Start it over HTTP (POST /api/v1/applications/APP/sessions), as a button on a web page does. The
answer holds the session's access URL: GET it to see how far the two are, DELETE it to hang up. The
first hears the second ring; who cannot be reached is told to the first, and stands in the log and,
at the end, in the session's customData.
customData (JSON): {"first": "sip:ann@192.0.2.7", "second": "+442079460123",
"callerid": "+442079460100", "ring_for": 30}
"""

from __future__ import annotations

import json
from typing import Any

from runtime import AppEvents, Call, CallEvents, Logger, VoxEngine, bridge

settings: dict[str, Any] = {"callerid": "", "ring_for": 30}
settings |= json.loads(VoxEngine.customData() or "{}")
progress: dict[str, str] = {}
"""What became of either so far: "calling", or a SIP code and its reason."""


@VoxEngine.on(AppEvents.Started)
async def started() -> None:
    first = dial(settings["first"])
    first.addEventListener(CallEvents.Disconnected, VoxEngine.terminate)
    if await reached("first", first):
        await first.say("One moment, we are calling the other side.")
        await join(first)
    VoxEngine.terminate()


@VoxEngine.on(AppEvents.HttpRequest)
def asked(e: AppEvents.HttpRequest) -> dict[str, str]:
    if e.method == "DELETE":
        VoxEngine.terminate()
    return progress


async def join(first: Call) -> None:
    second = dial(settings["second"])
    first.playProgressTone("UK")
    second.on(CallEvents.AudioStarted)(lambda: second.sendMediaTo(first))
    if await reached("second", second):
        await bridge(first, second)
    else:
        await first.say("The other side does not answer. Goodbye.")


async def reached(who: str, call: Call) -> bool:
    """Whether somebody picks up in time; if not, give up and leave a note of it."""
    progress[who] = "calling"
    outcome = await call.answered(timeout=settings["ring_for"])
    progress[who] = f"{outcome.code} {outcome.reason}"
    note = f"{who}: {progress[who]}"
    Logger.write(note)
    VoxEngine.customData(note[:50])  # of 200 bytes, and a peer writes its reason in any script
    if not outcome:
        call.hangup()
    return outcome.connected


def dial(target: str) -> Call:
    if target.startswith(("sip:", "sips:")):
        return VoxEngine.callSIP(target, callerid=settings["callerid"])
    return VoxEngine.callPSTN(target, settings["callerid"])
