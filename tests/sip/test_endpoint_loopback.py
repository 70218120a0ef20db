"""Endpoints with real sockets on loopback: UDP, TCP, dead ports, bad owners, closing."""

from __future__ import annotations

import socket

import pytest
import trio

from sip.endpoint import (
    Acknowledged,
    Answered,
    Ended,
    Endpoint,
    EndpointSettings,
    InfoReceived,
    InviteSession,
    ListenAddress,
    ListenError,
    NotRunningError,
    PeerAddress,
    Provisional,
    Refusal,
    ReinviteAnswered,
    ReinviteReceived,
    SessionEvent,
    SipTrace,
)
from sip.message import NameAddr, Request, Response, parse_datagram, response_to

from .endpoints import PATIENCE_S, SDP, Running, running

pytestmark = pytest.mark.loopback

UDP, TCP = "udp://127.0.0.1:0", "tcp://127.0.0.1:0"


@pytest.mark.parametrize("transport", ["udp", "tcp"])
async def test_a_whole_call_with_reinvite_info_and_hangup(
    transport: str, nursery: trio.Nursery
) -> None:
    async with running(nursery, UDP, TCP) as us, running(nursery, UDP) as caller:

        def ring_and_accept(session: InviteSession) -> None:
            session.provisional(180)
            session.accept(SDP)

        def answer(session: InviteSession, event: SessionEvent) -> None:
            if isinstance(event, ReinviteReceived):
                session.answer_reinvite(SDP)

        us.owner.on_invite = ring_and_accept
        us.owner.on_event = answer
        session = caller.call(us.uri(transport=transport))
        await caller.owner.heard(Answered)
        await us.owner.heard(Acknowledged)
        session.reinvite(SDP)
        await caller.owner.heard(ReinviteAnswered)
        session.info("text/plain", b"hello")
        info = await us.owner.heard(InfoReceived)
        assert isinstance(info, InfoReceived)
        assert info.body == b"hello"
        us.owner.sessions[0].hangup(reason="done")
        await caller.owner.heard(Ended)
        assert [type(event) for event in caller.owner.events] == [
            Provisional,
            Answered,
            ReinviteAnswered,
            Ended,
        ]
        assert {trace.transport for trace in us.owner.traces} == {transport}
        assert caller.owner.faults == us.owner.faults == []
    assert (us.endpoint.active_sessions, caller.endpoint.active_sessions) == (0, 0)


@pytest.mark.parametrize("transport", ["udp", "tcp"])
async def test_an_endpoint_may_call_itself(transport: str, nursery: trio.Nursery) -> None:
    async with running(nursery, UDP, TCP) as us:
        us.owner.on_invite = lambda session: session.accept(SDP)
        session = us.call(us.uri(transport=transport))
        await us.owner.heard(Answered)
        await us.owner.heard(Acknowledged)
        session.hangup()
        await us.owner.heard(Ended, 2)
        assert sorted(us.owner.ends()) == [("local", "bye", 200), ("remote", "bye", 200)]


async def test_a_call_by_name_is_resolved(nursery: trio.Nursery) -> None:
    async with running(nursery) as us, running(nursery) as caller:
        caller.call(f"sip:us@localhost:{us.port()}")
        await caller.owner.heard(Answered)


async def test_a_call_to_a_name_that_does_not_exist_fails_with_503(nursery: trio.Nursery) -> None:
    async with running(nursery) as caller:
        caller.call("sip:us@does-not-exist.invalid")
        await caller.owner.heard(Ended)
        assert caller.owner.ends() == [("transport", "failure", 503)]


async def test_a_dead_udp_port_is_found_out_at_once(nursery: trio.Nursery) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as dead:
        dead.bind(("127.0.0.1", 0))
        port = dead.getsockname()[1]
    async with running(nursery) as caller, running(nursery) as other:
        caller.call(f"sip:us@127.0.0.1:{port}")
        await caller.owner.heard(Ended)
        assert caller.owner.ends() == [("transport", "failure", 503)]
        caller.call(other.uri())
        await caller.owner.heard(Answered)


async def test_the_caller_has_its_session_before_the_first_event(nursery: trio.Nursery) -> None:
    async with running(nursery) as caller:
        known: list[bool] = []
        caller.owner.on_event = lambda session, event: known.append(
            session in caller.owner.sessions
        )
        caller.call("sip:us@127.0.0.1;transport=tls")
        assert caller.owner.events == []
        await caller.owner.heard(Ended)
        assert known == [True]


