"""One request of a chain of redirects, and what the next one is made of. Pure.

A URL is read here and nowhere else. Credentials in it become a header at once, so that they follow
the rules of headers: a redirect to another origin leaves them behind.
"""

from __future__ import annotations

import base64
import re
from ipaddress import ip_address
from typing import Final
from urllib.parse import unquote_to_bytes

import attrs
import httpx

from runtime.decisions.http import MAX_URL

from .failure import Failure, FetchError

DEFAULTS: Final = (
    ("User-Agent", "VoxEngine/1.0"),  # voxengine.md 1.9
    ("Accept", "*/*"),
    ("Accept-Encoding", "identity"),  # so that sizes mean what they say
)
"""What is said unless the caller says something else."""
REDIRECTS: Final = frozenset((301, 302, 303, 307, 308))
OWN_ORIGIN_ONLY: Final = frozenset(("authorization", "cookie"))

_PLAIN: Final = re.compile(r"[A-Za-z0-9._~!$&'()*+,;=:/?#\[\]%-]+")
"""What is sent as it is written. Each other octet becomes three, at a cost to the core that all
scripts share."""
_NAME: Final = re.compile(r"[a-z0-9_](?:[a-z0-9_.-]{0,251}[a-z0-9_.])?")

Headers = tuple[tuple[str, str], ...]


@attrs.frozen
class Hop:
    """What is sent to one server. Its URL has neither fragment nor credentials."""

    method: str
    url: httpx.URL
    headers: Headers
    content: bytes

    @classmethod
    def first(cls, method: str, url: str, headers: Headers, content: bytes) -> Hop:
        """The request as it was asked for. Raises FetchError."""
        parsed = parse_url(url)
        if parsed.userinfo and not _has(headers, "authorization"):
            headers = (*headers, ("Authorization", _basic(parsed.userinfo)))
        defaults = tuple(each for each in DEFAULTS if not _has(headers, each[0].lower()))
        return cls(method, _without_userinfo(parsed), (*headers, *defaults), content)

    @property
    def host(self) -> str:
        """As it is resolved: lower case, ASCII, an IPv6 address without brackets."""
        return self.url.raw_host.decode("ascii")

    @property
    def secure(self) -> bool:
        return self.url.scheme == "https"

    @property
    def port(self) -> int:
        return self.url.port or (443 if self.secure else 80)

    @property
    def shown(self) -> str:
        """Without the query, which often holds keys."""
        return str(self.url.copy_with(query=None))

    def redirected(self, status: int, location: str) -> Hop:
        """RFC 9110 15.4: 307 and 308 keep the request; others become GET, as everybody does."""
        url = _without_userinfo(parse_url(_joined(self, location)))
        headers = self.headers
        if (url.scheme, url.netloc) != (self.url.scheme, self.url.netloc):
            headers = tuple(h for h in headers if h[0].lower() not in OWN_ORIGIN_ONLY)
        if status in (307, 308) or self.method in ("GET", "HEAD"):
            return Hop(self.method, url, headers, self.content)
        headers = tuple(h for h in headers if not h[0].lower().startswith("content-"))
        return Hop("GET", url, headers, b"")


def parse_url(text: str) -> httpx.URL:
    """An http(s) URL without its fragment. Raises FetchError."""
    size = _sent_size(text)
    if size > MAX_URL:
        why = f"a URL of {size} characters as it is sent, the limit is {MAX_URL}"
        raise FetchError(Failure.MALFORMED_URL, why)
    shown = text.partition("?")[0][:200]
    try:
        url = httpx.URL(text)
        host = url.raw_host.decode("ascii")
    except (httpx.InvalidURL, UnicodeError) as exc:
        raise FetchError(Failure.MALFORMED_URL, f"{shown!r} is not a URL: {exc}") from exc
    if url.scheme not in ("http", "https") or not host:
        raise FetchError(Failure.MALFORMED_URL, f"{shown!r} is not an http:// or https:// URL")
    if not _is_host(host):
        why = f"{shown!r} is not a URL: {host[:80]!r} cannot be a host"
        raise FetchError(Failure.MALFORMED_URL, why)
    if url.port is not None and not 0 < url.port < 65536:
        why = f"{shown!r} is not a URL: there is no port {url.port}"
        raise FetchError(Failure.MALFORMED_URL, why)
    return url.copy_with(fragment=None) if "#" in text else url


def _sent_size(text: str) -> int:
    """Characters of a URL in which everything is encoded that has to be, nearly."""
    others = _PLAIN.sub("", text)
    return len(text) - len(others) + 3 * len(others.encode("utf-8", "replace"))


def _without_userinfo(url: httpx.URL) -> httpx.URL:
    """Each change of a URL reads all of it anew."""
    return url.copy_with(userinfo=b"") if url.userinfo else url


def _is_host(text: str) -> bool:
    """A name or an address; httpx takes more, percent-encoded."""
    if ":" not in text:
        return _NAME.fullmatch(text) is not None
    try:
        return ip_address(text).version == 6 and "%" not in text
    except ValueError:
        return False


def _joined(hop: Hop, location: str) -> str:
    if _sent_size(location) > MAX_URL:
        raise FetchError(Failure.NETWORK, f"{hop.shown} redirects to a URL that is too long")
    try:
        return str(hop.url.join(location))
    except (httpx.InvalidURL, ValueError) as exc:
        why = f"{hop.shown} redirects to something that is no URL"
        raise FetchError(Failure.NETWORK, why) from exc


def _basic(userinfo: bytes) -> str:
    """RFC 7617, from what stands before the @ of a URL."""
    user, _, password = userinfo.partition(b":")
    plain = unquote_to_bytes(user) + b":" + unquote_to_bytes(password)
    return "Basic " + base64.b64encode(plain).decode("ascii")


def _has(headers: Headers, name: str) -> bool:
    return any(each.lower() == name for each, _ in headers)
