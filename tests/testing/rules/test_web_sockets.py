"""WebSockets (voxengine.md 1.10)."""

from __future__ import annotations

import pytest

from runtime.decisions.encodings import ENCODINGS
from runtime.decisions.limits import Limits
from runtime.decisions.media_stream import StreamPlan
from runtime.testing import Sim, SimCaller, SimSocket
from tests.testing.rules.scripts import script

URL = "wss://ai.example.com/talk"
PRELUDE = f"""
    def connect(**options):
        socket = VoxEngine.createWebSocket("{URL}", **options)
        for event in (WebSocketEvents.CREATED, WebSocketEvents.OPEN, WebSocketEvents.MESSAGE,
                      WebSocketEvents.ERROR, WebSocketEvents.CLOSE,
                      WebSocketEvents.MEDIA_STARTED, WebSocketEvents.MEDIA_ENDED):
            socket.addEventListener(event, told)
        return socket
    def told(e):
        more = {{
            WebSocketEvents.MESSAGE: lambda: e.text,
            WebSocketEvents.ERROR: lambda: e.reason,
            WebSocketEvents.CLOSE: lambda: f"{{e.code}} {{e.wasClean}}",
            WebSocketEvents.MEDIA_STARTED: lambda: f"{{e.tag}} {{e.encoding}}",
            WebSocketEvents.MEDIA_ENDED: lambda: f"{{e.tag}} {{e.mediaInfo.duration}}",
        }}.get(type(e), str)
        Logger.write(f"{{e.name[10:]}} {{more()}} {{e.websocket.readyState}}")
"""


async def bridged(sim: Sim, body: str) -> tuple[SimCaller, SimSocket]:
    """A caller, and the server that the scenario connects him to."""
    sim.load_text(script(PRELUDE + body))
    server = sim.expect_socket("wss://ai.example.com/*")
    caller = await sim.call()
    await caller.connected()
    await server.opened()
    return caller, server


TALK = """
    @on_call
    async def alerting(e):
        await e.call.answer()
        socket = connect()
        e.call.sendMediaTo(socket, encoding=WebSocketAudioEncoding.PCM16, tag="caller",
                           customParameters={"id": 5})
        socket.sendMediaTo(e.call)
        e.call.addEventListener(CallEvents.Disconnected, socket.close)
"""


async def test_caller_and_server_hear_each_other(sim: Sim) -> None:
    caller, server = await bridged(sim, TALK)
    caller.says("hello machine")
    await server.hears("hello machine")
    server.says("hello caller", seconds=2, tag="voice")
    await caller.hears("hello caller")
    await sim.advance(4)
    assert server.streams == [
        StreamPlan(encoding=ENCODINGS["PCM16"], tag="caller", custom='{"id": 5}')
    ]
    caller.hang_up()
    end = await server.ended()
    assert (end.code, end.clean) == (1000, True)
    await sim.settle()
    assert sim.logs == [
        "Created  connecting",
        "Open  open",
        "MediaEventStarted voice PCM16 open",
        "MediaEventEnded voice 2 open",
        "Close 1000 True closed",
    ]


async def test_texts_go_both_ways(sim: Sim) -> None:
    caller, server = await bridged(
        sim,
        """
    @on_call
    async def alerting(e):
        await e.call.answer()
        socket = connect(protocols=["chat", "v2"], headers=[{"name": "X-Key", "value": "k"}])
        socket.onopen = lambda: socket.send('{"hello": 1}')
        socket.onmessage = lambda m: socket.send(f"you said {m.text}")
        """,
    )
    await server.gets('{"hello": 1}')
    server.sends("good morning")
    await server.gets("you said good morning")
    assert server.request is not None
    assert server.request.protocols == ("chat", "v2")
    assert server.headers["x-key"] == "k"
    server.close(4000, "done")
    await sim.settle()
    assert sim.logs[-2:] == ["Message good morning open", "Close 4000 True closed"]
    caller.hang_up()


