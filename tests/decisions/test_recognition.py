"""What a recogniser says."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runtime.decisions.recognition import Recognised, read


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ('{"event": "capture_started"}', Recognised("CaptureStarted")),
        ('{"event": "interim", "text": "a"}', Recognised("InterimResult", {"text": "a"})),
        ('{"event": "error"}', Recognised("Error", {"error": ""})),
        (
            '{"event": "result", "text": "a", "confidence": 900, "languageCode": "en"}',
            Recognised(
                "Result",
                {"text": "a", "confidence": 0, "resultEndTime": 0, "languageCode": "en"},
            ),
        ),
        ("[1]", None),
        ("{" * 100_000, None),
        ('{"event": ["result"]}', None),
    ],
)
def test_events_are_read(text: str, found: Recognised | None) -> None:
    assert read(text) == found


def test_a_result_is_bounded() -> None:
    found = read(json.dumps({"event": "result", "text": "x" * 100_000}))
    assert found is not None
    assert len(found.fields["text"]) == 32_000


@given(st.text())
def test_no_text_breaks_anything(text: str) -> None:
    assert read(text) is None or text.lstrip().startswith("{")
