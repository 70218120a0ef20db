"""A URL as it is read, and what that may cost."""

from __future__ import annotations

import pytest

from runtime.decisions.http import MAX_URL
from runtime.net.failure import Failure, FetchError
from runtime.net.hop import Hop, parse_url

ROOM = MAX_URL - len("http://a/")


@pytest.mark.parametrize(
    "url",
    [
        "http://a/" + "x" * ROOM,
        "http://a/?" + "%C3%A9" * 1_331,
        "http://a/?" + "é" * 1_331,
        "http://a/" + " " * (ROOM // 3),
    ],
)
def test_a_url_is_taken_that_is_short_enough_as_it_is_sent(url: str) -> None:
    assert len(str(parse_url(url))) <= MAX_URL


@pytest.mark.parametrize(
    "url",
    [
        "http://a/" + "x" * (ROOM + 1),
        "http://a/?" + "é" * 1_332,
        "http://a/" + " " * (ROOM // 3 + 1),
        "http://a/" + '"' * ROOM,
        "http://" + "a@" * 3_900 + "b/",
        "http://a/?" + "\N{GRINNING FACE}" * 700,
    ],
)
def test_encoding_a_long_url_is_not_the_core_s_work(url: str) -> None:
    """It took twenty milliseconds, and a script may ask a hundred times a second."""
    with pytest.raises(FetchError, match="characters as it is sent, the limit is") as caught:
        parse_url(url)
    assert caught.value.failure is Failure.MALFORMED_URL


def test_a_server_that_redirects_to_a_long_url_is_not_followed() -> None:
    hop = Hop.first("GET", "http://a.example/b?key=1", (), b"")
    with pytest.raises(FetchError, match=r"http://a\.example/b redirects to a URL that is too"):
        hop.redirected(302, "/" + "é" * 16_000)


@pytest.mark.parametrize(
    ("url", "read"),
    [
        ("http://a/x#part", "http://a/x"),
        ("http://a/x#", "http://a/x"),
        ("http://u:p@a/", "http://a/"),
        ("http://@a/", "http://a/"),
        ("http://a", "http://a"),
    ],
)
def test_what_is_not_sent_is_left_out(url: str, read: str) -> None:
    assert str(Hop.first("GET", url, (), b"").url) == read