async def test_own_functions_are_called_before_listeners_and_can_be_replaced(sim: Sim) -> None:
    caller, server = await bridged(
        sim,
        """
    @on_call
    async def alerting(e):
        await e.call.answer()
        socket = connect()
        socket.onmessage = lambda: Logger.write("never")
        socket.onmessage = lambda: Logger.write("first")
        socket.onclose = print
        socket.onclose = None
        """,
    )
    server.sends("text")
    await sim.settle()
    assert sim.logs[-2:] == ["first", "Message text open"]
    server.vanish()
    await sim.settle()
    assert sim.logs[-1] == "Close 1006 False closed"
    caller.hang_up()


async def test_what_a_server_says_is_dropped_by_clear_media_buffer(sim: Sim) -> None:
    caller, server = await bridged(
        sim,
        """
    @on_call
    async def alerting(e):
        await e.call.answer()
        socket = connect()
        socket.sendMediaTo(e.call)
        e.call.handleTones(True)
        e.call.addEventListener(CallEvents.ToneReceived, lambda: socket.clearMediaBuffer())
        """,
    )
    server.says("a long story", seconds=30)
    await caller.hears("a long story")
    await caller.press("1")
    await caller.hears_nothing(seconds=5)
    assert sim.logs[-1] == "MediaEventEnded  0 open"
    caller.hang_up()


async def test_a_socket_hears_one_source_and_a_prompt_does_not_come_back(sim: Sim) -> None:
    caller, server = await bridged(
        sim,
        """
    @on_call
    async def alerting(e):
        await e.call.answer()
        socket = connect()
        e.call.say("please wait for the machine")
        socket.sendMediaTo(e.call)
        e.call.sendMediaTo(socket)
        player = VoxEngine.createToneScriptPlayer("440@-19;*(*/0/1)")
        e.call.handleTones(True)
        e.call.addEventListener(CallEvents.ToneReceived, lambda: player.sendMediaTo(socket))
        """,
    )
    await caller.hears_nothing(seconds=3)
    await caller.press("1")
    caller.says("is anybody there", seconds=3)
    await sim.advance(3)
    assert server.heard != []
    assert not any(one.what == "is anybody there" for one in server.heard)
    assert len(server.streams) == 2
    caller.hang_up()


async def test_stop_media_to_and_a_call_that_ends_both_end_the_stream(sim: Sim) -> None:
    caller, server = await bridged(
        sim,
        """
    @on_call
    async def alerting(e):
        await e.call.answer()
        socket = connect()
        e.call.sendMediaTo(socket)
        e.call.handleTones(True)
        e.call.addEventListener(CallEvents.ToneReceived, lambda: e.call.stopMediaTo(socket))
        """,
    )
    await caller.press("1")
    caller.says("not for the machine", seconds=2)
    await sim.advance(3)
    assert server.heard == []
    caller.hang_up()
    await sim.advance(65)
    assert (await server.ended()).code == 1001


async def test_a_socket_that_cannot_be_opened_says_why(sim: Sim) -> None:
    sim.load_text(script(PRELUDE + TALK))
    sim.expect_socket().refuse("it answers 403")
    caller = await sim.call()
    await sim.advance(1)
    why = f"{URL.replace('wss', 'https')} opens no WebSocket: it answers 403"
    assert sim.logs == [
        "Created  connecting",
        f"Error {why} connecting",
        "Close 1006 False closed",
    ]
    caller.hang_up()


async def test_a_server_that_no_test_speaks_of_is_a_fault_of_the_test(sim: Sim) -> None:
    sim.load_text(script(PRELUDE + TALK))
    sim.expect_error("the test does not say who serves this WebSocket")
    caller = await sim.call()
    await sim.advance(1)
    caller.hang_up()
    assert sim.logs[-1] == "Close 1006 False closed"


