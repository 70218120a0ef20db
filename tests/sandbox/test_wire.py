"""The frame decoder: what it refuses, and that refusing costs it no more than reading."""

from __future__ import annotations

import json
import struct
from functools import partial

import pytest

from runtime.sandbox.frames import parse_worker_frame
from runtime.sandbox.wire import MAX_NESTING, MAX_WORKER_FRAME, FrameDecoder, ProtocolError
from tests.steps import instructions


def frame(body: str) -> bytes:
    data = body.encode()
    return struct.pack(">I", len(data)) + data


def decode(body: str) -> object:
    (value,) = FrameDecoder(MAX_WORKER_FRAME).feed(frame(body))
    return value


def nested(levels: int, opening: str = "[", closing: str = "]") -> str:
    return '{"a":' + opening * (levels - 1) + closing * (levels - 1) + "}"


def test_nesting_is_taken_up_to_the_limit_and_refused_beyond_it() -> None:
    assert decode(nested(MAX_NESTING))
    with pytest.raises(ProtocolError, match="nested deeper than 32"):
        decode(nested(MAX_NESTING + 1))


@pytest.mark.parametrize(
    "text",
    ["[" * 40, "]" * 40, '"[' * 40, "\\" + "[" * 40, '\\"[' * 40, '[{"' * 20],
    ids=repr,
)
def test_brackets_inside_strings_are_no_nesting(text: str) -> None:
    value = {"a": text, text: "b"}
    assert decode(json.dumps(value)) == value


def test_many_brackets_side_by_side_are_no_nesting() -> None:
    assert decode('{"a":[' + ",".join(["[]", "{}"] * 100) + "]}")


@pytest.mark.parametrize(
    "body",
    ["[" * 60_000, "{" * 60_000, nested(40, '{"a":[', "]}"), '{"a":"' + "[" * 60_000],
    ids=lambda body: body[:12],
)
def test_what_is_too_deep_or_never_closed_is_refused(body: str) -> None:
    with pytest.raises(ProtocolError):
        decode(body)


def test_what_came_before_a_broken_frame_is_not_lost() -> None:
    frames = FrameDecoder(MAX_WORKER_FRAME).feed(frame('{"a":1}') + frame("[]") + frame('{"b":1}'))
    assert next(frames) == {"a": 1}
    with pytest.raises(ProtocolError):
        next(frames)


@pytest.mark.parametrize(
    "body",
    [
        '{"a":1,"a":NaN}',
        '{"a":Infinity}',
        '{"a":-Infinity}',
        f'{{"a":{2**53 + 1}}}',
        f'{{"a":{-(2**53) - 1}}}',
        '{"a":"\\ud800"}',
        '{"\\udfff":1}',
        '{"a":"\\uD800\\uD800"}',
        "null",
        '"text"',
        "",
        "{}{}",
        '{"a":1',
        "{'a':1}",
        "\ufeff{}",
    ],
)
def test_json_that_peers_read_differently_is_refused(body: str) -> None:
    with pytest.raises(ProtocolError):
        decode(body)


def test_a_pair_of_surrogates_is_a_character() -> None:
    assert decode('{"a":"\\ud83d\\ude00"}') == {"a": "\N{GRINNING FACE}"}


def test_a_line_full_of_brackets_is_judged_without_looking_at_each_character_in_python() -> None:
    """A script may send two thousand frames a second: a slow one would hold up all calls."""
    escapes = "\\u20ac" * 10_000
    plain = instructions(partial(decode, f'{{"a":"{escapes}"}}'))
    for brackets in (40, 4_000):
        hostile = f'{{"a":"{"[" * brackets}{escapes}"}}'
        assert instructions(partial(decode, hostile)) < plain + 500


@pytest.mark.parametrize(
    "name", ["x\r\nVia: evil", "\x1b[2J\u2028over: operator", "k" * 60_000, "self"]
)
def test_the_name_of_a_field_that_is_none_is_told_in_short_and_on_one_line(name: str) -> None:
    for body in (
        {"type": "log", "text": "x", name: 1},
        {"type": "cmd", "req": 1, "op": "call.hangup", "args": {"unit": 2, name: 1}},
    ):
        with pytest.raises(ProtocolError, match="argument") as caught:
            parse_worker_frame(body)
        assert str(caught.value).isprintable()
        assert len(str(caught.value)) < 250
