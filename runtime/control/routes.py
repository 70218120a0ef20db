"""Every request of the HTTP interface in one table: who may make it, how large it may be, what it
answers. The application, the gate and the OpenAPI document (openapi.py) are made of it.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Final

import attrs
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Match, Route
from starlette.types import Scope as AsgiScope

from runtime.control.applications import ApplicationsDoor
from runtime.control.health import Health
from runtime.control.history import History
from runtime.control.live import LiveFeed
from runtime.control.metrics import TEXT, Metrics
from runtime.control.reach import Bounds, Reach, reach_of
from runtime.control.recordings import SEARCH, Recordings
from runtime.control.registrations import Registrations
from runtime.control.scopes import Scope, caller_of
from runtime.control.secrets import Secrets
from runtime.control.sessions import Sessions
from runtime.control.tokens import Tokens
from runtime.control.users import UsersDoor
from runtime.sandbox.bundle import MAX_ASSET
from runtime.store.search import Wanted

API: Final = "/api/v1"
MAX_BODY_BYTES: Final = 64 * 1024
"""No other request carries more; refused before it is read."""
MAX_SCENARIO_BYTES: Final = 4 * 1024 * 1024
"""A scenario's Python as JSON: read in some ten milliseconds of the core at worst."""
MAX_RULES_BYTES: Final = 1024 * 1024
"""Five hundred rules with some custom data."""

SET: Final = (200, 201)
"""Of what was there, and of what is new."""

Handler = Callable[[Request], Awaitable[Response]]


@attrs.frozen(kw_only=True)
class Endpoint:
    """One request. `scope` is None for probes, which carry no token."""

    method: str
    path: str
    handler: Handler
    summary: str
    scope: Scope | None = Scope.READ
    query: tuple[str, ...] = ()
    body: str = ""
    """The schema of a JSON body (openapi.py), or "binary"."""
    statuses: tuple[int, ...] = (200,)
    """Of answers that are no problems."""
    answer: str = "application/json"
    most_bytes: int = MAX_BODY_BYTES
    is_own: bool = False
    """Whether the handler shows or changes what is the caller's alone (reach.py)."""

    @property
    def reach(self) -> Reach:
        return reach_of(self.path, is_own=self.is_own or self.scope is None)

    @property
    def shape(self) -> str:
        """Numbers are for people; handlers read them, as texts of any length."""
        return self.path.replace(":int}", "}")


@attrs.frozen(kw_only=True)
class Doors:
    """The handlers."""

    health: Health
    metrics: Metrics
    sessions: Sessions
    recordings: Recordings
    registrations: Registrations
    history: History
    live: LiveFeed
    applications: ApplicationsDoor
    secrets: Secrets
    users: UsersDoor
    tokens: Tokens


class Table:
    """The endpoints, and which of them a request is for."""

    def __init__(self, endpoints: tuple[Endpoint, ...], bounds: Bounds) -> None:
        self.endpoints = endpoints
        grouped: dict[str, dict[str, Endpoint]] = {}
        for endpoint in endpoints:
            grouped.setdefault(endpoint.shape, {})[endpoint.method] = endpoint
        self._routes = [(_route(path, group, bounds), group) for path, group in grouped.items()]

    @property
    def routes(self) -> list[Route]:
        """One for each path, so that a refusal names all methods that it has (RFC 9110 15.5.6)."""
        return [route for route, _ in self._routes]

    def find(self, scope: AsgiScope) -> Endpoint | None:
        """HEAD is allowed where GET is."""
        for route, group in self._routes:
            if route.matches(scope)[0] is Match.FULL:
                return _of_method(group, scope["method"])
        return None


def _route(path: str, group: Mapping[str, Endpoint], bounds: Bounds) -> Route:
    async def answer(request: Request) -> Response:
        endpoint = _of_method(group, request.method)
        await bounds.check(caller_of(request), endpoint.reach, request.path_params)
        return await endpoint.handler(request)

    return Route(path, answer, methods=list(group))


def _of_method(group: Mapping[str, Endpoint], method: str) -> Endpoint:
    return group["GET" if method == "HEAD" else method]


