"""Tokens over HTTP: made, shown once, listed without themselves, taken back.

Hashed at rest. Tokens of the configuration have every scope; the others what they were made with.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
import time
from collections.abc import Callable, Mapping
from functools import partial
from http import HTTPStatus
from typing import Any, Final

import attrs
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from runtime.applications.reading import NAME
from runtime.control.bodies import json_body
from runtime.control.problem import Problem
from runtime.control.scopes import Caller, Scope
from runtime.store import Database
from runtime.store import tokens as stored

MAX_TOKENS: Final = 1_000
"""Each request is held against all of them."""
PREFIX: Final = "cst_"
"""So that scanners of repositories recognise one."""


def digest_of(token: str) -> str:
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).hexdigest()


class TokenBook:
    """Who a token belongs to."""

    def __init__(self, store: Database, configured: Mapping[str, str]) -> None:
        """`configured`: name -> SHA-256 in hexadecimal."""
        self.store = store
        every = frozenset(Scope)
        self._configured = {
            digest.lower(): Caller(name, every) for name, digest in configured.items()
        }
        self._made: dict[str, Caller] = {}

    async def load(self) -> None:
        """What is in the database. Raises StoreError."""
        rows = await self.store.read(stored.list_tokens)
        self._made = {
            row["sha256"]: Caller(row["name"], _scopes(row["scopes"].split())) for row in rows
        }

    def owner(self, token: str) -> Caller | None:
        digest = digest_of(token)
        found: Caller | None = None
        for known, caller in (*self._configured.items(), *self._made.items()):
            if hmac.compare_digest(digest, known):
                found = caller
        return found

    def names(self) -> set[str]:
        return {caller.name for caller in (*self._configured.values(), *self._made.values())}

    def __len__(self) -> int:
        return len(self._made)


@attrs.frozen
class Tokens:
    book: TokenBook
    wall_time: Callable[[], float] = time.time

    async def listing(self, _: Request) -> Response:
        rows = await self.book.store.read(stored.list_tokens)
        shown = [
            {"name": r["name"], "scopes": r["scopes"].split(), "created_at": r["created_at"]}
            for r in rows
        ]
        return JSONResponse({"tokens": shown})

    async def make(self, request: Request) -> Response:
        """201 with the token, which nobody can see again."""
        name, scopes = _wanted(await json_body(request))
        if len(self.book) >= MAX_TOKENS:
            raise Problem(HTTPStatus.INSUFFICIENT_STORAGE, f"there are {MAX_TOKENS} tokens")
        token = PREFIX + secrets.token_urlsafe(32)
        row = {
            "name": name,
            "sha256": digest_of(token),
            "scopes": " ".join(scopes),
            "created_at": self.wall_time(),
        }
        taken = name in self.book.names()
        if taken or not await self.book.store.write(partial(stored.add_token, row=row)):
            raise Problem(HTTPStatus.CONFLICT, f"there is a token {name!r}; take it back first")
        await self.book.load()
        body = {"name": name, "scopes": scopes, "token": token}
        return JSONResponse(body, HTTPStatus.CREATED, headers={"cache-control": "no-store"})

    async def delete(self, request: Request) -> Response:
        name = str(request.path_params["token"])
        if not await self.book.store.write(partial(stored.delete_token, name=name)):
            raise Problem(HTTPStatus.NOT_FOUND, f"no token that was made here is {name[:64]!r}")
        await self.book.load()
        return Response(status_code=HTTPStatus.NO_CONTENT)


def _wanted(body: Any) -> tuple[str, list[str]]:
    given = body if isinstance(body, dict) else {}
    unknown = sorted(given.keys() - {"name", "scopes"})[:10]
    faults = [(key[:64], "is not known; there are name, scopes") for key in unknown]
    name, scopes = given.get("name"), given.get("scopes")
    if not isinstance(name, str) or not NAME.fullmatch(name):
        faults.append(("name", "must be 1 to 64 letters, digits, dots, dashes and underscores"))
    known = [scope.value for scope in Scope]
    asked = scopes if isinstance(scopes, list) else []
    if not asked or any(each not in known for each in asked):
        faults.append(("scopes", f"must be a list of some of: {', '.join(known)}"))
    if faults:
        raise Problem(HTTPStatus.BAD_REQUEST, "the token is not made", errors=faults)
    return str(name), [each for each in known if each in asked]


def _scopes(names: list[str]) -> frozenset[Scope]:
    """A scope that a newer version knew gives nothing here."""
    return frozenset(scope for scope in Scope if scope.value in names)
