"""Calls over TLS between real endpoints on loopback, and the certificates that are refused."""

from __future__ import annotations

import shutil
import ssl
from pathlib import Path

import attrs
import pytest
import trio
import trio.testing

from sip.endpoint import (
    Acknowledged,
    Answered,
    Ended,
    Endpoint,
    EndpointSettings,
    InviteSession,
    ListenAddress,
    ListenError,
    Refusal,
    ReinviteAnswered,
    ReinviteReceived,
    SessionEvent,
    TlsSettings,
)
from sip.message import NameAddr, Response, parse_datagram
from sip.transport.limits import CERTIFICATE_WATCH_S, HANDSHAKE_S
from tests.sip.certificates import Authority

from .endpoints import SDP, Running, running

pytestmark = pytest.mark.loopback

TLS, TCP, UDP = "tls://127.0.0.1:0", "tcp://127.0.0.1:0", "udp://127.0.0.1:0"
OPTIONS = (
    "OPTIONS {uri} SIP/2.0\r\nVia: SIP/2.0/TLS 127.0.0.1:5061;branch=z9hG4bK1;rport\r\n"
    "From: <sip:a@h>;tag=1\r\nTo: <sip:b@h>\r\nCall-ID: 1\r\nCSeq: 1 OPTIONS\r\n"
    "Content-Length: 0\r\n\r\n"
)


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority(tmp_path)


def contacts(us: Running) -> list[str]:
    """The Contact of every message that came in, as text."""
    found = []
    for trace in us.owner.traces:
        if trace.direction == "in":
            contact = parse_datagram(trace.data).headers.get("Contact")
            found += [contact] if contact else []
    return found


@pytest.mark.parametrize("scheme", ["sip", "sips"])
async def test_a_whole_call_over_tls_goes_over_one_connection(
    scheme: str, authority: Authority, nursery: trio.Nursery
) -> None:
    tls = authority.settings("127.0.0.1")
    async with running(nursery, TLS, tls=tls) as us, running(nursery, TLS, tls=tls) as caller:

        def answer(session: InviteSession, event: SessionEvent) -> None:
            if isinstance(event, ReinviteReceived):
                session.answer_reinvite(SDP)

        caller.owner.on_event = answer
        uri = us.uri(transport="tls")
        if scheme == "sips":
            uri = uri.replace("sip:", "sips:").removesuffix(";transport=tls")
        caller.call(uri)
        await caller.owner.heard(Answered)
        await us.owner.heard(Acknowledged)
        # the other way: the called side's requests come back over the caller's connection
        us.owner.sessions[0].reinvite(SDP)
        await us.owner.heard(ReinviteAnswered)
        us.owner.sessions[0].hangup(reason="done")
        await caller.owner.heard(Ended)
        assert {trace.transport for trace in us.owner.traces} == {"tls"}
        assert len({trace.remote for trace in us.owner.traces}) == 1
        vias = {
            parse_datagram(trace.data).vias[0].transport.upper()
            for trace in (*us.owner.traces, *caller.owner.traces)
        }
        assert vias == {"TLS"}
        suffix = "" if scheme == "sips" else ";transport=tls"
        assert set(contacts(us)) == {f"<{scheme}:callstage@127.0.0.1:{caller.port('tls')}{suffix}>"}
        assert caller.owner.faults == us.owner.faults == []


