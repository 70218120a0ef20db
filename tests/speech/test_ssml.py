"""SSML as authors write it, and as the voice gets it."""

from __future__ import annotations

import random
from functools import partial

import pytest

from runtime.speech import ssml
from runtime.speech.ssml import MAX_TEXT, is_ssml, normalise
from tests.steps import Steps

MOST_STEPS = 15
"""For each character: every expression looks at it, from the places where a tag may begin."""


@pytest.mark.parametrize(
    "text", ["<speak>Hi</speak>", "  < speak >Hi", "<SPEAK version='1'>", "<speack>"]
)
def test_what_begins_with_speak_is_ssml(text: str) -> None:
    assert is_ssml(text)


@pytest.mark.parametrize(
    "text", ["Hi", "1 < 2", "<b>bold</b>", "Please <speak> up", "<speaker>", ""]
)
def test_anything_else_is_text(text: str) -> None:
    assert not is_ssml(text)


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("<speak>Hello</speak>", "<speak>Hello\n</speak>\n"),
        ("< speak >Hello.</ speak >", "<speak>Hello.\n</speak>\n"),
        ("<speack>Hello</speack>", "<speak>Hello\n</speak>\n"),
        ("<speak>Fish & chips, 1 < 2</speak>", "<speak>Fish &amp; chips, 1 &lt; 2\n</speak>\n"),
        ("<speak>a &amp; b &#65;</speak>", "<speak>a &amp; b &#65;\n</speak>\n"),
        (
            "<speak xml: lang='de'><break time = \"1s\" /></speak>",
            '<speak xml:lang="de"><break time="1s"/>\n</speak>\n',
        ),
        (
            '<speak><say-as interpret-as="digits">42</say-as></speak>',
            '<speak><say-as interpret-as="tts:digits">42</say-as>\n</speak>\n',
        ),
        (
            '<speak><audio src="/etc/passwd">beep</audio></speak>',
            "<speak> beep\n</speak>\n",
        ),
        ('<speak><voice name="../x">hi</voice></speak>', "<speak> hi\n</speak>\n"),
        ("<?xml version='1.0'?><speak><!-- note -->Hi</speak>", " <speak> Hi\n</speak>\n"),
        (
            "<!DOCTYPE x [<!ENTITY a 'b'>]><speak>&a;</speak>",
            " &lt;!DOCTYPE x [ ]&gt;<speak>&amp;a;\n</speak>\n",
        ),
    ],
)  # fmt: skip
def test_slips_are_mended_and_dangers_dropped(written: str, read: str) -> None:
    assert normalise(written).strip() == read.strip()


def test_hostile_markup_neither_raises_nor_lets_a_file_name_through() -> None:
    rng = random.Random(3)
    pieces = [
        "<",
        ">",
        "speak",
        "audio",
        " src=",
        '"',
        "'",
        "/etc/passwd",
        "&",
        ";",
        "/",
        " ",
        "a=",
    ]
    for _ in range(3000):
        text = "<speak>" + "".join(rng.choices(pieces, k=rng.randrange(40)))
        assert "<audio" not in normalise(text)
    assert len(normalise("<speak>" + "<" * 1490)) < 10_000
    assert normalise("<speak " + 'a="' * 490)
    assert normalise("<speak>" + "<!--" * 370)


@pytest.mark.parametrize("piece", [" ", "a", "<!--", "<? ", "<p a='"])
@pytest.mark.parametrize("begin", ["<speak>", "<speak>< ", "<speak><p ", "<speak><p a"])
def test_no_markup_costs_the_core_more_than_its_length(
    begin: str, piece: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    steps = Steps(monkeypatch, ssml)
    for size in (100, MAX_TEXT):
        text = begin + piece * (size // len(piece)) + "> </speak>"
        assert steps.of(partial(normalise, text)) <= MOST_STEPS * len(text)
