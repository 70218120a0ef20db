"""From a socket to a connection that can carry messages: TCP, then TLS, then WebSocket.

Every step has its bound; what stops one is an OpenError whose text names the peer and the reason.
"""

from __future__ import annotations

import os
import socket
import ssl
from collections.abc import Callable

import attrs
import trio

from sip.address import (
    BoundAddress,
    Destination,
    Flow,
    PeerAddress,
    Transport,
    is_secure,
)

from .arrivals import Framing
from .limits import ALIVE_AFTER_S, ALIVE_COUNT, ALIVE_EVERY_S, CONNECT_S, HANDSHAKE_S
from .tls import TlsError, TlsIdentity, names_in, why_no_handshake
from .websocket import Rejected, WebSocketFraming

Stream = trio.abc.Stream
Welcomes = Callable[[PeerAddress], bool]
"""Whether a peer may have a connection; whoever says no has told why."""
_READ_BYTES = 4_096
"""A handshake of a browser has some 600 bytes; h11 takes 16 KiB at most."""


class OpenError(Exception):
    """There is no connection; the text is for people, empty when they have been told."""


@attrs.frozen(kw_only=True)
class Opened:
    """A connection that is up."""

    stream: Stream
    flow: Flow


def flow_of(flow_id: int, transport: Transport, stream: trio.SocketStream) -> Flow:
    """The two ends; OpenError when the connection is gone already."""
    try:
        local, peer = stream.socket.getsockname(), stream.socket.getpeername()
    except OSError:
        raise OpenError("closed before it was served") from None
    return Flow(
        id=flow_id,
        local=BoundAddress(transport=transport, host=local[0], port=local[1]),
        peer=PeerAddress(transport=transport, host=peer[0], port=peer[1]),
    )


async def accept_stream(
    stream: trio.SocketStream,
    flow: Flow,
    tls: TlsIdentity,
    framing: Framing,
    welcomes: Welcomes,
) -> Opened:
    """The server's side of a connection that a peer opened; OpenError closes it."""
    _stay_alive(stream)
    carrier: Stream = stream
    if is_secure(flow.transport):
        carrier = secured = await _accept_tls(stream, tls)
        names = names_in(secured.getpeercert())
        flow = attrs.evolve(flow, peer=attrs.evolve(flow.peer, names=names))
        await _check_welcome(carrier, flow, tls, welcomes)
    if isinstance(framing, WebSocketFraming):
        await _upgrade(carrier, framing)
    return Opened(stream=carrier, flow=flow)


async def _check_welcome(stream: Stream, flow: Flow, tls: TlsIdentity, welcomes: Welcomes) -> None:
    """Those who may show a certificate are judged when it is known."""
    if tls.asks_for_certificates and not welcomes(flow.peer):
        await trio.aclose_forcefully(stream)
        raise OpenError("")


async def _upgrade(stream: Stream, framing: WebSocketFraming) -> None:
    """The handshake of WebSocket (RFC 6455 4.2)."""
    try:
        with trio.fail_after(HANDSHAKE_S):
            verdict = None
            while verdict is None:
                data = await stream.receive_some(_READ_BYTES)
                if not data:
                    raise OpenError("the connection ended in the middle of the WebSocket handshake")
                verdict = framing.shake_hands(bytes(data))
            await stream.send_all(verdict.reply)
        if isinstance(verdict, Rejected):
            raise OpenError(verdict.why)
    except trio.TooSlowError:
        await trio.aclose_forcefully(stream)
        raise OpenError(f"no WebSocket handshake within {HANDSHAKE_S:g} s") from None
    except OpenError:
        await stream.aclose()
        raise
    except (trio.BrokenResourceError, OSError) as exc:
        await trio.aclose_forcefully(stream)
        raise OpenError("the connection broke in the middle of the WebSocket handshake") from exc


async def _accept_tls(
    stream: trio.SocketStream, tls: TlsIdentity
) -> trio.SSLStream[trio.SocketStream]:
    try:
        context = tls.server
    except TlsError as exc:
        await trio.aclose_forcefully(stream)
        raise OpenError(str(exc)) from exc
    assert context is not None, "a TLS listener is bound only with a certificate"
    return await _shake_hands(_serving(stream, context), stream)


def _serving(
    stream: trio.SocketStream, context: ssl.SSLContext
) -> trio.SSLStream[trio.SocketStream]:
    """`https_compatible`: most SIP peers close without TLS's farewell; Content-Length tells us
    whether a message is whole, so that nothing is lost by it."""
    return trio.SSLStream(stream, context, server_side=True, https_compatible=True)


async def dial(flow_id: int, where: Destination, tls: TlsIdentity) -> Opened:
    """Connect to an address; OpenError."""
    place = str(where)
    try:
        with trio.fail_after(CONNECT_S):
            stream = await _connect(where.host, where.port)
    except trio.TooSlowError:
        raise OpenError(f"{place}: no connection within {CONNECT_S:g} s") from None
    except OSError as exc:
        # trio's text repeats the place
        raise OpenError(f"{place}: {os.strerror(exc.errno) if exc.errno else exc}") from exc
    try:
        _stay_alive(stream)
        flow = flow_of(flow_id, where.transport, stream)
        if where.transport == "tcp":
            return Opened(stream=stream, flow=flow)
        # SNI is for names alone (RFC 6066 3); an address is looked for in the certificate all the
        # same, and OpenSSL knows which is which
        secured = trio.SSLStream(
            stream, tls.client, server_hostname=where.identity, https_compatible=True
        )
        return Opened(stream=await _shake_hands(secured, stream), flow=flow)
    except (OpenError, TlsError) as exc:
        await trio.aclose_forcefully(stream)
        raise OpenError(f"{place}: {exc}") from exc


async def _shake_hands(
    secured: trio.SSLStream[trio.SocketStream], stream: trio.SocketStream
) -> trio.SSLStream[trio.SocketStream]:
    try:
        with trio.fail_after(HANDSHAKE_S):
            await secured.do_handshake()
    except trio.TooSlowError:
        await trio.aclose_forcefully(stream)
        raise OpenError(f"no TLS handshake within {HANDSHAKE_S:g} s") from None
    except (trio.BrokenResourceError, ssl.SSLError, OSError) as exc:
        await trio.aclose_forcefully(stream)
        raise OpenError(why_no_handshake(exc)) from exc
    return secured


async def _connect(address: str, port: int) -> trio.SocketStream:
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    sock = trio.socket.socket(family, socket.SOCK_STREAM)
    try:
        await sock.connect((address, port))
    except BaseException:
        sock.close()
        raise
    return trio.SocketStream(sock)


def _stay_alive(stream: trio.SocketStream) -> None:
    """The system finds out that the far end vanished, where nobody sends any keep-alives."""
    sock = stream.socket
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    if hasattr(socket, "TCP_KEEPIDLE"):
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE, ALIVE_AFTER_S)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPINTVL, ALIVE_EVERY_S)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPCNT, ALIVE_COUNT)