async def test_a_dead_tcp_port_is_found_out_at_once(nursery: trio.Nursery) -> None:
    with socket.socket() as dead:
        dead.bind(("127.0.0.1", 0))
        port = dead.getsockname()[1]
    async with running(nursery) as caller:
        caller.call(f"sip:us@127.0.0.1:{port};transport=tcp")
        ended = await caller.owner.heard(Ended)
        assert isinstance(ended, Ended)
        assert caller.owner.ends() == [("transport", "failure", 503)]
        assert "Connection refused" in ended.reason
        assert "INVITE" in caller.owner.traces[-1].summary
        assert "not delivered: tcp:127.0.0.1" in caller.owner.traces[-1].summary


async def test_an_ack_that_is_not_delivered_is_traced_with_the_reason(
    nursery: trio.Nursery,
) -> None:
    """A peer whose Contact says TCP, where it does not listen, hangs up without a word on why."""
    with socket.socket() as dead, trio.socket.socket(type=socket.SOCK_DGRAM) as peer:
        dead.bind(("127.0.0.1", 0))
        await peer.bind(("127.0.0.1", 0))
        async with running(nursery) as caller:
            caller.call(f"sip:us@127.0.0.1:{peer.getsockname()[1]}")
            data, ours = await peer.recvfrom(65_535)
            request = parse_datagram(data)
            assert isinstance(request, Request)
            contact = f"<sip:us@127.0.0.1:{dead.getsockname()[1]};transport=tcp>"
            headers = [("Contact", contact)]
            await peer.sendto(
                response_to(request, 200, None, to_tag="theirs", headers=headers).to_bytes(), ours
            )
            owner = caller.owner
            await owner.until(lambda: "not delivered" in owner.traces[-1].summary)
            assert owner.traces[-1].summary.startswith(f"ACK {contact[1:-1]}, which is not")


async def test_a_tcp_connection_is_used_again(nursery: trio.Nursery) -> None:
    async with running(nursery, TCP) as us, running(nursery, UDP) as caller:
        for number in range(1, 4):
            caller.call(us.uri(transport="tcp"))
            await caller.owner.heard(Answered, number)
        assert len({str(trace.remote) for trace in us.owner.traces}) == 1


async def test_the_called_side_hangs_up_over_the_callers_connection(nursery: trio.Nursery) -> None:
    async with running(nursery, TCP) as us, running(nursery, TCP) as caller:
        caller.call(us.uri(transport="tcp"))
        await us.owner.heard(Acknowledged)
        us.owner.sessions[0].hangup()
        await caller.owner.heard(Ended)
        assert len({str(trace.remote) for trace in us.owner.traces}) == 1


OPTIONS = (
    "OPTIONS sip:us@127.0.0.1 SIP/2.0\r\nVia: SIP/2.0/TCP 127.0.0.1;branch=z9hG4bK{n}\r\n"
    "Max-Forwards: 70\r\nFrom: <sip:a@127.0.0.1>;tag=1\r\nTo: <sip:us@127.0.0.1>\r\n"
    "Call-ID: {n}\r\nCSeq: 1 OPTIONS\r\nContent-Length: 0\r\n\r\n"
)


async def read(stream: trio.SocketStream, count: int = 1) -> bytes:
    """Bytes with `count` ends of headers in them."""
    data = b""
    with trio.fail_after(PATIENCE_S):
        while data.count(b"\r\n\r\n") < count:
            more = await stream.receive_some()
            assert more, "the endpoint closed the connection"
            data += more
    return data


async def test_a_stream_may_be_cut_anywhere_and_hold_several_messages(
    nursery: trio.Nursery,
) -> None:
    async with running(nursery, TCP) as us:
        stream = await trio.open_tcp_stream("127.0.0.1", us.port("tcp"))
        async with stream:
            for byte in OPTIONS.format(n=1).encode():
                await stream.send_all(bytes([byte]))
            assert (await read(stream)).startswith(b"SIP/2.0 200")
            both = OPTIONS.format(n=2) + OPTIONS.format(n=3)
            await stream.send_all(both.encode())
            assert (await read(stream, 2)).count(b"SIP/2.0 200") == 2


