"""What is remembered of an answer, and for how long it is believed."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runtime.media.sounds.url_cache import (
    MAX_FRESH_S,
    MAX_GUESSED_S,
    UNTOLD_S,
    Headers,
    Stored,
    UrlCache,
    stored,
)

ETAG = ("ETag", '"v1"')
MODIFIED = ("Last-Modified", "Sun, 01 Nov 2026 10:00:00 GMT")
DATE = ("Date", "Sun, 01 Nov 2026 11:00:00 GMT")


@pytest.mark.parametrize(
    ("headers", "fresh_s"),
    [
        ([], UNTOLD_S),
        ([("Cache-Control", "max-age=90")], 90),
        ([("cache-control", 'public, Max-Age="90"')], 90),
        ([("Cache-Control", "max-age=90, s-maxage=30")], 30),
        ([("Cache-Control", "max-age=90"), ("Age", "60")], 30),
        ([("Cache-Control", "max-age=90"), ("Age", "100"), ETAG], 0),
        ([("Cache-Control", "max-age=-1"), ETAG], 0),
        ([("Cache-Control", "max-age=99999999999")], MAX_FRESH_S),
        ([("Cache-Control", "no-cache"), ETAG], 0),
        ([("Expires", "Sun, 01 Nov 2026 11:02:00 GMT"), DATE], 120),
        ([("Expires", "0"), DATE, ETAG], 0),
        ([("Expires", "Sun, 01 Nov 2026 11:02:00 GMT"), ETAG], 0),
        ([ETAG], 0),
        ([MODIFIED, DATE], 360),
        ([("Last-Modified", "Sun, 01 Nov 2020 10:00:00 GMT"), DATE], MAX_GUESSED_S),
        ([("Last-Modified", "yesterday"), DATE], 0),
    ],
)
def test_it_is_fresh_for_as_long_as_its_server_says(headers: Headers, fresh_s: float) -> None:
    kept = stored("content", headers, 1000.0, redirected=False)
    assert kept is not None
    assert kept.fresh_until == 1000.0 + fresh_s


@pytest.mark.parametrize(
    "headers",
    [
        [("Cache-Control", "no-store"), ETAG],
        [("Cache-Control", "private, max-age=60"), ETAG],
        [("Vary", "*"), ETAG],
        [("Cache-Control", "max-age=0")],
        [("ETag", "x" * 2000)],
    ],
)
def test_some_answers_are_not_kept(headers: Headers) -> None:
    assert stored("content", headers, 0.0, redirected=False) is None


@given(
    st.lists(
        st.tuples(
            st.sampled_from(
                ["Cache-Control", "Expires", "Date", "Last-Modified", "Age", "ETag", "Vary"]
            ),
            st.text(max_size=30) | st.from_regex(r"\w{3}, \d+ \w{3} \d+ \d+:\d+:\d+ .{0,5}"),
        ),
        max_size=6,
    )
)
def test_whatever_a_server_says_is_read_within_bounds(headers: list[tuple[str, str]]) -> None:
    kept = stored("content", headers, 0.0, redirected=False)
    assert kept is None or 0 <= kept.fresh_until <= MAX_FRESH_S


def test_where_a_url_leads_is_asked_each_time() -> None:
    headers = [("Cache-Control", "max-age=90"), ETAG]
    kept = stored("content", headers, 5.0, redirected=True)
    assert kept is not None
    assert kept.fresh_until == 5.0
    assert stored("content", headers[:1], 5.0, redirected=True) is None


def test_the_tag_is_asked_for_before_the_date() -> None:
    both = stored("content", [ETAG, MODIFIED], 0.0, redirected=False)
    dated = stored("content", [MODIFIED], 0.0, redirected=False)
    bare = stored("content", [], 0.0, redirected=False)
    assert both is not None
    assert dated is not None
    assert bare is not None
    assert both.questions == (("If-None-Match", '"v1"'),)
    assert dated.questions == (("If-Modified-Since", MODIFIED[1]),)
    assert bare.questions == ()


def test_the_least_recently_used_urls_are_forgotten() -> None:
    cache = UrlCache(limit=2)
    answer = Stored(content="c", etag="", modified="", fresh_until=1.0)
    cache.put("a", answer)
    cache.put("b", answer)
    assert cache.get("a") is answer
    cache.put("c", answer)
    assert (cache.get("a"), cache.get("b"), len(cache)) == (answer, None, 2)
    cache.put("a", None)
    assert cache.get("a") is None
