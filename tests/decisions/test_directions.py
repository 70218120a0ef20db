"""The direction of the audio in what a script passes on."""

from __future__ import annotations

import pytest

from runtime.decisions.directions import AudioDirection, direction_in

VIDEO_ONLY = "m=video 1 RTP/AVP 96\r\na=inactive\r\n"


@pytest.mark.parametrize(
    ("sdp", "direction"),
    [
        ("a=sendonly", AudioDirection.SENDS),
        ("a=recvonly \r\n", AudioDirection.RECEIVES),
        ("v=0\r\n", AudioDirection.BOTH),
        ("v=0\r\na=inactive\r\nm=audio 1 RTP/AVP 0\r\n", AudioDirection.NONE),
        ("v=0\r\na=inactive\r\nm=audio 1 RTP/AVP 0\r\na=sendonly\r\n", AudioDirection.SENDS),
        (f"v=0\r\nm=audio 1 RTP/AVP 0\r\n{VIDEO_ONLY}", AudioDirection.BOTH),
        (f"v=0\r\na=sendonly\r\n{VIDEO_ONLY}", AudioDirection.SENDS),
        ("a=sendonlyish\r\nxa=inactive\r\n", AudioDirection.BOTH),
    ],
)
def test_the_line_of_the_audio_counts_before_that_of_the_session(
    sdp: str, direction: AudioDirection
) -> None:
    assert direction_in(sdp) is direction
