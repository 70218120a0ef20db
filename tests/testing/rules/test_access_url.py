"""Requests at a session's access URL (voxengine.md 1.2: HttpRequest)."""

from __future__ import annotations

import attrs
import pytest
import trio

from runtime.decisions.limits import Limits
from runtime.testing import Sim, SimResponse, answers, responds
from tests.testing.rules.scripts import script


async def asking(sim: Sim, body: str) -> None:
    """A session without a caller, whose script says this."""
    sim.load_text(script(body))
    await sim.start()
    await sim.settle()


async def answered(sim: Sim, handler: str, path: str = "", **options: str) -> SimResponse:
    """What one handler answers."""
    await asking(sim, f"VoxEngine.addEventListener(AppEvents.HttpRequest, {handler})")
    return await sim.request(path, **options)


# --- what a handler is given --------------------------------------------------------------------


async def test_the_handler_sees_method_path_headers_and_content(sim: Sim) -> None:
    await asking(
        sim,
        """
        @VoxEngine.on(AppEvents.HttpRequest)
        def asked(e):
            _, secret, name = e.path[1:].partition("?")[0].split("/")
            Logger.write(f"{e.method} {name} {e.path.partition('?')[2]} {e.content}")
            Logger.write(f"{e.headers['x-order']} {e.headers[0]['key']} {e.name}")
        """,
    )
    asked = await sim.request(
        "/call?to=300&loud",
        method="PUT",
        content={"who": "Ann"},
        headers={"X-Order": "7"},
    )
    assert (asked.status, asked.text) == (200, "")
    assert sim.logs == [
        'PUT call to=300&loud {"who": "Ann"}',
        "7 X-Order Application.HttpRequest",
    ]


async def test_the_access_url_is_what_started_says(sim: Sim) -> None:
    await asking(
        sim,
        """
        VoxEngine.addEventListener(AppEvents.Started, lambda e: Logger.write(e.accessURL))
        VoxEngine.addEventListener(AppEvents.HttpRequest, lambda e: "here")
        """,
    )
    [url] = sim.logs
    assert url == sim.access_url()
    assert (await sim.request(url + "/x")).text == "here"


async def test_the_secret_of_the_url_stands_in_no_timeline(sim: Sim) -> None:
    await asking(
        sim,
        """
        URL = []
        VoxEngine.addEventListener(AppEvents.Started, lambda e: URL.append(e.accessURL))

        @VoxEngine.on(AppEvents.HttpRequest)
        async def asked(e):
            found = await Net.httpRequestAsync("https://a.example/x", params={"to": URL[0]})
            return found.text
        """,
    )
    sim.http.on("https://a.example/*", lambda request: responds(request.url))
    asked = await sim.request("/go?password=abc", headers={"Authorization": "Bearer abc"})
    assert "secret-of-session-1" in asked.text
    shown = str([attrs.asdict(row) for row in sim.timeline if row.session])
    assert "secret-of-session" not in shown
    assert "abc" not in shown
    assert "/request/(hidden)/go?password=(hidden)" in shown


# --- what it answers ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("handler", "content_type", "text"),
    [
        ('lambda: "fine"', "text/plain; charset=utf-8", "fine"),
        ("lambda: 7", "text/plain; charset=utf-8", "7"),
        ("lambda: 0.5", "text/plain; charset=utf-8", "0.5"),
        ('lambda: {"calls": ["Zoë"]}', "application/json", '{"calls": ["Zoë"]}'),
        ("lambda: [True, None]", "application/json", "[true, null]"),
        ("lambda: True", "application/json", "true"),
        ('lambda: b"raw"', "application/octet-stream", "raw"),
        ("lambda: None", "text/plain; charset=utf-8", ""),
        ('lambda: VoxEngine.createTTSPlayer("hello")', "text/plain; charset=utf-8", ""),
        ("VoxEngine.terminate", "text/plain; charset=utf-8", ""),
    ],
)
async def test_the_value_of_the_handler_is_the_answer(
    sim: Sim, handler: str, content_type: str, text: str
) -> None:
    asked = await answered(sim, handler)
    assert (asked.status, asked.content_type, asked.text) == (200, content_type, text)


async def test_an_async_handler_answers_when_it_returns(sim: Sim) -> None:
    await asking(
        sim,
        """
        @VoxEngine.on(AppEvents.HttpRequest)
        async def asked(e):
            await VoxEngine.sleep(3)
            return {"waited": True}
        """,
    )
    began = sim.now
    asked = await sim.request()
    assert (asked.json(), sim.now - began) == ({"waited": True}, 3)


async def test_of_several_handlers_the_first_that_returns_something_answers(sim: Sim) -> None:
    await asking(
        sim,
        """
        @VoxEngine.on(AppEvents.HttpRequest)
        def watching(e):
            Logger.write("watched")

        @VoxEngine.on(AppEvents.HttpRequest)
        async def slow(e):
            await VoxEngine.sleep(1)
            Logger.write("slow is done")
            return "slow"

        @VoxEngine.on(AppEvents.HttpRequest)
        def quick(e):
            return "quick"
        """,
    )
    assert (await sim.request()).text == "quick"
    await sim.advance(2)
    assert sim.logs == ["watched", "slow is done"]


