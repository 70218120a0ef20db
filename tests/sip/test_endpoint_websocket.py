"""Telephones in browsers: WebSocket and secure WebSocket on real sockets (RFC 7118)."""

from __future__ import annotations

from pathlib import Path

import pytest
import trio
import trio.testing
from wsproto.events import (
    BytesMessage,
    CloseConnection,
    Ping,
    Pong,
    RejectConnection,
    TextMessage,
)

from sip.endpoint import (
    Acknowledged,
    Ended,
    InviteSession,
    WebSocketSettings,
)
from sip.message import NameAddr
from sip.transport import hub as hub_module
from sip.transport.limits import HANDSHAKE_S, IDLE_S, MAX_WEBSOCKET_MESSAGE_BYTES, MESSAGE_S
from tests.sip.browser import HOST, Browser, browser, connect
from tests.sip.certificates import Authority

from .endpoints import SDP, Running, running

pytestmark = pytest.mark.loopback

WS, WSS = "ws://127.0.0.1:0", "wss://127.0.0.1:0"
OFFER = SDP.decode()


@pytest.mark.parametrize("secure", [False, True])
async def test_options_are_answered_over_the_same_connection(
    secure: bool, tmp_path: Path, nursery: trio.Nursery
) -> None:
    authority = Authority(tmp_path)
    tls = authority.settings("127.0.0.1")
    async with running(nursery, WS, WSS, tls=tls) as us:
        port, context = us.port("ws"), None
        if secure:
            port, context = us.port("wss"), authority.client()
        async with browser(port, context=context) as phone:
            await phone.say(phone.sip("OPTIONS", "sip:us@127.0.0.1"))
            response = await phone.response(200)
            assert (response.via.host, response.via.received) == (HOST, "127.0.0.1")
            await phone.put(BytesMessage(data=phone.sip("OPTIONS", "sip:us@127.0.0.1").encode()))
            await phone.response(200)
        transports = {trace.transport for trace in us.owner.traces}
        assert transports == {"wss" if secure else "ws"}


async def call(phone: Browser, us: Running, uri: str = "sip:us@127.0.0.1") -> str:
    """A call that is set up; the To of the dialog."""
    await phone.say(phone.sip("INVITE", uri, Content_Type="application/sdp", body=OFFER))
    answer = await phone.response(200)
    to = answer.headers.get("To") or ""
    assert answer.body == SDP
    await phone.say(phone.sip("ACK", uri, to=to))
    await us.owner.heard(Acknowledged)
    return to


async def test_a_call_and_its_end_by_the_browser(nursery: trio.Nursery) -> None:
    async with running(nursery, WS) as us, browser(us.port("ws")) as phone:
        to = await call(phone, us)
        await phone.say(phone.sip("BYE", "sip:us@127.0.0.1", to=to, number=2))
        await phone.response(200)
        assert us.owner.ends() == [("remote", "bye", 200)]


async def test_our_requests_go_over_the_browser_s_connection(nursery: trio.Nursery) -> None:
    async with running(nursery, WS, "udp://127.0.0.1:0") as us, browser(us.port("ws")) as phone:
        await call(phone, us)
        us.owner.sessions[0].hangup(reason="done")
        bye = await phone.request("BYE")
        assert bye.via.transport == "WS"
        assert bye.request_uri.host == HOST
        answered = us.owner.sessions[0].request
        assert answered.contact is not None
        await us.owner.heard(Ended)


async def test_our_contact_is_the_websocket_listener(nursery: trio.Nursery) -> None:
    async with running(nursery, WS, "udp://127.0.0.1:0") as us, browser(us.port("ws")) as phone:
        uri = "sip:us@127.0.0.1"
        await phone.say(phone.sip("INVITE", uri, Content_Type="application/sdp", body=OFFER))
        answer = await phone.response(200)
        contact = NameAddr.parse(answer.headers.get("Contact") or "")
        assert str(contact.uri) == f"sip:callstage@127.0.0.1:{us.port('ws')};transport=ws"


async def test_sips_over_secure_websocket(tmp_path: Path, nursery: trio.Nursery) -> None:
    authority = Authority(tmp_path)
    async with (
        running(nursery, WSS, tls=authority.settings("127.0.0.1")) as us,
        browser(us.port("wss"), context=authority.client()) as phone,
    ):
        await call(phone, us, "sips:us@127.0.0.1")
        us.owner.sessions[0].hangup(reason="done")
        bye = await phone.request("BYE")
        assert bye.via.transport == "WSS"


