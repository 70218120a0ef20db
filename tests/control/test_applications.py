"""Uploads over HTTP: checked, kept as versions, served, rolled back; rules; starts."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import httpx
import pytest

from runtime.testing import Sim
from runtime.testing.callers import SimCaller
from tests.control.test_app import client_of

SHOP = "/api/v1/applications/shop"
IVR = f"{SHOP}/scenarios/ivr"
SAYS = """
from runtime import *

@VoxEngine.on(AppEvents.CallAlerting)
async def incoming(e):
    await e.call.answer()
    await e.call.say("{}")
"""
WAITS = """
from runtime import *

@VoxEngine.on(AppEvents.Started)
def started(e):
    Logger.write("started with " + VoxEngine.customData())
"""


def one(source: str) -> dict[str, Any]:
    return {"modules": {"scenario": source}}


def rule(**changes: Any) -> dict[str, Any]:
    return {"name": "sales", "to": r"\+4420794601\d\d", "scenario": "ivr", **changes}


async def uploaded(client: httpx.AsyncClient, body: Any, **query: str) -> dict[str, Any]:
    answer = await client.put(IVR, json=body, params=query)
    assert answer.status_code in (200, 201), answer.text
    found: dict[str, Any] = answer.json()
    return found


def faults(answer: httpx.Response) -> dict[str, str]:
    assert answer.status_code == 422, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    return {each["field"]: each["detail"] for each in answer.json()["errors"]}


async def test_versions_count_up_and_the_same_one_is_not_kept_twice(
    sim: Sim, tmp_path: Path
) -> None:
    async with client_of(sim, tmp_path, uploads=True) as client:
        first = await uploaded(client, one("x = 1"))
        assert (first["version"], first["created"], first["added"]) == (1, True, ["scenario.py"])
        again = await uploaded(client, one("x = 1"))
        assert (again["version"], again["created"]) == (1, False)
        second = await uploaded(client, {"modules": {"scenario": "x = 2", "more": ""}})
        assert (second["version"], second["changed"], second["added"]) == (
            2,
            ["scenario.py"],
            ["more.py"],
        )
        listed = (await client.get(IVR)).json()["versions"]
        assert [(v["version"], v["current"], v["created_by"]) for v in listed] == [
            (2, True, "local"),
            (1, False, "local"),
        ]
        assert (await client.get("/api/v1/applications")).json() == {
            "applications": {"shop": {"scenarios": {"ivr": 2}, "rules": 0}}
        }


async def test_a_dry_run_that_is_written_wrongly_is_no_upload(sim: Sim, tmp_path: Path) -> None:
    async with client_of(sim, tmp_path, uploads=True) as client:
        for query in ({"dry_run": "yes"}, {"dry-run": "1"}, {"dryrun": "1", "dry_run": "maybe"}):
            answer = await client.put(IVR, json=one("x = 1"), params=query)
            assert answer.status_code == 400
            assert [each["field"] for each in answer.json()["errors"]] == list(query)
        assert (await client.get(IVR)).status_code == 404


async def test_a_dry_run_compares_and_keeps_nothing(sim: Sim, tmp_path: Path) -> None:
    async with client_of(sim, tmp_path, uploads=True) as client:
        tried = await uploaded(client, {**one("x = 1"), "sounds": {"a.wav": "0" * 64}}, dry_run="1")
        assert tried["dry_run"] is True
        assert tried["added"] == ["a.wav", "scenario.py"]
        assert tried["missing_sounds"] == ["0" * 64]
        assert (await client.get(IVR)).status_code == 404


async def test_everything_wrong_with_an_upload_is_listed(sim: Sim, tmp_path: Path) -> None:
    async with client_of(sim, tmp_path, uploads=True) as client:
        shape = {"modules": {"a-b": "", "c": 7}, "sounds": {"../x": "", "y": "z"}, "man": ""}
        told = faults(await client.put(IVR, json=shape))
        assert set(told) == {"man", "modules.a-b", "modules.c", "sounds.../x", "sounds.y"}
        content = {"modules": {"json": ""}, "sounds": {"a.wav": "0" * 64}}
        answer = await client.put(IVR, json=content)
        assert answer.status_code == 422
        details = [each["detail"] for each in answer.json()["errors"]]
        assert details[0].startswith("its content is not here: PUT")
        assert "there is no scenario.py" in details
        assert any("would hide the module json" in each for each in details)
        code = await client.put(IVR, json=one("def f(:\n    pass\n"))
        assert "scenario.py:1" in faults(code)["modules"]
        name = await client.put(f"{SHOP}/scenarios/a%20b", json=one("x = 1"))
        assert name.status_code == 422
        text = await client.put(IVR, content=b"{")
        assert text.status_code == 400
        assert (await client.get("/api/v1/applications")).json() == {"applications": {}}


async def test_calls_take_the_current_version_and_a_rollback_serves_the_one_before(
    sim: Sim, tmp_path: Path
) -> None:
    async with client_of(sim, tmp_path, uploads=True) as client:
        await uploaded(client, one(SAYS.format("one")))
        answer = await client.put(f"{SHOP}/rules", json={"rules": [rule()]})
        assert answer.status_code == 200, answer.text
        registry = await sim._registry()
        registry.set_scenarios(type(registry.routing)(bundles={}))
        first = await sim.call(to="+442079460111")
        await first.hears("one")
        await _hung_up(first)  # the clock of the calls may jump while the database works
        await uploaded(client, one(SAYS.format("two")))
        second = await sim.call(to="+442079460112")
        await second.hears("two")
        [live] = [v for v in registry.sessions() if v.legs and v.legs[0].number.endswith("112")]
        await _hung_up(second)
        listed = (await client.get(IVR)).json()["versions"]
        assert live.version == listed[0]["digest"]
        back = await client.put(f"{IVR}/current", json={"version": 1})
        assert back.status_code == 200
        third = await sim.call(to="+442079460113")
        await third.hears("one")
        await _hung_up(third)
        gone = await client.put(f"{IVR}/current", json={"version": 9})
        assert gone.status_code == 404
        wrong = await client.put(f"{IVR}/current", json={"version": "1"})
        assert wrong.status_code == 400


async def _hung_up(caller: SimCaller) -> None:
    caller.hang_up()
    await caller.ended()


async def test_a_sound_comes_before_the_scenario_that_names_it(sim: Sim, tmp_path: Path) -> None:
    sound = b"RIFF" + bytes(300_000)
    digest = hashlib.sha256(sound).hexdigest()
    body = {**one("x = 1"), "sounds": {"greetings/hello.wav": digest}}
    async with client_of(sim, tmp_path, uploads=True) as client:
        assert (await client.put(IVR, json=body)).status_code == 422
        wrong = await client.put(f"{SHOP}/sounds/{'0' * 64}", content=sound)
        assert wrong.status_code == 422
        put = await client.put(f"{SHOP}/sounds/{digest}", content=sound)
        assert (put.status_code, put.json()["size_bytes"]) == (201, len(sound))
        kept = await uploaded(client, body)
        registry = await sim._registry()
        bundle = registry.served.bundles("shop")["ivr"]
        assert bundle.assets.open_bytes("greetings/hello.wav") == sound
        assert kept["added"] == ["greetings/hello.wav", "scenario.py"]
        left = sorted(path.name for path in (tmp_path / "uploads" / "sounds").iterdir())
        assert left == [digest]


async def test_rules_are_set_changed_and_explained(sim: Sim, tmp_path: Path) -> None:
    async with client_of(sim, tmp_path, uploads=True) as client:
        await uploaded(client, one("x = 1"))
        rules, explain = f"{SHOP}/rules", f"{SHOP}/explain"
        both = {"rules": [rule(), rule(name="rest", to=".*", custom_data="{}")]}
        assert (await client.put(rules, json=both, params={"dry_run": "1"})).status_code == 200
        assert (await client.get(rules)).json() == {"rules": []}
        await client.put(rules, json=both)
        assert [r["name"] for r in (await client.get(rules)).json()["rules"]] == ["sales", "rest"]
        found = (await client.get(explain, params={"to": "+442079460111"})).json()
        assert (found["rule"], found["scenario"]) == ("sales", "ivr")
        assert (await client.put(f"{rules}/sales", json=rule(to="1"))).status_code == 200
        found = (await client.get(explain, params={"to": "+442079460111"})).json()
        assert found["rule"] == "rest"
        assert (await client.delete(f"{rules}/rest")).status_code == 204
        found = (await client.get(explain, params={"to": "2"})).json()
        assert found["why"].startswith("no rule matches 2: tried sales (1, no)")
        assert (await client.delete(f"{rules}/rest")).status_code == 404
        used = await client.delete(IVR)
        assert (used.status_code, used.json()["detail"]) == (
            409,
            "'ivr' is named by rule sales",
        )
        await client.put(rules, json={"rules": []})
        assert (await client.delete(IVR)).status_code == 204
        assert (await client.get(rules)).status_code == 404


async def test_everything_wrong_with_rules_is_listed(sim: Sim, tmp_path: Path) -> None:
    async with client_of(sim, tmp_path, uploads=True) as client:
        await uploaded(client, one("x = 1"))
        wrong = [
            rule(to="(?=a)b"),
            rule(name="b", scenario="none"),
            rule(name="c", custom_data="x" * 9_000),
            {"name": "d", "conference": "yes", "colour": "red"},
            rule(name="e", to="a" * 501),
            rule(name="f", to="(((a{100}){100})"),
        ]
        told = faults(await client.put(f"{SHOP}/rules", json={"rules": wrong}))
        assert "look-around and back-references do not exist" in told["rules[0].to"]
        assert told["rules[1].scenario"] == "is not uploaded; there are: ivr"
        assert told["rules[2].custom_data"] == "9000 bytes, the limit is 8192"
        assert told["rules[3].to"] == "is missing"
        assert told["rules[3].conference"] == "must be true or false"
        assert "is not known" in told["rules[3].colour"]
        assert "501 characters" in told["rules[4].to"]
        assert "rules[5].to" in told
        twice = faults(await client.put(f"{SHOP}/rules", json={"rules": [rule(), rule()]}))
        assert twice == {"rules[1].name": "another rule is called 'sales'"}


@pytest.mark.parametrize("pattern", ["(a|a)*b", ".*.*.*.*.*.*x", "(a?){64}a{64}b", "(a+)+b"])
async def test_no_pattern_can_keep_the_runtime_busy(sim: Sim, tmp_path: Path, pattern: str) -> None:
    async with client_of(sim, tmp_path, uploads=True) as client:
        await uploaded(client, one("x = 1"))
        await client.put(f"{SHOP}/rules", json={"rules": [rule(to=pattern)]})
        found = (await client.get(f"{SHOP}/explain", params={"to": "a" * 128})).json()
        assert found["rule"] is None


async def test_a_session_is_started_with_custom_data(sim: Sim, tmp_path: Path) -> None:
    async with client_of(sim, tmp_path, uploads=True) as client:
        await uploaded(client, one(WAITS))
        path = f"{SHOP}/sessions"
        answer = await client.post(path, json={"scenario": "ivr", "customData": "order 7"})
        assert answer.status_code == 201
        started = answer.json()["session_id"]
        await sim.settle()
        registry = await sim._registry()
        timeline = registry.timeline(started)
        assert timeline is not None
        assert "started with order 7" in [entry.what for entry in timeline.entries]
        view = registry.get(started)
        assert view is not None
        assert (view.application, view.scenario) == ("shop", "ivr")
        missing = await client.post(path, json={"scenario": "other"})
        assert missing.status_code == 404
        assert "there are: ivr" in missing.json()["detail"]
        wrong = await client.post(path, json={"customData": 7, "x": 1})
        assert {each["field"] for each in wrong.json()["errors"]} == {
            "scenario",
            "customData",
            "x",
        }
        await client.delete(f"/api/v1/sessions/{started}")
        await sim.settle()


async def test_without_uploads_nothing_is_taken_and_the_reason_is_told(
    sim: Sim, tmp_path: Path
) -> None:
    async with client_of(sim, tmp_path) as client:
        answer = await client.put(IVR, json=one("x = 1"))
        assert answer.status_code == 409
        assert "--uploads" in answer.json()["detail"]


async def test_what_was_uploaded_is_served_after_a_restart(sim: Sim, tmp_path: Path) -> None:
    sound = b"sound"
    digest = hashlib.sha256(sound).hexdigest()
    async with client_of(sim, tmp_path, uploads=True) as client:
        await client.put(f"{SHOP}/sounds/{digest}", content=sound)
        await uploaded(client, {**one("x = 1"), "sounds": {"a.wav": digest}})
        await client.put(f"{SHOP}/rules", json={"rules": [rule(custom_data="7")]})
    orphan = tmp_path / "uploads" / "versions" / ("f" * 32)
    orphan.mkdir()
    async with client_of(sim, tmp_path, uploads=True) as client:
        assert (await client.get(f"{SHOP}/rules")).json() == {
            "rules": [{**rule(custom_data="7"), "conference": False}]
        }
        registry = await sim._registry()
        assert registry.served.bundles("shop")["ivr"].assets.open_bytes("a.wav") == sound
        assert not orphan.exists()