@pytest.mark.parametrize(
    ("hosts", "expired", "own_authority", "reason"),
    [
        (("192.0.2.7", "pbx.example.com"), False, True, "IP address mismatch"),
        (("127.0.0.1",), True, True, "certificate has expired"),
        (("127.0.0.1",), False, False, "self-signed certificate"),
    ],
)
async def test_a_wrong_certificate_ends_the_call_with_the_reason(
    hosts: tuple[str, ...],
    expired: bool,
    own_authority: bool,
    reason: str,
    tmp_path: Path,
    authority: Authority,
    nursery: trio.Nursery,
) -> None:
    tls = authority.settings(*hosts, expired=expired)
    trusted = authority if own_authority else Authority(tmp_path, "another authority")
    ours = TlsSettings(ca=trusted.file)
    async with running(nursery, TLS, tls=tls) as us, running(nursery, UDP, tls=ours) as caller:
        caller.call(us.uri(transport="tls"))
        ended = await caller.owner.heard(Ended)
        assert isinstance(ended, Ended)
        assert (ended.by, ended.status) == ("transport", 503)
        assert f"tls:127.0.0.1:{us.port('tls')}: its certificate is refused" in ended.reason
        assert reason in ended.reason
        # nothing of the call was sent, and the other side says what it saw
        assert [trace for trace in us.owner.traces if trace.direction == "in"] == []
        await us.owner.until(lambda: bool(us.owner.refusals))
        assert us.owner.refusals[0].what == "connection"


async def test_a_name_is_looked_for_in_the_certificate(
    authority: Authority, nursery: trio.Nursery
) -> None:
    tls = authority.settings("localhost")
    async with running(nursery, TLS, tls=tls) as us, running(nursery, TLS, tls=tls) as caller:
        caller.call(us.uri(transport="tls").replace("127.0.0.1", "localhost"))
        await caller.owner.heard(Answered)
        assert caller.owner.traces[0].transport == "tls"


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1, ssl.TLSVersion.TLSv1_1])
@pytest.mark.filterwarnings("ignore:ssl.TLSVersion:DeprecationWarning")
async def test_tls_before_1_2_is_refused(
    version: ssl.TLSVersion, authority: Authority, nursery: trio.Nursery
) -> None:
    async with running(nursery, TLS, tls=authority.settings("127.0.0.1")) as us:
        old = authority.client()
        old.set_ciphers("ALL:@SECLEVEL=0")
        old.minimum_version = ssl.TLSVersion.TLSv1
        old.maximum_version = version
        with pytest.raises(trio.BrokenResourceError):
            await connect(us, old)
        await us.owner.until(lambda: bool(us.owner.refusals))
        assert us.owner.refusals[0].why == (
            "the TLS handshake failed: the peer has no version from TLS 1.2 on"
        )


async def connect(us: Running, context: ssl.SSLContext) -> trio.SSLStream[trio.SocketStream]:
    stream = await trio.open_tcp_stream("127.0.0.1", us.port("tls"))
    secured = trio.SSLStream(stream, context, server_hostname="127.0.0.1", https_compatible=True)
    try:
        await secured.do_handshake()
    except trio.BrokenResourceError:
        await trio.aclose_forcefully(stream)
        raise
    return secured


async def exchange(stream: trio.abc.Stream, uri: str) -> Response:
    await stream.send_all(OPTIONS.format(uri=uri).encode())
    response = parse_datagram(bytes(await stream.receive_some()))
    assert isinstance(response, Response)
    return response


async def expect_end(stream: trio.abc.Stream) -> None:
    """With TLS 1.3 a client hears what the server thinks of its certificate after the handshake."""
    try:
        rest = bytes(await stream.receive_some())
    except trio.BrokenResourceError:
        rest = b""
    assert rest == b""


async def test_a_sips_uri_is_for_secure_transports_alone(
    authority: Authority, nursery: trio.Nursery
) -> None:
    async with running(nursery, TLS, TCP, tls=authority.settings("127.0.0.1")) as us:
        async with await connect(us, authority.client()) as secured:
            assert (await exchange(secured, "sips:us@127.0.0.1")).status == 200
        async with await trio.open_tcp_stream("127.0.0.1", us.port("tcp")) as stream:
            response = await exchange(stream, "sips:us@127.0.0.1")
            assert response.status == 416


