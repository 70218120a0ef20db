"""All sockets of one endpoint: finds the one a message leaves by, and opens connections for it.

Sending never waits for the caller. A message to a name waits (bounded) for the resolver; one for
TCP waits on its connection; whatever cannot be sent is reported with its transaction.
"""

from __future__ import annotations

import errno
import socket
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from functools import partial

import trio

from sip.address import BoundAddress, Destination, ListenAddress, PeerAddress
from sip.transaction import Transmit

from .limits import (
    MAX_TCP_CONNECTIONS,
    MAX_TCP_PER_HOST,
    MAX_WAITING_FOR_NAME,
    RESTART_S,
)
from .nat import Listener
from .receiver import Receiver
from .resolve import ResolveError, Resolver
from .tcp import TcpConnection
from .udp import UdpListener

_TCP_BACKLOG = 512
"""Connections that may wait to be accepted: a burst of a load generator."""


class ListenError(Exception):
    """A listener cannot be had; the text says which, why and what to do."""


class TransportHub:
    """UDP listeners, TCP listeners and TCP connections."""

    def __init__(
        self, receiver: Receiver, resolver: Resolver, on_crash: Callable[[Exception], None]
    ) -> None:
        self._receiver = receiver
        self._resolver = resolver
        self._on_crash = on_crash
        self._next_id = 1
        self._udp: dict[int, UdpListener] = {}
        self._tcp_listeners: list[tuple[Listener, trio.SocketListener]] = []
        self._connections: dict[int, TcpConnection] = {}
        self._by_peer: dict[tuple[str, int], TcpConnection] = {}
        self._per_host: Counter[str] = Counter()
        self._waiting: dict[str, list[Transmit]] = {}
        self._nursery: trio.Nursery | None = None

    # --- listeners ---

    def bind(self, where: Sequence[ListenAddress]) -> list[Listener]:
        """Open all listeners, or none: ListenError."""
        try:
            return [self._bind_one(address) for address in where]
        except BaseException:
            self.close()
            raise

    def _bind_one(self, where: ListenAddress) -> Listener:
        flow_id = self._new_id()
        try:
            if where.transport == "udp":
                udp = UdpListener.bind(flow_id, where, self._receiver)
                self._udp[flow_id] = udp
                return Listener(id=flow_id, address=udp.address)
            sock = _bind_tcp(where)
        except OSError as exc:
            raise ListenError(f"cannot listen on {where}: {_advice(exc, where)}") from exc
        host, port = sock.getsockname()[:2]
        address = BoundAddress(transport="tcp", host=host, port=port)
        listener = Listener(id=flow_id, address=address)
        self._tcp_listeners.append((listener, trio.SocketListener(sock)))
        return listener

    def close(self) -> None:
        for udp in self._udp.values():
            udp.close()
        for _, listener in self._tcp_listeners:
            listener.socket.close()

    async def run(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Serve everything until cancelled; started when connections can be opened."""
        try:
            async with trio.open_nursery() as nursery:
                self._nursery = nursery
                task_status.started()
                for udp in self._udp.values():
                    nursery.start_soon(self._keep_reading, udp)
                if self._tcp_listeners:
                    listeners = [listener for _, listener in self._tcp_listeners]
                    await trio.serve_listeners(self._accept, listeners, handler_nursery=nursery)
                await trio.sleep_forever()
        finally:
            self._nursery = None
            self.close()

    # --- sending ---

    def send(self, output: Transmit) -> None:
        """Send a message; whatever becomes of it is told to the receiver."""
        destination = output.destination
        if destination.transport == "tcp":
            self._send_tcp(output, destination)
            return
        addresses = self._resolver.known(destination.host, trio.current_time())
        if addresses is None:
            self._ask_resolver(output)
        else:
            self._send_udp(output, addresses)

    def _send_udp(self, output: Transmit, addresses: Sequence[str]) -> None:
        destination = output.destination
        udp = self._udp.get(destination.flow or 0) or next(iter(self._udp.values()), None)
        if udp is None:
            self._fail(output, "there is no UDP listener")
            return
        address = next((a for a in addresses if (":" in a) == udp.is_ipv6), None)
        if address is None:
            self._fail(output, f"{destination.host} has no address that {udp.address} can reach")
            return
        udp.send(output, address, destination.port)

    def _send_tcp(self, output: Transmit, destination: Destination) -> None:
        connection = self._connections.get(destination.flow or 0)
        if connection is None or connection.is_closing:
            connection = self._by_peer.get((destination.host, destination.port))
        if connection is None or connection.is_closing:
            connection = self._open(destination)
        if connection is None:
            self._fail(output, "no further TCP connection can be opened")
        else:
            connection.send(output)

    def _open(self, destination: Destination) -> TcpConnection | None:
        """A new connection, on which messages can be queued already."""
        nursery = self._nursery
        if nursery is None or len(self._connections) >= MAX_TCP_CONNECTIONS:
            return None
        connection = TcpConnection(self._new_id(), self._receiver)
        self._connections[connection.id] = connection
        self._by_peer[destination.host, destination.port] = connection
        nursery.start_soon(self._connect, connection, destination)
        return connection

    async def _connect(self, connection: TcpConnection, destination: Destination) -> None:
        host, port = destination.host, destination.port
        try:
            addresses = await self._resolver.resolve(host, port, "tcp")
            reason = ""
        except ResolveError as exc:
            addresses, reason = (), str(exc)
        try:
            await self._guard(partial(connection.connect, addresses, port, reason))
        finally:
            self._connections.pop(connection.id, None)
            if self._by_peer.get((host, port)) is connection:
                del self._by_peer[host, port]

    def _ask_resolver(self, output: Transmit) -> None:
        host = output.destination.host.lower()
        waiting = self._waiting.get(host)
        if waiting is not None and len(waiting) < MAX_WAITING_FOR_NAME:
            waiting.append(output)
        elif waiting is not None or self._nursery is None:
            self._fail(output, f"too many messages wait for the name {host}")
        else:
            self._waiting[host] = [output]
            self._nursery.start_soon(self._resolve, host, output.destination.port)

    async def _resolve(self, host: str, port: int) -> None:
        try:
            addresses = await self._resolver.resolve(host, port, "udp")
        except ResolveError as exc:
            for output in self._waiting.pop(host, []):
                self._fail(output, str(exc))
            return
        for output in self._waiting.pop(host, []):
            self._send_udp(output, addresses)

    def _fail(self, output: Transmit, reason: str) -> None:
        if output.transaction is not None:
            self._receiver.undelivered(output.transaction, reason)

    # --- connections of peers ---

    async def _accept(self, stream: trio.SocketStream) -> None:
        try:
            host, port = stream.socket.getpeername()[:2]
        except OSError:
            await stream.aclose()
            return
        peer = PeerAddress(transport="tcp", host=host, port=port)
        is_full = len(self._connections) >= MAX_TCP_CONNECTIONS or (
            self._per_host[host] >= MAX_TCP_PER_HOST and not peer.is_loopback
        )
        if is_full or not self._receiver.welcomes(peer):
            await stream.aclose()
            return
        connection = TcpConnection(self._new_id(), self._receiver)
        self._connections[connection.id] = connection
        self._per_host[host] += 1
        try:
            await self._guard(partial(connection.accept, stream))
        finally:
            self._connections.pop(connection.id, None)
            self._per_host[host] -= 1
            if not self._per_host[host]:
                del self._per_host[host]

    async def _keep_reading(self, udp: UdpListener) -> None:
        """A listener that failed once goes on; without it the endpoint would be deaf."""
        while True:
            await self._guard(udp.run)
            await trio.sleep(RESTART_S)

    async def _guard(self, serve: Callable[[], Awaitable[None]]) -> None:
        """One socket's fault must not end the others: an edge where everything is caught."""
        try:
            await serve()
        except Exception as exc:  # noqa: BLE001  recorded with its traceback by the endpoint
            self._on_crash(exc)

    def _new_id(self) -> int:
        self._next_id += 1
        return self._next_id


def _bind_tcp(where: ListenAddress) -> trio.socket.SocketType:
    family = socket.AF_INET6 if ":" in where.host else socket.AF_INET
    sock = socket.socket(family, socket.SOCK_STREAM)
    try:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        sock.bind((where.host, where.port))
        sock.listen(_TCP_BACKLOG)
    except OSError:
        sock.close()
        raise
    return trio.socket.from_stdlib_socket(sock)


def _advice(exc: OSError, where: ListenAddress) -> str:
    if exc.errno == errno.EADDRINUSE:
        return "the port is taken; choose another one, or 0 for any"
    if exc.errno == errno.EADDRNOTAVAIL:
        return f"this machine has no address {where.host}"
    if exc.errno == errno.EACCES:
        return "ports below 1024 need privileges; choose a higher one"
    return exc.strerror or str(exc)
