"""A token that is bound to an application: what it reaches, and how everything else answers."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from hashlib import sha256
from pathlib import Path

import httpx
import trio
from trio.testing import MockClock, wait_all_tasks_blocked

from runtime.config.http import EVERY_SCOPE, TokenSettings
from runtime.control.live import LiveFeed
from runtime.control.reach import Reach
from runtime.control.routes import Endpoint, Table
from runtime.control.scopes import Caller, Scope
from runtime.session.history import NoHistory
from runtime.testing import Sim
from tests.control.test_app import client_of
from tests.control.test_live import Reader
from tests.store.pictures import call, recording, session
from tests.store.test_history import written

ROOT = {"authorization": "Bearer root"}
SHOP = {"authorization": "Bearer shop"}
API = "/api/v1"
UPLOAD = {"modules": {"scenario": "x = 1\n"}}
USER = {"password": "long enough"}
PAST = (
    session("s1", 1, application="shop"),
    session("b1", 2, application="bank"),
    call("c1", "s1"),
    call("c2", "b1"),
    recording("s1", 1),
    recording("b1", 1),
)


@asynccontextmanager
async def two_applications(sim: Sim, folder: Path) -> AsyncIterator[httpx.AsyncClient]:
    """`bank` and `shop`, each with all that there is to see of one."""
    tokens = {"root": sha256(b"root").hexdigest()}
    own = (TokenSettings(name="own", sha256=sha256(b"shop").hexdigest(), application="shop"),)
    for name in ("s1-1.wav", "b1-1.wav"):
        (folder / name).write_bytes(b"sound")
    async with (
        written(folder, *PAST),
        client_of(sim, folder, "phone.example", tokens=tokens, bound=own, uploads=True) as client,
    ):
        for app in ("bank", "shop"):
            for path, body in (
                ("scenarios/ivr", UPLOAD),
                ("numbers/+44" + str(len(app)) + app, {"scenario": "ivr"}),
                (f"users/{app}-ann", USER),
                ("secrets/key", {"value": "long enough", "hosts": ["a.example"]}),
            ):
                url = f"{API}/applications/{app}/{path}"
                made = await client.put(url, json=body, headers=ROOT)
                assert made.status_code == 201, made.text
        yield client


def table_of(client: httpx.AsyncClient) -> Table:
    found: Table = client._transport.app._app._app._table  # type: ignore[attr-defined]
    return found


def url_of(endpoint: Endpoint, app: str, of: str) -> str:
    parts = {"app": app, "session": of, "number": "1", "sha256": "0" * 64}
    return endpoint.shape.format_map(
        {**dict.fromkeys(("scenario", "rule"), "ivr"), **parts, **REST}
    )


REST = {"secret": "key", "user": "ann", "token": "nobody"}


async def test_what_names_another_application_is_forbidden_whether_it_is_there_or_not(
    sim: Sim, tmp_path: Path
) -> None:
    async with two_applications(sim, tmp_path) as client:
        endpoints = [e for e in table_of(client).endpoints if e.reach is Reach.APPLICATION]
        assert len(endpoints) > 20
        for endpoint in endpoints:
            answers = [
                await client.request(endpoint.method, url_of(endpoint, app, "s1"), headers=SHOP)
                for app in ("bank", "nobody", "-", "%00")
            ]
            assert {each.status_code for each in answers} == {403}, endpoint.path
            assert len({each.content for each in answers}) == 1
            mine = await client.request(
                endpoint.method, url_of(endpoint, "shop", "s1"), headers=SHOP, content=b"[]"
            )
            assert mine.status_code != 403, endpoint.path
        listed = await client.get(f"{API}/applications", headers=ROOT)
        assert "bank" in listed.json()["applications"]


async def test_a_session_of_another_application_answers_as_one_that_never_was(
    sim: Sim, tmp_path: Path
) -> None:
    async with two_applications(sim, tmp_path) as client:
        endpoints = [e for e in table_of(client).endpoints if e.reach is Reach.SESSION]
        assert len(endpoints) == 7
        for endpoint in endpoints:
            told = set[str]()
            for of in ("b1", "x1"):
                url = url_of(endpoint, "", of)
                answer = await client.request(endpoint.method, url, headers=SHOP)
                assert answer.status_code == 404, endpoint.path
                told.add(answer.text.replace(of, "it"))
            assert len(told) == 1
        for path in ("history/s1", "sessions/s1/recordings", "sessions/s1/recordings/1"):
            assert (await client.get(f"{API}/{path}", headers=SHOP)).status_code == 200, path
        assert (tmp_path / "b1-1.wav").exists()


async def test_a_live_call_of_another_application_is_neither_seen_nor_ended(
    sim: Sim, tmp_path: Path
) -> None:
    async with two_applications(sim, tmp_path) as client:
        caller = await sim.call()  # of the application `default`
        await caller.hears("hello")
        [live] = (await client.get(f"{API}/sessions", headers=ROOT)).json()["sessions"]
        assert (await client.get(f"{API}/sessions", headers=SHOP)).json() == {"sessions": []}
        url = f"{API}/sessions/{live['id']}"
        for method, path in (("GET", url), ("DELETE", url), ("GET", f"{url}/timeline")):
            answer = await client.request(method, path, headers=SHOP)
            assert answer.status_code == 404, path
        still = (await client.get(f"{API}/sessions", headers=ROOT)).json()["sessions"]
        assert [each["id"] for each in still] == [live["id"]]
        caller.hang_up()
        await caller.ended()


async def test_lists_and_searches_show_its_own(sim: Sim, tmp_path: Path) -> None:
    async with two_applications(sim, tmp_path) as client:

        async def found(path: str) -> str:
            answer = await client.get(f"{API}/{path}", headers=SHOP)
            assert answer.status_code == 200, path
            return answer.text

        assert list(json.loads(await found("applications"))["applications"]) == ["shop"]
        for path in ("history", "history?number=100", "history?application=shop&limit=1"):
            shown = json.loads(await found(path))
            assert ([each["id"] for each in shown["sessions"]], shown["next"]) == (["s1"], "")
        assert json.loads(await found("history?application=bank"))["sessions"] == []
        shown = json.loads(await found("recordings?limit=1"))
        assert ([each["session_id"] for each in shown["recordings"]], shown["next"]) == (["s1"], "")
        [registered] = json.loads(await found("registrations"))["registrations"]
        assert registered["user"] == "shop-ann"
        assert "bank" not in await found("tokens")
        assert "shop-ann" in await found("applications/shop/users")


async def test_what_is_of_the_machine_is_not_shown(sim: Sim, tmp_path: Path) -> None:
    async with two_applications(sim, tmp_path) as client:
        machine = [e.path for e in table_of(client).endpoints if e.reach is Reach.MACHINE]
        assert sorted(machine) == [f"{API}/refusals", "/metrics"]
        refused = await client.get(machine[0], headers=SHOP)
        assert refused.status_code == 403
        assert "is for the application 'shop' alone" in refused.json()["detail"]
        assert (await client.get("/healthz", headers=SHOP)).json() == {"status": "ok"}
        assert "sip" in (await client.get("/healthz", headers=ROOT)).json()


async def test_its_tokens_are_bound_as_it_is(sim: Sim, tmp_path: Path) -> None:
    async with two_applications(sim, tmp_path) as client:
        wanted = {"name": "ci", "scopes": ["read", "admin"]}
        for other in ("bank", None, 1, "a b"):
            asked = {**wanted, "application": other}
            refused = await client.post(f"{API}/tokens", json=asked, headers=SHOP)
            assert refused.status_code == 400
            assert [each["field"] for each in refused.json()["errors"]] == ["application"]
        made = (await client.post(f"{API}/tokens", json=wanted, headers=SHOP)).json()
        assert made["application"] == "shop"
        child = {"authorization": f"Bearer {made['token']}"}
        forbidden = await client.get(f"{API}/applications/bank/secrets", headers=child)
        assert forbidden.status_code == 403
        for name, application in (("eye", None), ("bank", "bank")):
            asked = {"name": name, "scopes": ["read"], "application": application}
            answer = await client.post(f"{API}/tokens", json=asked, headers=ROOT)
            assert answer.json()["application"] == application
        listed = (await client.get(f"{API}/tokens", headers=child)).json()["tokens"]
        assert [each["name"] for each in listed] == ["ci"]
        for name, status in (("bank", 404), ("eye", 404), ("ci", 204)):
            answer = await client.delete(f"{API}/tokens/{name}", headers=SHOP)
            assert answer.status_code == status, name
        assert len((await client.get(f"{API}/tokens", headers=ROOT)).json()["tokens"]) == 2


async def test_a_bound_token_is_bound_after_a_restart(sim: Sim, tmp_path: Path) -> None:
    tokens = {"root": sha256(b"root").hexdigest()}
    async with client_of(sim, tmp_path, "phone.example", tokens=tokens) as client:
        asked = {"name": "ci", "scopes": ["read"], "application": "shop"}
        token = (await client.post(f"{API}/tokens", json=asked, headers=ROOT)).json()["token"]
    async with client_of(sim, tmp_path, "phone.example", tokens=tokens) as client:
        ci = {"authorization": f"Bearer {token}"}
        assert (await client.get(f"{API}/applications/shop/secrets", headers=ci)).is_success
        other = await client.get(f"{API}/applications/bank/secrets", headers=ci)
        assert other.status_code == 403


async def test_events_of_other_applications_are_not_told(autojump_clock: MockClock) -> None:
    feed = LiveFeed(NoHistory())
    every = frozenset(Scope)
    mine = Reader(feed, Caller("own", every, "shop"))
    async with trio.open_nursery() as nursery:
        nursery.start_soon(mine.read)
        await wait_all_tasks_blocked()
        for picture in PAST[:2]:
            feed.session(picture)  # type: ignore[arg-type]
        feed.call(call("c2", "b1"))
        feed.call(call("c1", "s1"))
        feed.call(call("c3", "of nobody"))
        feed.recording(recording("b1", 1))
        feed.recording(recording("s1", 1))
        await wait_all_tasks_blocked()
        nursery.cancel_scope.cancel()
    told = [json.loads(text.splitlines()[1].removeprefix("data: ")) for text in mine.seen[1:]]
    assert [each.get("id") or each["session_id"] for each in told] == ["s1", "c1", "s1"]


def test_the_scopes_of_the_configuration_are_those_that_there_are() -> None:
    assert tuple(scope.value for scope in Scope) == EVERY_SCOPE


async def test_a_token_of_one_runtime_counts_in_another_on_the_same_folder(
    sim: Sim, tmp_path: Path
) -> None:
    tokens = {"root": sha256(b"root").hexdigest()}
    asked = {"name": "ci", "scopes": ["read"]}
    async with (
        client_of(sim, tmp_path, "one.example", tokens=tokens) as one,
        client_of(sim, tmp_path, "two.example", tokens=tokens) as two,
    ):
        made = (await one.post(f"{API}/tokens", json=asked, headers=ROOT)).json()
        ci = {"authorization": f"Bearer {made['token']}"}
        assert (await two.get(f"{API}/sessions", headers=ci)).is_success
        taken = await two.post(f"{API}/tokens", json=asked, headers=ROOT)
        assert (taken.status_code, taken.json()["code"]) == (409, "E1206")
        assert (await one.delete(f"{API}/tokens/ci", headers=ROOT)).status_code == 204
        for client in (two, one):
            assert (await client.get(f"{API}/sessions", headers=ci)).status_code == 401
