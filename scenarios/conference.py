"""A conference room with a PIN: callers who know it hear each other.

Give it a rule with conference = true: all callers then share one session. Every caller has three
tries for the PIN; who joins and who leaves is announced in the room.
customData (JSON, optional): {"pin": "1234", "name": "the conference"}. Change the PIN.
"""

from __future__ import annotations

import json

from runtime import AppEvents, Call, CallEvents, Logger, VoxEngine

settings = {"pin": "1234", "name": "the conference"}
settings |= json.loads(VoxEngine.customData() or "{}")

TRIES = 3
room = VoxEngine.createConference()
members: list[Call] = []
Logger.hideTones(True)


@VoxEngine.on(AppEvents.CallAlerting)
async def incoming(e: AppEvents.CallAlerting) -> None:
    call = e.call
    await call.answer()
    if await knows_the_pin(call):
        await join(call)
    else:
        await call.say("That was not right either. Goodbye.")
        call.hangup()


async def knows_the_pin(call: Call) -> bool:
    prompt = f"Welcome to {settings['name']}. Please enter the PIN, then the hash key."
    for _ in range(TRIES):
        entered = await call.gather(prompt=prompt, timeout=10, interDigitTimeout=5)
        if entered.digits == settings["pin"]:
            return True
        prompt = "That PIN is not right. Please try again."
    return False


async def join(call: Call) -> None:
    others = len(members)
    announce("Somebody has joined.")
    members.append(call)
    call.addEventListener(CallEvents.Disconnected, lambda: leave(call))
    call.handleTones(False)
    await call.say(f"Thank you. Others in the room: {others}.")
    VoxEngine.sendMediaBetween(call, room)


def leave(call: Call) -> None:
    members.remove(call)
    announce("Somebody has left.")


def announce(text: str) -> None:
    """Say it to everybody in the room."""
    if members:
        VoxEngine.createTTSPlayer(text).sendMediaTo(room)