@pytest.mark.parametrize(
    ("policy", "shows", "welcome"),
    [
        ("off", False, True),
        ("optional", False, True),
        ("optional", True, True),
        ("required", True, True),
        ("required", False, False),
    ],
)
async def test_client_certificates(
    policy: str, shows: bool, welcome: bool, authority: Authority, nursery: trio.Nursery
) -> None:
    tls = attrs.evolve(authority.settings("127.0.0.1"), client_certificates=policy)
    shown = authority.issue("phone.example.com", name="phone") if shows else None
    async with running(nursery, TLS, tls=tls) as us:
        stream = await connect(us, authority.client(shown))
        if welcome:
            assert (await exchange(stream, "sip:us@127.0.0.1")).status == 200
        else:
            await expect_end(stream)
            await us.owner.until(lambda: bool(us.owner.refusals))
            assert "the peer shows no certificate" in us.owner.refusals[0].why
        await trio.aclose_forcefully(stream)


async def test_the_names_of_a_client_certificate_are_known_to_gate_and_calls(
    authority: Authority, nursery: trio.Nursery
) -> None:
    tls = attrs.evolve(authority.settings("127.0.0.1"), client_certificates="optional")
    theirs = authority.issue("Trunk.example.com", "192.0.2.7", name="trunk")
    shown = TlsSettings(certificate=theirs.certificate, key=theirs.key, ca=authority.file)
    names = ("trunk.example.com", "192.0.2.7")
    async with running(nursery, TLS, tls=tls) as us, running(nursery, UDP, tls=shown) as caller:
        us.owner.gate = lambda peer: (
            None if peer.names == names else Refusal(status=403, reason="who are you?")
        )
        caller.call(us.uri(transport="tls"))
        await caller.owner.heard(Answered)
        peer = us.owner.sessions[0].peer
        assert peer is not None
        assert peer.names == names
        # without a certificate the gate says no, before anything is read
        stream = await connect(us, authority.client())
        await expect_end(stream)
        await us.owner.until(lambda: bool(us.owner.refusals))
        assert [report.why for report in us.owner.refusals] == ["who are you?"]
        await trio.aclose_forcefully(stream)


async def test_a_stranger_s_client_certificate_is_refused(
    tmp_path: Path, authority: Authority, nursery: trio.Nursery
) -> None:
    tls = attrs.evolve(authority.settings("127.0.0.1"), client_certificates="optional")
    forged = Authority(tmp_path, "forger").issue("phone.example.com", name="forged")
    async with running(nursery, TLS, tls=tls) as us:
        stream = await connect(us, authority.client(forged))
        await expect_end(stream)
        await us.owner.until(lambda: bool(us.owner.refusals))
        assert "its certificate is refused" in us.owner.refusals[0].why
        await trio.aclose_forcefully(stream)


async def shown_serial(us: Running, authority: Authority) -> str:
    async with await connect(us, authority.client()) as stream:
        return str(stream.getpeercert()["serialNumber"])


async def test_certificates_are_reloaded_while_calls_go_on(
    authority: Authority, nursery: trio.Nursery
) -> None:
    tls = authority.settings("127.0.0.1")
    async with running(nursery, TLS, tls=tls) as us, running(nursery, TLS, tls=tls) as caller:
        caller.call(us.uri(transport="tls"))
        await us.owner.heard(Acknowledged)
        before = await shown_serial(us, authority)
        authority.issue("127.0.0.1")  # writes the same files anew
        us.endpoint.reload_certificates()
        assert us.owner.notices == ["certificates reloaded: new connections take them"]
        assert await shown_serial(us, authority) != before
        us.owner.sessions[0].hangup(reason="done")
        await caller.owner.heard(Ended)
        assert caller.owner.ends() == [("remote", "bye", 200)]


async def test_a_broken_certificate_file_changes_nothing(
    authority: Authority, nursery: trio.Nursery
) -> None:
    tls = authority.settings("127.0.0.1")
    assert tls.certificate is not None
    assert tls.key is not None
    async with running(nursery, TLS, tls=tls) as us:
        before = await shown_serial(us, authority)
        shutil.copy(authority.issue("127.0.0.1", name="other").key, tls.key)
        us.endpoint.reload_certificates()
        tls.certificate.write_text("half a certi")
        us.endpoint.reload_certificates()
        assert us.owner.notices[0].startswith("certificates not reloaded, those before go on:")
        assert us.owner.notices[0].endswith(f"{tls.key} is not the key of {tls.certificate}")
        assert "no PEM certificate" in us.owner.notices[1]
        assert await shown_serial(us, authority) == before


