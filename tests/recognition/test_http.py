"""A recogniser behind HTTP: a real server, and speech through the real audio engine."""

from __future__ import annotations

import io
import json
import wave
from collections.abc import AsyncIterator
from typing import Any

import attrs
import numpy as np
import pytest
import trio

from runtime.decisions.recognition import Recognised
from runtime.media.client import MediaClient
from runtime.media.pcm import Samples
from runtime.net import Direct, Fetcher, parse_networks
from runtime.recognition import RecognitionEvent, RecognitionLost, RecognitionRequest
from runtime.recognition.embedded import EmbeddedRecogniser
from runtime.recognition.http import MAX_ANSWER, HttpUnderstander
from runtime.recognition.one_shot import Failed
from runtime.recognition.providers import Recognisers
from runtime.recognition.utterances import Ended
from tests.media.detect.voices import talk
from tests.media.test_engine_loopback import Ear, FakeSound, running_engine
from tests.net.web import Answer, Web

pytestmark = pytest.mark.loopback

PATIENCE_S = 60
UTTERANCE = Ended((1000 * np.sin(np.arange(16000))).astype(np.int16))
WISHES = {"phraseHints": ["größer", "yes"], "profile": "en-GB"}


@pytest.fixture
async def web(nursery: trio.Nursery) -> AsyncIterator[Web]:
    server = Web()
    await nursery.start(server.run)
    with trio.fail_after(PATIENCE_S):
        yield server
    nursery.cancel_scope.cancel()


def fetcher(allow: str = "127.0.0.0/8") -> Fetcher:
    return Fetcher(Direct(parse_networks([allow])))


def understander(web: Web, path: str = "/asr", **changes: Any) -> HttpUnderstander:
    settings = {"audio": "wav", "timeout_s": PATIENCE_S, "connect_s": 6.0, "wishes": WISHES}
    url = f"http://user:key@127.0.0.1:{web.port}{path}"
    return HttpUnderstander(fetcher(), **{"url": url, **settings, **changes})


def answer(**message: Any) -> Answer:
    return Answer(json.dumps(message).encode(), headers=(("Content-Type", "application/json"),))


def split(request: bytes) -> tuple[dict[str, str], bytes]:
    head, _, body = request.partition(b"\r\n\r\n")
    lines = [line.partition(": ") for line in head.decode("ascii").split("\r\n")[1:]]
    return {name.lower(): value for name, _, value in lines}, body


async def test_an_utterance_is_posted_as_a_wav_file_with_what_the_script_wants(web: Web) -> None:
    web.pages["/asr"] = answer(text="größer", confidence=87.5, languageCode="de-DE")
    result = await understander(web).understand(UTTERANCE)
    assert result == Recognised(
        "Result",
        {"text": "größer", "confidence": 87.5, "resultEndTime": 0, "languageCode": "de-DE"},
    )
    headers, body = split(web.requests[0])
    assert web.requests[0].startswith(b"POST /asr HTTP/1.1\r\n")
    assert headers["content-type"] == "audio/wav"
    assert headers["authorization"] == "Basic dXNlcjprZXk="
    assert json.loads(headers["x-recognition-options"]) == WISHES
    with wave.open(io.BytesIO(body)) as file:
        assert (file.getframerate(), file.getnchannels(), file.getsampwidth()) == (16000, 1, 2)
        assert file.readframes(20000) == UTTERANCE.samples.astype("<i2").tobytes()


async def test_an_utterance_is_posted_as_l16(web: Web) -> None:
    web.pages["/asr"] = answer(text="yes")
    result = await understander(web, audio="l16").understand(UTTERANCE)
    assert result.fields["text"] == "yes"
    headers, body = split(web.requests[0])
    assert headers["content-type"] == "audio/L16;rate=16000;channels=1"
    assert np.array_equal(np.frombuffer(body, ">i2"), UTTERANCE.samples)


