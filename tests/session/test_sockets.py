"""What a peer of a WebSocket says, on its way to the script."""

from __future__ import annotations

import json

import pytest

from runtime.decisions.media_stream import MAX_CUSTOM, Inbound
from runtime.sandbox.frames import EventFrame, core_frame_to_json
from runtime.sandbox.wire import MAX_CORE_FRAME, FrameDecoder, encode_frame
from runtime.session.socket import custom_parameters


def carried(custom: str) -> object:
    """What the script's side of the wire reads of an event."""
    fields = {"customParameters": custom_parameters(custom)}
    event = EventFrame(seq=1, name="WebSocket.MediaEventStarted", unit=3, fields=fields)
    data = encode_frame(core_frame_to_json(event), MAX_CORE_FRAME)
    (frame,) = FrameDecoder(MAX_CORE_FRAME).feed(data)
    return frame["fields"]["customParameters"]


@pytest.mark.parametrize(
    ("custom", "read"),
    [
        ('{"id": 5, "of": ["a", 1.5]}', {"id": 5, "of": ["a", 1.5]}),
        ("no JSON", "no JSON"),
        ("", None),
        ("[" * 24 + "]" * 24, json.loads("[" * 24 + "]" * 24)),
    ],
)
def test_what_a_peer_says_of_its_stream_is_read(custom: str, read: object) -> None:
    assert carried(custom) == read


@pytest.mark.parametrize(
    "custom",
    [
        "[" * MAX_CUSTOM,
        "[" * 1_000 + "]" * 1_000,
        "[" * 25 + "]" * 25,
        "NaN",
        "[-Infinity]",
        "1e999",
        "9" * 2_000,
        '["\\ud800"]',
        '{"\\ud800": 1}',
    ],
)
def test_no_peer_makes_a_frame_that_the_script_s_side_refuses(custom: str) -> None:
    """Each of these ended the session."""
    assert carried(custom) == custom


def test_no_stream_s_beginning_is_too_much() -> None:
    deep = "[" * 900 + "]" * 900
    for custom in (deep, "[NaN]", '"' + "x" * 100_000 + '"'):
        text = f"""{{"event":"start","start":{{"tag":{custom},"customParameters":{custom},
            "mediaFormat":{{"encoding":"ULAW","sampleRate":{custom}}}}}}}"""
        Inbound().on_text(text)
