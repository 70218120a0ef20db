"""A telephone menu: opening hours, a colleague, or a message after the tone.

Call any number and press 1, 2 or 3. The whole call is recorded in stereo.
1 reads out the opening hours. 2 rings a colleague, or several at once, with ringback or whatever
their side plays; when nobody answers, a message is taken. 3 takes a message.
customData (JSON, all optional): {"company": "...", "hours": "...", "colleague": "+4420... or
sip:..., or a list of such", "ring_for": 20}. Without a colleague, 2 takes a message.
"""

from __future__ import annotations

import json
from typing import Any

from runtime import (
    AppEvents,
    Call,
    CallEvents,
    Logger,
    NobodyAnswered,
    VoxEngine,
    bridge,
    first_answered,
)

settings: dict[str, Any] = {
    "company": "Callstage",
    "hours": "We are open Monday to Friday, nine to five.",
    "colleague": "",
    "ring_for": 20,
}
settings |= json.loads(VoxEngine.customData() or "{}")

MENU = "Press 1 for our opening hours, 2 for a colleague, or 3 to leave a message."
TRIES = 3


@VoxEngine.on(AppEvents.CallAlerting)
async def incoming(e: AppEvents.CallAlerting) -> None:
    call = e.call
    call.addEventListener(CallEvents.Disconnected, VoxEngine.terminate)
    await call.answer()
    call.record(stereo=True, container="wav")
    await menu(call)
    await call.say("Thank you for calling. Goodbye.")
    call.hangup()


async def menu(call: Call) -> None:
    prompt = f"Welcome to {settings['company']}. {MENU}"
    for _ in range(TRIES):
        pressed = await call.gather(prompt=prompt, maxDigits=1, finishOn="", timeout=6)
        match pressed.digits:
            case "1":
                await call.say(f"You pressed 1. {settings['hours']}")
                return
            case "2":
                await call.say("You pressed 2. One moment, please.")
                await connect(call)
                return
            case "3":
                await call.say("You pressed 3.")
                await take_message(call)
                return
            case "":
                prompt = f"I did not hear a key. {MENU}"
            case other:
                prompt = f"{other} is not on the menu. {MENU}"


async def connect(call: Call) -> None:
    """Ring the colleagues; join the caller with the first who answers, or take a message."""
    wanted = settings["colleague"]
    targets: list[str] = [wanted] if isinstance(wanted, str) else wanted
    if not all(targets):
        await take_message(call)
        return
    call.playProgressTone("US")
    colleagues = [dial(target, call.callerid()) for target in targets]
    try:
        colleague = await first_answered(colleagues, timeout=settings["ring_for"], earlyMedia=call)
    except NobodyAnswered as exc:
        Logger.write(exc)
        await take_message(call)
        return
    await bridge(call, colleague)


def dial(target: str, callerid: str) -> Call:
    if target.startswith(("sip:", "sips:")):
        return VoxEngine.callSIP(target, callerid=callerid)
    return VoxEngine.callPSTN(target, callerid)


async def take_message(call: Call) -> None:
    await call.say("Please speak after the tone, and press the hash key when you are done.")
    await call.startPlayback("beep.wav")
    recorder = VoxEngine.createRecorder(name=f"message from {call.callerid()}", container="wav")
    call.sendMediaTo(recorder)
    await call.gather(finishOn="#", timeout=60)
    recorder.stop()
