"""Recognisers behind an HTTP request for each utterance: audio there, JSON back.

What the script wants goes along in one header, so that the body is nothing but audio.
"""

from __future__ import annotations

import json
from typing import Any, Final, Literal

from runtime.decisions.recognition import Recognised, read_answer
from runtime.media.sounds.headers import wav_header
from runtime.net import Body, Fetcher, FetchError, Request

from .one_shot import Failed, Understander
from .utterances import RATE_HZ, Ended

AudioFormat = Literal["wav", "l16"]

MAX_UTTERANCE_S: Final = 60.0
"""As long as VoxEngine recognises in one piece; 2 MB of audio."""
MAX_ANSWER: Final = 256 * 1024
"""Of JSON: an hour of words, with alternatives that nobody reads."""
OPTIONS_HEADER: Final = "X-Recognition-Options"
"""The options of createASR as JSON in ASCII: 2,000 characters, six times as many when escaped."""


class HttpUnderstander(Understander):
    """Requests to the operator's URL, one after the other."""

    max_s = MAX_UTTERANCE_S
    note = ""

    def __init__(
        self,
        fetcher: Fetcher,
        *,
        url: str,
        audio: AudioFormat,
        timeout_s: float,
        connect_s: float,
        wishes: dict[str, Any],
    ) -> None:
        self._fetcher = fetcher
        self._url = url
        self._audio: AudioFormat = audio
        self._timeout_s = timeout_s
        self._connect_s = connect_s
        self._wishes = json.dumps(wishes)

    async def understand(self, utterance: Ended) -> Recognised:
        kind, content = _body(self._audio, utterance)
        request = Request(
            url=self._url,
            method="POST",
            headers=(
                ("Content-Type", kind),
                ("Accept", "application/json"),
                (OPTIONS_HEADER, self._wishes),
            ),
            content=content,
            timeout_s=self._timeout_s,
            connect_s=min(self._connect_s, self._timeout_s),
        )
        try:
            async with self._fetcher.request(request) as reply:
                if not 200 <= reply.status < 300:
                    raise Failed(f"the recogniser answers with {reply.status}")
                answer = await _whole(Body(reply, limit=MAX_ANSWER))
        except FetchError as exc:
            raise Failed(f"the recogniser does not answer: {exc}") from exc
        return _result(answer)

    def close(self) -> None:
        """A request is ended by whoever cancels `understand`."""


async def _whole(body: Body) -> bytes:
    pieces = []
    while (piece := await body.piece()) is not None:
        pieces.append(piece)
    return b"".join(pieces)


def _result(answer: bytes) -> Recognised:
    try:
        message: Any = json.loads(answer)
    except (ValueError, RecursionError):
        message = None
    if not isinstance(message, dict) or not isinstance(message.get("text"), str):
        raise Failed('the answer of the recogniser is no JSON with a "text"')
    return read_answer(message)


def _body(audio: AudioFormat, utterance: Ended) -> tuple[str, bytes]:
    """RFC 2586 says what L16 is: the network's order of octets, and its parameters."""
    if audio == "wav":
        samples = utterance.samples.astype("<i2").tobytes()
        return "audio/wav", wav_header(RATE_HZ, 1, len(samples)) + samples
    return f"audio/L16;rate={RATE_HZ};channels=1", utterance.samples.astype(">i2").tobytes()
