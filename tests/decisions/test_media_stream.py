"""VoxEngine's media stream format (voxengine.md 1.10)."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runtime.decisions import opus_packets
from runtime.decisions.encodings import ENCODINGS
from runtime.decisions.media_stream import (
    Began,
    Ended,
    Inbound,
    Outbound,
    Output,
    Play,
    Refused,
    StreamPlan,
    Text,
)


def start(encoding: str = "ULAW", rate: int | None = 8000, **more: Any) -> str:
    form = {"encoding": encoding, "sampleRate": rate}
    return json.dumps({"event": "start", "start": {"mediaFormat": form, **more}})


def media(audio: bytes) -> str:
    payload = base64.b64encode(audio).decode()
    return json.dumps({"event": "media", "media": {"chunk": 0, "payload": payload}})


STOP = json.dumps({"event": "stop", "stop": {"mediaInfo": {}}})


def ticks(inbound: Inbound, count: int) -> list[Output]:
    return [output for _ in range(count) for output in inbound.tick()]


def test_audio_is_played_in_pieces_of_20_ms_however_it_came() -> None:
    inbound = Inbound()
    assert inbound.on_text(start(tag="t", customParameters='{"a": 1}')) == []
    assert not inbound.running
    assert inbound.on_text(media(bytes(range(200)))) == []
    assert inbound.running
    inbound.on_text(media(bytes(120)))
    first, second, third = ticks(inbound, 2)
    assert first == Began(tag="t", encoding="ULAW", custom='{"a": 1}')
    assert second == Play(encoding=ENCODINGS["ULAW"], payload=bytes(range(160)))
    assert third == Play(encoding=ENCODINGS["ULAW"], payload=bytes(range(160, 200)) + bytes(120))


def test_a_second_without_audio_ends_it_and_more_audio_begins_it_again() -> None:
    inbound = Inbound()
    inbound.on_text(start())
    inbound.on_text(media(bytes(160)))
    ticks(inbound, 1)
    assert ticks(inbound, 49) == []
    assert inbound.tick() == [Ended(tag="", duration_s=0.02)]
    assert not inbound.running
    inbound.on_text(media(bytes(160)))
    assert isinstance(inbound.tick()[0], Began)
    assert ticks(inbound, 50) == [Ended(tag="", duration_s=0.04)]


@pytest.mark.parametrize("stopped", [True, False])
def test_the_last_piece_is_played_though_it_is_short(stopped: bool) -> None:
    inbound = Inbound()
    inbound.on_text(start())
    inbound.on_text(media(bytes(100)))
    if stopped:
        inbound.on_text(STOP)
    played = [output for output in ticks(inbound, 60) if isinstance(output, Play)]
    assert [len(piece.payload) for piece in played] == [100]


def test_more_than_ten_seconds_ahead_is_dropped() -> None:
    inbound = Inbound()
    inbound.on_text(start("PCM16", 16000))
    inbound.on_text(media(bytes(32000 * 11)))
    assert inbound.dropped_s == 1.0
    assert sum(isinstance(each, Play) for each in ticks(inbound, 600)) == 500


def test_clearing_drops_what_was_not_played() -> None:
    inbound = Inbound()
    assert inbound.clear() == []
    inbound.on_text(start(tag="x"))
    inbound.on_text(media(bytes(1600)))
    ticks(inbound, 2)
    assert inbound.clear() == [Ended(tag="x", duration_s=0.04)]
    assert ticks(inbound, 10) == []


def test_a_new_start_ends_the_stream_before_it() -> None:
    inbound = Inbound()
    inbound.on_text(start(tag="one"))
    inbound.on_text(media(bytes(160)))
    ticks(inbound, 1)
    assert inbound.on_text(start("PCM8", None, tag="two")) == [Ended(tag="one", duration_s=0.02)]


@pytest.mark.parametrize(
    ("name", "rate", "known"),
    [
        ("PCM16", 16000, "PCM16"),
        ("pcm16", 8000, "PCM8"),
        ("PCM8", 8000, "PCM8"),
        ("audio/x-mulaw", 8000, "ULAW"),
        ("ALAW", None, "ALAW"),
    ],
)
def test_encodings_are_known_by_the_names_that_peers_use(
    name: str, rate: int | None, known: str
) -> None:
    inbound = Inbound()
    inbound.on_text(start(name, rate))
    inbound.on_text(media(bytes(640)))
    began = inbound.tick()[0]
    assert isinstance(began, Began)
    assert began.encoding == known


@pytest.mark.parametrize(
    ("messages", "why"),
    [
        ([start("SPEEX", 48000)], "there is no encoding 'SPEEX' at 48000 Hz"),
        ([start("ULAW", 16000)], "there is no encoding 'ULAW' at 16000 Hz"),
        ([media(b"x")], "media came without a start"),
        ([start(), STOP, media(b"x")], "media came without a start"),
        ([start("PCM8"), media(b"x")], "media ends within a sample"),
        ([start(), '{"event": "media", "media": {"payload": "?"}}'], "media is not base64"),
        ([start(), '{"event": "media"}'], "media is not complete"),
        (['{"event": "start", "start": 5}'], "start is not complete"),
    ],
)
def test_what_is_no_proper_part_of_a_stream_is_refused(messages: list[str], why: str) -> None:
    inbound = Inbound()
    found = [output for text in messages for output in inbound.on_text(text)]
    assert found == [Refused(why)]


@pytest.mark.parametrize("text", ["hello", '{"event": "other"}', "[1]", "{broken", "{" * 100_000])
def test_other_texts_are_the_scripts(text: str) -> None:
    assert Inbound().on_text(text) == [Text(text)]


@given(
    st.lists(st.one_of(st.text(), st.sampled_from([start(), STOP, media(bytes(99))])), max_size=9)
)
def test_no_message_of_a_peer_breaks_anything(texts: list[str]) -> None:
    inbound = Inbound()
    for text in texts:
        inbound.on_text(text)
        ticks(inbound, 2)
    assert len(ticks(inbound, 600)) < 600


def test_what_is_sent_is_numbered_from_its_start() -> None:
    outbound = Outbound()
    assert outbound.media(b"xx") == []
    plan = StreamPlan(encoding=ENCODINGS["PCM16"], tag="call", custom='{"a": 1}')
    sent = outbound.start(plan) + outbound.media(bytes(640))
    outbound.lose(bytes(640))
    sent += outbound.media(bytes(640)) + outbound.stop() + outbound.stop()
    assert [json.loads(text) for text in sent] == [
        {
            "event": "start",
            "sequenceNumber": 0,
            "start": {
                "mediaFormat": {"encoding": "PCM16", "sampleRate": 16000, "channels": 1},
                "tag": "call",
                "customParameters": '{"a": 1}',
            },
        },
        {
            "event": "media",
            "sequenceNumber": 1,
            "media": {
                "chunk": 0,
                "timestamp": 0,
                "payload": base64.b64encode(bytes(640)).decode(),
                "tag": "call",
            },
        },
        {
            "event": "media",
            "sequenceNumber": 2,
            "media": {
                "chunk": 2,
                "timestamp": 640,
                "payload": base64.b64encode(bytes(640)).decode(),
                "tag": "call",
            },
        },
        {
            "event": "stop",
            "sequenceNumber": 3,
            "stop": {"mediaInfo": {"bytesSent": 1280, "duration": 40}, "tag": "call"},
        },
    ]


def test_a_second_stream_ends_the_first() -> None:
    outbound = Outbound()
    outbound.start(StreamPlan())
    events = [json.loads(text)["event"] for text in outbound.start(StreamPlan(tag="two"))]
    assert events == ["stop", "start"]


# --- Opus ---------------------------------------------------------------------------------------

OPUS_20 = b"\x48" + b"o" * 40
"""SILK, wideband, 20 ms (RFC 6716 3.1: configuration 9)."""
OPUS_60 = b"\x58" + b"o" * 90
OPUS_10 = b"\xf0" + b"o" * 20
"""CELT, fullband, 10 ms."""


def opus_started() -> Inbound:
    inbound = Inbound()
    assert inbound.on_text(start("OPUS", 48000)) == []
    return inbound


@pytest.mark.parametrize(
    ("packet", "milliseconds"),
    [
        (OPUS_20, 20),
        (OPUS_60, 60),
        (OPUS_10, 10),
        (b"\xe0", 2.5),
        (b"\x49" + b"o" * 40, 40),
        (b"\x7b\x03" + b"o" * 40, 60),
        (b"\x60" + b"o", 10),
        (b"\x5b\x03ooo", None),
        (b"\x4b", None),
        (b"\x4b\x00", None),
        (b"", None),
        (b"\x48" * 1_501, None),
    ],
)
def test_an_opus_packet_tells_how_long_it_is(packet: bytes, milliseconds: float | None) -> None:
    samples = opus_packets.samples_of(packet)
    assert (samples and samples / 48) == milliseconds


def test_opus_packets_go_whole_each_when_those_before_it_are_over() -> None:
    inbound = opus_started()
    for packet in (OPUS_60, OPUS_20, OPUS_10, OPUS_10, OPUS_20):
        assert inbound.on_text(media(packet)) == []
    played = [[each.payload for each in inbound.tick() if isinstance(each, Play)] for _ in range(7)]
    assert played == [[OPUS_60], [], [], [OPUS_20], [OPUS_10, OPUS_10], [OPUS_20], []]


def test_a_second_after_the_last_opus_packet_the_stream_has_ended() -> None:
    inbound = opus_started()
    inbound.on_text(media(OPUS_60))
    ticks = 0
    while inbound.running:
        ticks += 1
        found = inbound.tick()
    assert ticks == 3 + 50
    assert found == [Ended(tag="", duration_s=0.06)]


def test_more_than_ten_seconds_of_opus_ahead_is_dropped() -> None:
    inbound = opus_started()
    for _ in range(510):
        inbound.on_text(media(OPUS_20))
    assert inbound.dropped_s == pytest.approx(0.2)
    assert inbound.clear() == []
    assert inbound.tick() == []


@pytest.mark.parametrize("packet", [b"", b"\x4b\x00", b"x" * 2_000])
def test_what_is_no_opus_packet_is_refused(packet: bytes) -> None:
    assert opus_started().on_text(media(packet)) == [Refused("media is no Opus packet")]


def test_opus_is_sent_with_timestamps_of_48_khz() -> None:
    outbound = Outbound()
    [start] = outbound.start(StreamPlan(encoding=ENCODINGS["OPUS"]))
    assert json.loads(start)["start"]["mediaFormat"] == {
        "encoding": "OPUS",
        "sampleRate": 48000,
        "channels": 1,
    }
    first, second = (json.loads(outbound.media(OPUS_20)[0])["media"] for _ in range(2))
    assert (first["timestamp"], second["timestamp"]) == (0, 960)
    outbound.lose(OPUS_20)
    third = json.loads(outbound.media(OPUS_20)[0])["media"]
    assert (third["chunk"], third["timestamp"]) == (3, 2880)
    [stop] = outbound.stop()
    assert json.loads(stop)["stop"]["mediaInfo"] == {"bytesSent": 123, "duration": 60}