def endpoints(doors: Doors) -> tuple[Endpoint, ...]:
    return (
        *_looking(doors),
        *_calling(doors),
        *_deploying(doors.applications),
        *_keeping(doors),
        *_administering(doors),
    )


def _looking(doors: Doors) -> tuple[Endpoint, ...]:
    sessions, history, one = doors.sessions, doors.history, f"{API}/sessions/{{session}}"
    search = tuple(field.name for field in attrs.fields(Wanted))
    return (
        _get("/healthz", doors.health.healthz, "Whether the process lives, and its state", None),
        _get("/readyz", doors.health.readyz, "Whether calls are taken", None),
        _get("/metrics", doors.metrics.show, "Figures for Prometheus", answer=TEXT),
        _get(f"{API}/sessions", sessions.listing, "Live sessions, oldest first", is_own=True),
        _get(one, sessions.one, "One session, live or among the last that ended"),
        _get(f"{API}/refusals", sessions.refusals, "Calls refused before any session, by source"),
        _get(
            f"{API}/registrations",
            doors.registrations.listing,
            "Where users can be reached",
            is_own=True,
        ),
        _get(
            f"{API}/history",
            history.search,
            "Find sessions that were and are",
            query=search,
            is_own=True,
        ),
        _get(f"{API}/history/{{session}}", history.one, "One session of the history"),
        _get(
            f"{API}/events",
            doors.live.stream,
            "Sessions, calls and recordings as they begin and end, live",
            answer="text/event-stream",
            is_own=True,
        ),
        _get(
            f"{one}/timeline",
            sessions.timeline,
            "All that happened in a session; live with follow, or as an event stream",
            query=("follow",),
            answer="application/jsonl",
        ),
        _get(
            f"{one}/recordings/{{number:int}}",
            doors.recordings.one,
            "A recording, whole or by range",
            answer="audio/*",
        ),
        _get(f"{one}/recordings", doors.recordings.of_session, "The recordings of a session"),
        _get(
            f"{API}/recordings",
            doors.recordings.search,
            "Recordings of all sessions, newest first",
            query=SEARCH,
            is_own=True,
        ),
    )


def _get(
    path: str,
    handler: Handler,
    summary: str,
    scope: Scope | None = Scope.READ,
    *,
    query: tuple[str, ...] = (),
    answer: str = "application/json",
    is_own: bool = False,
) -> Endpoint:
    return Endpoint(
        method="GET",
        path=path,
        handler=handler,
        summary=summary,
        scope=scope,
        query=query,
        answer=answer,
        is_own=is_own,
    )


def _calling(doors: Doors) -> tuple[Endpoint, ...]:
    return (
        Endpoint(
            method="POST",
            path=f"{API}/applications/{{app}}/sessions",
            handler=doors.sessions.start,
            summary="Start a session without a caller",
            scope=Scope.CALLS,
            body="Start",
            statuses=(201,),
        ),
        Endpoint(
            method="DELETE",
            path=f"{API}/sessions/{{session}}",
            handler=doors.sessions.terminate,
            summary="End a session, as its script would",
            scope=Scope.CALLS,
            statuses=(202,),
        ),
    )


def _deploying(door: ApplicationsDoor) -> tuple[Endpoint, ...]:
    app = f"{API}/applications/{{app}}"
    scenario = f"{app}/scenarios/{{scenario}}"
    return (
        _get(f"{API}/applications", door.listing, "Applications and their scenarios", is_own=True),
        _put(
            scenario,
            door.upload,
            "Upload a scenario: checked, kept as a new version, and served",
            "Scenario",
            query=("dry_run",),
            statuses=SET,
            most_bytes=MAX_SCENARIO_BYTES,
        ),
        _get(scenario, door.versions, "The versions of a scenario, newest first"),
        _delete(scenario, door.delete, "Delete a scenario with all versions"),
        _put(f"{scenario}/current", door.make_current, "Serve another version", "Version"),
        _put(
            f"{app}/sounds/{{sha256}}",
            door.sound,
            "A sound file for scenarios that name it by its SHA-256",
            "binary",
            statuses=(201,),
            most_bytes=MAX_ASSET,
        ),
        *_ruling(door, app),
    )


