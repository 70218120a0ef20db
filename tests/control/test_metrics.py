"""GET /metrics over simulated calls: what is counted, who may see it, and how it is named."""

from __future__ import annotations

import re
from collections import Counter
from hashlib import sha256
from pathlib import Path

import httpx
import pytest
import trio
from prometheus_client.parser import text_string_to_metric_families

from runtime.control.figures import EngineFigures, Figures, TrunkFigures
from runtime.control.metric_table import MAX_TRUNKS, TABLE, Facts, Figure
from runtime.decisions.problems import Calls
from runtime.session.history import CallPicture, NoHistory
from runtime.session.registry import SessionRegistry
from runtime.session.tally import MAX_CODES, Tally
from runtime.testing import Sim
from tests.control.test_app import client_of

ROOT = {"authorization": "Bearer root"}
CONFIGURED = {"root": sha256(b"root").hexdigest()}


async def read(client: httpx.AsyncClient) -> dict[str, float]:
    """Every sample, by its name and labels as they are written."""
    answer = await client.get("/metrics", headers=ROOT)
    assert answer.headers["content-type"] == "text/plain; version=0.0.4; charset=utf-8"
    found: dict[str, float] = {}
    for family in text_string_to_metric_families(answer.text):
        for sample in family.samples:
            labels = ",".join(f"{name}={value}" for name, value in sample.labels.items())
            key = f"{sample.name}{{{labels}}}"
            assert key not in found
            found[key] = sample.value
    return found


async def test_a_call_is_counted_while_it_lives_and_when_it_is_over(
    sim: Sim, tmp_path: Path
) -> None:
    async with client_of(sim, tmp_path) as client:
        caller = await sim.call()
        await caller.hears("hello")
        during = await read(client)
        assert during["callstage_sessions{state=running}"] == 1
        assert during["callstage_calls{direction=in,state=connected}"] == 1
        assert during["callstage_calls_started_total{direction=in}"] == 1
        assert during["callstage_calls_ended_total{direction=in,result=answered}"] == 0
        await trio.sleep(30)
        caller.hang_up()
        await caller.ended()
        await sim.settle()
        after = await read(client)
        assert after["callstage_sessions{state=running}"] == 0
        assert after["callstage_sessions_started_total{}"] == 1
        assert after["callstage_sessions_ended_total{cause=terminated}"] == 1
        assert after["callstage_calls{direction=in,state=connected}"] == 0
        assert after["callstage_calls_ended_total{direction=in,result=answered}"] == 1
        assert after["callstage_calls_talk_seconds_total{direction=in}"] >= 30


async def test_refusals_and_requests_are_counted_by_code(sim: Sim, tmp_path: Path) -> None:
    async with client_of(sim, tmp_path) as client:
        registry: SessionRegistry = await sim._registry()
        for remote, kind in (
            ("udp:192.0.2.1:5", Calls.STRANGER),
            ("udp:192.0.2.2:5", Calls.STRANGER),
            ("192.0.2.3", Calls.BANNED),
        ):
            registry.refused.add(remote, "sip:100@a.example", kind.status, "no", kind)
        assert (await client.get("/nothing")).status_code == 404
        found = await read(client)
        assert found["callstage_refusals_total{code=403,problem=E2201}"] == 2
        assert found["callstage_refusals_total{code=none,problem=E2208}"] == 1
        assert found["callstage_http_requests_total{code=4xx}"] == 1
        again = await read(client)
        assert again["callstage_http_requests_total{code=2xx}"] == 1


async def test_it_needs_a_token_that_reads_the_machine(sim: Sim, tmp_path: Path) -> None:
    async with client_of(sim, tmp_path, "phone.example", tokens=CONFIGURED) as client:
        assert (await client.get("/metrics")).status_code == 401
        for scope, status in (("read", 200), ("calls", 403)):
            wanted = {"name": scope, "scopes": [scope]}
            made = await client.post("/api/v1/tokens", json=wanted, headers=ROOT)
            token = {"authorization": f"Bearer {made.json()['token']}"}
            assert (await client.get("/metrics", headers=token)).status_code == status


async def figures_of(machine: Figures, sim: Sim) -> dict[str, list[tuple[tuple[str, ...], float]]]:
    sim.load_text("from runtime import VoxEngine")
    registry: SessionRegistry = await sim._registry()
    facts = Facts(
        version="1",
        draining=True,
        now=registry.standing(),
        most_sessions=registry.most_sessions,
        tally=registry.tally,
        refusals=registry.refused.counts,
        answered=Counter(),
        machine=machine,
    )
    return {each.name: [(tuple(k), float(v)) for k, v in each.read(facts)] for each in TABLE}


async def test_the_machinery_shows_as_it_stands(sim: Sim) -> None:
    machine = Figures(
        sandbox="full",
        engine=EngineFigures(legs=2, packets_lost=7),
        trunks={
            "a": TrunkFigures(up=True, registered=False, calls_in=1, calls_out=2),
            "b": TrunkFigures(up=None, registered=None, calls_in=0, calls_out=0),
        },
        store_errors={"full": 3},
    )
    found = await figures_of(machine, sim)
    assert found["callstage_draining"] == [((), 1)]
    levels = [(("full",), 1.0), (("partial",), 0.0), (("none",), 0.0)]
    assert found["callstage_sandbox_level"] == levels
    assert found["callstage_engine_legs"] == [((), 2)]
    assert found["callstage_rtp_packets_lost_total"] == [((), 7)]
    assert found["callstage_trunk_up"] == [(("a",), 1)]
    assert found["callstage_trunk_registered"] == [(("a",), 0)]
    assert found["callstage_trunk_calls"][:2] == [(("a", "in"), 1), (("a", "out"), 2)]
    assert (("full",), 3) in found["callstage_store_errors_total"]


async def test_a_thousand_trunks_are_no_thousand_series(sim: Sim) -> None:
    one = TrunkFigures(up=True, registered=True, calls_in=0, calls_out=0)
    found = await figures_of(Figures(trunks={f"t{n}": one for n in range(1000)}), sim)
    assert len(found["callstage_trunk_up"]) == MAX_TRUNKS
    assert len(found["callstage_trunk_calls"]) == 2 * MAX_TRUNKS


def failed(code: int) -> CallPicture:
    return CallPicture(
        id="s.1",
        session_id="s",
        incoming=False,
        number="100",
        callerid="200",
        remote="",
        started_at=0.0,
        duration_s=0.0,
        result="failed",
        code=code,
        reason="",
        custom_data="",
    )


def test_peers_that_make_codes_up_make_no_series() -> None:
    tally = Tally(NoHistory())
    for code in range(300, 700):
        tally.call(failed(code))
    counted = dict(tally.failures)
    assert len(counted) == MAX_CODES + 1
    assert counted["out", -1] == 400 - MAX_CODES


@pytest.mark.parametrize("figure", TABLE, ids=lambda figure: figure.name)
def test_names_are_as_prometheus_has_them(figure: Figure) -> None:
    assert re.fullmatch("callstage(_[a-z]+)+", figure.name)
    assert figure.name.endswith("_total") == (figure.kind == "counter")
    assert not {"ms", "minutes", "kb", "percent"} & set(figure.name.split("_"))
    assert figure.what.endswith((".", "?"))
