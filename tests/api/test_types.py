"""What type checkers say of scenarios: event fields are known, wrong handlers are refused.

mypy runs once over all snippets; each expectation stands beside its line as `# E: part of message`.
basedpyright, which editors use, also knows the event inside a lambda.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import mypy.api
import pytest

SNIPPETS = {
    "good": """
from runtime import (
    AppEvents, Answered, ASRLanguage, ASRModelList, Call, CallEvents, CallState, ConferenceEvents,
    Gathered, IVR, Language, PlaybackOutcome, PlayerEvents, VoiceList, VoxEngine, bridge,
    first_answered, setTimeout,
)

def connected(event: CallEvents.Connected) -> None:
    reveal_type(event.headers)  # N: Mapping[str, str]

async def finished(event: CallEvents.PlaybackFinished) -> str:
    return event.error or "fine"

@VoxEngine.on(AppEvents.CallAlerting)
async def alerting(event: AppEvents.CallAlerting) -> None:
    call = event.call
    reveal_type(call)  # N: runtime.api.call.Call
    call.addEventListener(CallEvents.Connected, connected)
    call.addEventListener(CallEvents.Connected, lambda e: print(e.headers, e.call.state()))
    call.addEventListener(CallEvents.Connected, lambda: call.say("hello"))
    call.addEventListener(CallEvents.PlaybackFinished, finished)
    call.addEventListener(CallEvents.Disconnected, VoxEngine.terminate)
    call.addEventListener("Call.OnHold", lambda e: print(e.anything))
    reveal_type(await call.answer())  # N: runtime.api.values.Answered
    reveal_type(await call.say("hello"))  # N: runtime.api.values.PlaybackOutcome
    reveal_type(await call.gather(maxDigits=4))  # N: runtime.api.values.Gathered
    reveal_type(await VoxEngine.callSIP("sip:bob@example.com").answered(timeout=15))  # N: Answered
    agent = await first_answered([call, call], timeout=20, earlyMedia=call)
    reveal_type(agent)  # N: runtime.api.call.Call
    reveal_type((await bridge(call, agent)).by)  # N: runtime.api.call.Call | None
    reveal_type((await call.gather(speech=True)).speech)  # N: "str"
    end = await call.ended()
    reveal_type(end)  # N: Disconnected | runtime.api.call_events.Failed
    async for key in call.tones():
        reveal_type(key)  # N: "str"

@VoxEngine.on(AppEvents.Started)
def started() -> None:
    setTimeout(VoxEngine.terminate, 20_000)
    VoxEngine.callSIP("sip:bob@example.com", callerid="100", headers={"X-A": "1"})
    VoxEngine.callSIP("sip:bob@example.com", {"callerid": "100"})
    VoxEngine.callSIP("sip:bob@example.com", "100", "Bob")
    VoxEngine.callUser(username="bob", callerid="100")
    VoxEngine.callUser({"username": "bob", "callerid": "100"})
    VoxEngine.callUser(parameters={"username": "bob"})
    VoxEngine.callSIP("sip:bob@example.com", parameters={"callerid": "100"})
    VoxEngine.createURLPlayer(request={"url": "music.wav"}, parameters={"loop": True})
    player = VoxEngine.createURLPlayer("music.wav", loop=True)
    player.addEventListener(PlayerEvents.Started, lambda e: print(e.duration, e.player.id()))
    player.sendMediaTo(VoxEngine.createConference())
    IVR.ttsOptions = {"rate": "slow"}
    reveal_type(VoiceList.Amazon.Neural.en_US_Joanna)  # N: "str"
    reveal_type(Language.Premium.US_ENGLISH_FEMALE)  # N: "str"
    reveal_type(ASRLanguage.ENGLISH_US)  # N: "str"
    reveal_type(ASRModelList.Google.phone_call)  # N: "str"
    room = VoxEngine.createConference()
    room.addEventListener(ConferenceEvents.EndpointAdded, lambda e: print(e.endpoint.getCall()))
    VoxEngine.callSIP("sip:bob@example.com", {"callerid": "100"}, {})

def joined(event: AppEvents.WebSocket) -> None:
    reveal_type(event.websocket)  # N: runtime.api.websocket.WebSocket