def _ruling(door: ApplicationsDoor, app: str) -> tuple[Endpoint, ...]:
    rules = f"{app}/rules"
    return (
        _get(rules, door.rules, "The rules of an application, in order"),
        _put(
            rules,
            door.set_rules,
            "Set all rules of an application",
            "Rules",
            query=("dry_run",),
            most_bytes=MAX_RULES_BYTES,
        ),
        _put(f"{rules}/{{rule}}", door.set_rule, "Change a rule, or add one as the last", "Rule"),
        _delete(f"{rules}/{{rule}}", door.delete_rule, "Delete a rule"),
        _get(f"{app}/explain", door.explain, "Which rule would take a number", query=("to",)),
    )


def _keeping(doors: Doors) -> tuple[Endpoint, ...]:
    app = f"{API}/applications/{{app}}"
    secret, user, number = (
        f"{app}/secrets/{{secret}}",
        f"{app}/users/{{user}}",
        f"{app}/numbers/{{number}}",
    )
    secrets, users, numbers = doors.secrets, doors.users, doors.applications
    return (
        _get(f"{app}/secrets", secrets.listing, "The secrets of an application, without values"),
        _put(
            secret,
            secrets.put,
            "Set a secret; nobody is shown its value again",
            "Secret",
            statuses=SET,
        ),
        _delete(secret, secrets.delete, "Delete a secret; sessions that run keep it"),
        _get(f"{app}/users", users.listing, "Who may register and call for an application"),
        _put(user, users.put, "Set a user, or change one", "User", statuses=SET),
        _delete(user, users.delete, "Delete a user; its phones are forgotten"),
        _get(f"{user}/mailbox", users.mailbox, "How many messages wait for a user"),
        _put(
            f"{user}/mailbox",
            users.set_mailbox,
            "Say how many messages wait; the user's phones are told",
            "Mailbox",
            scope=Scope.CALLS,
        ),
        _get(f"{app}/numbers", numbers.numbers, "The numbers of an application"),
        _put(
            number,
            numbers.set_number,
            "Say whose a number is, and what takes it",
            "Number",
            statuses=SET,
        ),
        _delete(number, numbers.delete_number, "Give a number back"),
    )


def _put(
    path: str,
    handler: Handler,
    summary: str,
    body: str,
    *,
    query: tuple[str, ...] = (),
    statuses: tuple[int, ...] = (200,),
    most_bytes: int = MAX_BODY_BYTES,
    scope: Scope = Scope.DEPLOY,
) -> Endpoint:
    return Endpoint(
        method="PUT",
        path=path,
        handler=handler,
        summary=summary,
        scope=scope,
        query=query,
        body=body,
        statuses=statuses,
        most_bytes=most_bytes,
    )


def _delete(path: str, handler: Handler, summary: str) -> Endpoint:
    return Endpoint(
        method="DELETE",
        path=path,
        handler=handler,
        summary=summary,
        scope=Scope.DEPLOY,
        statuses=(204,),
    )


def _administering(doors: Doors) -> tuple[Endpoint, ...]:
    tokens = doors.tokens
    return (
        Endpoint(
            method="DELETE",
            path=f"{API}/sessions/{{session}}/recordings/{{number:int}}",
            handler=doors.recordings.delete,
            summary="Delete a recording for good",
            scope=Scope.ADMIN,
            statuses=(204,),
        ),
        _get(
            f"{API}/tokens", tokens.listing, "Tokens, without themselves", Scope.ADMIN, is_own=True
        ),
        Endpoint(
            method="POST",
            path=f"{API}/tokens",
            handler=tokens.make,
            summary="Make a token; it is shown this once",
            scope=Scope.ADMIN,
            body="Token",
            statuses=(201,),
            is_own=True,
        ),
        Endpoint(
            method="DELETE",
            path=f"{API}/tokens/{{token}}",
            handler=tokens.delete,
            summary="Take a token back",
            scope=Scope.ADMIN,
            statuses=(204,),
            is_own=True,
        ),
    )