@pytest.mark.parametrize(
    ("page", "why"),
    [
        (Answer(status=503), "answers with 503"),
        (Answer(b"no JSON"), 'no JSON with a "text"'),
        (Answer(b"[1]"), 'no JSON with a "text"'),
        (Answer(b'{"text": 5}'), 'no JSON with a "text"'),
        (Answer(b"[" * 100_000), 'no JSON with a "text"'),
        (Answer(b" " * (MAX_ANSWER + 1)), "the limit is 262,144"),
        (Answer(b'{"text": "x"}', first=3, cut=True), "does not answer"),
        (Answer(status=302, headers=(("Location", "http://10.0.0.1/"),)), "does not answer"),
    ],
)
async def test_answers_that_are_none_fail_with_their_reason(
    web: Web, page: Answer, why: str
) -> None:
    web.pages["/asr"] = page
    with pytest.raises(Failed, match=why):
        await understander(web).understand(UTTERANCE)


async def test_a_recogniser_that_does_not_answer_costs_the_time_out_and_no_more(web: Web) -> None:
    web.pages["/asr"] = Answer(before=trio.Event())
    with pytest.raises(Failed, match="does not answer: Timeout is reached"):
        await understander(web, timeout_s=0.05).understand(UTTERANCE)


@attrs.define
class Told(Ear):
    """What a session is told."""

    def __call__(self, event: RecognitionEvent) -> None:  # type: ignore[override]
        Ear.__call__(self, event)

    @property
    def names(self) -> list[str]:
        return [each.name for each in self.told if isinstance(each, Recognised)]

    async def names_are(self, *names: str) -> None:
        while len(self.names) < len(names):
            await self.news.wait()
        assert self.names == [*names]


def spoken_once() -> Samples:
    return np.concatenate([np.zeros(4000, np.int16), talk(1.0), np.zeros(12000, np.int16)])


def recognisers(engine: MediaClient) -> Recognisers:
    embedded = EmbeddedRecogniser(lambda _: None)
    return Recognisers(sockets=None, media=engine, http=fetcher(), embedded=embedded)  # type: ignore[arg-type]


def request(web: Web) -> RecognitionRequest:
    url = f"http://127.0.0.1:{web.port}/asr"
    return RecognitionRequest(url=url, wishes='{"model": "x"}', owner="s1", connect_s=6.0)


async def test_speech_on_a_call_becomes_events_in_their_order(web: Web) -> None:
    told, asked = Told(), trio.Event()
    web.pages["/asr"] = attrs.evolve(answer(text="hello"), before=asked)
    async with running_engine() as engine, trio.open_nursery() as nursery:
        recognition = await recognisers(engine).open(request(web), told)
        nursery.start_soon(recognition.run)
        recognition.begin()
        player = engine.open_player(FakeSound.of(spoken_once()), Ear())
        engine.connect(player, recognition.media)
        # Speech is told while the recogniser still thinks.
        await told.names_are("CaptureStarted", "SpeechCaptured")
        asked.set()
        await told.names_are("CaptureStarted", "SpeechCaptured", "Result")
        assert told.told[-1].fields["text"] == "hello"  # type: ignore[attr-defined]
        recognition.close()
    headers, body = split(web.requests[0])
    assert headers["x-recognition-options"] == '{"model": "x"}'
    heard = np.frombuffer(body[44:], "<i2")
    assert 1.0 < len(heard) / 16000 < 2.5
    assert np.abs(heard).max() > 2000


async def test_a_recogniser_that_fails_is_the_last_event(web: Web) -> None:
    told = Told()
    web.pages["/asr"] = Answer(status=500)
    async with running_engine() as engine, trio.open_nursery() as nursery:
        recognition = await recognisers(engine).open(request(web), told)
        recognition.begin()
        player = engine.open_player(FakeSound.of(spoken_once()), Ear())
        engine.connect(player, recognition.media)
        nursery.start_soon(recognition.run)
        await told.hears(RecognitionLost)
    assert told.told[-1] == RecognitionLost("the recogniser answers with 500")