async def test_a_changed_certificate_file_is_noticed(
    authority: Authority, nursery: trio.Nursery, autojump_clock: trio.testing.MockClock
) -> None:
    async with running(nursery, TLS, tls=authority.settings("127.0.0.1")) as us:
        await trio.sleep(CERTIFICATE_WATCH_S * 3)
        assert us.owner.notices == []
        authority.issue("127.0.0.1")
        await trio.sleep(CERTIFICATE_WATCH_S * 2)
        assert us.owner.notices == ["certificates reloaded: new connections take them"]


async def test_a_peer_that_never_shakes_hands_is_closed(
    authority: Authority, nursery: trio.Nursery, autojump_clock: trio.testing.MockClock
) -> None:
    async with running(nursery, TLS, tls=authority.settings("127.0.0.1")) as us:
        start = trio.current_time()
        async with await trio.open_tcp_stream("127.0.0.1", us.port("tls")) as stream:
            await stream.send_all(b"\x16\x03\x01")
            assert await stream.receive_some() == b""
        assert trio.current_time() - start == pytest.approx(HANDSHAKE_S, abs=1)
        await us.owner.until(lambda: bool(us.owner.refusals))
        assert us.owner.refusals[0].why == f"no TLS handshake within {HANDSHAKE_S:g} s"


async def test_sip_in_the_clear_on_a_tls_listener_is_told(
    authority: Authority, nursery: trio.Nursery
) -> None:
    async with running(nursery, TLS, tls=authority.settings("127.0.0.1")) as us:
        async with await trio.open_tcp_stream("127.0.0.1", us.port("tls")) as stream:
            await stream.send_all(OPTIONS.format(uri="sip:us@127.0.0.1").encode())
            await us.owner.until(lambda: bool(us.owner.refusals))
        assert us.owner.refusals[0].why == "the TLS handshake failed: the peer does not speak TLS"


async def test_without_a_certificate_there_is_no_tls_listener() -> None:
    us = Endpoint(EndpointSettings(), on_invite=lambda session: None)
    with pytest.raises(ListenError, match=r"it needs a certificate; name one in \[sip.tls\]"):
        await us.run([ListenAddress.parse(TLS)])


async def test_a_wrong_key_stops_the_start(authority: Authority) -> None:
    tls = attrs.evolve(
        authority.settings("127.0.0.1"), key=authority.issue("127.0.0.1", name="other").key
    )
    us = Endpoint(EndpointSettings(), on_invite=lambda session: None, tls=tls)
    with pytest.raises(ListenError, match=r"other-key\.pem is not the key of .*server\.pem"):
        await us.run([ListenAddress.parse(TLS)])


async def test_sips_without_a_tls_listener_is_refused_before_anything_is_sent(
    authority: Authority, nursery: trio.Nursery
) -> None:
    tls = authority.settings("127.0.0.1")
    async with running(nursery, UDP, tls=tls) as caller:
        caller.call("sips:us@127.0.0.1:5061")
        ended = await caller.owner.heard(Ended)
        assert isinstance(ended, Ended)
        assert "sips: needs a tls:// listener" in ended.reason
        assert caller.owner.traces == []


async def test_our_contact_over_tls_names_the_listener(
    authority: Authority, nursery: trio.Nursery
) -> None:
    tls = authority.settings("127.0.0.1")
    async with running(nursery, UDP, TLS, tls=tls) as us, running(nursery, tls=tls) as caller:
        caller.call(us.uri(transport="tls"))
        answered = await caller.owner.heard(Answered)
        assert isinstance(answered, Answered)
        contact = NameAddr.parse(answered.headers.get("Contact") or "")
        assert (contact.uri.port, contact.uri.params.get("transport")) == (us.port("tls"), "tls")
