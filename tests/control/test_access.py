"""Tokens, scopes, rates, and the document that describes every request."""

from __future__ import annotations

import json
import sqlite3
from hashlib import sha256
from pathlib import Path

import trio
from trio.testing import MockClock

from runtime.control.rates import BURST_S, FAILURE_BURST, MAX_KNOWN, Rates
from runtime.control.routes import Table
from runtime.testing import Sim
from tests.control.test_app import client_of

ROOT = {"authorization": "Bearer root"}
CONFIGURED = {"root": sha256(b"root").hexdigest()}
OPENAPI = Path(__file__).parents[2] / "docs" / "reference" / "openapi.json"


async def test_who_is_refused_may_read_why_without_a_token(sim: Sim, tmp_path: Path) -> None:
    async with client_of(sim, tmp_path, "phone.example", tokens=CONFIGURED) as client:
        refused = await client.get("/api/v1/sessions")
        assert (refused.status_code, refused.json()["code"]) == (401, "E1101")
        known = await client.get(refused.json()["type"])
        assert "Authorization: Bearer TOKEN" in known.json()["what_to_do"]
        unknown = await client.get("/api/v1/problems/E9999")
        assert (unknown.status_code, unknown.json()["code"]) == (404, "E1303")


async def test_a_token_is_shown_once_and_hashed_at_rest(sim: Sim, tmp_path: Path) -> None:
    async with client_of(sim, tmp_path, "phone.example", tokens=CONFIGURED) as client:
        wanted = {"name": "ci", "scopes": ["deploy", "read"]}
        made = await client.post("/api/v1/tokens", json=wanted, headers=ROOT)
        assert made.status_code == 201
        assert made.headers["cache-control"] == "no-store"
        token = made.json()["token"]
        listed = await client.get("/api/v1/tokens", headers=ROOT)
        assert [each["name"] for each in listed.json()["tokens"]] == ["ci"]
        assert token not in listed.text
        rows = sqlite3.connect(tmp_path / "callstage.db")
        assert rows.execute("SELECT sha256, scopes FROM tokens").fetchall() == [
            (sha256(token.encode()).hexdigest(), "read deploy")
        ]
        rows.close()
        again = await client.post("/api/v1/tokens", json=wanted, headers=ROOT)
        assert again.status_code == 409
        wrong = await client.post("/api/v1/tokens", json={"name": "-", "scopes": ["all"], "x": 1})
        assert wrong.status_code == 401
        wrong = await client.post(
            "/api/v1/tokens", json={"name": "-", "scopes": ["all"], "x": 1}, headers=ROOT
        )
        assert [each["field"] for each in wrong.json()["errors"]] == ["x", "name", "scopes"]


async def test_a_token_opens_what_its_scopes_say_until_it_is_taken_back(
    sim: Sim, tmp_path: Path
) -> None:
    async with client_of(sim, tmp_path, "phone.example", tokens=CONFIGURED, uploads=True) as client:
        wanted = {"name": "eye", "scopes": ["read"]}
        made = (await client.post("/api/v1/tokens", json=wanted, headers=ROOT)).json()
        eye = {"authorization": f"Bearer {made['token']}"}
        assert (await client.get("/api/v1/history", headers=eye)).status_code == 200
        for method, path in (
            ("POST", "/api/v1/tokens"),
            ("GET", "/api/v1/tokens"),
            ("DELETE", "/api/v1/sessions/x"),
            ("POST", "/api/v1/applications/shop/sessions"),
            ("PUT", "/api/v1/applications/shop/rules"),
            ("PUT", "/api/v1/applications/shop/scenarios/ivr"),
        ):
            refused = await client.request(method, path, headers=eye)
            assert refused.status_code == 403, path
            assert "'eye' has not the scope" in refused.json()["detail"]
        assert (await client.delete("/api/v1/tokens/eye", headers=ROOT)).status_code == 204
        assert (await client.get("/api/v1/history", headers=eye)).status_code == 401
        assert (await client.delete("/api/v1/tokens/root", headers=ROOT)).status_code == 404


