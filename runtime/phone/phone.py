"""A small SIP phone on our own stack: an endpoint, an audio engine, a file worker when it plays.

`place_call` and `answer_call` do one call from start to end; `Phone` is for whoever wants several.
Whatever happens, the peer is taken leave of and no process is left behind.
"""

from __future__ import annotations

import secrets
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final

import attrs
import trio

from runtime.config.settings import USUAL_CODECS, WIDEBAND, CodecName, Srtp, parse_port_range
from runtime.legs.leg import DialRefused, Leg
from runtime.legs.sip.encryption import Encryption
from runtime.legs.sip.incoming import IncomingCalls
from runtime.legs.sip.outbound import SipDialer
from runtime.legs.sip.route import OutgoingRules
from runtime.legs.sip.settings import LegSettings
from runtime.legs.sip.trace import TraceBook
from runtime.media.client import MediaClient
from runtime.media.pcm import ROW_RATE_HZ, WIDE_ROW_RATE_HZ
from runtime.media.port import MediaUnavailable
from runtime.media.sounds.sound import PcmSound
from runtime.phone.conversation import Conversation
from runtime.phone.dialling import dial_request, local_address, phone_route
from runtime.phone.ear import Ear
from runtime.phone.plan import CallPlan, CallReport, PlanError
from runtime.phone.sounds import decoder, sound_of
from sip.address import BoundAddress, ListenAddress
from sip.endpoint import Endpoint, EndpointSettings, ListenError, TlsSettings
from sip.message import Uri
from sip.sdp import SrtpPolicy
from sip.transport import source_address

MAX_RINGING: Final = 16
"""Calls that wait to be answered; one more is busy."""


class Phone:
    """`run` it; then `call` and `answer`, several at a time if wanted."""

    def __init__(
        self,
        *,
        host: str = "127.0.0.1",
        listen: Sequence[ListenAddress] = (),
        plays: bool = True,
        codecs: Sequence[CodecName] = USUAL_CODECS,
        srtp: Srtp = "off",
        ca: Path | None = None,
        warn: Callable[[str], object] = lambda _: None,
    ) -> None:
        """`host` carries the audio; `listen` defaults to UDP there, any port. Without `plays` no
        file worker is started, and a plan that plays is refused. `codecs` are offered in this
        order; with a wideband one the phone plays and hears at 16 kHz. `srtp` as `[rtp] srtp`.
        `ca`: whose certificates are believed, None for the system's authorities."""
        self._host = host
        wide = not WIDEBAND.isdisjoint(codecs)
        self._rate_hz = WIDE_ROW_RATE_HZ if wide else ROW_RATE_HZ
        self._listen = listen or (ListenAddress(transport="udp", host=host, port=0),)
        self._engine = MediaClient(host, parse_port_range("0"), codecs=tuple(codecs))
        self._decoder = decoder(warn) if plays else None
        give, self._ringing = trio.open_memory_channel[Leg](MAX_RINGING)
        book = TraceBook(trio.current_time)
        settings = LegSettings(
            media=self._engine,
            book=book,
            now=trio.current_time,
            new_number=lambda: secrets.randbelow(2**31),
            source_address=source_address,
            codecs=tuple(codecs),
            encryption=Encryption(policy=SrtpPolicy(srtp), warn=warn),
        )
        self._calls = IncomingCalls(
            settings,
            deliver=lambda leg: _ring(give, leg),
            on_refused=lambda call: warn(f"refused a call ({call.code}): {call.reason}"),
        )
        self._endpoint = Endpoint(
            EndpointSettings(user_agent="callstage phone", contact_user="phone"),
            on_invite=self._calls.on_invite,
            on_trace=book.on_trace,
            on_notice=warn,
            tls=TlsSettings(ca=ca),
        )
        rules = OutgoingRules(trunks=(), only_loopback=False, host=host)
        self._dialer = SipDialer(settings, self._endpoint, rules)

    async def run(
        self, *, task_status: trio.TaskStatus[list[BoundAddress]] = trio.TASK_STATUS_IGNORED
    ) -> None:
        """Be reachable until cancelled. Raises ListenError."""
        async with trio.open_nursery() as nursery:
            async with trio.open_nursery() as starting:
                starting.start_soon(nursery.start, self._engine.run)
                if self._decoder is not None:
                    starting.start_soon(nursery.start, self._decoder.run)
            await nursery.start(self._calls.run)
            addresses = await nursery.start(self._endpoint.run, self._listen)
            task_status.started(addresses)

    async def close(self) -> None:
        """Take leave of every peer, bounded, and stop being reachable. Safe twice."""
        await self._endpoint.close()

    async def call(self, plan: CallPlan) -> CallReport:
        """Place a call and carry the plan out. Raises PlanError."""
        plan.keys()
        route = phone_route(plan, self._host)
        async with self._prepared(plan) as (ear, sound):
            try:
                media = await self._engine.open_leg()
                request = dial_request(plan)
                leg = self._dialer.place(request, route, media, offer=not plan.late_offer)
            except MediaUnavailable as exc:
                return CallReport(ok=False, code=503, reason=str(exc))
            except DialRefused as exc:
                return CallReport(ok=False, code=exc.code, reason=exc.reason)
            report = await Conversation(plan, leg, self._engine, ear, sound).run()
            stream = leg.audio.stream
            keys = stream.srtp if stream is not None else None
            return attrs.evolve(report, srtp_suite=keys.suite if keys is not None else None)

    async def answer(self, plan: CallPlan) -> CallReport:
        """Take the next call that comes and carry the plan out. Raises PlanError."""
        plan.keys()
        async with self._prepared(plan) as (ear, sound):
            leg = await self._ringing.receive()
            return await Conversation(plan, leg, self._engine, ear, sound).run()

    @asynccontextmanager
    async def _prepared(self, plan: CallPlan) -> AsyncIterator[tuple[Ear, PcmSound | None]]:
        """Everything that can be wrong with the plan's files is found before the call."""
        sound = await self._sound(plan)
        try:
            ear = Ear(plan.record, self._rate_hz)
            try:
                yield ear, sound
            finally:
                ear.close()
        finally:
            if sound is not None:
                sound.close()

    async def _sound(self, plan: CallPlan) -> PcmSound | None:
        if plan.play is None:
            return None
        if self._decoder is None:
            raise PlanError(f"{plan.play}: this phone was started without a file worker")
        return await sound_of(plan.play, self._decoder, self._rate_hz)


