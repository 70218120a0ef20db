"""INFO bodies: keys in their customary forms, everything else for the script."""

from __future__ import annotations

import pytest

from runtime.legs.leg import InfoReceived, ToneSignalled
from runtime.legs.sip.info import MAX_BODY_BYTES, understand_info
from sip.message import Headers


@pytest.mark.parametrize(
    ("content_type", "body", "tone"),
    [
        ("application/dtmf-relay", b"Signal=5\r\nDuration=160\r\n", "5"),
        ("application/dtmf-relay", b"Signal= *\r\nDuration= 100\r\n", "*"),
        ("application/dtmf-relay", b"signal=11\r\n", "#"),
        ("application/dtmf-relay", b"Duration=250\r\nSignal=d\r\n", "D"),
        ("application/dtmf", b"7", "7"),
        ("application/dtmf", b" # \r\n", "#"),
        ("Application/DTMF", b"10", "*"),
    ],
)
def test_a_key_press_is_recognised(content_type: str, body: bytes, tone: str) -> None:
    assert understand_info(content_type, body, Headers()) == ToneSignalled(tone=tone)


@pytest.mark.parametrize("body", [b"Signal=99", b"Duration=100", b"", b"Signal=\xff"])
def test_a_relay_body_without_a_key_is_handed_to_the_script(body: bytes) -> None:
    event = understand_info("application/dtmf-relay", body, Headers())
    assert isinstance(event, InfoReceived)


def test_other_bodies_come_with_type_body_and_headers() -> None:
    event = understand_info("text/plain", "grüß".encode(), Headers([("X-A", "1"), ("Via", "v")]))
    assert event == InfoReceived(mime_type="text/plain", body="grüß", headers={"X-A": "1"})


def test_an_empty_info_is_a_keep_alive() -> None:
    assert understand_info("", b"", Headers()) is None


def test_a_huge_body_is_cut() -> None:
    event = understand_info("text/plain", b"x" * 60_000, Headers())
    assert isinstance(event, InfoReceived)
    assert len(event.body) == MAX_BODY_BYTES
