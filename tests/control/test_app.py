"""The HTTP interface over a simulated call: no sockets, the real application."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Callable, Iterable, Mapping
from contextlib import asynccontextmanager
from hashlib import sha256
from pathlib import Path

import httpx
import pytest
import trio
from trio.testing import MockClock

from runtime.applications import Applications
from runtime.applications.secrets import ApplicationSecrets
from runtime.applications.shelf import Shelf
from runtime.applications.users import ApplicationUsers, Registering
from runtime.config.http import HttpSettings, TokenSettings
from runtime.config.settings import SecretSettings
from runtime.control.app import ControlParts, build_app
from runtime.control.live import LiveFeed
from runtime.control.rates import Rates
from runtime.control.routes import MAX_BODY_BYTES
from runtime.control.tokens import TokenBook
from runtime.decisions.limits import Limits
from runtime.session.history import NoHistory
from runtime.session.registry import SessionRegistry
from runtime.store import Database, StoreFull
from runtime.store.sealing import KeyRing, new_key
from runtime.store.upkeep import Upkeep
from runtime.store.users import StoredUser
from runtime.testing import Sim
from sip.auth import secret_of

CONFIGURED_SECRETS = (
    SecretSettings(name="operators", hosts=("a.example",), value="for everybody"),
    SecretSettings(
        name="bakers", hosts=("a.example",), value="for one alone", application="bakery"
    ),
)
WRITTEN = 1_700_000_000.0
SCENARIO = """
from runtime import *

@VoxEngine.on(AppEvents.CallAlerting)
async def incoming(e):
    await e.call.answer()
    await e.call.say("hello")
    await e.call.ended()
    VoxEngine.terminate()