async def test_probes_of_others_learn_whether_it_lives_and_no_more(
    sim: Sim, tmp_path: Path
) -> None:
    async with client_of(sim, tmp_path, "phone.example", tokens=CONFIGURED) as client:
        here = (await client.get("/healthz")).json()
        client._transport.client = ("192.0.2.7", 4711)  # type: ignore[attr-defined]
        assert (await client.get("/healthz")).json() == {"status": "ok"}
        assert (await client.get("/healthz", headers=ROOT)).json() == here
        assert here["sip"] == ["udp:127.0.0.1:5060"]
        wrong = await client.get("/healthz", headers={"authorization": "Bearer x"})
        assert wrong.status_code == 401


async def test_a_made_token_is_known_after_a_restart(sim: Sim, tmp_path: Path) -> None:
    async with client_of(sim, tmp_path, "phone.example", tokens=CONFIGURED) as client:
        wanted = {"name": "eye", "scopes": ["read"]}
        made = (await client.post("/api/v1/tokens", json=wanted, headers=ROOT)).json()
    async with client_of(sim, tmp_path, "phone.example", tokens=CONFIGURED) as client:
        eye = {"authorization": f"Bearer {made['token']}"}
        assert (await client.get("/api/v1/sessions", headers=eye)).status_code == 200


async def test_guessing_tokens_is_slowed_down_and_costs_nobody_else(
    sim: Sim, tmp_path: Path, autojump_clock: MockClock
) -> None:
    async with client_of(sim, tmp_path, "phone.example", tokens=CONFIGURED) as client:
        codes = []
        for number in range(int(FAILURE_BURST) + 3):
            guess = {"authorization": f"Bearer guess{number}"}
            codes.append((await client.get("/api/v1/sessions", headers=guess)).status_code)
        assert codes[: int(FAILURE_BURST)] == [401] * int(FAILURE_BURST)
        assert codes[-1] == 429


def test_each_caller_has_a_rate_of_its_own() -> None:
    rates, burst = Rates(50, 200), int(50 * BURST_S)
    waits = [rates.wait_for_request("ci", 0.0) for _ in range(burst + 1)]
    assert waits[:-1] == [0.0] * burst
    assert waits[-1] > 0
    assert rates.wait_for_request("other", 0.0) == 0.0
    assert rates.wait_for_request("ci", 0.1) == 0.0


def test_the_memory_of_addresses_is_bounded() -> None:
    rates = Rates(50, 200)
    for number in range(MAX_KNOWN + 500):
        rates.failed(f"10.0.{number // 256}.{number % 256}", float(number))
        rates.wait_for_address(f"10.0.{number // 256}.{number % 256}", float(number))
    assert len(rates._failures) == len(rates._addresses) == MAX_KNOWN


async def test_who_asks_too_often_is_told_when_to_go_on(
    sim: Sim, tmp_path: Path, autojump_clock: MockClock
) -> None:
    rates = Rates(2, 200)
    async with client_of(sim, tmp_path, "phone.example", tokens=CONFIGURED, rates=rates) as client:
        answers = [await client.get("/api/v1/sessions", headers=ROOT) for _ in range(9)]
        assert [each.status_code for each in answers] == [200] * 8 + [429]
        refused = answers[-1]
        assert refused.headers["content-type"] == "application/problem+json"
        await trio.sleep(int(refused.headers["retry-after"]))
        assert (await client.get("/api/v1/sessions", headers=ROOT)).status_code == 200


async def test_an_address_has_a_rate_for_all_its_requests_probes_too(
    sim: Sim, tmp_path: Path, autojump_clock: MockClock
) -> None:
    rates = Rates(50, 1)
    async with client_of(sim, tmp_path, "phone.example", tokens=CONFIGURED, rates=rates) as client:
        codes = [(await client.get("/healthz")).status_code for _ in range(5)]
        assert codes == [200] * 4 + [429]
        assert (await client.get("/api/v1/sessions")).status_code == 429


async def test_the_document_describes_exactly_the_requests_there_are(
    sim: Sim, tmp_path: Path
) -> None:
    async with client_of(sim, tmp_path) as client:
        served = (await client.get("/api/v1/openapi.json")).json()
        table: Table = client._transport.app._app._app._table  # type: ignore[attr-defined]
    routes = {
        (route.path, method)
        for route in table.routes
        for method in (route.methods or set()) - {"HEAD"}
    }
    described = {
        (path, method.upper()) for path, methods in served["paths"].items() for method in methods
    }
    assert described == routes
    written = json.loads(OPENAPI.read_text())
    assert written == served, "write it anew: python -m tests.docs.openapi"