async def test_a_double_crlf_is_answered_with_one(nursery: trio.Nursery) -> None:
    async with running(nursery, TCP, UDP) as us:
        stream = await trio.open_tcp_stream("127.0.0.1", us.port("tcp"))
        async with stream:
            await stream.send_all(b"\r\n\r\n")
            with trio.fail_after(PATIENCE_S):
                assert await stream.receive_some() == b"\r\n"
        with trio.socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
            await sock.sendto(b"\r\n\r\n", ("127.0.0.1", us.port()))
            with trio.fail_after(PATIENCE_S):
                assert await sock.recv(100) == b"\r\n"
        assert us.owner.traces == []


async def test_a_bad_message_on_a_stream_is_answered_and_the_stream_goes_on(
    nursery: trio.Nursery,
) -> None:
    async with running(nursery, TCP) as us:
        stream = await trio.open_tcp_stream("127.0.0.1", us.port("tcp"))
        async with stream:
            bad = OPTIONS.format(n=1).replace("CSeq: 1", "CSeq: x")
            await stream.send_all((bad + bad + OPTIONS.format(n=2)).encode())
            answers = await read(stream, 3)
            assert answers.count(b"SIP/2.0 400") == 2
            assert b"SIP/2.0 200" in answers


async def test_a_stream_without_borders_is_answered_and_closed(nursery: trio.Nursery) -> None:
    async with running(nursery, TCP) as us:
        stream = await trio.open_tcp_stream("127.0.0.1", us.port("tcp"))
        async with stream:
            bad = OPTIONS.format(n=1).replace("Content-Length: 0", "Content-Length: -5")
            await stream.send_all(bad.encode() + b"and so on")
            assert (await read(stream)).startswith(b"SIP/2.0 400")
            with trio.fail_after(PATIENCE_S):
                assert await stream.receive_some() == b""


async def test_a_closed_gate_closes_connections_and_refuses_datagrams(
    nursery: trio.Nursery,
) -> None:
    async with running(nursery, TCP, UDP) as us, running(nursery, UDP) as caller:
        us.owner.gate = lambda peer: Refusal(status=403, reason="not on the list")
        stream = await trio.open_tcp_stream("127.0.0.1", us.port("tcp"))
        async with stream:
            with trio.fail_after(PATIENCE_S):
                assert await stream.receive_some() == b""
        caller.call(us.uri())
        await caller.owner.heard(Ended)
        assert caller.owner.ends() == [("remote", "failure", 403)]
        assert us.owner.refusals[0].why == "not on the list"


async def test_a_failing_owner_harms_only_its_own_call(nursery: trio.Nursery) -> None:
    async with running(nursery) as us, running(nursery) as caller:

        def explode(*_: object) -> None:
            raise RuntimeError("owner's fault")

        us.owner.on_invite = explode
        caller.call(us.uri())
        await caller.owner.heard(Ended)
        assert caller.owner.ends() == [("remote", "failure", 500)]
        us.owner.on_invite = lambda session: session.accept(SDP)
        us.owner.on_event = explode
        caller.call(us.uri())
        await caller.owner.heard(Answered)
        await us.owner.until(lambda: len(us.owner.faults) == 2)
        assert ["owner's fault" in fault.traceback for fault in us.owner.faults] == [True, True]
        assert us.owner.faults[0].where.startswith("on_invite(")


async def test_even_a_failing_report_of_faults_harms_nothing(nursery: trio.Nursery) -> None:
    def explode(*_: object) -> None:
        raise RuntimeError("everything fails")

    us = Endpoint(
        EndpointSettings(),
        on_invite=explode,
        on_trace=explode,
        on_refusal=explode,
        on_fault=explode,
    )
    bound = await nursery.start(us.run, [ListenAddress.parse(UDP)])
    async with running(nursery) as caller:
        for number in range(1, 3):
            caller.call(f"sip:us@127.0.0.1:{bound[0].port}")
            await caller.owner.heard(Ended, number)
        assert caller.owner.ends() == [("remote", "failure", 500)] * 2
    await us.close()


async def test_a_failing_gate_stays_closed(nursery: trio.Nursery) -> None:
    async with running(nursery) as us, running(nursery) as caller:

        def explode(_: PeerAddress) -> Refusal | None:
            raise RuntimeError("gate's fault")

        us.owner.gate = explode
        caller.call(us.uri())
        await caller.owner.heard(Ended)
        assert caller.owner.ends() == [("remote", "failure", 500)]