async def test_without_a_handler_it_says_so(sim: Sim) -> None:
    await asking(sim, "VoxEngine.addEventListener(AppEvents.Started, lambda: None)")
    asked = await sim.request()
    assert asked.status == 501
    assert asked.text == "the scenario has no listener for AppEvents.HttpRequest"


@pytest.mark.parametrize("value", ["object()", "{1, 2}", "float('nan')", "{'call': e}"])
async def test_what_is_no_answer_is_500_and_a_line_in_the_log(sim: Sim, value: str) -> None:
    asked = await answered(sim, f"lambda e: {value}")
    assert asked.status == 500
    [line] = sim.logs
    assert line.startswith("a handler of Application.HttpRequest returned a ")
    assert "which is no answer" in line


async def test_an_answer_that_is_too_long_is_500_and_a_line_in_the_log(sim: Sim) -> None:
    sim.configure(limits=Limits(access_reply_bytes=1_000))
    assert (await answered(sim, "lambda e: 'x' * (1_001 if 'long' in e.path else 1_000)")).text
    assert (await sim.request("/long")).status == 500
    assert "the limit is 1,000" in sim.logs[0]


async def test_a_long_answer_comes_whole(sim: Sim) -> None:
    asked = await answered(sim, "lambda: [number for number in range(30_000)]")
    assert asked.json() == list(range(30_000))


async def test_a_handler_that_fails_answers_500_and_ends_the_session(sim: Sim) -> None:
    sim.expect_error("ZeroDivisionError")
    asked = await answered(sim, "lambda: 1 / 0")
    assert asked.status == 500
    assert "ZeroDivisionError" not in asked.text
    assert [one.what for one in sim.errors] == ["ZeroDivisionError: division by zero"]


async def test_a_handler_that_takes_too_long_is_504(sim: Sim) -> None:
    await asking(
        sim,
        """
        @VoxEngine.on(AppEvents.HttpRequest)
        async def asked(e):
            await VoxEngine.sleep(21)
            Logger.write("done")
            return "late"
        """,
    )
    began = sim.now
    asked = await sim.request()
    assert (asked.status, sim.now - began) == (504, 20)
    assert asked.text == "the scenario did not answer within 20 s"
    await sim.advance(2)
    assert sim.logs == ["done"]
    assert (await sim.request()).status == 504


async def test_the_wait_for_an_answer_is_a_limit(sim: Sim) -> None:
    sim.configure(limits=Limits(access_reply_s=2))
    await asking(
        sim,
        """
        @VoxEngine.on(AppEvents.HttpRequest)
        async def asked(e):
            await VoxEngine.sleep(5)
        """,
    )
    assert (await sim.request()).text == "the scenario did not answer within 2 s"
    await sim.advance(10)


# --- the end of the session ---------------------------------------------------------------------


async def test_the_request_that_ends_the_session_is_answered(sim: Sim) -> None:
    await asking(
        sim,
        """
        @VoxEngine.on(AppEvents.HttpRequest)
        def asked(e):
            VoxEngine.terminate()
            return "bye"
        """,
    )
    url = sim.access_url()
    assert (await sim.request()).text == "bye"
    await sim.settle()
    gone = await sim.request(url)
    assert (gone.status, gone.text) == (410, "the session has ended")


async def test_while_the_session_ends_nothing_is_taken(sim: Sim) -> None:
    await asking(
        sim,
        """
        VoxEngine.addEventListener(AppEvents.HttpRequest, lambda: "here")

        @VoxEngine.on(AppEvents.Terminating)
        async def ending():
            await VoxEngine.sleep(5)
        """,
    )
    [session] = sim.sessions
    sim.terminate(session)
    await sim.advance(1)
    assert sim.sessions
    assert (await sim.request(session=session)).status == 410


async def test_who_waits_when_the_session_ends_is_told(sim: Sim) -> None:
    await asking(
        sim,
        """
        @VoxEngine.on(AppEvents.HttpRequest)
        async def asked(e):
            await VoxEngine.sleep(10)
        """,
    )
    [session] = sim.sessions
    found: list[SimResponse] = []

    async def ask() -> None:
        found.append(await sim.request())

    async with trio.open_nursery() as nursery:
        nursery.start_soon(ask)
        await sim.advance(1)
        sim.terminate(session)
    assert [each.status for each in found] == [410]
    assert sim.now < 3


async def test_a_secret_that_nobody_has_leads_nowhere(sim: Sim) -> None:
    await asking(sim, 'VoxEngine.addEventListener(AppEvents.HttpRequest, lambda: "here")')
    asked = await sim.request("http://callstage.sim/request/guessed/status")
    assert (asked.status, asked.text) == (404, "nothing is served here")
    assert sim.logs == []


