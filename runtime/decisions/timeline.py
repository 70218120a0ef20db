"""What a line of the timeline is, and what is hidden in it. Runs in the core.

Masked everywhere: credentials in SIP and HTTP headers and in URLs, passwords, secrets, SRTP keys,
customData, and digits while the script has `Logger.hideTones(true)`. The timeline of a session is
capped; its end is always written.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

import attrs

from runtime.decisions.secrets import shown as shown_secrets

HIDDEN: Final = "(hidden)"
MAX_TEXT: Final = 32_000
"""Of one text in an entry; longer than any SIP message worth reading."""


@attrs.frozen(kw_only=True)
class Entry:
    """One line.

    `kind`: session, sip, media, http, socket, report, event, command, log, error or refusal.
    """

    t: float
    """Seconds since the session began."""
    kind: str
    what: str
    leg: str | None = None
    detail: Mapping[str, Any] = attrs.field(factory=dict)

    @property
    def size(self) -> int:
        """About as many bytes as its line has."""
        return 64 + len(self.what) + sum(len(str(value)) for value in self.detail.values())

    def to_json(self) -> str:
        """One line of timeline.jsonl."""
        fields = {
            "t": round(self.t, 6),
            "kind": self.kind,
            "what": self.what,
            "leg": self.leg,
            "detail": dict(self.detail),
        }
        return json.dumps(fields, ensure_ascii=False, separators=(",", ":"), default=str)


@attrs.define
class Cap:
    """How much of one session is written; its last words always are."""

    max_entries: int
    max_bytes: int
    dropped: int = 0
    _entries: int = 0
    _bytes: int = 0

    def admit(self, entry: Entry, size: int) -> bool:
        full = self._entries >= self.max_entries or self._bytes + size > self.max_bytes
        if full and entry.kind != "session":
            self.dropped += 1
            return False
        self._entries += 1
        self._bytes += size
        return True


_CREDENTIALS: Final = re.compile(
    r"^((?:proxy-)?authorization|authentication-info)[ \t]*:[ \t]*(\S+)"
    r"(?:[^\r\n]|\r?\n[ \t])*",
    re.IGNORECASE | re.MULTILINE,
)
_BEFORE_HOST: Final = re.compile(r"(?<![^\s@<>])([^\s@<>:]*+:[^\s@<>]++)@")
"""Word by word, and without going back: a script may send bodies that are full of beginnings, and
looking at each to its end would hold up the core."""
_URI_USER: Final = re.compile(r"sips?:[^\s:@<>;]*:(?=.)", re.IGNORECASE)
_CRYPTO: Final = re.compile(
    r"(a=[ \t]*crypto[ \t]*:"
    r"(?:[ \t]*\d{1,9}[ \t]+[A-Z0-9]{1,16}_[A-Z0-9_]{1,40}(?=[ \t]))?)[^\r\n]*"
)
"""SRTP keys (RFC 4568). Only what is surely tag and suite is shown: base64 has no underscore."""
_INLINE: Final = re.compile(r"(inline:)[^\s]+", re.IGNORECASE)
"""A key in a line that some peer broke."""
_SIGNAL: Final = re.compile(r"^([ \t]*(?:signal|d)[ \t]*=[ \t]*)[0-9A-D*#]", re.I | re.MULTILINE)
_RELAY_TYPE: Final = re.compile(r"^(?:content-type|c)[ \t]*:[ \t]*application/dtmf\b", re.I | re.M)


def mask_sip(text: str) -> str:
    """A SIP message, or part of one, as it may be shown: scheme and header stay, secrets go."""
    text = _CREDENTIALS.sub(rf"\1: \2 {HIDDEN}", text[:MAX_TEXT])
    text = _BEFORE_HOST.sub(_without_password, text)
    return _INLINE.sub(rf"\1{HIDDEN}", _CRYPTO.sub(rf"\1 {HIDDEN}", text))


def _without_password(word: re.Match[str]) -> str:
    user = _URI_USER.search(word[1])
    return f"{word[1][: user.end()]}{HIDDEN}@" if user else word[0]


def mask_digits(text: str) -> str:
    """A SIP message without the keys that an INFO may carry."""
    if _RELAY_TYPE.search(text):
        head, gap, body = text.partition("\r\n\r\n")
        return head + gap + HIDDEN if body else text
    return _SIGNAL.sub(r"\1" + HIDDEN, text)


def mask_command(op: str, args: Mapping[str, Any], *, hide_tones: bool) -> dict[str, Any]:
    """The arguments of a command as they may be shown; what was left at its default is left out."""
    shown = {name: value for name, value in args.items() if value not in ("", None, {})}
    if "password" in shown:
        shown["password"] = HIDDEN
    if op in ("session.custom_data", "call.custom_data"):
        shown["value"] = hidden_length(str(args.get("value", "")))
    if op == "storage.put":
        shown["value"] = hidden_length(str(args.get("value", "")))
    if hide_tones and op == "call.digits":
        shown["digits"] = HIDDEN
    if hide_tones and op == "call.info" and "dtmf" in str(args.get("mime_type", "")).lower():
        shown["body"] = HIDDEN
    if op == "socket.create":
        shown["url"] = shown_url(str(args.get("url", "")))
        shown["headers"] = shown_headers(args.get("headers", ()))
    if op == "socket.send":
        shown["text"] = shown_secrets(hide_access(str(args.get("text", ""))))[:SHOWN_VALUE]
    if op == "http.request":
        whole = bool(shown.pop("shown", True))
        shown["url"] = shown_url(str(args.get("url", "")), whole=whole)
        shown["headers"] = shown_headers(args.get("headers", ())) if whole else {}
    if op == "player.create":
        shown["url"] = shown_url(str(args.get("url", "")))
        _mask_request(shown)
    if op == "player.create_sequence":
        shown["segments"] = [_shown_segment(each) for each in args.get("segments", ())]
    if "to" in shown:
        shown["to"] = _BEFORE_HOST.sub(_without_password, str(shown["to"]))
    return shown


def _shown_segment(segment: Sequence[str]) -> Sequence[str]:
    return ("url", shown_url(segment[1])) if segment[0] == "url" else segment


def _mask_request(shown: dict[str, Any]) -> None:
    """What a player's URL is asked for with, as its script allows it to be shown."""
    headers, body = shown.pop("headers", ()), str(shown.get("body", ""))
    hides_headers, hides_body = shown.pop("hide_headers", False), shown.pop("hide_body", False)
    if headers:
        shown["headers"] = HIDDEN if hides_headers else shown_headers(headers)
    if body:
        shown["body"] = HIDDEN if hides_body else shown_secrets(body)[:SHOWN_VALUE]


