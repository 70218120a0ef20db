"""A telephone for the tests: places and takes calls over UDP or TCP, and shows every message.

It does exactly what it is told, in the order it is told, so that unusual callers can be played; it
answers by itself only what every telephone answers (100, ACK, BYE, OPTIONS, INFO, re-INVITE), and
repeats over UDP what it waits to be answered, except INVITE.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager
from typing import Any, Final

import attrs
import trio

from tests.e2e import wire
from tests.e2e.audio import Audio
from tests.e2e.home import LOOPBACK, Home, in_uri
from tests.e2e.waiting import WAIT_S, holds, until
from tests.e2e.wire import Described, Header, Message, Sdp

HOST: Final = "127.0.0.1"
REPEATS_S: Final = (0.5, 1.0, 2.0, 4.0, 4.0, 4.0)
"""Timer E (RFC 3261 17.1.2.2), until the test gives up."""
OWN: Final = "<use the telephone's own description>"


@attrs.define(eq=False)
class Dialog:
    """One call, in either role."""

    phone: Phone
    audio: Audio
    call_id: str
    local: str
    """From value of our requests, tag included."""
    remote: str
    """To value of our requests; the tag comes with the first response that has one."""
    target: str
    sdp: Sdp
    invite: Message
    incoming: bool = False
    sequence: int = 1
    responses: list[Message] = attrs.field(factory=list)
    """To the INVITE, retransmissions included."""
    others: list[Message] = attrs.field(factory=list)
    """Responses to our other requests."""
    requests: list[Message] = attrs.field(factory=list)
    """What the far side asked inside the dialog."""
    answers: list[Described] = attrs.field(factory=list)
    """Descriptions of the far side, oldest first."""
    auto_ack: bool = True
    challenge: str = ""
    """What requests inside the call without credentials get (401)."""
    branch: str = ""
    acknowledged: list[Message] = attrs.field(factory=list)
    route: tuple[str, ...] = ()
    """The proxies on the way, ours first (RFC 3261 12.1)."""

    # --- waiting --------------------------------------------------------------------------------

    async def until(
        self, condition: Callable[[], object], what: str, within_s: float = WAIT_S
    ) -> None:
        def seen() -> str:
            messages = (*self.responses, *self.others, *self.requests)
            return f"so far {[message.start for message in messages]}"

        await until(condition, what, seen=seen, within_s=within_s)

    async def response(self, status: int) -> Message:
        """The first response to the INVITE with this status."""

        def found() -> list[Message]:
            return [message for message in self.responses if message.status == status]

        await self.until(found, f"a {status}")
        return found()[0]

    async def final(self) -> Message:
        await self.until(lambda: self.finals, "a final response")
        return self.finals[0]

    @property
    def finals(self) -> list[Message]:
        return [message for message in self.responses if message.status >= 200]

    async def connected(self) -> Described:
        """The 200, acknowledged; the description in it."""
        await self.response(200)
        await self.until(lambda: self.answers, "a description")
        return self.answers[-1]

    async def ended(self) -> Message:
        """The far side's BYE."""
        return await self.requested("BYE")

    async def requested(self, method: str, times: int = 1) -> Message:
        def found() -> list[Message]:
            return [message for message in self.requests if message.method == method]

        await self.until(lambda: len(found()) >= times, f"{times} x {method}")
        return found()[times - 1]

    async def answered(self, request: Message) -> Message:
        """The final response to one of our own requests."""
        number = request.get("CSeq")

        def found() -> list[Message]:
            pool = [*self.responses, *self.others]
            return [m for m in pool if m.get("CSeq") == number and m.status >= 200]

        await self.phone.repeat(request, found)
        await self.until(found, f"a response to {number}")
        return found()[0]

    async def hear(self, seconds: float) -> None:
        """Until so much audio has come since now."""
        before = len(self.audio.packets)
        wanted = before + round(seconds / 0.02)
        await self.until(lambda: len(self.audio.packets) >= wanted, f"{seconds:g} s of audio")

    async def hear_nothing(self, seconds: float) -> None:
        """No packet for so long, once those that were under way are here."""
        await trio.sleep(0.15)
        before = len(self.audio.packets)
        await trio.sleep(seconds)
        assert len(self.audio.packets) == before

    # --- asking ---------------------------------------------------------------------------------

    async def ask(
        self, method: str, *, headers: Iterable[Header] = (), body: bytes = b"", kind: str = ""
    ) -> Message:
        """A request inside the dialog; returns what was sent."""
        self.sequence += 1
        request = self._request(method, self.sequence, [*headers], body, kind)
        await self.phone.send(request)
        return request

    async def bye(self) -> None:
        request = await self.ask("BYE")
        assert (await self.answered(request)).status == 200
        self.audio.silent = True

    async def info(self, kind: str, body: str) -> Message:
        return await self.answered(await self.ask("INFO", body=body.encode(), kind=kind))

    async def cancel(self) -> None:
        via = next(value for name, value in self.invite.headers if name == "Via")
        kept = {"From", "To", "Call-ID", "Max-Forwards"}
        headers = [("Via", via), *(h for h in self.invite.headers if h[0] in kept)]
        number = self.invite.get("CSeq").split()[0]
        uri = self.invite.start.split()[1]
        await self.phone.send(
            Message(f"CANCEL {uri} SIP/2.0", (*headers, ("CSeq", f"{number} CANCEL")))
        )

    async def reinvite(self, **changes: Any) -> Described:
        """Another offer; its answer, acknowledged."""
        before = len(self.answers)
        self.sdp = attrs.evolve(self.sdp, version=self.sdp.version + 1, **changes)
        await self.ask("INVITE", body=self.sdp.to_bytes(), kind="application/sdp")
        await self.until(lambda: len(self.answers) > before, "an answer to the re-INVITE")
        return self.answers[-1]

    async def update(self, **changes: Any) -> Message:
        """Another offer by UPDATE (RFC 3311); returns what was sent."""
        self.sdp = attrs.evolve(self.sdp, version=self.sdp.version + 1, **changes)
        return await self.ask("UPDATE", body=self.sdp.to_bytes(), kind="application/sdp")

    async def acknowledge(self, response: Message, body: bytes = b"") -> None:
        number = int(response.get("CSeq").split()[0])
        kind = "application/sdp" if body else ""
        request = self._request("ACK", number, [], body, kind)
        if response.status >= 300:
            kept = [header for header in request.headers if header[0] not in ("Via", "Route")]
            request = attrs.evolve(request, headers=(("Via", response.lines("Via")[0]), *kept))
        self.acknowledged.append(request)
        await self.phone.send(request)

    def _request(
        self, method: str, number: int, headers: list[Header], body: bytes, kind: str
    ) -> Message:
        fixed: list[Header] = [
            ("Via", self.phone.via()),
            ("Max-Forwards", "70"),
            ("From", self.local),
            ("To", self.remote),
            ("Call-ID", self.call_id),
            ("CSeq", f"{number} {method}"),
            ("Contact", self.phone.contact),
            *(("Route", proxy) for proxy in self.route),
        ]
        if kind:
            fixed.append(("Content-Type", kind))
        return Message(f"{method} {self.target} SIP/2.0", (*fixed, *headers), body)

    # --- answering (incoming) -------------------------------------------------------------------

    async def reply(
        self,
        status: int,
        reason: str = "Whatever",
        *,
        headers: Iterable[Header] = (),
        sdp: bool = False,
    ) -> None:
        """A response to the INVITE that we were sent."""
        body = self.sdp.to_bytes() if sdp else b""
        more: list[Header] = [("Contact", self.phone.contact), *headers]
        if sdp:
            more.append(("Content-Type", "application/sdp"))
        tag = wire.tag_of(self.local)
        response = wire.response_to(self.invite, status, reason, tag=tag, headers=more, body=body)
        self.phone.replies[self.invite.get("Via")] = response
        await self.phone.send(response)

    async def answer(self) -> None:
        """200, and wait for the ACK."""
        self.audio.remote = (self.answers[-1].host, self.answers[-1].port)
        await self.reply(200, "OK", sdp=True)
        await self.requested("ACK")

    # --- what arrives ---------------------------------------------------------------------------

    async def on_response(self, response: Message) -> None:
        if response.method != "INVITE":
            self.others.append(response)
            return
        self.responses.append(response)
        if response.tag_of_to and ";tag=" not in self.remote:
            self.remote = response.get("To")
            self.route = tuple(reversed(response.addresses("Record-Route")))
        if response.status < 300 and response.get("Contact"):
            self.target = response.contact_uri
        if response.body:
            self.answers.append(Described.read(response.body))
            self.audio.remote = (self.answers[-1].host, self.answers[-1].port)
        if response.status >= 200 and self.auto_ack:
            await self.acknowledge(response)

    async def on_request(self, request: Message) -> None:
        self.requests.append(request)
        if request.method == "ACK":
            return
        headers: list[Header] = []
        body = b""
        if self.challenge and not request.get("Authorization"):
            await self.phone.send(
                wire.response_to(
                    request,
                    401,
                    "Unauthorized",
                    tag=wire.tag_of(self.local),
                    headers=[("WWW-Authenticate", self.challenge)],
                    body=b"",
                )
            )
            return
        if request.method == "BYE":
            self.audio.silent = True
        if request.method == "INVITE":
            self.answers.append(Described.read(request.body))
            headers = [("Contact", self.phone.contact), ("Content-Type", "application/sdp")]
            self.sdp = attrs.evolve(self.sdp, version=self.sdp.version + 1)
            body = self.sdp.to_bytes()
        tag = wire.tag_of(self.local)
        reply = wire.response_to(request, 200, "OK", tag=tag, headers=headers, body=body)
        await self.phone.send(reply)


