"""Whether the configured listeners can be had, what peers are told of them, and who gets through.

For `callstage doctor`: every listener is bound as `run` binds it, and a message is sent to the
address that peers are told. What cannot be reached from here may still be reached from outside: few
NATs lead their own inside back.
"""

from __future__ import annotations

import secrets
import socket
from collections.abc import Sequence
from typing import Final

import attrs
import trio

from runtime.config.settings import SipSettings
from runtime.legs.sip.tls import tls_settings
from sip.address import BoundAddress, Destination, ListenAddress, Transport, host_port, ip_literal
from sip.advertise import Advertised
from sip.endpoint import Endpoint, EndpointSettings, InviteSession, ListenError
from sip.message import Uri
from sip.transport import AddressBook, Listener, TlsError, TlsIdentity, source_address
from sip.transport.opening import OpenError, dial

REACH_S: Final = 3.0
"""For an answer of our own, over whatever leads back to us."""
_OUTSIDE: Final = {4: "192.0.2.1", 6: "2001:db8::1"}
"""Stand for peers elsewhere (RFC 5737, RFC 3849); nothing is sent there."""
_CARRIERS: Final[dict[Transport, Transport]] = {"ws": "tcp", "wss": "tls"}
_BYTES: Final = 65_535


@attrs.frozen(kw_only=True)
class ListenerReport:
    """One listener, as it was found."""

    listener: str
    """As configured."""
    bound: bool
    told: str
    """What peers elsewhere are told, as in Contact."""
    reached: bool | None
    """Whether an answer came from there; None when that was not tried."""
    problem: str
    """Why it cannot be bound, or was not reached; empty when all is well."""
    is_fatal: bool = False
    """`run` would not start."""


async def examine(config: SipSettings) -> list[ListenerReport]:
    """Try every listener, one after the other."""
    tls = TlsIdentity(tls_settings(config.tls))
    advertised = Advertised.parse(config.advertise, config.local)
    return [
        await _examine(ListenAddress.parse(text), config, advertised, tls) for text in config.listen
    ]


async def _examine(
    where: ListenAddress, config: SipSettings, advertised: Advertised, tls: TlsIdentity
) -> ListenerReport:
    endpoint = Endpoint(
        EndpointSettings(advertise=advertised),
        on_invite=_nobody,
        tls=tls_settings(config.tls),
    )
    try:
        async with trio.open_nursery() as nursery:
            [bound] = await nursery.start(endpoint.run, [where])
            report = await _reach(where, bound, advertised, tls)
            nursery.cancel_scope.cancel()
    except* ListenError as group:
        fault = group.exceptions[0]
    else:
        return report
    return await _of_another(where, fault, advertised, tls)


def _nobody(_: InviteSession) -> None:
    """The one caller there is asks for nothing but OPTIONS."""


async def _of_another(
    where: ListenAddress, fault: BaseException, advertised: Advertised, tls: TlsIdentity
) -> ListenerReport:
    """It cannot be bound; when its port is taken, perhaps by a runtime that answers."""
    is_taken = isinstance(fault, ListenError) and fault.is_taken
    if not is_taken:
        return ListenerReport(
            listener=str(where), bound=False, told="", reached=None, problem=str(fault),
            is_fatal=True,
        )  # fmt: skip
    bound = BoundAddress(transport=where.transport, host=where.host, port=where.port)
    found = await _reach(where, bound, advertised, tls)
    said = "something that speaks SIP answers there" if found.reached else "no SIP answers there"
    return attrs.evolve(found, bound=False, problem=f"{fault}; {said}", is_fatal=False)


