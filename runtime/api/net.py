"""Net: HTTP requests of a scenario. The core makes them, under the operator's rules."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any, Final, cast
from urllib.parse import quote, urlencode

from runtime.api.http import (
    HttpRequestOptions,
    HttpRequestResult,
    header_pairs,
    request_options,
)
from runtime.api.listeners import wanted_arguments
from runtime.api.mail import Mailing, SendMailResult
from runtime.api.options import flag, seconds, text
from runtime.api.requests import HttpHandle
from runtime.api.running import current
from runtime.decisions.http import is_harmless
from runtime.sandbox.commands import RequestHttp

FORM: Final = "application/x-www-form-urlencoded"
"""What text is taken for, as long as no Content-Type says otherwise."""
_PARTS: Final = re.compile(r"((?:[A-Za-z]+://)?[^/?#]*)(.*)", re.DOTALL)
"""Origin, whose name has rules of its own, and the rest of a URL."""
_FOREIGN: Final = re.compile(r"[^\x00-\x7f]+")
_SPELLED: Final = {
    "timeout_s": "timeout",
    "connect_timeout_s": "connectionTimeout",
    "body_bytes": "postData",
    "shown": "enableSystemLog",
}

Callback = Callable[[HttpRequestResult], object] | Callable[[], object]


class Network(Mailing):
    """HTTP requests and mail. VoxEngine reference: Net."""

    __slots__ = ()
    _shown_as = "Net"

    HttpRequestOptions: Final = HttpRequestOptions
    HttpRequestResult: Final = HttpRequestResult
    SendMailResult: Final = SendMailResult

    def __repr__(self) -> str:
        return "Net"

    def httpRequest(
        self, url: str, callback: Callback, *parameters: object, **options: object
    ) -> None:
        """Make an HTTP request and call `callback` (plain or async) with its HttpRequestResult, or
        with nothing.

        It runs in turn with the event handlers, also after terminate(); an exception in it counts
        as one of the handler that made the request. Options, as keywords, one dict or
        HttpRequestOptions: method, postData (text or bytes, 1 MiB), headers (a dict, or a list of
        "Name: value"), params (a dict, added to the URL), rawOutput (bytes in `data`), timeout
        (at most 90 s), connectionTimeout (at most 6 s), enableSystemLog (False: only the host
        stands in the timeline).

        Failures of the network do not raise: they are codes. Raises LimitReached when 35 requests
        are under way, TypeError and ValueError for what cannot be sent, SessionOver in Terminated
        and for a second request in Terminating. VoxEngine reference: Net.httpRequest.
        """
        what = "Net.httpRequest"
        wanted = wanted_arguments(callback, 1, f"{what}()")
        given = request_options(what, parameters, options)
        _begin(what, url, given, callback if wanted else _without_result(callback))

    def httpRequestAsync(self, url: str, *parameters: object, **options: object) -> HttpHandle:
        """Make an HTTP request; await what is returned for its HttpRequestResult.

        The request is under way when this returns, awaited or not; ending the wait does not end
        it. Otherwise as httpRequest. VoxEngine reference: Net.httpRequestAsync.
        """
        what = "Net.httpRequestAsync"
        return _begin(what, url, request_options(what, parameters, options), None)


Net: Final = Network()


def _without_result(callback: Any) -> Callable[[HttpRequestResult], object]:
    return lambda _: callback()


def _begin(what: str, url: object, given: Mapping[str, Any], callback: Any) -> HttpHandle:
    session = current()
    requests = session.requests
    address = _address(what, url, given.get("params"))
    body = _body(what, given.get("postData"))
    command = session.build(
        what,
        RequestHttp,
        _SPELLED,
        url=address,
        method=text(what, "method", given.get("method", "GET")).upper(),
        headers=_headers(what, address, body, given),
        body_bytes=requests.checked_size(what, body),
        timeout_s=_seconds(what, "timeout", given, requests.longest_s),
        connect_timeout_s=_seconds(what, "connectionTimeout", given, requests.longest_connect_s),
        shown=flag(what, "enableSystemLog", given.get("enableSystemLog", True)),
    )
    raw = flag(what, "rawOutput", given.get("rawOutput", False))
    handle = HttpHandle(what)
    requests.begin(command, body, handle, callback, raw=raw)
    return handle


def _seconds(what: str, name: str, given: Mapping[str, Any], most: float) -> float:
    return seconds(what, name, given.get(name, most), most)


def _address(what: str, url: object, params: object) -> str:
    """The URL with its parameters; what is not ASCII is written as RFC 3987 3.1 says."""
    address = text(what, "url", url)
    if params is not None:
        if not isinstance(params, Mapping):
            raise TypeError(f"{what}(): params must be a dict, not {type(params).__name__}")
        query = urlencode(cast("Mapping[str, object]", params), doseq=True)
        address = address.partition("#")[0]
        address += ("&" if "?" in address else "?") + query if query else ""
    parts = _PARTS.fullmatch(address)
    assert parts is not None
    try:
        return parts[1] + _FOREIGN.sub(lambda match: quote(match[0]), parts[2])
    except UnicodeEncodeError:
        raise ValueError(f"{what}(): url holds half a character (a lone surrogate)") from None


def _body(what: str, data: Any) -> bytes:
    if data is None:
        return b""
    if isinstance(data, str):
        try:
            return data.encode()
        except UnicodeEncodeError:
            why = "holds half a character (a lone surrogate)"
            raise ValueError(f"{what}(): postData {why}") from None
    if isinstance(data, bytes | bytearray):
        return bytes(data)
    if isinstance(data, list | tuple) and all(_is_byte(n) for n in cast("list[object]", data)):
        return bytes(cast("list[int]", data))
    kind = type(cast("object", data)).__name__
    hint = "; for JSON give json.dumps(...)" if kind in ("dict", "list") else ""
    raise TypeError(f"{what}(): postData must be text or bytes, not {kind}{hint}")


def _is_byte(value: object) -> bool:
    return type(value) is int and 0 <= value < 256


def _headers(
    what: str, address: str, body: bytes, given: Mapping[str, Any]
) -> tuple[tuple[str, str], ...]:
    """As the script gave them, without what is said anyway; text has a type (as curl says it)."""
    host = address.partition("://")[2].partition("/")[0].partition("?")[0].rpartition("@")[2]
    headers = header_pairs(what, given.get("headers"))
    headers = [h for h in headers if not is_harmless(*h, host=host, size=len(body))]
    typed = any(name.lower() == "content-type" for name, _ in headers)
    if isinstance(given.get("postData"), str) and not typed:
        headers.append(("Content-Type", FORM))
    return tuple(headers)
