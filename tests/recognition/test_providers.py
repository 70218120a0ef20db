"""Which recogniser a createASR gets, over the real audio engine."""

from __future__ import annotations

import json

import pytest
import trio

from runtime.recognition import (
    RecognitionEvent,
    RecognitionNote,
    RecognitionRequest,
    RecognitionUnavailable,
)
from runtime.recognition.embedded import MODULE, EmbeddedRecogniser
from runtime.recognition.one_shot import OneShotRecognition
from runtime.recognition.providers import Recognisers
from runtime.recognition.sockets import SocketRecognition
from tests.media.test_engine_loopback import running_engine
from tests.processes.running import children_running
from tests.recognition.test_http import fetcher
from tests.sockets.server import PATIENCE_S, serving
from tests.sockets.test_client import client_of

pytestmark = pytest.mark.loopback

HINTS = ["yes", "zorgle"]


def request(url: str, **wishes: object) -> RecognitionRequest:
    return RecognitionRequest(url=url, wishes=json.dumps(wishes), owner="s1", connect_s=PATIENCE_S)


async def test_the_profile_comes_before_the_url_and_the_url_before_the_embedded_one() -> None:
    told: list[RecognitionEvent] = []
    embedded = EmbeddedRecogniser(lambda _: None)
    async with running_engine() as engine, serving() as server, trio.open_nursery() as nursery:
        await nursery.start(embedded.run)
        recognisers = Recognisers(
            sockets=client_of(engine), media=engine, http=fetcher(), embedded=embedded
        )

        async def opened(url: str, **wishes: object) -> object:
            recognition = await recognisers.open(request(url, **wishes), told.append)
            recognition.begin()
            nursery.start_soon(recognition.run)
            return recognition

        socket = await opened(server.url, profile="en-US", phraseHints=HINTS)
        assert isinstance(socket, SocketRecognition)
        http = await opened("https://a.example/", phraseHints=HINTS)
        assert isinstance(http, OneShotRecognition)
        assert children_running(MODULE) == []
        assert told == []
        for url, profile in ((server.url, "offline:en-GB"), ("", "en-GB")):
            recognition = await opened(url, profile=profile, phraseHints=HINTS)
            assert isinstance(recognition, OneShotRecognition)
            note = "hints with these words cannot be recognised: zorgle"
            assert told.pop() == RecognitionNote(note)
        assert len(children_running(MODULE)) == 1
        nursery.cancel_scope.cancel()


async def test_a_recogniser_that_cannot_be_reached_is_unavailable() -> None:
    async with running_engine() as engine:
        recognisers = Recognisers(
            sockets=client_of(engine),
            media=engine,
            http=fetcher(),
            embedded=EmbeddedRecogniser(lambda _: None),
        )
        with pytest.raises(RecognitionUnavailable, match=r"127\.0\.0\.1"):
            await recognisers.open(request("ws://127.0.0.1:9/"), lambda _: None)
