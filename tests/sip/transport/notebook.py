"""A receiver that writes down what the transports tell it."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import trio

from sip.address import BoundAddress, Destination, Flow, PeerAddress
from sip.message import Message, MessageError
from sip.transaction import ClientKey, Transmit

PATIENCE_S = 60
"""Bound on every wait; only a broken build ever waits so long."""


class Notebook:
    """A receiver that writes down what the transports tell it."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self.flows: list[Flow] = []
        self.needed = False
        self.welcome = True
        self._news = trio.Event()

    def _note(self, line: str) -> None:
        self.lines.append(line)
        self._news.set()
        self._news = trio.Event()

    async def until(self, condition: Callable[[], bool]) -> None:
        """Wait for lines that make `condition` true."""
        with trio.fail_after(PATIENCE_S):
            while not condition():
                await self._news.wait()

    def datagram(self, data: bytes, flow: Flow) -> None:
        self._note(f"datagram {len(data)}")

    def message(self, message: Message, flow: Flow) -> None:
        self._note(f"message {message}")

    def fault(self, error: MessageError, data: bytes, flow: Flow) -> None:
        self._note(f"fault {error.status}")

    def sent(self, output: Transmit, local: BoundAddress, remote: PeerAddress) -> None:
        self._note(f"sent {output.summary}")

    def sent_on(self, key: ClientKey, flow: int) -> None:
        self._note(f"sent on {'a connection' if flow else 'nothing'}")

    def undelivered(self, output: Transmit, reason: str) -> None:
        self._note(f"undelivered: {reason}")

    def located(self, key: ClientKey, found: Sequence[Destination], reason: str) -> None:
        self._note(f"located: {', '.join(map(str, found)) or reason}")

    def returned(self, data: bytes, reason: str) -> None:
        self._note(f"returned: {reason}")

    def flow_opened(self, flow: Flow) -> None:
        self.flows.append(flow)
        self._note("opened")

    def flow_closed(self, flow: int, reason: str, peer: PeerAddress | None) -> None:
        self._note(f"closed: {reason}")

    def needs_flow(self, flow: int) -> bool:
        return self.needed

    def welcomes(self, peer: PeerAddress) -> bool:
        return self.welcome

    def turned_away(self, peer: PeerAddress, what: str, why: str) -> None:
        self._note(f"{what} turned away: {why}")

    def notice(self, text: str) -> None:
        self._note(f"notice: {text}")