@attrs.define(eq=False)
class Phone:
    """One telephone with one SIP address; any number of calls."""

    transport: str
    server: tuple[str, int]
    """Whom it calls."""
    _socket: trio.socket.SocketType | None
    _stream: trio.SocketStream | None
    nursery: trio.Nursery
    home: Home = LOOPBACK
    dialogs: dict[str, Dialog] = attrs.field(factory=dict)
    arrived: list[Dialog] = attrs.field(factory=list)
    """Calls to us, oldest first."""
    strays: list[Message] = attrs.field(factory=list)
    """Messages that belong to no call."""
    audios: list[Audio] = attrs.field(factory=list)
    audio_home: Home | None = None
    """Where its audio lives, if not with its signalling."""
    replies: dict[str, Message] = attrs.field(factory=dict)
    """Last response by Via, for retransmitted requests."""

    @property
    def host(self) -> str:
        return self.home.address

    @property
    def port(self) -> int:
        source = self._socket or self._stream.socket  # type: ignore[union-attr]
        return int(source.getsockname()[1])

    @property
    def contact(self) -> str:
        suffix = ";transport=tcp" if self.transport == "tcp" else ""
        return f"<sip:wire@{self.home.written}:{self.port}{suffix}>"

    @property
    def uri(self) -> str:
        return wire.uri_of(self.contact)

    def via(self) -> str:
        protocol = self.transport.upper()
        return f"SIP/2.0/{protocol} {self.home.written}:{self.port};branch={wire.branch()};rport"

    # --- calls ----------------------------------------------------------------------------------

    async def call(
        self,
        user: str,
        *,
        sdp: str | Sdp | None = OWN,
        headers: Iterable[Header] = (),
        auto_ack: bool = True,
        caller: str = "wire",
        uri: str = "",
    ) -> Dialog:
        """Send an INVITE; `sdp=None` leaves the offer to the far side, `uri` is a Request-URI that
        differs from To."""
        audio = await self.more_audio()
        suffix = ";transport=tcp" if self.transport == "tcp" else ""
        address = f"sip:{user}@{in_uri(self.server[0])}:{self.server[1]}{suffix}"
        target = uri or address
        own = Sdp(port=audio.port, host=(self.audio_home or self.home).address)
        described = own if isinstance(sdp, str) else sdp
        fixed: list[Header] = [
            ("Via", self.via()),
            ("Max-Forwards", "70"),
            ("From", f"<sip:{caller}@{self.home.written}>;tag={wire.token()}"),
            ("To", f"<{address}>"),
            ("Call-ID", wire.token()),
            ("CSeq", "1 INVITE"),
            ("Contact", self.contact),
        ]
        if described is not None:
            fixed.append(("Content-Type", "application/sdp"))
        body = described.to_bytes() if described is not None else b""
        invite = Message(f"INVITE {target} SIP/2.0", (*fixed, *headers), body)
        dialog = Dialog(
            phone=self,
            audio=audio,
            call_id=invite.get("Call-ID"),
            local=invite.get("From"),
            remote=invite.get("To"),
            target=target,
            sdp=described or own,
            invite=invite,
            auto_ack=auto_ack,
        )
        self.dialogs[dialog.call_id] = dialog
        await self.send(invite)
        return dialog

    async def incoming(self, number: int = 1) -> Dialog:
        """The n-th call to us."""
        await until(lambda: len(self.arrived) >= number, f"{number} calls to the telephone")
        return self.arrived[number - 1]

    async def ask(self, request: Message) -> Message:
        """A request outside any dialog; its final response."""
        await self.send(request)

        wanted = request.get("CSeq"), request.get("Call-ID")

        def found() -> list[Message]:
            finals = [message for message in self.strays if message.status >= 200]
            return [m for m in finals if (m.get("CSeq"), m.get("Call-ID")) == wanted]

        await self.repeat(request, found)
        await until(found, f"a final response to {request.start}")
        return found()[0]

    async def repeat(self, request: Message, is_answered: Callable[[], object]) -> None:
        """Send a request over UDP again as long as nobody answers (RFC 3261 17.1.2.2): a datagram
        may find no room in a socket, and that is nobody's fault."""
        if request.method == "INVITE" or self.transport != "udp":
            return
        for wait_s in REPEATS_S:
            if await holds(is_answered, wait_s):
                return
            await self.send(request)

    def request(self, method: str, user: str = "anyone", *headers: Header) -> Message:
        """A request outside any dialog."""
        uri = f"sip:{user}@{in_uri(self.server[0])}:{self.server[1]}"
        fixed: list[Header] = [
            ("Via", self.via()),
            ("Max-Forwards", "70"),
            ("From", f"<sip:wire@{self.home.written}>;tag={wire.token()}"),
            ("To", f"<{uri}>"),
            ("Call-ID", wire.token()),
            ("CSeq", f"1 {method}"),
            ("Contact", self.contact),
        ]
        return Message(f"{method} {uri} SIP/2.0", (*fixed, *headers))

    # --- messages -------------------------------------------------------------------------------

    async def send(self, message: Message | bytes) -> None:
        data = message if isinstance(message, bytes) else message.to_bytes()
        if self._stream is not None:
            await self._stream.send_all(data)
        elif self._socket is not None:
            await self._socket.sendto(data, self.server)

    async def run(self) -> None:
        if self._stream is not None:
            buffer = b""
            async for chunk in self._stream:
                message, buffer = wire.split_stream(buffer + chunk)
                while message is not None:
                    await self._on_message(message)
                    message, buffer = wire.split_stream(buffer)
        while self._socket is not None:
            try:
                data, sender = await self._socket.recvfrom(65_535)
            except ConnectionRefusedError:
                continue
            if data.strip():
                self.server = sender[:2]
                await self._on_message(wire.parse(data))

    async def _on_message(self, message: Message) -> None:
        dialog = self.dialogs.get(message.get("Call-ID"))
        if message.status:
            if dialog is None:
                self.strays.append(message)
            else:
                await dialog.on_response(message)
        elif dialog is None and message.method == "INVITE":
            await self._on_invite(message)
        elif message.get("Via") in self.replies:
            if message.method == "CANCEL":
                await self._on_cancel(message)
            elif message.method == "ACK" and dialog is not None:
                dialog.requests.append(message)
            else:
                await self.send(self.replies[message.get("Via")])
        elif dialog is None:
            self.strays.append(message)
        else:
            await dialog.on_request(message)

    async def _on_invite(self, invite: Message) -> None:
        audio = await self.more_audio()
        tag = wire.token()
        dialog = Dialog(
            phone=self,
            audio=audio,
            call_id=invite.get("Call-ID"),
            local=f"{invite.get('To')};tag={tag}",
            remote=invite.get("From"),
            target=invite.contact_uri,
            route=invite.addresses("Record-Route"),
            sdp=Sdp(port=audio.port, host=self.host),
            invite=invite,
            incoming=True,
            sequence=100,
        )
        if invite.body:
            dialog.answers.append(Described.read(invite.body))
        self.dialogs[dialog.call_id] = dialog
        self.arrived.append(dialog)
        trying = wire.response_to(invite, 100, "Trying", tag="", headers=(), body=b"")
        self.replies[invite.get("Via")] = trying
        await self.send(trying)

    async def _on_cancel(self, request: Message) -> None:
        dialog = self.dialogs[request.get("Call-ID")]
        dialog.requests.append(request)
        tag = wire.tag_of(dialog.local)
        await self.send(wire.response_to(request, 200, "OK", tag=tag, headers=(), body=b""))
        await dialog.reply(487, "Request Terminated")

    async def more_audio(self) -> Audio:
        audio = await Audio.open(self.audio_home or self.home)
        self.audios.append(audio)
        for run in (audio.run_sender, audio.run_receiver, audio.run_reports):
            self.nursery.start_soon(run)
        return audio


@asynccontextmanager
async def telephone(
    port: int, transport: str = "udp", *, server: str = HOST, home: Home = LOOPBACK
) -> AsyncIterator[Phone]:
    """A telephone that calls that port of `server`, while the block runs."""
    sock: trio.socket.SocketType | None = None
    stream: trio.SocketStream | None = None
    if transport == "tcp":
        stream = await trio.open_tcp_stream(server, port)
    else:
        sock = home.datagram_socket()
        await sock.bind((home.address, 0))
    phone: Phone | None = None
    try:
        async with trio.open_nursery() as nursery:
            phone = Phone(transport, (server, port), sock, stream, nursery, home)
            nursery.start_soon(phone.run)
            yield phone
            nursery.cancel_scope.cancel()
    finally:
        for audio in phone.audios if phone is not None else ():
            audio.close()
        if sock is not None:
            sock.close()
        if stream is not None:
            with trio.CancelScope(shield=True, deadline=trio.current_time() + 1):
                await stream.aclose()
