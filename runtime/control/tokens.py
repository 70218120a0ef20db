"""Tokens over HTTP: made, shown once, listed without themselves, taken back.

Hashed at rest. A token that is bound to an application makes and sees those of the same one alone.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
import time
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from http import HTTPStatus
from typing import Any, Final

import attrs
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from runtime.config.http import TokenSettings
from runtime.config.names import NAME
from runtime.control.bodies import json_body
from runtime.control.problem import Problem
from runtime.control.scopes import Caller, Scope, caller_of
from runtime.decisions.problems import Http
from runtime.store import Database
from runtime.store import tokens as stored
from runtime.store.watch import Watch

MAX_TOKENS: Final = 1_000
"""Each request is held against all of them."""
PREFIX: Final = "cst_"
"""So that scanners of repositories recognise one."""


def digest_of(token: str) -> str:
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).hexdigest()


class TokenBook:
    """Who a token belongs to, also when another runtime on the same data folder made it or took it
    back: what is known here is held against the database at each question."""

    def __init__(self, store: Database, configured: Iterable[TokenSettings]) -> None:
        self.store = store
        self._configured = {
            each.sha256.lower(): Caller(each.name, _scopes(each.scopes), each.application)
            for each in configured
        }
        self._made: dict[str, Caller] = {}
        self._watch = Watch(store.file)
        self._version: int | None = None
        """Of the database when `_made` was read."""

    def close(self) -> None:
        self._watch.close()

    async def load(self) -> None:
        """What is in the database, if it was written to. Raises StoreError."""
        seen = await self._watch.read(stored.list_tokens, self._version)
        if seen is not None:
            self._made = {
                row["sha256"]: Caller(
                    row["name"], _scopes(row["scopes"].split()), row["application"]
                )
                for row in seen.found
            }
            self._version = seen.version

    async def owner(self, token: str) -> Caller | None:
        """Raises StoreError when the database cannot be read."""
        digest = digest_of(token)
        found = _among(self._configured, digest)
        if found is None:
            await self.load()
            found = _among(self._made, digest)
        return found

    def names(self) -> set[str]:
        return {caller.name for caller in (*self._configured.values(), *self._made.values())}

    def __len__(self) -> int:
        return len(self._made)


def _among(known: Mapping[str, Caller], digest: str) -> Caller | None:
    """All of them are looked at, for as long whichever it is."""
    found: Caller | None = None
    for each, caller in known.items():
        if hmac.compare_digest(digest, each):
            found = caller
    return found


@attrs.frozen
class Tokens:
    book: TokenBook
    wall_time: Callable[[], float] = time.time

    async def listing(self, request: Request) -> Response:
        caller, rows = caller_of(request), await self.book.store.read(stored.list_tokens)
        shown = [
            {
                "name": row["name"],
                "scopes": row["scopes"].split(),
                "application": row["application"] or None,
                "created_at": row["created_at"],
            }
            for row in rows
            if caller.reaches(row["application"])
        ]
        return JSONResponse({"tokens": shown})

    async def make(self, request: Request) -> Response:
        """201 with the token, which nobody can see again."""
        caller = caller_of(request)
        name, scopes, application = _wanted(await json_body(request), caller)
        if len(self.book) >= MAX_TOKENS:
            raise Problem(Http.FULL, f"there are {MAX_TOKENS} tokens")
        token = PREFIX + secrets.token_urlsafe(32)
        row = {
            "name": name,
            "sha256": digest_of(token),
            "scopes": " ".join(scopes),
            "application": application,
            "created_at": self.wall_time(),
        }
        taken = name in self.book.names()
        if taken or not await self.book.store.write(partial(stored.add_token, row=row)):
            raise Problem(Http.TOKEN_TAKEN, f"there is a token {name!r}; take it back first")
        await self.book.load()
        shown = {"name": name, "scopes": scopes, "application": application or None}
        headers = {"cache-control": "no-store"}
        return JSONResponse({**shown, "token": token}, HTTPStatus.CREATED, headers)

    async def delete(self, request: Request) -> Response:
        name, caller = str(request.path_params["token"]), caller_of(request)
        drop = partial(stored.delete_token, name=name, application=caller.application)
        if not await self.book.store.write(drop):
            raise Problem(
                Http.NO_TOKEN_OF_THIS_NAME, f"no token that was made here is {name[:64]!r}"
            )
        await self.book.load()
        return Response(status_code=HTTPStatus.NO_CONTENT)


def _wanted(body: Any, caller: Caller) -> tuple[str, list[str], str]:
    """Name, scopes and application. A bound caller's tokens are of its own one, said or not."""
    given = body if isinstance(body, dict) else {}
    unknown = sorted(given.keys() - {"name", "scopes", "application"})[:10]
    faults = [(key[:64], "is not known; there are name, scopes, application") for key in unknown]
    name, scopes = given.get("name"), given.get("scopes")
    if not isinstance(name, str) or not NAME.fullmatch(name):
        faults.append(("name", "must be 1 to 64 letters, digits, dots, dashes and underscores"))
    known = [scope.value for scope in Scope]
    asked = scopes if isinstance(scopes, list) else []
    if not asked or any(each not in known for each in asked):
        faults.append(("scopes", f"must be a list of some of: {', '.join(known)}"))
    application = given.get("application", caller.application or None)
    if application is not None:
        if not isinstance(application, str) or not NAME.fullmatch(application):
            faults.append(("application", "must be the name of an application, or null for all"))
        elif not caller.reaches(application):
            faults.append(("application", f"must be {caller.application}, as that of your token"))
    elif caller.application:
        faults.append(("application", f"must be {caller.application}, as that of your token"))
    if faults:
        raise Problem(Http.BAD_FIELDS, "the token is not made", errors=faults)
    return str(name), [each for each in known if each in asked], str(application or "")


def _scopes(names: Iterable[str]) -> frozenset[Scope]:
    """A scope that a newer version knew gives nothing here."""
    return frozenset(scope for scope in Scope if scope.value in names)
