"""WebSockets that come in at a session's access URL (voxengine.md 1.1, 1.2)."""

from __future__ import annotations

from textwrap import dedent

import attrs

from runtime.decisions.limits import Limits
from runtime.testing import Sim, SimCaller, SimSocket
from tests.testing.rules.scripts import script

TAKING = """
    sockets = []

    @VoxEngine.on(AppEvents.Started)
    def started(e):
        VoxEngine.allowWebSocketConnections()

    @VoxEngine.on(AppEvents.WebSocket)
    def came(e):
        sockets.append(e.websocket)
        for event in (WebSocketEvents.OPEN, WebSocketEvents.MESSAGE, WebSocketEvents.CLOSE,
                      WebSocketEvents.MEDIA_STARTED, WebSocketEvents.MEDIA_ENDED):
            e.websocket.addEventListener(event, told)
        Logger.write(f"came {e.method} {e.path[e.path.rindex('/'):]} {e.headers.get('x-who')}")

    def told(e):
        more = {
            WebSocketEvents.MESSAGE: lambda: e.text,
            WebSocketEvents.CLOSE: lambda: f"{e.code} {e.wasClean}",
            WebSocketEvents.MEDIA_STARTED: lambda: f"{e.tag} {e.encoding}",
            WebSocketEvents.MEDIA_ENDED: lambda: f"{e.tag} {e.mediaInfo.duration}",
        }.get(type(e), str)
        Logger.write(f"{e.name[10:]} {more()} {e.websocket.readyState}")

    @VoxEngine.on(AppEvents.NewWebSocketFailed)
    def failed(e):
        Logger.write(f"failed {e.reason} {e.headers.get('x-who')}")
"""
TALK = (
    TAKING
    + """
    @on_call
    async def alerting(e):
        await e.call.answer()
        CALLS.append(e.call)

    CALLS = []

    @VoxEngine.on(AppEvents.WebSocket)
    def joined(e):
        [call] = CALLS
        call.sendMediaTo(e.websocket, encoding=WebSocketAudioEncoding.OPUS, tag="caller")
        e.websocket.sendMediaTo(call)
"""
)


def taking(body: str) -> str:
    """A script that takes sockets and says this."""
    return script(dedent(TAKING) + dedent(body))


async def talking(sim: Sim) -> tuple[SimCaller, SimSocket]:
    """A caller, and somebody who has connected to the session."""
    sim.load_text(script(TALK))
    caller = await sim.call()
    await caller.connected()
    client = await sim.connect("/agent?x=1", headers={"X-Who": "Ann"})
    await client.opened()
    await sim.settle()
    return caller, client


async def test_a_caller_and_who_has_come_hear_each_other(sim: Sim) -> None:
    caller, client = await talking(sim)
    caller.says("hello agent")
    await client.hears("hello agent")
    client.says("hello caller", seconds=2, tag="voice")
    await caller.hears("hello caller")
    client.sends("a note")
    await sim.advance(4)
    [stream] = client.streams
    assert (stream.encoding.name, stream.tag) == ("OPUS", "caller")
    client.close(4000)
    await client.ended()
    await sim.settle()
    assert sim.logs == [
        "came GET /agent?x=1 Ann",
        "Open  open",
        "MediaEventStarted voice PCM16 open",
        "Message a note open",
        "MediaEventEnded voice 2 open",
        "Close 4000 True closed",
    ]
    caller.hang_up()


async def test_a_socket_that_came_in_hears_one_source_at_a_time(sim: Sim) -> None:
    sim.load_text(
        taking(
            """
            @VoxEngine.on(AppEvents.WebSocket)
            def joined(e):
                for text in ("one two three", "four five six"):
                    VoxEngine.createTTSPlayer(text).sendMediaTo(e.websocket)
            """
        )
    )
    await sim.start()
    client = await sim.connect("/")
    await client.opened()
    await client.hears("four five six")
    await sim.advance(5)
    assert len([heard for heard in client.heard if heard.seconds > 0.1]) == 1


