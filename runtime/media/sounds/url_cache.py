"""Which URL brought which content, and for how long that may be believed (RFC 9111). Pure.

Nothing but names is kept here: the sounds themselves are in the sound cache, by content. What many
callers share must be for everybody, so `private` answers are not kept, and the callers see to it
that only plain GET requests come here.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from datetime import datetime
from email.utils import parsedate_to_datetime
from typing import Final

import attrs

MAX_URLS: Final = 1000
"""A URL and two validators each; more content than that is not kept either."""
MAX_VALIDATOR: Final = 1000
"""Characters of an ETag: it is sent back with every question."""
MAX_FRESH_S: Final = 14 * 86_400.0
"""VoxEngine keeps what it fetched for two weeks."""
MAX_GUESSED_S: Final = 3600.0
"""What has not changed for a year may still be changed today."""
UNTOLD_S: Final = 60.0
"""Of an answer that says nothing at all: a burst of calls fetches it once, and who replaces the
file hears the new one within a minute."""

Headers = Sequence[tuple[str, str]]


@attrs.frozen(kw_only=True)
class Stored:
    """What a URL brought last."""

    content: str
    """Key of the sound cache."""
    etag: str
    modified: str
    fresh_until: float
    """On the clock of the caller."""

    @property
    def questions(self) -> tuple[tuple[str, str], ...]:
        """Headers that ask whether it still is the same (RFC 9110 13.1); none without validator."""
        if self.etag:
            return (("If-None-Match", self.etag),)
        return (("If-Modified-Since", self.modified),) if self.modified else ()

    @property
    def validators(self) -> tuple[tuple[str, str], ...]:
        """As the headers that they came in."""
        return (("ETag", self.etag), ("Last-Modified", self.modified))


def stored(content: str, headers: Headers, now: float, *, redirected: bool) -> Stored | None:
    """What to remember of an answer; None when it must not, or need not, be remembered.

    A redirection is not kept: where the URL leads is asked each time.
    """
    etag, modified = _one(headers, "etag"), _one(headers, "last-modified")
    if len(etag) > MAX_VALIDATOR or len(modified) > MAX_VALIDATOR:
        return None
    fresh_s = _fresh_s(headers, validated=bool(etag or modified))
    if fresh_s is None:
        return None
    if redirected:
        fresh_s = 0.0
    if fresh_s == 0 and not (etag or modified):
        return None
    return Stored(content=content, etag=etag, modified=modified, fresh_until=now + fresh_s)


class UrlCache:
    """The last answers, the most recently used MAX_URLS of them."""

    def __init__(self, limit: int = MAX_URLS) -> None:
        self._limit = limit
        self._stored: OrderedDict[str, Stored] = OrderedDict()

    def __len__(self) -> int:
        return len(self._stored)

    def get(self, url: str) -> Stored | None:
        if (found := self._stored.get(url)) is not None:
            self._stored.move_to_end(url)
        return found

    def put(self, url: str, answer: Stored | None) -> None:
        """Remember the answer; None: forget what there was."""
        self._stored.pop(url, None)
        if answer is not None:
            self._stored[url] = answer
            if len(self._stored) > self._limit:
                self._stored.popitem(last=False)


def _fresh_s(headers: Headers, *, validated: bool) -> float | None:
    """RFC 9111 4.2.1, as a cache that many share; None: not to be kept."""
    said = _directives(headers)
    if "no-store" in said or "private" in said or "*" in _one(headers, "vary"):
        return None
    if "no-cache" in said:
        return 0.0
    for name in ("s-maxage", "max-age"):
        if name in said:
            # RFC 9111 4.2.1: what cannot be read counts as stale.
            return _bounded(_number(said[name]) - _number(_one(headers, "age")), MAX_FRESH_S)
    date = _date(_one(headers, "date"))
    if expires := _one(headers, "expires"):
        return _bounded(_seconds(date, _date(expires)), MAX_FRESH_S)
    if not validated:
        return UNTOLD_S
    # RFC 9111 4.2.2: a tenth of the time for which it has not changed.
    age_s = _seconds(_date(_one(headers, "last-modified")), date)
    return _bounded(age_s / 10, MAX_GUESSED_S)


def _directives(headers: Headers) -> dict[str, str]:
    said: dict[str, str] = {}
    for name, value in headers:
        if name.lower() == "cache-control":
            for part in value.split(","):
                key, _, argument = part.partition("=")
                said.setdefault(key.strip().lower(), argument.strip().strip('"'))
    return said


def _one(headers: Headers, name: str) -> str:
    return next((value.strip() for each, value in headers if each.lower() == name), "")


def _number(text: str) -> float:
    return float(text) if text.isascii() and text.isdigit() and len(text) < 12 else 0.0


def _date(text: str) -> datetime | None:
    try:
        return parsedate_to_datetime(text)
    except (ValueError, OverflowError):
        return None


def _seconds(begin: datetime | None, end: datetime | None) -> float:
    """Between two dates of one server, whatever its clock says; 0 when one is missing."""
    if begin is None or end is None or (begin.tzinfo is None) != (end.tzinfo is None):
        return 0.0
    return (end - begin).total_seconds()


def _bounded(seconds: float, most: float) -> float:
    return min(max(0.0, seconds), most)
