"""Requests and responses: raw headers, and typed views of the ones that every element needs.

Rules: a view is read on demand, remembered for the text it came from, and read anew when
the header was changed; only `MessageError` comes out of it. What is written always has
the right Content-Length, and no field can begin a line of its own.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeAlias, TypeVar, cast

import attrs

from .address import NameAddr
from .cseq import CSeq
from .error import MessageError
from .headers import Headers, check_text, key_of
from .limits import MAX_FORWARDS
from .scan import LWS, is_token, parse_number
from .uri import Uri
from .via import Via

_T = TypeVar("_T")


def _parse_call_id(text: str) -> str:
    if not text or " " in text or "\t" in text or "\x00" in text:
        raise MessageError(400, f"Call-ID is empty or has spaces: {text[:60]!r}")
    return text


def _parse_max_forwards(text: str) -> int:
    return parse_number(text, MAX_FORWARDS, "Max-Forwards")


class _Views:
    """The typed views; each raises MessageError(400) that names the header at fault."""

    if TYPE_CHECKING:
        headers: Headers
        body: bytes
        _views: dict[str, tuple[Any, Any]]

    def _view(self, name: str, parse: Callable[[str], _T]) -> _T | None:
        text = self.headers.get(name)
        if text is None:
            return None
        known = self._views.get(name)
        if known is not None and known[0] is text:
            return cast("_T", known[1])
        value = self._parse(name, text, parse)
        self._views[name] = (text, value)
        return value

    def _list_view(self, name: str, parse: Callable[[str], _T]) -> list[_T]:
        return list(self._elements(name, parse))

    def _elements(self, name: str, parse: Callable[[str], _T]) -> list[_T]:
        """The view itself, for those who only look at it."""
        texts = self.headers.stored(name)
        known = self._views.get(name)
        if known is None or known[0] is not texts:
            values = [self._parse(name, text, parse) for text in self.headers.values(name)]
            known = self._views[name] = (texts, values)
        return cast("list[_T]", known[1])

    def _parse(self, name: str, text: str, parse: Callable[[str], _T]) -> _T:
        try:
            return parse(text)
        except MessageError as exc:
            message = cast("Request | Response", self)
            raise MessageError(exc.status, f"{name}: {exc.reason}", message) from exc

    def _required(self, name: str, parse: Callable[[str], _T]) -> _T:
        value = self._view(name, parse)
        if value is None:
            message = cast("Request | Response", self)
            raise MessageError(400, f"missing {name} header field", message)
        return value

    @property
    def vias(self) -> list[Via]:
        """All hops, topmost first."""
        return self._list_view("Via", Via.parse)

    @property
    def via(self) -> Via:
        """The topmost hop."""
        vias = self._elements("Via", Via.parse)
        if not vias:
            raise MessageError(400, "missing Via header field", cast("Request | Response", self))
        return vias[0]

    def replace_via(self, via: Via) -> None:
        """Put this in place of the topmost hop; those below stay as they were written."""
        known, written = self.vias, self.headers.values("Via")
        self.headers.set("Via", ", ".join([str(via), *written[1:]]))
        self._views["Via"] = (self.headers.stored("Via"), [via, *known[1:]])

    @property
    def from_(self) -> NameAddr:
        return self._required("From", NameAddr.parse)

    @property
    def to(self) -> NameAddr:
        return self._required("To", NameAddr.parse)

    @property
    def call_id(self) -> str:
        return self._required("Call-ID", _parse_call_id)

    @property
    def cseq(self) -> CSeq:
        return self._required("CSeq", CSeq.parse)

    @property
    def contacts(self) -> list[NameAddr]:
        """Every Contact address; `is_wildcard` tells the `*` of a REGISTER."""
        return self._list_view("Contact", NameAddr.parse)

    @property
    def contact(self) -> NameAddr | None:
        """The first Contact address."""
        contacts = self._elements("Contact", NameAddr.parse)
        return contacts[0] if contacts else None

    @property
    def max_forwards(self) -> int | None:
        return self._view("Max-Forwards", _parse_max_forwards)

    @property
    def content_type(self) -> str | None:
        """The media type in lower case, without parameters."""
        text = self.headers.get("Content-Type")
        return None if text is None else text.partition(";")[0].strip(LWS).lower()

    def _write(self, start_line: str) -> bytes:
        lines = [start_line]
        lines += [f"{n}: {v}" for n, v in self.headers if key_of(n) != "content-length"]
        lines.append(f"Content-Length: {len(self.body)}\r\n\r\n")
        return "\r\n".join(lines).encode("utf-8", "surrogateescape") + self.body


@attrs.define(slots=False)
class Request(_Views):
    """A request; `uri` is the raw text of the Request-URI."""

    method: str
    uri: str
    headers: Headers = attrs.field(factory=Headers)
    body: bytes = b""
    _views: dict[str, tuple[Any, Any]] = attrs.field(factory=dict, init=False, repr=False, eq=False)

    @property
    def request_uri(self) -> Uri:
        """The Request-URI, parsed."""
        known = self._views.get("request-uri")
        if known is None or known[0] is not self.uri:
            value = self._parse("Request-URI", self.uri, Uri.parse)
            known = self._views["request-uri"] = (self.uri, value)
        return cast("Uri", known[1])

    def to_bytes(self) -> bytes:
        """The message on the wire; ValueError for a method or URI that would break its line."""
        if not is_token(self.method):
            raise ValueError(f"method {self.method[:60]!r} is not a token (RFC 3261 25.1)")
        check_text("Request-URI", self.uri)
        return self._write(f"{self.method} {self.uri} SIP/2.0")

    def __str__(self) -> str:
        return f"{self.method} {self.uri}"


@attrs.define(slots=False)
class Response(_Views):
    """A response."""

    status: int
    reason: str
    headers: Headers = attrs.field(factory=Headers)
    body: bytes = b""
    _views: dict[str, tuple[Any, Any]] = attrs.field(factory=dict, init=False, repr=False, eq=False)

    def to_bytes(self) -> bytes:
        """The message on the wire; ValueError for a reason that would break its line."""
        if not 100 <= self.status <= 699:
            raise ValueError(f"status {self.status} is not from 100 to 699 (RFC 3261 7.2)")
        check_text("reason phrase", self.reason)
        return self._write(f"SIP/2.0 {self.status} {self.reason}")

    def __str__(self) -> str:
        return f"{self.status} {self.reason}"


Message: TypeAlias = Request | Response