@VoxEngine.once(AppEvents.Terminating)
def terminating(event: AppEvents.Terminating) -> None:
    reveal_type(event.systemError)  # N: str | None
""",
    "bad": """
from runtime import AppEvents, Call, CallEvents, VoxEngine

def connected(event: CallEvents.Connected) -> None: ...
def two(one: CallEvents.Connected, other: int) -> None: ...

def wrong(call: Call, event: CallEvents.Connected) -> None:
    call.addEventListener(CallEvents.Disconnected, connected)  # E: incompatible type
    call.addEventListener(CallEvents.Connected, two)  # E: incompatible type
    call.addEventListener(CallEvents.Connected, "connected")  # E: No overload variant
    call.addEventListener(CallEvents.Conected, connected)  # E: has no attribute "Conected"
    event.code  # E: has no attribute "code"
    call.sendMediaToo(call)  # E: has no attribute "sendMediaToo"
    call.answer("X-A: 1")  # E: incompatible type
    call.gather(maxDigit=4)  # E: Unexpected keyword argument
    VoxEngine.callSip("sip:bob@example.com")  # E: has no attribute "callSip"
    VoxEngine.callSIP("sip:bob@example.com", callerId="1")  # E: No overload variant

@VoxEngine.on(AppEvents.Started)  # E: incompatible type
def started(event: AppEvents.CallAlerting) -> None: ...
""",
}
EXPECTATION = re.compile(r"#\s*([EN]): (.*)$")


def test_mypy_knows_event_fields_and_refuses_wrong_handlers(tmp_path: Path) -> None:
    files = []
    for name, source in SNIPPETS.items():
        path = tmp_path / f"snippet_{name}.py"
        path.write_text(source.strip() + "\n")
        files.append(path)
    options = ["--strict", "--python-version", "3.11", "--no-error-summary", "--no-incremental"]
    config = tmp_path / "mypy.ini"
    config.write_text("[mypy]\n")
    output, errors, _ = mypy.api.run([*options, f"--config-file={config}", *map(str, files)])
    assert errors == ""
    said: dict[tuple[str, int], str] = {}
    for line in output.splitlines():
        match = re.match(r".*?(snippet_\w+)\.py:(\d+): (error|note): (.*)", line)
        if match:
            key = (match[1], int(match[2]))
            said[key] = said.get(key, "") + f" {match[3][0].upper()}: {match[4]}"
    for path in files:
        for number, line in enumerate(path.read_text().splitlines(), 1):
            heard = said.pop((path.stem, number), "")
            expected = EXPECTATION.search(line)
            if expected is None:
                assert "E: " not in heard, f"{path.stem}:{number}: {heard}"
            else:
                kind, part = expected.groups()
                assert f"{kind}: " in heard, f"{path.stem}:{number}: nothing said, wanted {part}"
                assert part in heard, f"{path.stem}:{number}: {heard}"
    assert said == {}


LAMBDAS = """
from runtime import Call, CallEvents

def scenario(call: Call) -> None:
    call.addEventListener(CallEvents.Connected, lambda e: print(e.headers["X-A"]))
    call.addEventListener(CallEvents.Connected, lambda e: print(e.code))
    call.on(CallEvents.Failed)(lambda e: print(e.code))
    call.on(CallEvents.Failed)(lambda e: print(e.internalCode))
"""


@pytest.mark.slow
def test_an_editor_knows_the_event_inside_a_lambda(tmp_path: Path) -> None:
    path = tmp_path / "snippet.py"
    path.write_text(LAMBDAS.strip() + "\n")
    (tmp_path / "pyrightconfig.json").write_text('{"typeCheckingMode": "strict"}')
    command = [sys.executable, "-m", "basedpyright", "--pythonpath", sys.executable, "--outputjson"]
    command += ["-p", str(tmp_path)]
    result = subprocess.run(command, capture_output=True, text=True, timeout=100, check=False)
    faults = json.loads(result.stdout)["generalDiagnostics"]
    lines = {fault["range"]["start"]["line"] + 1 for fault in faults}
    assert lines == {5, 7}, [fault["message"] for fault in faults][:5]
    assert {"reportAttributeAccessIssue"} <= {fault["rule"] for fault in faults}