"""


async def applications(store: Database, folder: Path, registry: SessionRegistry) -> Applications:
    made = Applications(
        store=store,
        shelf=Shelf(folder / "uploads"),
        registry=registry,
        limits=Limits(),
        warn=pytest.fail,
        wall_time=lambda: WRITTEN,
    )
    await made.load()
    return made


def keeper(store: Database, folder: Path, find: Callable[[str, int], Path | None]) -> Upkeep:
    return Upkeep(
        store=store,
        timelines=folder / "sessions",
        recordings=folder / "recordings",
        find=find,
        recordings_days=0,
        recordings_most=None,
        history_days=0,
        wall_time=lambda: WRITTEN,
        warn=pytest.fail,
        tell=pytest.fail,
    )


def registering(
    served: list[StoredUser] | None, waiting: dict[str, tuple[int, int]] | None = None
) -> Registering:
    """A registrar that says in `served` whom it knows, and in `waiting` what it heard of their
    mailboxes."""
    known: list[StoredUser] = [] if served is None else served
    told: dict[str, tuple[int, int]] = {} if waiting is None else waiting

    def serve(users: Iterable[StoredUser]) -> None:
        known[:] = users

    return Registering(
        realm="callstage",
        algorithms=("MD5", "SHA-256"),
        configured=frozenset({"boss"}),
        secret_of=secret_of,
        serve=serve,
        tell_mailbox=lambda user, new, old: told.update({user: (new, old)}),
    )


@asynccontextmanager
async def client_of(
    sim: Sim,
    folder: Path,
    host: str = "127.0.0.1:8080",
    *,
    tokens: Mapping[str, str] | None = None,
    bound: tuple[TokenSettings, ...] = (),
    uploads: bool = False,
    served: list[StoredUser] | None = None,
    waiting: dict[str, tuple[int, int]] | None = None,
    rates: Rates | None = None,
    state: Callable[[], dict[str, object]] = lambda: {"sip": ["udp:127.0.0.1:5060"]},
) -> AsyncIterator[httpx.AsyncClient]:
    sim.load_text(SCENARIO)
    registry = await sim._registry()

    def recording(session: str, number: int) -> Path | None:
        file = folder / f"{session}-{number}.wav"
        return file if file.is_file() else None

    store = Database.open(folder)
    book = TokenBook(store, HttpSettings(tokens=dict(tokens or {}), token=bound).owners)
    await book.load()
    desk = await applications(store, folder, registry) if uploads else None
    upkeep = keeper(store, folder, recording)
    ring = KeyRing((new_key(),), "a test")
    secrets = ApplicationSecrets(store, ring, CONFIGURED_SECRETS, wall_time=lambda: WRITTEN)
    app = build_app(
        ControlParts(
            registry=registry,
            loopback=tokens is None,
            tokens=book,
            rates=rates or Rates(50, 200),
            timelines=folder / "sessions",
            recording=recording,
            delete_recording=upkeep.delete_recording,
            store=store,
            live=LiveFeed(NoHistory()),
            applications=desk,
            secrets=secrets,
            users=ApplicationUsers(
                store,
                ring,
                registering(served, waiting),
                warn=pytest.fail,
                wall_time=lambda: WRITTEN,
            ),
            state=state,
            registrations=lambda: [{"user": name} for name in ("shop-ann", "bank-ann", "boss")],
        )
    )
    transport = httpx.ASGITransport(app)
    async with httpx.AsyncClient(transport=transport, base_url=f"http://{host}") as client:
        yield client
    store.close()


async def test_health_tells_sessions_and_listeners(sim: Sim, tmp_path: Path) -> None:
    async with client_of(sim, tmp_path) as client:
        caller = await sim.call()
        await caller.hears("hello")
        health = (await client.get("/healthz")).json()
        assert health["status"] == "ok"
        assert health["sessions"] == 1
        assert health["calls"] == 1
        assert health["sip"] == ["udp:127.0.0.1:5060"]
        assert (await client.get("/readyz")).status_code == 200
        caller.hang_up()
        await caller.ended()


async def test_a_session_is_listed_shown_and_kept_after_its_end(sim: Sim, tmp_path: Path) -> None:
    async with client_of(sim, tmp_path) as client:
        caller = await sim.call(to="100", number="200")
        await caller.hears("hello")
        [listed] = (await client.get("/api/v1/sessions")).json()["sessions"]
        [leg] = listed["legs"]
        assert (leg["number"], leg["callerid"], leg["state"]) == ("100", "200", "CONNECTED")
        caller.hang_up()
        await caller.ended()
        await sim.settle()
        assert (await client.get("/api/v1/sessions")).json()["sessions"] == []
        kept = (await client.get(f"/api/v1/sessions/{listed['id']}")).json()
        assert kept["end_cause"] == "terminated"


async def test_a_session_is_ended_over_http(sim: Sim, tmp_path: Path) -> None:
    async with client_of(sim, tmp_path) as client:
        caller = await sim.call()
        await caller.hears("hello")
        [listed] = (await client.get("/api/v1/sessions")).json()["sessions"]
        answer = await client.delete(f"/api/v1/sessions/{listed['id']}")
        assert answer.status_code == 202
        await caller.ended()
        await sim.settle()
        gone = await client.delete(f"/api/v1/sessions/{listed['id']}")
        assert gone.status_code == 404


async def test_the_timeline_is_followed_to_its_end(sim: Sim, tmp_path: Path) -> None:
    async with client_of(sim, tmp_path) as client:
        caller = await sim.call()
        await caller.hears("hello")
        [listed] = (await client.get("/api/v1/sessions")).json()["sessions"]
        path = f"/api/v1/sessions/{listed['id']}/timeline"
        caller.hang_up()
        followed = (await client.get(path, params={"follow": "1"})).text.splitlines()
        said = [json.loads(line)["what"] for line in followed]
        assert said[0].startswith("began")
        assert "Call.Connected" in said
        assert said[-1] == "over: terminated"
        whole = (await client.get(path)).text.splitlines()
        assert whole == followed


async def test_a_recording_is_served_by_range(sim: Sim, tmp_path: Path) -> None:
    (tmp_path / "abc-1.wav").write_bytes(b"0123456789")
    async with client_of(sim, tmp_path) as client:
        path = "/api/v1/sessions/abc/recordings/1"
        whole = await client.get(path)
        assert (whole.content, whole.headers["content-type"]) == (b"0123456789", "audio/wav")
        part = await client.get(path, headers={"range": "bytes=2-4"})
        assert (part.status_code, part.content) == (206, b"234")
        beyond = await client.get(path, headers={"range": "bytes=99-"})
        assert beyond.status_code == 416


@pytest.mark.parametrize(
    "path",
    [
        "/nothing",
        "/api/v1/sessions/unknown",
        "/api/v1/sessions/unknown/timeline",
        "/api/v1/sessions/unknown/recordings/1",
        "/api/v1/sessions/..%2f..%2fetc/timeline",
        "/api/v1/sessions/" + "x" * 5000,
    ],
)
async def test_what_is_not_there_is_a_problem_body(sim: Sim, tmp_path: Path, path: str) -> None:
    async with client_of(sim, tmp_path) as client:
        answer = await client.get(path)
        assert answer.status_code == 404
        assert answer.headers["content-type"] == "application/problem+json"
        body = answer.json()
        assert set(body) == {"type", "title", "status", "detail", "code"}
        known = (await client.get(body["type"])).json()
        assert (known["code"], known["status"]) == (body["code"], 404)
        assert known["what_to_do"]


async def test_a_wrong_method_is_a_problem_body(sim: Sim, tmp_path: Path) -> None:
    async with client_of(sim, tmp_path) as client:
        answer = await client.put("/healthz")
        assert (answer.status_code, answer.json()["status"]) == (405, 405)


async def test_a_wrong_method_is_told_all_that_are_right(sim: Sim, tmp_path: Path) -> None:
    async with client_of(sim, tmp_path) as client:
        for path, methods in (
            ("/healthz", {"GET", "HEAD"}),
            ("/api/v1/applications/shop/rules/r", {"PUT", "DELETE"}),
            ("/api/v1/applications/shop/scenarios/ivr", {"GET", "HEAD", "PUT", "DELETE"}),
        ):
            answer = await client.request("PATCH", path)
            assert answer.status_code == 405
            assert set(answer.headers["allow"].split(", ")) == methods
            assert all(method in answer.json()["detail"] for method in methods)


async def test_the_head_of_a_stream_is_over_at_once(
    sim: Sim, tmp_path: Path, autojump_clock: MockClock
) -> None:
    async with client_of(sim, tmp_path) as client:
        caller = await sim.call()
        await caller.hears("hello")
        [listed] = (await client.get("/api/v1/sessions")).json()["sessions"]
        timeline = f"/api/v1/sessions/{listed['id']}/timeline"
        before = trio.current_time()
        for path, accept, kind in (
            ("/api/v1/events", "*/*", "text/event-stream"),
            (timeline + "?follow=1", "*/*", "application/jsonl"),
            (timeline, "text/event-stream", "text/event-stream"),
        ):
            head = await client.head(path, headers={"accept": accept})
            assert (head.status_code, head.content) == (200, b""), path
            assert head.headers["content-type"].startswith(kind)
        assert trio.current_time() == before
        caller.hang_up()
        await caller.ended()


async def test_a_refusal_repeats_little_of_what_was_sent(sim: Sim, tmp_path: Path) -> None:
    async with client_of(sim, tmp_path) as client:
        for method in ("GET", "X" * 5_000):
            answer = await client.request(method, "/" + "x" * 5_000)
            assert answer.status_code == 404
            assert len(answer.content) < 500


async def test_a_slash_too_many_leads_nowhere(sim: Sim, tmp_path: Path) -> None:
    async with client_of(sim, tmp_path) as client:
        for path in ("/healthz/", "/api/v1/sessions/", "/api/v1/applications/shop/secrets/"):
            assert (await client.get(path)).status_code == 404, path


async def test_a_page_of_another_site_starts_nothing_on_a_loopback_bind(
    sim: Sim, tmp_path: Path
) -> None:
    path = "/api/v1/applications/default/sessions"
    async with client_of(sim, tmp_path) as client:
        for origin, status in (
            ("https://evil.example", 403),
            ("http://127.0.0.1.evil.example:8080", 403),
            ("null", 403),
            ("", 403),
            ("http://localhost:3000", 201),
            ("http://[::1]:8080", 201),
        ):
            headers = {"origin": origin, "content-type": "text/plain"}
            answer = await client.post(path, json={"scenario": "scenario"}, headers=headers)
            assert answer.status_code == status, origin
            if status == 201:
                await client.delete(f"/api/v1/sessions/{answer.json()['session_id']}")


async def test_a_large_or_unmeasured_body_is_refused(sim: Sim, tmp_path: Path) -> None:
    async with client_of(sim, tmp_path) as client:
        large = await client.post("/healthz", content=b"x" * (MAX_BODY_BYTES + 1))
        assert large.status_code == 413

        async def pieces() -> AsyncIterator[bytes]:
            yield b"x"

        chunked = await client.post("/healthz", content=pieces())
        assert chunked.status_code == 413


async def test_a_loopback_bind_answers_only_to_its_own_names(sim: Sim, tmp_path: Path) -> None:
    async with client_of(sim, tmp_path) as client:
        for host, status in (
            ("localhost:1", 200),
            ("[::1]:8080", 200),
            ("127.0.0.1", 200),
            ("evil.example", 403),
            ("127.0.0.1.evil.example:80", 403),
        ):
            answer = await client.get("/healthz", headers={"host": host})
            assert answer.status_code == status, host


async def test_a_public_bind_wants_a_token_except_for_probes(sim: Sim, tmp_path: Path) -> None:
    tokens = {"ci": sha256(b"secret").hexdigest()}
    async with client_of(sim, tmp_path, "phone.example", tokens=tokens) as client:
        assert (await client.get("/healthz")).status_code == 200
        refused = await client.get("/api/v1/sessions")
        assert refused.status_code == 401
        assert refused.headers["www-authenticate"] == "Bearer"
        for token, status in (("secret", 200), ("wrong", 401), ("", 401)):
            bearer = {"authorization": f"Bearer {token}"}
            answer = await client.get("/api/v1/sessions", headers=bearer)
            assert answer.status_code == status, token


async def test_a_full_disk_is_a_problem_that_shows_no_path(sim: Sim, tmp_path: Path) -> None:

    def full() -> dict[str, object]:
        raise StoreFull(f"{tmp_path}/callstage.db: database or disk is full")

    async with client_of(sim, tmp_path, state=full) as client:
        answer = await client.get("/healthz")
    assert answer.status_code == 507
    assert "disk of the runtime's data folder is full" in answer.json()["detail"]
    assert str(tmp_path) not in answer.text


async def test_a_fault_of_ours_is_a_problem_body_that_tells_nothing(
    sim: Sim, tmp_path: Path
) -> None:

    def broken() -> dict[str, object]:
        raise RuntimeError("hunter2")

    async with client_of(sim, tmp_path, state=broken) as client:
        app = client._transport.app  # type: ignore[attr-defined]
        transport = httpx.ASGITransport(app, raise_app_exceptions=False)
        async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1") as other:
            answer = await other.get("/healthz")
        assert answer.status_code == 500
        assert answer.headers["content-type"] == "application/problem+json"
        assert answer.json()["detail"] == "a fault of this runtime; see its log"


async def test_half_a_character_is_no_custom_data(sim: Sim, tmp_path: Path) -> None:
    async with client_of(sim, tmp_path) as client:
        refused = await client.post(
            "/api/v1/applications/default/sessions",
            content=rb'{"scenario": "scenario", "customData": "\ud800"}',
        )
    assert (refused.status_code, refused.json()["errors"]) == (
        400,
        [{"field": "customData", "detail": "must be a text"}],
    )


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "/api/v1/tokens"),
        ("POST", "/api/v1/applications/default/sessions"),
        ("PUT", "/api/v1/applications/shop/scenarios/ivr"),
        ("PUT", "/api/v1/applications/shop/secrets/key"),
        ("PUT", "/api/v1/applications/shop/users/ann"),
    ],
)
async def test_half_a_character_in_the_name_of_a_field_is_told_as_a_mark(
    sim: Sim, tmp_path: Path, method: str, path: str
) -> None:
    async with client_of(sim, tmp_path, uploads=True) as client:
        refused = await client.request(method, path, content=rb'{"x\ud800": 1}')
    assert refused.status_code in (400, 422)
    assert refused.json()["errors"][0]["field"] == "x?"