async def test_sips_over_plain_websocket_is_refused(nursery: trio.Nursery) -> None:
    async with running(nursery, WS) as us, browser(us.port("ws")) as phone:
        await phone.say(phone.sip("OPTIONS", "sips:us@127.0.0.1"))
        await phone.response(416)


async def test_a_browser_that_is_gone_fails_our_requests_at_once(nursery: trio.Nursery) -> None:
    async with running(nursery, WS) as us:
        async with browser(us.port("ws")) as phone:
            await call(phone, us)
        session = us.owner.sessions[0]
        session.hangup(reason="nobody there")
        await us.owner.heard(Ended)
        assert us.owner.faults == []
        assert us.endpoint.active_sessions == 0


async def test_a_new_call_to_a_websocket_uri_is_refused_with_the_reason(
    nursery: trio.Nursery,
) -> None:
    async with running(nursery, WS) as us:
        us.call("sip:bob@192.0.2.9;transport=ws")
        ended = await us.owner.heard(Ended)
        assert isinstance(ended, Ended)
        assert ended.reason == "a WebSocket peer is reached over its own connection alone"


async def test_two_messages_in_one_read_are_two_messages(nursery: trio.Nursery) -> None:
    async with running(nursery, WS) as us, browser(us.port("ws")) as phone:
        both = [
            phone.wire.send(TextMessage(data=phone.sip("OPTIONS", "sip:us@127.0.0.1")))
            for _ in range(2)
        ]
        await phone.stream.send_all(b"".join(both))
        await phone.response(200)
        await phone.response(200)


async def test_what_is_no_sip_gets_400_or_silence_and_the_connection_goes_on(
    nursery: trio.Nursery,
) -> None:
    async with running(nursery, WS) as us, browser(us.port("ws")) as phone:
        await phone.say("hello?")
        await phone.say(phone.sip("OPTIONS", "sip:us@127.0.0.1").replace("Call-ID", "No-ID"))
        await phone.response(400)
        await phone.put(Ping(payload=b"x"))
        assert await phone.hear(Pong) == Pong(payload=b"x")
        await phone.say("\r\n\r\n")
        await phone.say(phone.sip("OPTIONS", "sip:us@127.0.0.1"))
        await phone.until_text("\r\n")
        await phone.response(200)


async def test_an_oversize_message_closes_the_connection(nursery: trio.Nursery) -> None:
    async with running(nursery, WS) as us, browser(us.port("ws")) as phone:
        await phone.put(BytesMessage(data=b"x" * (MAX_WEBSOCKET_MESSAGE_BYTES + 1)))
        close = await phone.hear(CloseConnection)
        assert isinstance(close, CloseConnection)
        assert close.code == 1009
        await phone.end()


async def test_a_slow_handshake_is_closed(
    nursery: trio.Nursery, autojump_clock: trio.testing.MockClock
) -> None:
    async with running(nursery, WS) as us:
        start = trio.current_time()
        async with await trio.open_tcp_stream("127.0.0.1", us.port("ws")) as stream:
            for piece in (b"GET / HTTP/1.1\r\n", b"Host: h\r\n", b"X: 1\r\n"):
                await stream.send_all(piece)
                await trio.sleep(3)
            assert await stream.receive_some() == b""
        assert trio.current_time() - start == pytest.approx(HANDSHAKE_S, abs=1)
        await us.owner.until(lambda: bool(us.owner.refusals))
        assert us.owner.refusals[0].why == f"no WebSocket handshake within {HANDSHAKE_S:g} s"


async def test_a_silent_browser_is_closed_after_its_handshake(
    nursery: trio.Nursery, autojump_clock: trio.testing.MockClock
) -> None:
    async with running(nursery, WS) as us, browser(us.port("ws")) as phone:
        start = trio.current_time()
        await trio.sleep(MESSAGE_S + 1)
        close = await phone.hear(CloseConnection)
        assert isinstance(close, CloseConnection)
        assert (close.code, close.reason) == (1001, "no whole message in time")
        assert trio.current_time() - start < MESSAGE_S + 3


