"""Cutting text for a frame."""

from __future__ import annotations

import json

from hypothesis import given
from hypothesis import strategies as st

from runtime.sandbox.clip import MARK, clip


def test_what_fits_is_left_alone() -> None:
    assert clip("Grüße", 10) == "Grüße"


def test_too_many_characters_are_cut_with_a_mark() -> None:
    assert clip("x" * 100, 20) == "x" * (20 - len(MARK)) + MARK


def test_too_much_once_encoded_is_cut_with_a_mark() -> None:
    cut = clip("\x01" * 1000, 2_000, encoded=600)
    assert cut.endswith(MARK)
    assert 560 < len(json.dumps(cut)) <= 610


@given(st.text(max_size=300), st.integers(20, 400), st.integers(100, 2_000))
def test_the_result_always_fits_and_can_be_sent(text: str, characters: int, encoded: int) -> None:
    cut = clip(text, characters, encoded)
    assert len(cut) <= characters
    assert len(json.dumps(cut)) <= encoded + 20
    assert "\0" not in cut
    cut.encode()


@given(st.text(st.characters(codec=None), max_size=50))
def test_half_characters_are_written_out(text: str) -> None:
    clip(text, 1_000).encode()