async def test_too_many_sockets_are_an_error_of_the_last_one(sim: Sim) -> None:
    sim.configure(limits=Limits(sockets=1))
    caller, server = await bridged(
        sim,
        """
    @on_call
    async def alerting(e):
        await e.call.answer()
        first = connect()
        second = VoxEngine.createWebSocket("wss://other.example.com/")
        second.onerror = lambda e: Logger.write(e.reason)
        """,
    )
    await sim.settle()
    limit = "WebSocket limit reached: a session has at most 1 at once; close one first"
    assert limit in sim.logs
    caller.hang_up()
    server.close()


async def test_commands_before_the_opening_and_after_the_end_are_answered(sim: Sim) -> None:
    caller, server = await bridged(
        sim,
        """
    @on_call
    async def alerting(e):
        await e.call.answer()
        socket = connect()
        try:
            await socket.send("too early")
        except CommandFailed as exc:
            Logger.write(exc)
        closed = trio.Event()
        socket.addEventListener(WebSocketEvents.CLOSE, told)
        socket.removeEventListener(WebSocketEvents.OPEN, told)
        socket.onclose = closed.set
        Logger.write(socket.id())
        await VoxEngine.sleep(1)
        socket.close()
        Logger.write(socket.readyState is WebSocketReadyState.CLOSING)
        await closed.wait()
        await socket.send("too late")
        socket.onopen = print
    import trio
        """,
    )
    await server.ended()
    await sim.settle()
    logs = [line for line in sim.logs if not line.startswith("Created")]
    assert logs[0].startswith("WebSocket.send(): the socket is not open yet")
    assert logs[1:4] == ["s1-1", "True", "Close 1000 True closed"]
    assert logs[4].startswith("WebSocket.send() ignored: <WebSocket")
    ended = "<WebSocket s1-1 closed> has ended"
    assert logs[5] == f"listener for WebSocket.Open ignored: {ended}"
    caller.hang_up()


async def test_secrets_go_to_their_hosts_only(sim: Sim) -> None:
    sim.set_secret("key", "a secret value", hosts=["ai.example.com"])
    sim.set_secret("other", "another value", hosts=["bank.example.com"])
    caller, server = await bridged(
        sim,
        """
    @on_call
    async def alerting(e):
        await e.call.answer()
        token = VoxEngine.getSecretValue("key")
        connect(headers={"Authorization": f"Bearer {token}"})
        wrong = connect(headers={"X-Key": VoxEngine.getSecretValue("other")})
        """,
    )
    assert server.headers["authorization"] == "Bearer a secret value"
    await sim.settle()
    assert any(line.startswith("Error") and "other" in line for line in sim.logs)
    assert "a secret value" not in sim.text()
    caller.hang_up()
    server.close()


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("VoxEngine.createWebSocket(5)", "url must be a string, not int"),
        ("VoxEngine.createWebSocket('')", "url must not be empty"),
        ("VoxEngine.createWebSocket('ws://x', protocol='a')", "did you mean 'protocols'"),
        ("VoxEngine.createWebSocket('ws://x', headers='a')", "headers must be a dict"),
        ("VoxEngine.createWebSocket('ws://x').send(5)", "data must be a string, not int"),
        ("VoxEngine.createWebSocket('ws://x').send('x' * 50_000)", "the limit is 49152"),
        ("VoxEngine.createWebSocket('ws://x').onmessage = 5", "a handler must be a function"),
        ("VoxEngine.createWebSocket('ws://x').onmesage = print", "cannot be set"),
        ("e.call.sendMediaTo(VoxEngine.createWebSocket('ws://x'), encoding='MP3')", "PCM8, PCM16"),
    ],
)
async def test_mistakes_are_refused_at_their_line(sim: Sim, line: str, message: str) -> None:
    sim.load_text(
        script(f"""
        @on_call
        def alerting(e):
            try:
                {line}
            except (TypeError, ValueError, AttributeError) as exc:
                Logger.write(exc)
            VoxEngine.terminate()
        """)
    )
    await (await sim.call()).ended()
    assert message in sim.logs[0]