async def test_the_script_answers_and_closes(sim: Sim) -> None:
    sim.load_text(
        taking(
            """
            @VoxEngine.on(AppEvents.WebSocket)
            def joined(e):
                e.websocket.onmessage = lambda m: e.websocket.send(m.text.upper())
                setTimeout(e.websocket.close, 5000)
            """
        )
    )
    await sim.start()
    client = await sim.connect("/")
    await client.opened()
    client.sends("hello")
    await client.gets("HELLO")
    end = await client.ended()
    assert (end.code, end.clean) == (1000, True)


async def test_nobody_comes_in_before_the_script_allows_it(sim: Sim) -> None:
    sim.load_text(
        script(
            """
            VoxEngine.addEventListener(AppEvents.WebSocket, lambda: None)
            setTimeout(VoxEngine.allowWebSocketConnections, 5000)
            """
        )
    )
    await sim.start()
    early = await sim.connect("/x")
    assert await early.refused() == (
        "403: the scenario takes no WebSockets: VoxEngine.allowWebSocketConnections()"
    )
    await sim.advance(5)
    late = await sim.connect("/x")
    await late.opened()
    [row] = [row for row in sim.timeline if row.kind == "refusal"]
    assert row.what.startswith("from outside: GET /request/(hidden)/x: 403")


async def test_three_and_one_for_each_call_may_come_in(sim: Sim) -> None:
    sim.load_text(script(TALK.replace("[call] = CALLS", "call = CALLS[0]")))
    caller = await sim.call()
    await caller.connected()
    clients = [await sim.connect("/", headers={"X-Who": str(n)}) for n in range(4)]
    for client in clients:
        await client.opened()
    one_more = await sim.connect("/", headers={"X-Who": "Eve"})
    why = "4 WebSockets came in, the limit of a session with 1 calls"
    assert await one_more.refused() == f"503: {why}"
    await sim.settle()
    assert sim.logs[-1] == f"failed {why} Eve"
    clients[0].close()
    await sim.settle()
    again = await sim.connect("/")
    await again.opened()
    caller.hang_up()


async def test_how_many_come_in_is_a_limit_beside_those_that_are_opened(sim: Sim) -> None:
    sim.configure(limits=Limits(incoming_sockets=1, sockets=1))
    sim.load_text(
        taking(
            """
            @VoxEngine.on(AppEvents.WebSocket)
            def joined(e):
                VoxEngine.createWebSocket("wss://a.example/x")
            """
        )
    )
    server = sim.expect_socket("wss://a.example/*")
    await sim.start()
    client = await sim.connect("/")
    await client.opened()
    await server.opened()
    assert (await (await sim.connect("/")).refused()).startswith("503: 1 WebSockets came in")


async def test_without_a_listener_who_has_come_is_sent_away(sim: Sim) -> None:
    sim.load_text(script("VoxEngine.allowWebSocketConnections()"))
    await sim.start()
    client = await sim.connect("/")
    assert (await client.ended()).code == 1000
    [refusal] = [row.what for row in sim.timeline if row.kind == "refusal"]
    assert "there is no listener for AppEvents.WebSocket" in refusal


async def test_the_end_of_the_session_is_told_to_who_has_come(sim: Sim) -> None:
    sim.load_text(script(TAKING))
    session = await sim.start()
    client = await sim.connect("/")
    await client.opened()
    url = sim.access_url()
    sim.terminate(session)
    assert (await client.ended()).code == 1001
    await sim.settle()
    late = await sim.connect(url)
    assert await late.refused() == "410: the session has ended"
    guess = await sim.connect("http://callstage.sim/request/guess")
    assert await guess.refused() == "404: nothing is served here"


async def test_the_secret_of_the_url_stands_in_no_timeline(sim: Sim) -> None:
    caller, client = await talking(sim)
    shown = str([attrs.asdict(row) for row in sim.timeline if row.session])
    assert "secret-of-session" not in shown
    assert "came in at /request/(hidden)/agent?x=1: open" in shown
    caller.hang_up()
    client.close()


async def test_handshakes_are_counted_as_requests_are(sim: Sim) -> None:
    sim.configure(limits=Limits(access_burst=2))
    sim.load_text(script(TAKING))
    await sim.start()
    for _ in range(2):
        await (await sim.connect("/")).opened()
    assert (await (await sim.connect("/")).refused()).startswith("429")
