"""Wrong arguments: refused at their line, by the method's and the parameter's own names."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import pytest
from trio.testing import MockClock

from tests.api.test_calls import alerting
from tests.sandbox.fake_core import running


def refused(expression: str) -> str:
    """A script that logs what an expression raises, in a handler of an incoming call."""
    body = f"""
url = VoxEngine.createURLPlayer
try:
    {expression}
except Exception as exc:
    Logger.write(f"{{type(exc).__name__}}: {{exc}}")
"""
    return alerting(body)


REFUSALS = (Path(__file__).parent / "refusals.txt").read_text().splitlines()
WRONG_VALUES = [
    (expression, message.strip())
    for expression, message in pairwise(REFUSALS)
    if message.startswith("    ")
]


async def is_taken(expression: str) -> None:
    async with running(refused(expression)) as core:
        await core.alert()
        assert core.logs == []
        assert core.errors == []


@pytest.mark.parametrize(
    ("expression", "message"), WRONG_VALUES, ids=[row[0] for row in WRONG_VALUES]
)
async def test_what_cannot_be_done_is_refused_at_its_line(
    autojump_clock: MockClock, expression: str, message: str
) -> None:
    async with running(refused(expression)) as core:
        await core.alert()
        assert core.errors == []
        assert core.logs[-1].startswith(message)


@pytest.mark.parametrize(
    "expression",
    [
        "call.startEarlyMedia({'X-A': 'b'}, {}, 500, True, False, True)",
        "call.startEarlyMedia(maxVideoBitrate=500, disableDtxForAudio=True)",
        "call.handleTones(True, None)",
        "call.sendInfo('text/plain', '\\U0001f389', {'X-Party': '\\U0001f389'})",
        "call.say('x', ttsOptions={'rate': 'fast', 'volume': 1, 'pitch': None})",
        "call.ring({'X-Number': 5})",
        "call.removeEventListener(CallEvents.Failed, None)",
        "setTimeout(lambda *_: 1, 5)",
        "setTimeout(lambda: 1, 24 * 3600 * 1000)",
        "require('ASR')",
        "VoxEngine.now('Europe/Berlin')",
        "VoxEngine.callPSTN('44', '1', {'amd': None, 'followDiversion': False})",
    ],
)
async def test_what_the_documents_allow_is_taken(
    autojump_clock: MockClock, expression: str
) -> None:
    await is_taken(expression)


@pytest.mark.parametrize(
    "expression",
    [
        "call.answer(extraHeaders={'X-A': 'b'}, parameters={'displayName': 'B'})",
        "call.say(text='x', parameters={'voice': 'en-US'}, progressivePlayback=True)",
        "call.startPlayback(url='a.wav', parameters={'loop': True})",
        "call.record(parameters={'stereo': True})",
        "call.sendMediaTo(mediaUnit=call, parameters={'tag': 'x'})",
        "call.transferTo(parameters={'to': 'sip:a@b.example'})",
        "call.enableBeepDetection(parameters={'timeout': 5000})",
        "call.monitorMediaStatistics(parameters=None)",
        "VoxEngine.callPSTN(number='1', callerid='2', parameters={'followDiversion': True})",
        "VoxEngine.callSIP(to='sip:a@b.example', parameters={'callerid': '2'}, scheme={})",
        "VoxEngine.callUser(parameters={'username': 'bob', 'callerid': '2'})",
        "VoxEngine.createURLPlayer(request={'url': 'a.wav'}, parameters={'loop': True})",
        "VoxEngine.createURLPlayer(request='a.wav')",
        "VoxEngine.createTTSPlayer(text='x', parameters={'voice': 'en-US'})",
        "VoxEngine.createToneScriptPlayer(script='440@-19;1(*/0/1)', parameters={'loop': True})",
        "VoxEngine.createSequencePlayer(parameters={'segments': [{'text': 'x'}]})",
        "VoxEngine.createRecorder(parameters={'name': 'x'})",
        "VoxEngine.createConference(parameters={'hd_audio': True}).add(parameters={'call': call})",
        "VoxEngine.createASR(parameters={'profile': 'en-US'})",
        "VoxEngine.createWebSocket(url='wss://a.example', parameters={'protocols': 'chat'})",
        "VoxEngine.sendMediaBetween(mediaUnit1=call, mediaUnit2=call)",
        "AMD.create(parameters={'timeout': 1000})",
        "Net.httpRequest(url='https://a.example', callback=print, options={'method': 'PUT'})",
        "Net.httpRequestAsync(url='https://a.example', options=Net.HttpRequestOptions())",
    ],
)
async def test_parameters_have_the_names_of_voxengine_s_reference(
    autojump_clock: MockClock, expression: str
) -> None:
    await is_taken(expression)