def _ring(give: trio.MemorySendChannel[Leg], leg: Leg) -> None:
    try:
        give.send_nowait(leg)
    except trio.WouldBlock:
        leg.reject(486, "busy", {})


async def place_call(
    plan: CallPlan,
    *,
    codecs: Sequence[CodecName] = USUAL_CODECS,
    srtp: Srtp = "off",
    ca: Path | None = None,
) -> CallReport:
    """One outgoing call with a phone of its own; over TLS, servers must come from the authority in
    `ca`, or one that the system knows. Raises PlanError, ListenError."""
    route = phone_route(plan, "127.0.0.1")
    host = local_address(route.next_hop) or await _host_towards(route.next_hop)
    phone = Phone(host=host, plays=plan.play is not None, codecs=codecs, srtp=srtp, ca=ca)
    return await _with_running(phone, phone.call, plan)


async def answer_call(
    plan: CallPlan,
    listen: Sequence[ListenAddress],
    *,
    host: str = "127.0.0.1",
    on_ready: Callable[[Sequence[BoundAddress]], object] = lambda _: None,
) -> CallReport:
    """Answer one call; `on_ready` is told where. Raises PlanError, ListenError."""
    phone = Phone(host=host, listen=listen, plays=plan.play is not None)
    return await _with_running(phone, phone.answer, plan, on_ready)


async def _with_running(
    phone: Phone,
    talk: Callable[[CallPlan], Awaitable[CallReport]],
    plan: CallPlan,
    on_ready: Callable[[Sequence[BoundAddress]], object] = lambda _: None,
) -> CallReport:
    report: CallReport | None = None
    fault: PlanError | ListenError | None = None
    async with trio.open_nursery() as nursery:
        try:
            on_ready(await nursery.start(phone.run))
            report = await talk(plan)
        except (PlanError, ListenError) as exc:
            fault = exc  # raised below, outside of the nursery, so that no group wraps it
        await phone.close()
        nursery.cancel_scope.cancel()
    if report is None:
        assert fault is not None, "a call either has a report or failed"
        raise fault
    return report


async def _host_towards(next_hop: Uri) -> str:
    """The local address from which packets to the called host leave. Raises PlanError."""
    host = next_hop.host
    try:
        rows = await trio.socket.getaddrinfo(host, None, type=socket.SOCK_DGRAM)
    except OSError as exc:
        raise PlanError(f"{host} cannot be resolved: {exc.strerror or exc}") from exc
    for row in rows:
        if (source := source_address(str(row[4][0]))) is not None:
            return source
    raise PlanError(f"{host} cannot be reached from this machine: no route")