# --- floods -------------------------------------------------------------------------------------


async def test_requests_beyond_the_places_are_refused(sim: Sim) -> None:
    sim.configure(limits=Limits(access_active=2))
    await asking(
        sim,
        """
        @VoxEngine.on(AppEvents.HttpRequest)
        async def asked(e):
            await VoxEngine.sleep(5)
            return "done"
        """,
    )
    found: list[SimResponse] = []

    async def ask() -> None:
        found.append(await sim.request())

    async with trio.open_nursery() as nursery:
        for _ in range(5):
            nursery.start_soon(ask)
    assert sorted(each.status for each in found) == [200, 200, 503, 503, 503]
    assert "2 requests wait for this session's handlers" in found[0].text


async def test_a_flood_is_refused_and_stands_in_the_timeline_in_few_lines(sim: Sim) -> None:
    sim.configure(limits=Limits(access_per_s=10, access_burst=20))
    await asking(sim, 'VoxEngine.addEventListener(AppEvents.HttpRequest, lambda: "here")')
    statuses = [(await sim.request()).status for _ in range(200)]
    assert (statuses.count(200), statuses.count(429)) == (20, 180)
    refusals = [row for row in sim.timeline if row.kind == "refusal"]
    assert [row.detail["count"] for row in refusals] == [1, 2, 4, 8, 16, 32, 64, 128]
    assert {row.detail["problem"] for row in refusals} == {"E1508"}
    await sim.advance(1)
    assert (await sim.request()).status == 200


async def test_a_flood_delays_no_call(sim: Sim) -> None:
    sim.load_text(
        script(
            """
            @on_call
            async def alerting(e):
                await e.call.answer()
                e.call.handleTones(True)
                e.call.addEventListener(CallEvents.ToneReceived, lambda t: e.call.say(t.tone))

            @VoxEngine.on(AppEvents.HttpRequest)
            async def asked(e):
                await VoxEngine.sleep(8)
            """
        )
    )
    caller = await sim.call()
    await caller.connected()
    async with trio.open_nursery() as nursery:
        for _ in range(60):
            nursery.start_soon(sim.request)
        await sim.settle()
        began = sim.now
        caller.press("5")
        await caller.hears("5")
        assert sim.now - began < 0.5
        caller.hang_up()


# --- what it is for -----------------------------------------------------------------------------


CLICK_TO_CALL = """
    import json
    calls = {}

    @VoxEngine.on(AppEvents.HttpRequest)
    async def asked(e):
        what = e.path.partition("?")[0].split("/")[3]
        if what == "call":
            call = VoxEngine.callPSTN(json.loads(e.content)["to"], "+442079460100")
            calls[call.id()] = call
            call.addEventListener(CallEvents.Connected, lambda: call.say("Hello."))
            call.addEventListener(CallEvents.Disconnected, VoxEngine.terminate)
            return {"call": call.id()}
        if what == "status":
            return [call.state() for call in calls.values()]
        for call in calls.values():
            call.hangup()
"""


async def test_click_to_call(sim: Sim) -> None:
    await asking(sim, CLICK_TO_CALL)
    sim.on_dial("+442079460123", answers(after=2))
    placed = await sim.request("/call", method="POST", content={"to": "+442079460123"})
    assert placed.json()["call"].startswith("s1-")
    await sim.happens("Call.Ringing")
    assert (await sim.request("/status")).json() == ["PROGRESSING"]
    await sim.happens("Call.Connected")
    [callee] = sim.callees
    await callee.hears("Hello.")
    assert (await sim.request("/status")).json() == ["CONNECTED"]
    assert (await sim.request("/end", method="DELETE")).status == 200
    await callee.ended()


async def test_requests_do_not_keep_an_idle_session_alive(sim: Sim) -> None:
    await asking(sim, 'VoxEngine.addEventListener(AppEvents.HttpRequest, lambda: "here")')
    await sim.advance(50)
    assert (await sim.request()).text == "here"
    await sim.advance(11)
    assert sim.sessions == []


async def test_each_request_stands_in_the_timeline_with_its_time(sim: Sim) -> None:
    await asking(
        sim,
        """
        @VoxEngine.on(AppEvents.HttpRequest)
        async def asked(e):
            await VoxEngine.sleep(1.5)
            return "x" * 10
        """,
    )
    await sim.request("/status", method="POST")
    [row] = [row for row in sim.timeline if row.kind == "http"]
    assert row.what == "from outside: POST /request/(hidden)/status: 200"
    assert row.detail == {"request": 1, "seconds": 1.5, "bytes": 10, "remote": "simulated"}


async def test_the_body_of_a_request_is_a_limit(sim: Sim) -> None:
    sim.configure(limits=Limits(access_request_bytes=0))
    asked = await answered(sim, "lambda e: e.content or 'empty'")
    assert asked.text == "empty"
