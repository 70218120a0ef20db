"""Who may use the HTTP interface: anyone on a loopback bind, bearers of a token elsewhere.

A loopback bind still checks the Host header, so that a web page cannot reach it by rebinding its
own name to 127.0.0.1.
"""

from __future__ import annotations

import hashlib
import hmac
import ipaddress
from collections.abc import Mapping
from http import HTTPStatus
from typing import Final

import attrs
from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send

from runtime.control.problem import problem_response

OPEN_PATHS: Final = frozenset({"/healthz", "/readyz"})
"""Probes carry no token; they tell nothing about calls."""
MAX_BODY_BYTES: Final = 64 * 1024
"""No request of this API carries more; refused before it is read."""
_LOCAL_NAMES: Final = frozenset({"127.0.0.1", "localhost", "::1"})


@attrs.frozen(kw_only=True)
class AccessRule:
    """`tokens`: name -> SHA-256 in hexadecimal."""

    loopback: bool
    tokens: Mapping[str, str]

    @classmethod
    def for_bind(cls, host: str, tokens: Mapping[str, str]) -> AccessRule:
        return cls(loopback=ipaddress.ip_address(host).is_loopback, tokens=tokens)

    def refusal(self, path: str, headers: Headers) -> tuple[HTTPStatus, str] | None:
        if self.loopback:
            return self._foreign_host(headers.get("host", ""))
        if path in OPEN_PATHS or self._token_is_known(headers.get("authorization", "")):
            return None
        return (
            HTTPStatus.UNAUTHORIZED,
            "this address needs a token: send `Authorization: Bearer TOKEN` with one whose "
            "SHA-256 is in [http.tokens]",
        )

    @staticmethod
    def _foreign_host(host: str) -> tuple[HTTPStatus, str] | None:
        name = host.rpartition(":")[0] if not host.endswith("]") and ":" in host else host
        name = name.removeprefix("[").removesuffix("]").lower()
        if name in _LOCAL_NAMES or _is_loopback(name):
            return None
        return HTTPStatus.FORBIDDEN, f"Host {host[:100]!r} is not this machine's loopback name"

    def _token_is_known(self, authorization: str) -> bool:
        scheme, _, token = authorization.partition(" ")
        if scheme.lower() != "bearer" or not token:
            return False
        digest = hashlib.sha256(token.strip().encode("utf-8", "surrogatepass")).hexdigest()
        matches = [hmac.compare_digest(digest, known.lower()) for known in self.tokens.values()]
        return any(matches)


def _is_loopback(name: str) -> bool:
    try:
        return ipaddress.ip_address(name).is_loopback
    except ValueError:
        return False


class Gate:
    """ASGI middleware: access rule first, then the body limit; handlers see what passed both."""

    def __init__(self, app: ASGIApp, rule: AccessRule) -> None:
        self._app = app
        self._rule = rule

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        refusal = self._rule.refusal(scope["path"], headers) or _too_large(headers)
        if refusal is not None:
            await problem_response(*refusal)(scope, receive, send)
            return
        await self._app(scope, receive, send)


def _too_large(headers: Headers) -> tuple[HTTPStatus, str] | None:
    length = headers.get("content-length", "0")
    chunked = "transfer-encoding" in headers
    if chunked or not length.isascii() or not length.isdigit() or int(length) > MAX_BODY_BYTES:
        return (
            HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
            f"send a body of at most {MAX_BODY_BYTES} bytes, with its Content-Length",
        )
    return None
