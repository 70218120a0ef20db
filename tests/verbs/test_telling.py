"""How calls are told to people."""

from __future__ import annotations

from runtime.media.listening import HeardInterval
from runtime.verbs.telling import heard_line, timeline_lines


def test_a_tone_is_told_with_its_frequencies() -> None:
    line = heard_line(
        HeardInterval(
            kind="tone", start_s=0.5, end_s=1.25, frequencies_hz=(350.0, 440.0), level_dbfs=-12.0
        )
    )
    assert line == "    0.50 -   1.25 s  tone 350+440 Hz"


def test_a_timeline_line_ends_with_the_scripts_own_line() -> None:
    [line] = timeline_lines(
        [
            {
                "t": 1.5,
                "kind": "command",
                "what": "media.say",
                "leg": None,
                "detail": {"where": "ivr.py:12", "args": {"text": "hi\nthere" + "x" * 300}},
            }
        ]
    )
    assert line.startswith("   1.500  command  media.say")
    assert line.endswith("...  (ivr.py:12)")
    assert "\n" not in line
