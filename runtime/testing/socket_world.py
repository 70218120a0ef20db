"""The world as seen by WebSockets of a simulation: which server takes which connection."""

from __future__ import annotations

from collections.abc import Callable
from fnmatch import fnmatchcase

import attrs
import trio

from runtime.net import Dress, Failure, FetchError
from runtime.sockets import SocketListener, SocketRequest
from runtime.sockets.client import first_hop
from runtime.testing.faults import Fault, Faults
from runtime.testing.peers import Stage
from runtime.testing.recognition import RECOGNISER_URL, SimRecogniser
from runtime.testing.sockets import Line, SimSocket
from runtime.testing.symbolic_media import SymbolicMedia


class SimSockets:
    """The world as seen by WebSockets (the port of runtime/sockets/port.py)."""

    def __init__(
        self, media: SymbolicMedia, stage: Stage, faults: Faults, now: Callable[[], float]
    ) -> None:
        self._media = media
        self._stage = stage
        self._faults = faults
        self._now = now
        self._expected: list[tuple[str, SimSocket]] = []

    @property
    def unmet(self) -> list[str]:
        """Sockets that the test expected and the scenario has not opened."""
        return [pattern for pattern, _ in self._expected]

    def expect(self, pattern: str) -> SimSocket:
        server = SimSocket(f"server {pattern}", self._stage)
        self._expected.append((pattern, server))
        return server

    def expect_recogniser(self) -> SimRecogniser:
        """The recogniser of the next VoxEngine.createASR."""
        recogniser = SimRecogniser("recogniser", self._stage)
        self._expected.append((RECOGNISER_URL, recogniser))
        return recogniser

    async def open(self, request: SocketRequest, dress: Dress, listener: SocketListener) -> Line:
        await trio.lowlevel.checkpoint()
        hop = dress(first_hop(request))
        server = self._server_of(request.url)
        if server.refusal:
            raise FetchError(
                Failure.CONNECTION, f"{hop.shown} opens no WebSocket: {server.refusal}"
            )
        line = Line(server, self._media, listener)
        server._connect(attrs.evolve(request, headers=hop.headers), line)
        return line

    def _server_of(self, url: str) -> SimSocket:
        for number, (pattern, server) in enumerate(self._expected):
            if fnmatchcase(url, pattern):
                del self._expected[number]
                return server
        what = (
            f"{url}: the test does not say who serves this WebSocket; say "
            f"sim.expect_socket({url!r}) before"
        )
        self._faults.add(Fault(t=self._now(), session="", what=what))
        raise FetchError(Failure.HOST_NOT_FOUND, "the test does not say who serves this WebSocket")
