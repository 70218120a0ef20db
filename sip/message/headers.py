"""The ordered headers of one message, under long, compact and odd spellings alike.

Rules: values stay raw text until somebody asks for a typed one; what was read is written
back in its order and spelling; nothing that could begin another header is ever accepted.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from typing import Final

from .scan import LWS, is_token, split_outside_quotes

_COMPACT: Final = {
    "a": "accept-contact",
    "b": "referred-by",
    "c": "content-type",
    "d": "request-disposition",
    "e": "content-encoding",
    "f": "from",
    "i": "call-id",
    "j": "reject-contact",
    "k": "supported",
    "l": "content-length",
    "m": "contact",
    "n": "identity-info",
    "o": "event",
    "r": "refer-to",
    "s": "subject",
    "t": "to",
    "u": "allow-events",
    "v": "via",
    "x": "session-expires",
    "y": "identity",
}
"""Compact forms registered at IANA (SIP Parameters, Header Fields)."""

_USUAL: Final = (
    *("Via", "From", "To", "Call-ID", "CSeq", "Contact", "Max-Forwards", "Content-Type"),
    *("Content-Length", "Allow", "Supported", "Require", "Route", "Record-Route", "User-Agent"),
    *("Server", "Expires", "Session-Expires", "Min-SE", "Accept", "Reason", "P-Asserted-Identity"),
    *("Authorization", "Proxy-Authorization", "WWW-Authenticate", "Proxy-Authenticate"),
    *("Subject", "Event", "Allow-Events", "Refer-To", "Referred-By", "RSeq", "RAck", "Date"),
)

KEYS: Final = {
    **{name: name.lower() for name in _USUAL},
    **{name.lower(): name.lower() for name in _USUAL},
    **_COMPACT,
    **{short.upper(): name for short, name in _COMPACT.items()},
}
"""Spelling -> key, to spare the common ones the lower-casing."""

_NO_LINES: Final = ()

_UNSAFE: Final = re.compile(r"[\r\n\x00]")
_UNSAFE_NUL: Final = re.compile(r"(?<!\\)\x00")


def key_of(name: str) -> str:
    """The lower-case long form of a header name."""
    return KEYS.get(name) or _COMPACT.get(name.lower(), name.lower())


def check_text(what: str, text: str) -> None:
    """ValueError for text that would break out of its line, or that has no UTF-8 form.

    NUL passes only as the second half of a quoted pair, the one form in which RFC 3261 25.1
    knows it (RFC 4475 3.1.1.2), so that a received To can be echoed.
    """
    if _UNSAFE.search(text) and ("\r" in text or "\n" in text or _UNSAFE_NUL.search(text)):
        raise ValueError(
            f"{what} holds CR, LF or NUL and would be read as another header: {text[:60]!r}; "
            "remove these characters"
        )
    if not text.isascii():
        try:
            text.encode("utf-8", "surrogateescape")
        except UnicodeEncodeError as exc:
            raise ValueError(f"{what} cannot be written as UTF-8: {text[:60]!r}") from exc


class Headers:
    """Header lines in order; every name may be given in any spelling."""

    __slots__ = ("_index", "_items")

    def __init__(self, items: Iterable[tuple[str, str]] = ()) -> None:
        self._items: list[tuple[str, str]] = []
        self._index: dict[str, list[str]] | None = None
        for name, value in items:
            self.add(name, value)

    @classmethod
    def of_checked(cls, items: list[tuple[str, str]]) -> Headers:
        """Wrap lines that were checked: by the parser, or because other Headers held them."""
        headers = cls.__new__(cls)
        headers._items = items
        headers._index = None
        return headers

    def _by_key(self) -> dict[str, list[str]]:
        index = self._index
        if index is None:
            index = self._index = {}
            for name, value in self._items:
                key = KEYS.get(name) or key_of(name)
                if key in index:
                    index[key].append(value)
                else:
                    index[key] = [value]
        return index

    def get(self, name: str) -> str | None:
        """The value of the first line of this name, or None."""
        lines = self.stored(name)
        return lines[0] if lines else None

    def lines(self, name: str) -> list[str]:
        """One value per line of this name."""
        return list(self.stored(name))

    def stored(self, name: str) -> Sequence[str]:
        """The same without a copy: the same object until a header is changed."""
        index = self._index
        if index is None:
            index = self._by_key()
        return index.get(KEYS.get(name) or key_of(name), _NO_LINES)

    def repeated(self) -> list[str]:
        """The keys (lower-case long names) that have more than one line."""
        return [key for key, lines in self._by_key().items() if len(lines) > 1]

    def values(self, name: str) -> list[str]:
        """The elements of a list header, over all its lines; empty elements are left out.

        Only for headers whose value is a list: a Date, a Subject or a challenge has commas
        that separate nothing.
        """
        found: list[str] = []
        for line in self.stored(name):
            parts = split_outside_quotes(line, ",") if "," in line else [line]
            found += [part for part in (raw.strip(LWS) for raw in parts) if part]
        return found

    def add(self, name: str, value: str) -> None:
        """Append a line; ValueError for what could not be written safely."""
        self._items.append(_checked(name, value))
        if self._index is not None:
            key = key_of(name)
            self._index[key] = [*self._index.get(key, _NO_LINES), value]

    def prepend(self, name: str, value: str) -> None:
        """Put a line before all others (Via, Route and Record-Route grow at the top)."""
        self._items.insert(0, _checked(name, value))
        if self._index is not None:
            key = key_of(name)
            self._index[key] = [value, *self._index.get(key, _NO_LINES)]

    def set(self, name: str, value: str) -> None:
        """Replace all lines of this name by one, at the place of the first, or at the end."""
        item, key = _checked(name, value), key_of(name)
        index = self._by_key()
        if key not in index:
            self._items.append(item)
        else:
            at = next(i for i, (old, _) in enumerate(self._items) if key_of(old) == key)
            kept = [old for old in self._items[at + 1 :] if key_of(old[0]) != key]
            self._items[at:] = [item, *kept]
        index[key] = [value]

    def put_last(self, name: str) -> None:
        """Move the lines of this name behind all others."""
        key = key_of(name)
        moved = [item for item in self._items if key_of(item[0]) == key]
        self._items = [item for item in self._items if key_of(item[0]) != key] + moved

    def remove(self, name: str) -> None:
        """Drop all lines of this name, if any."""
        key = key_of(name)
        if self._by_key().pop(key, None) is not None:
            self._items = [item for item in self._items if key_of(item[0]) != key]

    def copy(self) -> Headers:
        """An independent copy."""
        return self.of_checked(list(self._items))

    def __iter__(self) -> Iterator[tuple[str, str]]:
        return iter(self._items)

    def __len__(self) -> int:
        return len(self._items)

    def __contains__(self, name: object) -> bool:
        return isinstance(name, str) and key_of(name) in self._by_key()

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Headers):
            return NotImplemented
        return [(key_of(n), v) for n, v in self] == [(key_of(n), v) for n, v in other]

    __hash__ = None  # type: ignore[assignment]  # mutable

    def __repr__(self) -> str:
        return f"Headers({self._items!r})"


def _checked(name: str, value: str) -> tuple[str, str]:
    if not is_token(name):
        raise ValueError(f"header name {name[:60]!r} is not a token (RFC 3261 25.1)")
    check_text(f"header {name}", value)
    return name, value
