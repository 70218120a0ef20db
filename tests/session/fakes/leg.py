"""A call leg that writes down what it is told; the test plays the peer."""

from __future__ import annotations

import trio

from runtime.decisions.directions import AudioDirection
from runtime.legs.leg import (
    Connected,
    DialRefused,
    DialRequest,
    Ended,
    Headers,
    Leg,
    LegEvent,
    LegIdentity,
    LegListener,
    Trace,
    TraceListener,
)
from tests.session.fakes.media import FakeMediaLeg


class FakeTransfers:
    """Writes transfers down."""

    def __init__(self) -> None:
        self.sent: list[str] = []
        self.handled = False

    def handle(self, handle: bool) -> None:
        self.handled = handle

    def report(self, code: int, reason: str) -> None:
        self.sent.append(f"report {code} {reason}")

    def to(self, address: str, headers: Headers) -> None:
        self.sent.append(f"to {address}")

    def to_leg(self, other: Leg, headers: Headers) -> None:
        self.sent.append(f"to {other.identity.number}")


class FakeLeg:
    """`sent` is what went out on its wire. Local ends are reported at once, as a leg does."""

    def __init__(self, *, incoming: bool, number: str = "100", headers: Headers | None = None):
        self.incoming = incoming
        self.identity = LegIdentity(
            number=number,
            callerid="alice",
            display_name="Alice",
            from_uri="sip:alice@127.0.0.1",
            to_uri=f"sip:{number}@127.0.0.1",
            headers=headers or {},
            remote="udp:127.0.0.1:5070",
        )
        self.media = FakeMediaLeg(number)
        self.transfers = FakeTransfers()
        self.sent: list[str] = []
        self.reasons: list[str] = []
        self.codes: list[int] = []
        """Of the ends that we asked for."""
        self.headers: list[Headers] = []
        self.ended = False
        self.slow_to_end = False
        self.digits_by_info = False
        """The answer to our BYE takes its time."""
        self._early: list[LegEvent] = []
        self._listener: LegListener | None = None
        self._trace: TraceListener | None = None

    def listen(self, listener: LegListener) -> None:
        self._listener = listener
        early, self._early = self._early, []
        for event in early:
            listener(event)

    def trace(self, listener: TraceListener) -> None:
        self._trace = listener
        text = "INVITE sip:100@127.0.0.1 SIP/2.0\r\nAuthorization: Digest response=s3cret\r\n"
        listener(Trace(t=trio.current_time() - 1, kind="sip", what="in INVITE", detail=text))

    def say(self, event: LegEvent) -> None:
        """The peer does something."""
        if self.ended:
            return
        self.ended = isinstance(event, Ended)
        if self.ended:
            self.media.close()
        if self._listener is None:
            self._early.append(event)
        else:
            self._listener(event)

    def ack(self) -> None:
        self.say(Connected())

    def bye(self, code: int = 200) -> None:
        self.say(Ended(code=code, reason="BYE received", by="peer", headers={"Reason": "Q.850"}))

    def ring(self, headers: Headers) -> None:
        self._out("180", headers)

    def early_media(self, headers: Headers) -> None:
        self._out("183", headers)

    def answer(self, headers: Headers, display_name: str = "") -> None:
        self._out("200", headers)

    def answer_directly(self, peer: Leg, headers: Headers, display_name: str = "") -> None:
        self._out(f"200 with the audio of {peer.identity.number}", headers)
        self.media.close()

    def reject(self, code: int, reason: str, headers: Headers, *, problem: str = "") -> None:
        self._end(str(code), code, reason, headers)

    def hangup(self, headers: Headers, *, code: int = 487, reason: str = "") -> None:
        self._end("hangup", code, reason, headers)

    def reinvite(self, direction: AudioDirection | None, headers: Headers) -> None:
        self._out(f"reinvite {direction or 'as it is'}", headers)

    def send_info(self, mime_type: str, body: str, headers: Headers) -> None:
        self._out(f"INFO {mime_type} {body}", headers)

    def send_message(self, text: str) -> None:
        self._out(f"MESSAGE {text}", {})

    def _out(self, what: str, headers: Headers) -> None:
        if not self.ended:
            self.sent.append(what)
            self.headers.append(headers)

    def _end(self, what: str, code: int, reason: str, headers: Headers) -> None:
        if not self.ended:
            self._out(what, headers)
            self.reasons.append(reason)
            self.codes.append(code)
            if not self.slow_to_end:
                self.say(Ended(code=code, reason=reason, by="us"))


class FakeDialer:
    """Every dialled leg is kept; `refusal` makes the next attempts fail."""

    def __init__(self) -> None:
        self.requests: list[DialRequest] = []
        self.legs: list[FakeLeg] = []
        self.refusal: DialRefused | None = None
        self.delay_s = 0.0

    async def dial(self, request: DialRequest) -> Leg:
        self.requests.append(request)
        await trio.sleep(self.delay_s)
        if self.refusal is not None:
            raise DialRefused(self.refusal.kind, self.refusal.reason)
        leg = FakeLeg(incoming=False, number=request.to)
        self.legs.append(leg)
        return leg
