"""Where audio is listened for, by where SIP is."""

from __future__ import annotations

import pytest

from runtime.decisions.audio_host import audio_host, left_out


@pytest.mark.parametrize(
    ("listening", "host"),
    [
        (["127.0.0.1"], "127.0.0.1"),
        (["::1"], "::1"),
        (["127.0.0.1", "127.0.0.1"], "127.0.0.1"),
        (["192.0.2.1"], "192.0.2.1"),
        (["0.0.0.0"], "0.0.0.0"),
        (["::"], "::"),
        (["127.0.0.1", "192.0.2.1"], "0.0.0.0"),
        (["0.0.0.0", "::"], "::"),
        (["2001:db8::1", "::1"], "::"),
        (["::1", "127.0.0.1"], "127.0.0.1"),
        ([], "127.0.0.1"),
    ],
)
def test_audio_is_where_sip_is(listening: list[str], host: str) -> None:
    assert audio_host(listening) == host


@pytest.mark.parametrize(
    ("host", "listening", "lines"),
    [
        ("127.0.0.1", ["127.0.0.1"], []),
        ("::", ["0.0.0.0", "::1", "192.0.2.1"], []),
        ("0.0.0.0", ["192.0.2.1", "127.0.0.1"], []),
        (
            "127.0.0.1",
            ["::1", "127.0.0.1"],
            [
                "no audio for peers of ::1: [rtp] host 127.0.0.1 is of the other family of "
                "addresses: their calls get 488"
            ],
        ),
        (
            "127.0.0.1",
            ["192.0.2.1"],
            [
                "no audio for peers of 192.0.2.1: [rtp] host 127.0.0.1 can be reached from this "
                "machine alone: their calls are silent"
            ],
        ),
    ],
)
def test_whom_an_address_leaves_out_is_told(
    host: str, listening: list[str], lines: list[str]
) -> None:
    assert left_out(host, listening) == lines