async def test_an_idle_browser_is_closed(
    nursery: trio.Nursery, autojump_clock: trio.testing.MockClock
) -> None:
    async with running(nursery, WS) as us, browser(us.port("ws")) as phone:
        await phone.say(phone.sip("OPTIONS", "sip:us@127.0.0.1"))
        await phone.response(200)
        await trio.sleep(IDLE_S + 1)
        close = await phone.hear(CloseConnection)
        assert isinstance(close, CloseConnection)
        assert (close.code, close.reason) == (1001, "idle")


async def test_handshakes_at_once_are_bounded(
    nursery: trio.Nursery, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hub_module, "MAX_OPENING", 2)
    async with running(nursery, WS, "tcp://127.0.0.1:0") as us, browser(us.port("ws")) as phone:
        slow = [await trio.open_tcp_stream("127.0.0.1", us.port("ws")) for _ in range(3)]
        await us.owner.until(lambda: bool(us.owner.refusals))
        assert us.owner.refusals[0].why == "2 connections are in the middle of their handshakes"
        # who has a connection keeps it, and handshakes that end make room
        await phone.say(phone.sip("OPTIONS", "sip:us@127.0.0.1"))
        await phone.response(200)
        for stream in slow:
            await stream.aclose()
        await us.owner.until(lambda: len(us.owner.refusals) == 3)
        async with browser(us.port("ws")):
            pass


async def test_without_the_sub_protocol_there_is_no_websocket(nursery: trio.Nursery) -> None:
    async with running(nursery, WS) as us:
        phone = await connect(us.port("ws"), protocols=("chat",))
        refused = await phone.hear(RejectConnection)
        assert isinstance(refused, RejectConnection)
        assert refused.status_code == 400
        await us.owner.until(lambda: bool(us.owner.refusals))
        assert "sub-protocol 'sip'" in us.owner.refusals[0].why
        await trio.aclose_forcefully(phone.stream)


async def test_a_page_of_another_site_may_not_connect(nursery: trio.Nursery) -> None:
    settings = WebSocketSettings(origins=("https://phone.example.com",))
    async with running(nursery, WS, websocket=settings) as us:
        async with browser(us.port("ws"), origin="https://phone.example.com"):
            pass
        evil = await connect(us.port("ws"), origin="https://evil.example")
        refused = await evil.hear(RejectConnection)
        assert isinstance(refused, RejectConnection)
        assert refused.status_code == 403
        await us.owner.until(lambda: bool(us.owner.refusals))
        assert "pages of 'https://evil.example' may not connect" in us.owner.refusals[0].why
        await trio.aclose_forcefully(evil.stream)


async def test_a_browser_is_called_over_its_connection_by_a_session_event(
    nursery: trio.Nursery,
) -> None:
    """A re-INVITE of ours in the browser's dialog: offer, answer and ACK over the WebSocket."""

    async with running(nursery, WS) as us, browser(us.port("ws")) as phone:

        def reinvite(session: InviteSession, event: object) -> None:
            if isinstance(event, Acknowledged):
                session.reinvite(SDP)

        us.owner.on_event = reinvite
        await call(phone, us)
        invite = await phone.request("INVITE")
        assert invite.body == SDP
        ok = [
            "SIP/2.0 200 OK",
            f"Via: {invite.headers.get('Via')}",
            f"From: {invite.headers.get('From')}",
            f"To: {invite.headers.get('To')}",
            f"Call-ID: {invite.call_id}",
            f"CSeq: {invite.headers.get('CSeq')}",
            f"Contact: <sip:rb@{HOST};transport=ws>",
            "Content-Type: application/sdp",
        ]
        await phone.say("\r\n".join(ok) + "\r\n\r\n" + OFFER)
        await phone.request("ACK")


async def test_a_browser_in_a_call_that_answers_no_ping_has_failed(
    nursery: trio.Nursery, autojump_clock: trio.testing.MockClock
) -> None:
    async with running(nursery, WS) as us, browser(us.port("ws")) as phone:
        await call(phone, us)
        ping = await phone.hear(Ping)
        assert isinstance(ping, Ping)
        close = await phone.hear(CloseConnection)
        assert isinstance(close, CloseConnection)
        assert close.reason == "the flow failed: no answer to a keep-alive within 10 s"
        await us.owner.until(lambda: bool(us.owner.notices))
        assert us.owner.notices[0].endswith(
            "is gone, and calls were on it: the flow failed: no answer to a keep-alive within 10 s"
        )
