"""Users on connections: telephones over TLS, and in browsers, are called where they registered."""

from __future__ import annotations

import hashlib
import re
import ssl
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import attrs
import pytest
import trio

from runtime.media.listening import listen
from sip.message import Request, Response
from tests.e2e.audio import Audio, tone
from tests.e2e.phone import telephone
from tests.e2e.runtime_process import RuntimeProcess, callstage
from tests.e2e.test_browser import offer
from tests.e2e.test_real_peers import tones
from tests.e2e.test_tls import with_certificate
from tests.e2e.test_users import MICROPHONE_S, PASSWORD, account, registered, registrations
from tests.e2e.waiting import until
from tests.e2e.wire import Described
from tests.interop.baresip import baresip
from tests.sip.browser import HOST, Browser, browser
from tests.sip.certificates import Authority

pytestmark = pytest.mark.loopback

CONFIG = f"""
[server]
drain_timeout_s = 1
[sip.tls]
certificate = "server.pem"
key = "server-key.pem"
ca = "test-authority.pem"
[registrar]
min_expires_s = 10
[users.bob]
password = "{PASSWORD}"
[users.ann]
password = "{PASSWORD}"
[[rule]]
name = "all"
to = ".*"
scenario = "user.py"
"""
LISTEN = [
    word
    for name in ("udp", "tcp", "tls", "ws", "wss")
    for word in ("--sip", f"{name}://127.0.0.1:0")
]
INSTANCE = '+sip.instance="<urn:uuid:f81d4fae-7dec-11d0-a765-00a0c91e6bf6>"'


@attrs.frozen
class Site:
    runtime: RuntimeProcess
    authority: Authority