def mask_event(name: str, fields: Mapping[str, Any], *, hide_tones: bool) -> dict[str, Any]:
    """The payload of an event as it may be shown."""
    shown = {key: value for key, value in fields.items() if value not in ("", None, {})}
    if "customData" in shown:
        shown["customData"] = hidden_length(str(shown["customData"]))
    call = shown.get("call")
    if isinstance(call, Mapping) and call.get("custom_data"):
        shown["call"] = {**call, "custom_data": hidden_length(str(call["custom_data"]))}
    for url in ("accessURL", "accessSecureURL"):
        if url in shown:
            shown[url] = hide_access(str(shown[url]))
    if name in _FROM_OUTSIDE:
        _mask_from_outside(shown)
    if name == "WebSocket.Message":
        shown["text"] = str(shown.get("text", ""))[:SHOWN_VALUE]
    if hide_tones and name == "Call.ToneReceived":
        shown["tone"] = HIDDEN
    return shown


_FROM_OUTSIDE: Final = frozenset(
    {
        "Application.HttpRequest",
        "AppEvents.NewWebSocketConnection",
        "Application.OnNewWebSocketFailed",
    }
)


def _mask_from_outside(shown: dict[str, Any]) -> None:
    """What somebody asked at an access URL."""
    shown["path"] = shown_path(str(shown.get("path", "")))
    shown["headers"] = shown_headers(shown.get("headers", ()))
    if "websocket" in shown:
        shown["websocket"] = shown["websocket"]["unit"]
    if "content" in shown:
        shown["content"] = shown_secrets(str(shown["content"]))[:SHOWN_VALUE]


def hidden_length(text: str) -> str:
    """customData often holds credentials; its length is enough to see whether it arrived."""
    return f"(hidden, {len(text)} characters)" if text else ""


_PRIVATE_HEADER: Final = re.compile(
    r"authorization|cookie|token|secret|key|passw|signature|credential", re.IGNORECASE
)
_PRIVATE_PARAMETER: Final = re.compile(
    r"auth|token|secret|key|passw|pwd|sig|credential|session|code|pin", re.IGNORECASE
)
_PARAMETER: Final = re.compile(r"([?&;])([^=?&;#]*+)=([^&;#]*+)")
"""No name holds the beginning of another one, or a URL of question marks alone would hold up the
core."""
_USERINFO: Final = re.compile(r"^([A-Za-z][A-Za-z0-9+.-]*://)[^/?#]*@")
SHOWN_URL: Final = 500
SHOWN_VALUE: Final = 200
"""Characters of a URL and of a header that a line shows."""


_ACCESS: Final = re.compile(r"((?:/|%2F)request(?:/|%2F))[\w-]{16,}", re.IGNORECASE)
"""The secret of an access URL (session/access_book.py), also where a URL stands in another one."""


def hide_access(text: str) -> str:
    """Without what lets its reader steer a session."""
    return _ACCESS.sub(rf"\1{HIDDEN}", text)


def shown_path(path: str) -> str:
    """The path and query of a request from outside."""
    return hide_access(_PARAMETER.sub(_shown_parameter, path))[:SHOWN_URL]


def shown_url(url: str, *, whole: bool = True) -> str:
    """Without credentials and values of parameters that sound like keys; else the origin alone."""
    url = _USERINFO.sub(r"\1", url).partition("#")[0]
    if not whole:
        scheme, found, rest = url.partition("://")
        return f"{scheme}{found}{re.split('[/?]', rest, maxsplit=1)[0]}/..."
    return shown_secrets(hide_access(_PARAMETER.sub(_shown_parameter, url)))[:SHOWN_URL]


def _shown_parameter(match: re.Match[str]) -> str:
    value = HIDDEN if _PRIVATE_PARAMETER.search(match[2]) else match[3]
    return f"{match[1]}{match[2]}={value}"


def shown_headers(headers: Iterable[tuple[str, str]]) -> dict[str, str]:
    """Values of headers that carry credentials are hidden."""
    return {
        name: HIDDEN
        if _PRIVATE_HEADER.search(name)
        else shown_secrets(hide_access(value))[:SHOWN_VALUE]
        for name, value in headers
    }
