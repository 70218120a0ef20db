"""All sockets of one endpoint: finds the one a message leaves by, and opens connections for it.

Sending never waits for the caller. A message for a connection waits on it; whatever cannot be sent
is reported with its transaction.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Awaitable, Callable, Sequence
from functools import partial

import trio

from sip.address import (
    Destination,
    Flow,
    ListenAddress,
    Lookup,
    PeerAddress,
    Transport,
    is_secure,
    is_websocket,
)
from sip.transaction import ClientKey, Transmit

from .arrivals import Framing, StreamFraming
from .connection import Connection
from .dns import AddressKind, Names
from .limits import (
    CERTIFICATE_WATCH_S,
    MAX_CONNECTIONS,
    MAX_CONNECTIONS_PER_HOST,
    MAX_OPENING,
    MAX_WAITING_FOR_NAME,
    RESTART_S,
)
from .listening import bind_stream, listen_error
from .locate import LocateError, Locator
from .nat import Listener
from .opening import OpenError, accept_stream, dial, flow_of
from .receiver import Receiver
from .tls import TlsError, TlsIdentity, TlsSettings
from .udp import UdpListener
from .websocket import WebSocketFraming, WebSocketSettings


class TransportHub:
    """Listeners of all transports, and connections of all that have them."""

    def __init__(
        self,
        receiver: Receiver,
        names: Names,
        on_crash: Callable[[Exception], None],
        tls: TlsSettings | None = None,
        websocket: WebSocketSettings | None = None,
    ) -> None:
        self._receiver = receiver
        self._on_crash = on_crash
        self._tls = TlsIdentity(tls or TlsSettings())
        self._websocket = websocket or WebSocketSettings()
        self._next_id = 1
        self._udp: dict[int, UdpListener] = {}
        self._listeners: list[tuple[Listener, trio.SocketListener]] = []
        self._connections: dict[int, Connection] = {}
        self._by_peer: dict[tuple[str, str, int], Connection] = {}
        self._per_host: Counter[str] = Counter()
        self._names = names
        self._locator = Locator(names, transports=(), kinds=())
        self._waiting: dict[Lookup, deque[tuple[ClientKey, str]]] = {}
        self._nursery: trio.Nursery | None = None

    # --- listeners ---

    def bind(self, where: Sequence[ListenAddress]) -> list[Listener]:
        """Open all listeners, or none: ListenError."""
        try:
            bound = [self._bind_one(address) for address in where]
        except BaseException:
            self.close()
            raise
        self._locator = self._locator_for(bound)
        return bound

    def _locator_for(self, bound: Sequence[Listener]) -> Locator:
        """We connect by TCP and TLS without listening there; UDP needs a socket."""
        hosts = [listener.address.host for listener in bound]
        kinds: list[AddressKind] = ["AAAA"] if any(":" in host for host in hosts) else []
        if any(":" not in host for host in hosts) or not hosts:
            kinds.insert(0, "A")
        transports: tuple[Transport, ...] = ("udp", "tcp", "tls") if self._udp else ("tcp", "tls")
        return Locator(self._names, transports=transports, kinds=kinds)

    def _bind_one(self, where: ListenAddress) -> Listener:
        flow_id = self._new_id()
        try:
            if where.transport == "udp":
                udp = UdpListener.bind(flow_id, where, self._receiver)
                self._udp[flow_id] = udp
                return Listener(id=flow_id, address=udp.address)
            if is_secure(where.transport) and self._tls.server is None:
                raise TlsError("it needs a certificate; name one in [sip.tls] certificate and key")
            bound, sock = bind_stream(where)
        except (OSError, TlsError) as exc:
            raise listen_error(exc, where) from exc
        listener = Listener(id=flow_id, address=bound)
        self._listeners.append((listener, trio.SocketListener(sock)))
        return listener

    def close(self) -> None:
        for udp in self._udp.values():
            udp.close()
        for _, listener in self._listeners:
            listener.socket.close()

    async def run(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Serve everything until cancelled; started when connections can be opened."""
        try:
            async with trio.open_nursery() as nursery:
                self._nursery = nursery
                task_status.started()
                for udp in self._udp.values():
                    nursery.start_soon(self._keep_reading, udp)
                for listener, accepting in self._listeners:
                    handler = partial(self._accept, listener)
                    nursery.start_soon(
                        partial(trio.serve_listeners, handler, [accepting], handler_nursery=nursery)
                    )
                nursery.start_soon(self._watch_certificates)
                await trio.sleep_forever()
        finally:
            self._nursery = None
            self.close()

    # --- certificates ---

    def reload_certificates(self) -> None:
        """Read certificate, key and authorities anew; what cannot be used leaves the old ones."""
        try:
            self._tls.load()
        except TlsError as exc:
            self._receiver.notice(f"certificates not reloaded, those before go on: {exc}")
        else:
            self._receiver.notice("certificates reloaded: new connections take them")

    async def _watch_certificates(self) -> None:
        stamps = self._tls.stamps()
        while stamps:
            await trio.sleep(CERTIFICATE_WATCH_S)
            now = self._tls.stamps()
            if now != stamps:
                stamps = now
                self.reload_certificates()

    # --- sending ---

    def send(self, output: Transmit) -> None:
        """Send a message; whatever becomes of it is told to the receiver."""
        if output.destination.transport == "udp":
            self._send_udp(output, output.destination)
        else:
            self._send_on_connection(output, output.destination)

    def _send_udp(self, output: Transmit, destination: Destination) -> None:
        udp = self._udp.get(destination.flow or 0) or next(iter(self._udp.values()), None)
        if udp is None:
            self._receiver.undelivered(output, "there is no UDP listener")
        elif (":" in destination.host) != udp.is_ipv6:
            self._receiver.undelivered(
                output, f"{destination.host} cannot be reached from {udp.address}"
            )
        else:
            udp.send(output, destination.host, destination.port)

    def _send_on_connection(self, output: Transmit, destination: Destination) -> None:
        connection = self._connections.get(destination.flow or 0)
        if connection is None or connection.is_closing:
            connection = self._by_peer.get(_place(destination))
        if connection is None and is_websocket(destination.transport):
            self._receiver.undelivered(
                output, "the WebSocket of this peer is closed, and only it can open one"
            )
            return
        if connection is None or connection.is_closing:
            connection = self._open(destination)
        if connection is None:
            self._receiver.undelivered(
                output, f"no further {destination.transport} connection can be opened"
            )
        else:
            connection.send(output)

    def _open(self, destination: Destination) -> Connection | None:
        """A new connection, on which messages can be queued already."""
        nursery = self._nursery
        if nursery is None or len(self._connections) >= MAX_CONNECTIONS:
            return None
        connection = Connection(self._new_id(), self._receiver, StreamFraming(), pings=True)
        self._connections[connection.id] = connection
        self._by_peer[_place(destination)] = connection
        nursery.start_soon(self._connect, connection, destination)
        return connection

    async def _connect(self, connection: Connection, destination: Destination) -> None:
        try:
            await self._guard(
                partial(connection.run, partial(dial, connection.id, destination, self._tls))
            )
        finally:
            self._connections.pop(connection.id, None)
            if self._by_peer.get(_place(destination)) is connection:
                del self._by_peer[_place(destination)]

    # --- names ---

    def locate(self, key: ClientKey, lookup: Lookup, seed: str) -> None:
        """Find the servers of a name; all who ask for the same are told in the order they asked."""
        waiting = self._waiting.get(lookup)
        if waiting is not None and len(waiting) < MAX_WAITING_FOR_NAME:
            waiting.append((key, seed))
        elif waiting is not None or self._nursery is None:
            self._receiver.located(key, (), f"too many requests wait for the name {lookup.domain}")
        else:
            self._waiting[lookup] = deque([(key, seed)])
            self._nursery.start_soon(self._locate, lookup)

    async def _locate(self, lookup: Lookup) -> None:
        """Once the first has its answer, the others have theirs from memory."""
        waiting, reason = self._waiting[lookup], ""
        try:
            while waiting:
                key, seed = waiting.popleft()
                found: list[Destination] = []
                if not reason:
                    try:
                        found = await self._locator.locate(lookup, seed)
                    except LocateError as exc:
                        reason = str(exc)
                self._receiver.located(key, found, reason)
        finally:
            del self._waiting[lookup]

    # --- connections of peers ---

    async def _accept(self, listener: Listener, stream: trio.SocketStream) -> None:
        try:
            flow = flow_of(self._new_id(), listener.address.transport, stream)
        except OpenError:
            await stream.aclose()
            return
        why = self._why_not(flow.peer)
        # who may show a certificate is judged after the handshake
        is_known = not (is_secure(flow.transport) and self._tls.asks_for_certificates)
        if why is not None or (is_known and not self._receiver.welcomes(flow.peer)):
            await trio.aclose_forcefully(stream)
            if why is not None:
                self._receiver.turned_away(flow.peer, "connection", why)
            return
        framing = self._framing_of(flow)
        # a browser cannot be asked to send pings; everybody else pings who connected
        pings = is_websocket(flow.transport)
        connection = Connection(flow.id, self._receiver, framing, pings=pings)
        host = flow.peer.host
        self._connections[flow.id] = connection
        self._per_host[host] += 1
        try:
            await self._guard(partial(self._serve, connection, stream, flow, framing))
        finally:
            self._connections.pop(flow.id, None)
            self._per_host[host] -= 1
            if not self._per_host[host]:
                del self._per_host[host]

    def _framing_of(self, flow: Flow) -> Framing:
        if is_websocket(flow.transport):
            return WebSocketFraming(self._websocket)
        return StreamFraming()

    async def _serve(
        self, connection: Connection, stream: trio.SocketStream, flow: Flow, framing: Framing
    ) -> None:
        welcomes = self._receiver.welcomes
        fault = await connection.run(
            partial(accept_stream, stream, flow, self._tls, framing, welcomes)
        )
        if fault is not None and str(fault):
            self._receiver.turned_away(flow.peer, "connection", str(fault))

    def _opening(self) -> int:
        return sum(connection.flow is None for connection in self._connections.values())

    def _why_not(self, peer: PeerAddress) -> str | None:
        """Loopback peers are a load generator or a proxy of our own."""
        if len(self._connections) >= MAX_CONNECTIONS:
            return f"the limit of {MAX_CONNECTIONS} connections is reached"
        if len(self._connections) >= MAX_OPENING and self._opening() >= MAX_OPENING:
            return f"{MAX_OPENING} connections are in the middle of their handshakes"
        if self._per_host[peer.host] >= MAX_CONNECTIONS_PER_HOST and not peer.is_loopback:
            return f"{peer.host} has {MAX_CONNECTIONS_PER_HOST} connections, the most for one host"
        return None

    async def _keep_reading(self, udp: UdpListener) -> None:
        """A listener that failed once goes on; without it the endpoint would be deaf."""
        while True:
            await self._guard(udp.run)
            await trio.sleep(RESTART_S)

    async def _guard(self, serve: Callable[[], Awaitable[object]]) -> None:
        """One socket's fault must not end the others: an edge where everything is caught."""
        try:
            await serve()
        except Exception as exc:  # noqa: BLE001  recorded with its traceback by the endpoint
            self._on_crash(exc)

    def _new_id(self) -> int:
        self._next_id += 1
        return self._next_id


def _place(destination: Destination) -> tuple[str, str, int]:
    """What a connection to it is found by; one whose certificate was checked for another name is
    another one."""
    return f"{destination.transport}:{destination.identity}", destination.host, destination.port