async def _reach(
    where: ListenAddress, bound: BoundAddress, advertised: Advertised, tls: TlsIdentity
) -> ListenerReport:
    told = _told(bound, advertised)
    problem = ""
    try:
        with trio.fail_after(REACH_S):
            problem = await _ask(bound, told, tls)
    except trio.TooSlowError:
        problem = f"no answer within {REACH_S:g} s"
    if problem:
        place = host_port(told.host, told.port or 0)
        problem = f"{place} was not reached from here: {problem}"
        if told.host != bound.host:
            problem += "; try from outside, as few NATs lead their own inside back"
    return ListenerReport(
        listener=str(where),
        bound=True,
        told=str(told).removeprefix("sip:"),
        reached=not problem,
        problem=problem,
    )


def _told(bound: BoundAddress, advertised: Advertised) -> Uri:
    """The contact that a peer elsewhere is told; on loopback there are none elsewhere."""
    literal = ip_literal(bound.host)
    peer = bound.host
    if literal is not None and not literal.is_loopback:
        peer = _OUTSIDE[literal.version]
    book = AddressBook([Listener(id=1, address=bound)], advertised, source_address)
    flow = 1 if bound.transport == "udp" else None
    return Uri.parse(
        "sip:"
        + book.contact(
            Destination(transport=bound.transport, host=peer, port=bound.port, flow=flow)
        )
    )


async def _ask(bound: BoundAddress, told: Uri, tls: TlsIdentity) -> str:
    """What went wrong; empty when an answer came."""
    try:
        addresses = await _addresses(told.host, bound)
        place = Destination(
            transport=bound.transport,
            host=addresses[0],
            port=told.port or bound.port,
            domain=told.host,
        )
        if bound.transport == "udp":
            return await _ask_by_udp(place)
        return await _ask_by_connection(place, tls)
    except OSError as exc:
        return exc.strerror or str(exc)
    except (OpenError, TlsError) as exc:
        return str(exc)


async def _addresses(host: str, bound: BoundAddress) -> Sequence[str]:
    if ip_literal(host) is not None:
        return [host]
    family = socket.AF_INET6 if ":" in bound.host else socket.AF_INET
    rows = await trio.socket.getaddrinfo(host, None, family=family, type=socket.SOCK_STREAM)
    return [str(row[4][0]) for row in rows]


async def _ask_by_udp(place: Destination) -> str:
    family = socket.AF_INET6 if ":" in place.host else socket.AF_INET
    with trio.socket.socket(family, socket.SOCK_DGRAM) as sock:
        await sock.connect((place.host, place.port))
        host, port = sock.getsockname()[:2]
        await sock.send(_options(place, host_port(host, port)))
        return _judge(await sock.recv(_BYTES))


async def _ask_by_connection(place: Destination, tls: TlsIdentity) -> str:
    """WebSocket listeners are asked for their connection alone, and its certificate."""
    carrier = _CARRIERS.get(place.transport, place.transport)
    opened = await dial(1, attrs.evolve(place, transport=carrier), tls)
    async with opened.stream as stream:
        if carrier != place.transport:
            return ""
        here = host_port(opened.flow.local.host, opened.flow.local.port)
        await stream.send_all(_options(place, here))
        return _judge(bytes(await stream.receive_some(_BYTES)))


def _options(place: Destination, here: str) -> bytes:
    mark = secrets.token_hex(8)
    lines = [
        f"OPTIONS sip:doctor@{host_port(place.host, place.port)} SIP/2.0",
        f"Via: SIP/2.0/{place.transport.upper()} {here};branch=z9hG4bK{mark};rport",
        "Max-Forwards: 1",
        f"From: <sip:doctor@{here}>;tag={mark}",
        f"To: <sip:doctor@{host_port(place.host, place.port)}>",
        f"Call-ID: {mark}",
        "CSeq: 1 OPTIONS",
        "Content-Length: 0",
    ]
    return "\r\n".join([*lines, "", ""]).encode()


def _judge(reply: bytes) -> str:
    """Any SIP answer shows the way; what it says is another matter."""
    return "" if reply.startswith(b"SIP/2.0 ") else "what answers there is no SIP"