async def test_a_call_that_nobody_wants_gets_480(nursery: trio.Nursery) -> None:
    nobody = Endpoint(EndpointSettings(), on_invite=lambda session: None)
    bound = await nursery.start(nobody.run, [ListenAddress.parse(UDP)])
    async with running(nursery) as caller:
        caller.call(f"sip:us@127.0.0.1:{bound[0].port}")
        ended = await caller.owner.heard(Ended)
        assert isinstance(ended, Ended)
        assert (ended.status, ended.reason) == (480, "no application took the call")
    await nobody.close()


async def test_draining_refuses_new_calls_and_keeps_the_old(nursery: trio.Nursery) -> None:
    async with running(nursery) as us, running(nursery) as caller:
        caller.call(us.uri())
        await us.owner.heard(Acknowledged)
        us.endpoint.drain(7)
        caller.call(us.uri())
        ended = await caller.owner.heard(Ended)
        assert isinstance(ended, Ended)
        assert (ended.status, ended.headers.get("Retry-After")) == (503, "7")
        assert us.endpoint.active_sessions == 1


async def test_closing_takes_leave_of_every_peer(nursery: trio.Nursery) -> None:
    async with running(nursery) as us, running(nursery) as caller:
        caller.call(us.uri())
        await us.owner.heard(Acknowledged)
        us.owner.on_invite = lambda session: session.provisional(180)
        caller.call(us.uri())
        await caller.owner.heard(Provisional)
        with trio.fail_after(PATIENCE_S):
            await us.endpoint.close()
            await us.endpoint.close()
        await caller.owner.heard(Ended, 2)
        assert sorted(caller.owner.ends()) == [
            ("remote", "bye", 200),
            ("remote", "failure", 480),
        ]
        with pytest.raises(NotRunningError, match="not running"):
            us.call(caller.uri())


async def test_closing_cancels_our_ringing_calls(nursery: trio.Nursery) -> None:
    async with running(nursery) as us, running(nursery) as caller:
        us.owner.on_invite = lambda session: session.provisional(180)
        caller.call(us.uri())
        await caller.owner.heard(Provisional)
        await caller.endpoint.close()
        await us.owner.heard(Ended)
        assert us.owner.ends() == [("remote", "cancel", 487)]


async def test_a_taken_port_says_what_to_do(nursery: trio.Nursery) -> None:
    async with running(nursery) as us:
        other = Endpoint(EndpointSettings(), on_invite=lambda session: None)
        taken = ListenAddress.parse(f"udp://127.0.0.1:{us.port()}")
        with pytest.raises(ListenError, match=r"cannot listen on udp://.*the port is taken"):
            await other.run([ListenAddress.parse(UDP), taken])


async def test_before_running_nothing_can_be_asked() -> None:
    idle = Endpoint(EndpointSettings(), on_invite=lambda session: None)
    assert idle.active_sessions == 0
    await idle.close()
    with pytest.raises(NotRunningError, match=r"drain\(\): the endpoint is not running"):
        idle.drain(1)


async def test_an_unusable_target_is_the_callers_fault(nursery: trio.Nursery) -> None:
    async with running(nursery) as us:
        for target in ("", "bob", "sip:", "sip:bob@h\r\nEvil: 1"):
            with pytest.raises(ValueError):
                us.call(target)
        with pytest.raises(ValueError, match="leave it out"):
            us.call("sip:bob@127.0.0.1", headers=[("Via", "x")])
        assert us.endpoint.active_sessions == 0


async def test_a_request_padded_over_1300_bytes_reaches_a_peer_without_tcp(
    nursery: trio.Nursery,
) -> None:
    async with running(nursery) as us, running(nursery) as caller:
        caller.call(us.uri(), headers=[("X-Padding", "x" * 2000)])
        await caller.owner.heard(Answered)
        assert us.owner.sessions[0].request.headers.get("X-Padding") == "x" * 2000


async def test_a_request_too_long_for_any_datagram_fails_cleanly(nursery: trio.Nursery) -> None:
    async with running(nursery) as us, running(nursery) as caller:
        padding = [(f"X-Padding-{n}", "x" * 16_000) for n in range(5)]
        caller.call(us.uri(), headers=padding)
        await caller.owner.heard(Ended)
        assert caller.owner.ends() == [("transport", "failure", 503)]


