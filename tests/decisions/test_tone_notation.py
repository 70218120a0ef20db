"""ToneScript: what each part of the notation becomes, and what cannot be read."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runtime.decisions.tone_notation import (
    FOR_EVER_MS,
    LONGEST_STEP_MS,
    MAX_SCRIPT,
    BadToneScript,
    parse,
)
from runtime.media.protocol import OpenTonePlayer
from runtime.media.tone_script import ToneSection, ToneStep


def on(ms: int, *tones: tuple[float, float]) -> ToneStep:
    return ToneStep(
        frequencies_hz=tuple(hertz for hertz, _ in tones),
        duration_ms=ms,
        levels_dbm0=tuple(level for _, level in tones),
    )


def off(ms: int) -> ToneStep:
    return ToneStep(frequencies_hz=(), duration_ms=ms)


LOW, HIGH = (480.0, -19.0), (620.0, -24.0)


@pytest.mark.parametrize(
    ("script", "sections"),
    [
        ("350@-19,440@-19;10(*/0/1+2)", [(10_000, [on(LONGEST_STEP_MS, (350, -19), (440, -19))])]),
        ("480@-19,620@-24;10(.5/.5/1+2)", [(10_000, [on(500, LOW, HIGH), off(500)])]),
        ("425@-19;5(1/4/1)", [(5_000, [on(1000, (425, -19)), off(4000)])]),
        ("425@-19;*(1/4/1)", [(FOR_EVER_MS, [on(1000, (425, -19)), off(4000)])]),
        (
            "480@-19,620@-24;20(.380/0/1,.380/0/2,0/4/0)",
            [(20_000, [on(380, LOW), on(380, HIGH), off(4000)])],
        ),
        (
            "480@-19,620@-24;2(.1/.1/1);*(*/0/2)",
            [(2_000, [on(100, LOW), off(100)]), (FOR_EVER_MS, [on(LONGEST_STEP_MS, HIGH)])],
        ),
        ("1000.5@-16; .25 (*/.0/1)", [(250, [on(LONGEST_STEP_MS, (1000.5, -16))])]),
    ],
)
def test_scripts_of_telephone_adapters(
    script: str, sections: list[tuple[int, list[ToneStep]]]
) -> None:
    parsed = parse(script, loop=False)
    wanted = [ToneSection(steps=tuple(steps), duration_ms=ms) for ms, steps in sections]
    assert list(parsed.sections) == wanted
    assert parsed.duration_ms == sum(ms for ms, _ in sections)
    assert not parsed.loop
    OpenTonePlayer(unit=1, script=parsed, paused=False)  # the engine takes it


@pytest.mark.parametrize(
    ("script", "reason"),
    [
        ("", "'' is not a frequency and its level"),
        ("440", "'440' is not a frequency"),
        ("440@-19", "0 sections after the frequencies, there must be 1 to 6"),
        ("440@-19;", "'' is not a section"),
        ("440@-19;(1/1/1)", "is not a section"),
        ("440@-19;1(1/1)", "'1/1' is not on/off/frequencies"),
        ("440@-19;1(1/1/1", "is not a section"),
        ("440@-19;1(1/1/1))", "is not a section"),
        ("440@-19;1(1/1/2)", "'2' must be numbers of the 1 frequencies"),
        ("440@-19;1(1/1/1+)", "must be numbers of the 1 frequencies"),
        ("440@-19;1(x/1/1)", "'x' is not a time"),
        ("440@-19;1(9999/1/1)", "'9999' is not a time in seconds"),
        ("440@-19;0(1/1/1)", "takes no time"),
        ("440@-19;1(0/0/1)", "takes no time"),
        ("4000@-19;1(1/1/1)", "a frequency must be 20 to 3999 Hz"),
        ("440@9;1(1/1/1)", "a level must be -100 to 3 dBm"),
        (",".join(["440@-19"] * 7) + ";1(1/1/1)", "7 frequencies, the limit is 6"),
        ("440@-19" + ";1(1/1/1)" * 7, "7 sections"),
        ("440@-19;1(" + ",".join(["1/1/1"] * 7) + ")", "repeats 7 parts, the limit is 6"),
        ("4" * 1001, "a ToneScript of 1001 characters"),
    ],
)
def test_what_cannot_be_read_is_named(script: str, reason: str) -> None:
    with pytest.raises(BadToneScript) as caught:
        parse(script, loop=False)
    assert reason in str(caught.value)


@given(st.text("0123456789@-+.,;()*/ ", max_size=60), st.booleans())
def test_whatever_is_written_is_taken_by_the_engine_or_refused(script: str, loop: bool) -> None:
    try:
        parsed = parse(script, loop=loop)
    except BadToneScript:
        assert len(script) <= MAX_SCRIPT
        return
    assert OpenTonePlayer(unit=1, script=parsed, paused=False).script == parsed
    assert parsed.duration_ms > 0
