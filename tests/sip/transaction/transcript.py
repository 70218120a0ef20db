"""Runs a transaction layer on a clock of its own and writes down what it sends and reports."""

from __future__ import annotations

from sip.address import Destination, Transport
from sip.message import Request, Response, parse_datagram, response_to
from sip.transaction import (
    ClientKey,
    LayerOutput,
    ServerKey,
    Timers,
    TransactionLayer,
    Transmit,
    server_key,
)


def destination(transport: Transport = "udp") -> Destination:
    return Destination(transport=transport, host="192.0.2.9", port=5060)


def request(
    method: str = "INVITE",
    *,
    branch: str | None = "z9hG4bK-one",
    to_tag: str = "",
    sent_by: str = "192.0.2.1:5060",
    cseq: int = 1,
    from_tag: str | None = "from",
) -> Request:
    via = f"SIP/2.0/UDP {sent_by}" + (f";branch={branch}" if branch else "")
    text = (
        f"{method} sip:bob@example.com SIP/2.0\r\nVia: {via}\r\nMax-Forwards: 70\r\n"
        f"From: <sip:alice@example.com>{f';tag={from_tag}' if from_tag else ''}\r\n"
        f"To: <sip:bob@example.com>{f';tag={to_tag}' if to_tag else ''}\r\n"
        f"Call-ID: call-1\r\nCSeq: {cseq} {method}\r\nContent-Length: 0\r\n\r\n"
    )
    message = parse_datagram(text.encode())
    assert isinstance(message, Request)
    return message


def answer(to: Request, status: int, tag: str = "to") -> Response:
    return response_to(to, status, to_tag=tag)


class Transcript:
    """One layer; every line is `time: what`, in the order in which it came out."""

    def __init__(self, transport: Transport = "udp", timers: Timers | None = None) -> None:
        self.layer = TransactionLayer(timers or Timers())
        self.transport: Transport = transport
        self.now = 0.0
        self.lines: list[str] = []

    def send(self, message: Request) -> ClientKey:
        key, out = self.layer.send_request(
            message, message.to_bytes(), destination(self.transport), self.now
        )
        self._note(out)
        return key

    def receive(self, message: Request | Response) -> ServerKey | None:
        if isinstance(message, Response):
            out = self.layer.receive_response(message, self.now)
            self._note(out) if out is not None else self.lines.append(f"{self.now:g}: stray")
            return None
        key = server_key(message)
        reply_to = destination(self.transport)
        self._note(self.layer.receive_request(key, message, reply_to, self.now))
        return key

    def respond(self, key: ServerKey, response: Response) -> None:
        out = self.layer.respond(key, response, self.now)
        self._note(out) if out is not None else self.lines.append(f"{self.now:g}: gone")

    def fail(self, key: ClientKey | ServerKey, reason: str = "refused") -> None:
        self._note(self.layer.transport_failed(key, reason, self.now))

    def run_until(self, end: float) -> None:
        """Let every timer up to `end` come up at its exact time."""
        while (at := self.layer.next_timeout()) is not None and at <= end:
            self.now = at
            self._note(self.layer.on_time(at))
        self.now = end

    def take(self) -> list[str]:
        lines, self.lines = self.lines, []
        return lines

    def times_of(self, what: str) -> list[float]:
        """When a line with this text was written."""
        return [float(time) for time, _, text in self._split() if text == what]

    def _split(self) -> list[tuple[str, str, str]]:
        return [line.partition(": ") for line in self.lines]

    def _note(self, out: list[LayerOutput]) -> None:
        for output in out:
            self.lines.append(f"{self.now:g}: {describe(output)}")


def describe(output: LayerOutput) -> str:
    if isinstance(output, Transmit):
        kind = "repeat" if output.retransmission else "send"
        return f"{kind} {output.summary.split(' sip:')[0]}"
    name = type(output).__name__
    message = getattr(output, "response", None) or getattr(output, "request", None)
    return f"{name} {message.status}" if isinstance(message, Response) else name