@pytest.mark.parametrize("transport", ["udp", "tcp"])
async def test_a_whole_call_over_ipv6(transport: str, nursery: trio.Nursery) -> None:
    both = ["udp://[::1]:0", "tcp://[::1]:0", UDP, TCP]
    if not socket.has_ipv6:
        pytest.skip("this machine has no IPv6")
    async with running(nursery, *both) as us, running(nursery, *both) as caller:
        caller.call(us.uri(transport=transport))
        answered = await caller.owner.heard(Answered)
        assert isinstance(answered, Answered)
        await us.owner.heard(Acknowledged)
        us.owner.sessions[0].hangup(reason="done")
        await caller.owner.heard(Ended)
        assert {trace.remote.host for trace in us.owner.traces} == {"::1"}
        suffix = ";transport=tcp" if transport == "tcp" else ""
        contact = NameAddr.parse(answered.headers.get("Contact") or "")
        assert str(contact.uri) == f"sip:callstage@[::1]:{us.port(transport)}{suffix}"
        invite = us.owner.sessions[0].request
        assert (invite.via.host, invite.via.port) == ("::1", caller.port(transport))
        # rport was asked for, so that the source is noted (RFC 3581 4)
        assert invite.via.received == "::1"
        assert invite.contact is not None
        assert invite.contact.uri.host == "::1"


async def test_one_endpoint_is_reached_by_both_families_at_once(nursery: trio.Nursery) -> None:
    async with (
        running(nursery, UDP, "udp://[::1]:0") as us,
        running(nursery, UDP, "udp://[::1]:0") as caller,
    ):
        for listener in us.bound:
            caller.call(f"sip:us@{listener}".replace("udp:", ""))
        for number in (1, 2):
            await caller.owner.heard(Answered, number)
        shown = {
            NameAddr.parse(event.headers.get("Contact") or "").uri.host
            for event in caller.owner.events
            if isinstance(event, Answered)
        }
        assert shown == {"127.0.0.1", "::1"}


async def test_a_wildcard_listener_shows_the_address_on_the_way_to_the_peer(
    nursery: trio.Nursery,
) -> None:
    async with running(nursery, "udp://0.0.0.0:0") as us, running(nursery) as caller:
        caller.call(f"sip:us@127.0.0.1:{us.port()}")
        answered = await caller.owner.heard(Answered)
        assert isinstance(answered, Answered)
        contact = NameAddr.parse(answered.headers.get("Contact") or "")
        assert (contact.uri.host, contact.uri.port) == ("127.0.0.1", us.port())


async def test_a_burst_of_calls_all_gets_through(nursery: trio.Nursery) -> None:
    async with running(nursery) as us, running(nursery) as caller:
        for _ in range(100):
            caller.call(us.uri())
        await caller.owner.heard(Answered, 100)
        for session in caller.owner.sessions:
            session.hangup()
        await us.owner.heard(Ended, 100)
        assert us.owner.faults == caller.owner.faults == []
        assert us.endpoint.active_sessions == 0


async def raw_exchange(us: Running, data: bytes) -> Response:
    with trio.socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        await sock.bind(("127.0.0.1", 0))
        await sock.sendto(data, ("127.0.0.1", us.port()))
        with trio.fail_after(PATIENCE_S):
            answer = parse_datagram(await sock.recv(65_535))
    assert isinstance(answer, Response)
    return answer


async def test_an_answer_comes_back_to_the_port_it_was_asked_from(nursery: trio.Nursery) -> None:
    async with running(nursery) as us:
        text = OPTIONS.format(n=1).replace("127.0.0.1;branch", "somewhere.example;branch")
        answer = await raw_exchange(us, text.replace("TCP", "UDP").encode())
        assert answer.status == 200
        assert answer.via.received == "127.0.0.1"


async def test_whoever_is_shut_out_is_not_even_read(nursery: trio.Nursery) -> None:
    read: list[SipTrace] = []
    shut_out: set[int] = set()
    us = Endpoint(
        EndpointSettings(),
        on_invite=lambda session: None,
        on_trace=read.append,
        shuts_out=lambda peer: peer.port in shut_out,
    )
    bound = await nursery.start(us.run, [ListenAddress.parse(UDP)])
    with trio.socket.socket(type=trio.socket.SOCK_DGRAM) as banned:
        await banned.bind(("127.0.0.1", 0))
        shut_out.add(banned.getsockname()[1])
        await banned.sendto(
            b"OPTIONS sip:us@127.0.0.1 SIP/2.0\r\n\r\n", ("127.0.0.1", bound[0].port)
        )
        async with running(nursery) as other:
            other.call(f"sip:us@127.0.0.1:{bound[0].port}")
            await other.owner.heard(Ended)
            assert {trace.remote.port for trace in read} == {other.port()}
    await us.close()