@pytest.fixture(scope="module")
def site(scripts: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    authority = Authority(scripts)
    authority.issue("127.0.0.1")
    config = scripts / "secure-users.toml"
    config.write_text(CONFIG)
    folder = tmp_path_factory.mktemp("secure-users")
    with callstage(folder=folder, options=["--config", str(config), *LISTEN]) as started:
        yield Site(started, authority)


# --- a browser ----------------------------------------------------------------------------------


def proof(challenged: Response, method: str, uri: str, user: str) -> str:
    """RFC 7616, MD5 with qop=auth."""
    challenge = next(c for c in challenged.headers.lines("WWW-Authenticate") if "MD5" in c)
    found = re.search(r'nonce="([^"]+)"', challenge)
    assert found is not None
    nonce = found[1]

    def md5(text: str) -> str:
        return hashlib.md5(text.encode()).hexdigest()

    secret, what = md5(f"{user}:callstage:{PASSWORD}"), md5(f"{method}:{uri}")
    response = md5(f"{secret}:{nonce}:00000001:c:auth:{what}")
    return (
        f'Digest username="{user}", realm="callstage", nonce="{nonce}", uri="{uri}", '
        f'algorithm=MD5, qop=auth, nc=00000001, cnonce="c", response="{response}"'
    )


async def register(phone: Browser, contact: str, user: str = "bob") -> Response:
    """REGISTER and its proof; the answer to that."""
    uri, to = "sip:callstage", f"<sip:{user}@callstage>"
    number = phone.branches + 1
    more = {"contact": contact, "Supported": "path, gruu, outbound", "Expires": "600"}
    await phone.say(phone.sip("REGISTER", uri, to=to, number=number, **more))
    challenged = await phone.response(401)
    proven = {**more, "Authorization": proof(challenged, "REGISTER", uri, user)}
    await phone.say(phone.sip("REGISTER", uri, to=to, number=number + 1, **proven))
    answer = await phone.message()
    assert isinstance(answer, Response)
    return answer


def reply(request: Request, status: str, contact: str, body: str = "") -> str:
    """A response of the browser; it puts its tag to To when there is none."""
    to = request.headers.get("To") or ""
    lines = [
        f"SIP/2.0 {status}",
        *(f"Via: {via}" for via in request.headers.lines("Via")),
        f"From: {request.headers.get('From')}",
        f"To: {to}" if "tag=" in to else f"To: {to};tag=browser",
        f"Call-ID: {request.headers.get('Call-ID')}",
        f"CSeq: {request.headers.get('CSeq')}",
        f"Contact: {contact}",
        *(["Content-Type: application/sdp"] if body else []),
        f"Content-Length: {len(body)}",
    ]
    return "\r\n".join(lines) + "\r\n\r\n" + body


@asynccontextmanager
async def sound() -> AsyncIterator[Audio]:
    """An RTP port that says 880 Hz and keeps what it is told."""
    audio = await Audio.open()
    try:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(audio.run_receiver)
            nursery.start_soon(audio.run_sender)
            audio.say(tone(880, 20))
            yield audio
            nursery.cancel_scope.cancel()
    finally:
        audio.close()


def context_of(site: Site, transport: str) -> ssl.SSLContext | None:
    return site.authority.client() if transport == "wss" else None


@pytest.mark.parametrize(
    ("transport", "contact"),
    [
        ("ws", f"<sip:rb@{HOST};transport=ws>;{INSTANCE};reg-id=1"),
        ("wss", f"<sip:rb@{HOST};transport=ws>"),
        ("wss", f"<sips:rb@{HOST};transport=ws>;{INSTANCE};reg-id=1"),
    ],
)
async def test_a_browser_registers_and_is_called_over_the_same_connection(
    site: Site, transport: str, contact: str
) -> None:
    runtime, own = site.runtime, contact.partition(";+")[0]
    there = browser(runtime.port(transport), context=context_of(site, transport))
    async with there as phone, telephone(runtime.port()) as caller, sound() as audio:
        assert (await register(phone, contact)).status == 200
        [found] = await registered(runtime, "bob")
        assert found["contact"] == own.strip("<>")
        assert found["source"].startswith(f"{transport}:127.0.0.1:")
        call = await caller.call("bob", caller="4711")
        invite = await phone.request("INVITE")
        assert str(invite.uri) == own.strip("<>")
        scheme = own[1:].partition(":")[0]
        assert (invite.headers.get("Contact") or "").startswith(f"<{scheme}:")
        told = Described.read(invite.body)
        audio.remote = (told.host, told.port)
        await phone.say(reply(invite, "200 OK", own, offer(audio.port)))
        await phone.request("ACK")
        await call.connected()
        call.audio.say(tone(440, 5))
        await call.until(call.audio.sounds, "the browser")
        await until(lambda: tones(audio.heard()), "the caller's tone in the browser")
        await call.bye()
        bye = await phone.request("BYE")
        await phone.say(reply(bye, "200 OK", own))
        assert tones(audio.heard())[0] == 440
        assert tones(call.audio.heard())[0] == 880
    await registered(runtime, "bob", 0)
    async with telephone(runtime.port()) as caller:
        await (await caller.call("bob", caller="late")).final()
    await runtime.logged("bob failed 480 user 'bob' is not registered")


async def test_a_browser_that_vanishes_while_it_rings_fails_the_call_at_once(site: Site) -> None:
    runtime, own = site.runtime, f"<sip:rb@{HOST};transport=ws>"
    async with telephone(runtime.port()) as caller:
        async with browser(runtime.port("ws")) as phone:
            assert (await register(phone, own, "ann")).status == 200
            call = await caller.call("ann", caller="4711")
            invite = await phone.request("INVITE")
            await phone.say(reply(invite, "180 Ringing", own))
            await runtime.logged("ann rings")
        line = await runtime.logged("ann failed", within_s=5)
        assert "the connection" in line
        await call.final()
    await registered(runtime, "ann", 0)


async def test_a_call_outlives_the_connection_of_its_browser_until_somebody_hangs_up(
    site: Site,
) -> None:
    """The audio goes its own way; only the BYE finds nobody any more."""
    runtime, own = site.runtime, f"<sip:rb@{HOST};transport=ws>"
    async with telephone(runtime.port()) as caller, sound() as audio:
        async with browser(runtime.port("ws")) as phone:
            assert (await register(phone, own, "ann")).status == 200
            call = await caller.call("ann", caller="4711")
            invite = await phone.request("INVITE")
            told = Described.read(invite.body)
            audio.remote = (told.host, told.port)
            await phone.say(reply(invite, "200 OK", own, offer(audio.port)))
            await phone.request("ACK")
            await call.connected()
        await registered(runtime, "ann", 0)
        await call.until(call.audio.sounds, "the browser")
        await call.hear(0.5)
        await call.bye()
        session = await runtime.session_of(call.call_id)
        what = [entry["what"] for entry in await runtime.over(session)]
    assert "leg ended by us: 200 the scenario ended the session" in what
    why = "which is not sent: a WebSocket peer is reached over its own connection alone"
    assert any(one.startswith("out BYE sip:rb@") and why in one for one in what)


async def test_sips_is_refused_over_a_connection_that_others_can_read(site: Site) -> None:
    async with browser(site.runtime.port("ws")) as phone:
        answer = await register(phone, f"<sips:rb@{HOST};transport=ws>")
        assert answer.status == 400
        why = "a sips: contact is for phones that come over TLS or WSS, not WS"
        assert why in (answer.headers.get("Warning") or "")
        assert registrations(site.runtime, "bob") == []


# --- baresip ------------------------------------------------------------------------------------


@pytest.mark.interop
async def test_baresip_registers_over_tls_and_is_called_over_that_connection(
    site: Site, tmp_path: Path
) -> None:
    runtime = site.runtime
    address = f"sip:ann@127.0.0.1:{runtime.port('tls')};transport=tls"
    async with (
        baresip(
            tmp_path,
            tone(880, MICROPHONE_S),
            account=account("ann"),
            registers=address,
            config=with_certificate(site.authority, "127.0.0.1"),
        ) as there,
        telephone(runtime.port()) as caller,
    ):
        [found] = await registered(runtime, "ann")
        assert found["source"].startswith("tls:127.0.0.1:")
        assert "transport=tls" in found["contact"]
        call = await caller.call("ann", caller="4711")
        await call.connected()
        call.audio.say(tone(440, 1.0))
        await call.until(call.audio.sounds, "its microphone")
        await call.hear(1.3)
        await call.bye()
        await there.wait_for("CALL_CLOSED")
        samples, rate = there.heard()
        await there.command("quit")
        await registered(runtime, "ann", 0)
    assert 440 in tones(listen(samples, rate))
    assert tones(call.audio.heard())[0] == 880
