"""Who may use the HTTP interface: anyone on a loopback bind, owners of a token elsewhere.

A loopback bind still checks the Host header, so that a web page cannot reach it by rebinding its
own name to 127.0.0.1, and the Origin, so that one of another site cannot start a session.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Awaitable, Callable
from typing import Final

import attrs
import trio
from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send

from runtime.control.arriving import Arriving, too_long
from runtime.control.problem import Problem, problem_response
from runtime.control.rates import Rates
from runtime.control.routes import MAX_BODY_BYTES, Endpoint, Table
from runtime.control.scopes import LOCAL, NOBODY, Caller
from runtime.decisions.problems import Http
from runtime.store import StoreError

_LOCAL_NAMES: Final = frozenset({"127.0.0.1", "localhost", "::1"})
UNKNOWN_OWNER: Final = "the runtime cannot read whose token this is; see its log"
MAX_TOKEN: Final = 512
"""Characters; nothing longer is hashed."""


@attrs.frozen(kw_only=True)
class AccessRule:
    """`owner`: whose token this is, if anybody's."""

    loopback: bool
    owner: Callable[[str], Awaitable[Caller | None]]
    rates: Rates


class Gate:
    """ASGI middleware: who asks, how often, for what, and how much; handlers see what passed."""

    def __init__(self, app: ASGIApp, rule: AccessRule, table: Table) -> None:
        self._app = app
        self._rule = rule
        self._table = table
        self._rates = rule.rates

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        endpoint = self._table.find(scope)
        address = (scope.get("client") or ("",))[0]
        most = endpoint.most_bytes if endpoint else MAX_BODY_BYTES
        try:
            scope["callstage.caller"] = await self._admit(headers, endpoint, address)
            _check_size(headers, most)
        except Problem as exc:
            refusal = problem_response(exc.kind, exc.detail, exc.errors, exc.headers)
            await refusal(scope, receive, send)
            return
        except StoreError:
            await problem_response(Http.FAULT, UNKNOWN_OWNER)(scope, receive, send)
            raise
        await self._app(scope, Arriving(receive, most), send)

    async def _admit(self, headers: Headers, endpoint: Endpoint | None, address: str) -> Caller:
        """Raises Problem."""
        if self._rule.loopback:
            _check_host(headers.get("host", ""))
            _check_origin(headers.get("origin"))
            return LOCAL
        now = trio.current_time()
        _pause(self._rates.wait_for_address(address, now))
        if endpoint is not None and endpoint.scope is None and "authorization" not in headers:
            return LOCAL if _is_loopback(address) else NOBODY
        _pause(self._rates.wait_for_attempt(address, now))
        caller = await self._owner(headers.get("authorization", ""), address, now)
        _pause(self._rates.wait_for_request(caller.name, now))
        wanted = endpoint.scope if endpoint is not None else None
        if wanted is not None and wanted not in caller.scopes:
            raise Problem(
                Http.NO_SCOPE,
                f"the token {caller.name!r} has not the scope {wanted.value!r}",
            )
        return caller

    async def _owner(self, authorization: str, address: str, now: float) -> Caller:
        scheme, _, token = authorization.partition(" ")
        token = token.strip()
        if scheme.lower() == "bearer" and 0 < len(token) <= MAX_TOKEN:
            caller = await self._rule.owner(token)
            if caller is not None:
                return caller
        if authorization:
            self._rates.failed(address, now)
        raise Problem(
            Http.NO_TOKEN,
            "this address needs a token: send `Authorization: Bearer TOKEN` with one that was made "
            "here, or whose SHA-256 is in [http.tokens]",
        )


def _pause(wait_s: float) -> None:
    if wait_s > 0:
        raise Problem(
            Http.TOO_MANY_REQUESTS,
            f"too many requests: go on in {wait_s:.1f} s",
            headers={"retry-after": str(int(wait_s) + 1)},
        )


def _check_host(host: str) -> None:
    if not _is_local(host):
        what = f"Host {host[:100]!r} is not this machine's loopback name"
        raise Problem(Http.NOT_LOCAL_HOST, what)


def _check_origin(origin: str | None) -> None:
    """A page of another site may send a POST here without asking first (Fetch 4.8)."""
    if origin is not None and not _is_local(origin.partition("://")[2]):
        what = f"a page of {origin[:100]!r} asks; here, without a token, only pages of this machine"
        raise Problem(Http.FOREIGN_PAGE, what)


def _is_local(host: str) -> bool:
    """Whether a name, with or without a port, is this machine's."""
    name = host.rpartition(":")[0] if not host.endswith("]") and ":" in host else host
    name = name.removeprefix("[").removesuffix("]").lower()
    return name in _LOCAL_NAMES or _is_loopback(name)


def _is_loopback(name: str) -> bool:
    try:
        return ipaddress.ip_address(name).is_loopback
    except ValueError:
        return False


def _check_size(headers: Headers, most: int) -> None:
    length = headers.get("content-length", "0")
    chunked = "transfer-encoding" in headers
    if chunked or not length.isascii() or not length.isdigit() or int(length[:20]) > most:
        raise too_long(most)
