"""A survey: asks questions that are answered with a key, and keeps the answers.

Call it, or start it over HTTP with `call` and it calls. Each question is asked twice at most, then
left out. What was answered until the caller hangs up is kept in ApplicationStorage under
survey:SESSION, and sent to `report_to` when that is set.
customData (JSON, optional): {"welcome": "...", "questions": [{"ask": "From 1 to 5, ...", "keys":
"12345"}], "call": "+442079460123", "callerid": "...", "report_to": "https://...", "days": 30}
"""

from __future__ import annotations

import json
from typing import Any

from runtime import (
    AppEvents,
    ApplicationStorage,
    Call,
    CallEvents,
    CallState,
    Logger,
    Net,
    VoxEngine,
)

settings: dict[str, Any] = {
    "welcome": "Thank you for your time. We have a few short questions.",
    "questions": [
        {"ask": "From 1, poor, to 5, excellent: how was our service?", "keys": "12345"},
        {"ask": "Would you come to us again? Press 1 for yes, 2 for no.", "keys": "12"},
    ],
    "call": "",
    "callerid": "",
    "report_to": "",
    "days": 30,
}
settings |= json.loads(VoxEngine.customData() or "{}")

TRIES = 2
DAY_S = 24 * 60 * 60
answers: list[str] = []
session = ""


@VoxEngine.on(AppEvents.Started)
async def started(e: AppEvents.Started) -> None:
    global session
    session = str(e.sessionId)
    if settings["call"]:
        call = VoxEngine.callPSTN(settings["call"], settings["callerid"])
        call.addEventListener(CallEvents.Failed, VoxEngine.terminate)
        call.addEventListener(CallEvents.Disconnected, keep)
        if await call.answered():
            await ask(call)


@VoxEngine.on(AppEvents.CallAlerting)
async def incoming(e: AppEvents.CallAlerting) -> None:
    e.call.addEventListener(CallEvents.Disconnected, keep)
    if await e.call.answer():
        await ask(e.call)


async def ask(call: Call) -> None:
    await call.say(settings["welcome"])
    for question in settings["questions"]:
        key = await answer_to(call, question["ask"], question["keys"])
        if call.state() is CallState.TERMINATED:
            return
        answers.append(key)
    await call.say("That was all. Thank you, and goodbye.")
    call.hangup()


async def answer_to(call: Call, question: str, keys: str) -> str:
    """The key that was pressed; empty when there was none, or only others."""
    prompt = question
    for _ in range(TRIES):
        pressed = await call.gather(prompt=prompt, maxDigits=1, finishOn="", timeout=6)
        if pressed and pressed.digits in keys:
            return pressed.digits
        prompt = f"Sorry, I did not get that. {question}"
    return ""


async def keep() -> None:
    """The call is over, also when the caller hung up between two questions."""
    Logger.write(f"answers: {answers}")
    value = json.dumps(answers)
    await ApplicationStorage.put(f"survey:{session}", value, settings["days"] * DAY_S)
    if settings["report_to"]:
        await Net.httpRequestAsync(
            settings["report_to"],
            method="POST",
            postData=json.dumps({"session": session, "answers": answers}),
            headers={"Content-Type": "application/json"},
        )
    VoxEngine.terminate()
