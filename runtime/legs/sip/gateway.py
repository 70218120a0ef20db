"""SIP as the runtime's start-up sees it: one object with a dialer, a run, a drain and a close.

Puts the endpoint, the gate for strangers, incoming calls and the dialer together from the
configuration. Nothing is decided here; each part says what it decides.
"""

from __future__ import annotations

import secrets
import socket
from collections.abc import Callable, Iterable, Sequence
from typing import Final

import trio

from runtime.config.settings import RtpSettings, SipSettings, TrunkSettings
from runtime.legs.leg import Leg
from runtime.legs.sip.destination import is_loopback
from runtime.legs.sip.encryption import Encryption
from runtime.legs.sip.incoming import IncomingCalls, RefusedCall
from runtime.legs.sip.outbound import SipDialer
from runtime.legs.sip.peers import Ban, Network, PeerGate, networks
from runtime.legs.sip.route import OutgoingRules
from runtime.legs.sip.settings import LegSettings
from runtime.legs.sip.tls import tls_settings
from runtime.legs.sip.trace import TraceBook
from runtime.legs.sip.trunks import Trunk
from runtime.legs.sip.user_calls import UserCalls
from runtime.legs.sip.users import Users
from runtime.media.port import MediaPort
from sip.address import BoundAddress, ListenAddress, ip_literal
from sip.advertise import Advertised
from sip.endpoint import (
    Binding,
    Endpoint,
    EndpointSettings,
    Fault,
    RefusalReport,
    RegistrationChanged,
    WebSocketSettings,
)
from sip.sdp import SrtpPolicy
from sip.transport import source_address

RESOLVE_S: Final = 10.0
"""For the name of a trunk at start-up; a resolver answers or gives up within."""

Report = Callable[[RefusedCall], object]


class SipGateway:
    """All SIP of one runtime. Make it, give its `dialer` to the registry, then `run` it."""

    def __init__(
        self,
        config: SipSettings,
        trunks: Sequence[TrunkSettings],
        media: MediaPort,
        *,
        rtp: RtpSettings | None = None,
        users: Users | None = None,
        on_registration: Callable[[RegistrationChanged], None] = lambda _: None,
        on_refused: Report,
        on_fault: Callable[[Fault], None],
        warn: Callable[[str], object] = lambda _: None,
    ) -> None:
        """ValueError for a trunk or listener that cannot be used.

        `on_refused` hears of every call and request that ends before any session, `warn` what the
        operator should change.
        """
        self._listeners = [ListenAddress.parse(text) for text in config.listen]
        self._allow = networks(config.allow)
        self._trunks = [_trunk(settings) for settings in trunks]
        self._on_refused = on_refused
        self._trunk_at: dict[str, Trunk] = {}
        self._users = users or Users()
        self._gate = self._gate_for(())
        book = TraceBook(trio.current_time)
        advertised = Advertised.parse(config.advertise, config.local)
        self._settings = LegSettings(
            media=media,
            book=book,
            now=trio.current_time,
            new_number=lambda: secrets.randbelow(2**31),
            advertised=advertised,
            source_address=source_address,
            codecs=(rtp or RtpSettings()).codecs,
            encryption=Encryption(
                policy=SrtpPolicy((rtp or RtpSettings()).srtp),
                only_protected=(rtp or RtpSettings()).srtp_keys == "protected",
                trunk_at=lambda host: self._trunk_at.get(host),
                warn=warn,
            ),
            info_digits=config.digits == "info",
        )
        self._deliver: Callable[[Leg], object] | None = None
        self._calls = IncomingCalls(
            self._settings, deliver=self._on_leg, on_refused=self._on_refused, users=self._users
        )
        self._endpoint = self._make_endpoint(config, advertised, on_registration, on_fault, warn)
        self.only_loopback = all(is_loopback(listener.host) for listener in self._listeners)
        self.dialer = self._make_dialer(advertised.media_host("") or _own_host(self._listeners))

    def _make_endpoint(
        self,
        config: SipSettings,
        advertised: Advertised,
        on_registration: Callable[[RegistrationChanged], None],
        on_fault: Callable[[Fault], None],
        warn: Callable[[str], object],
    ) -> Endpoint:
        return Endpoint(
            EndpointSettings(advertise=advertised, registrar=self._users.registrar),
            on_invite=self._calls.on_invite,
            on_trace=self._settings.book.on_trace,
            accept=lambda peer: self._gate.accept(peer),
            shuts_out=lambda peer: self._gate.shuts_out(peer),
            on_conduct=lambda report: self._gate.note(report),
            on_registration=on_registration,
            on_refusal=self._on_refusal,
            on_fault=on_fault,
            on_notice=warn,
            tls=tls_settings(config.tls),
            websocket=WebSocketSettings(origins=config.websocket.origins),
        )

    def _make_dialer(self, host: str) -> UserCalls:
        rules = OutgoingRules(trunks=self._trunks, only_loopback=self.only_loopback, host=host)
        others = SipDialer(self._settings, self._endpoint, rules)
        return UserCalls(self._settings, self._endpoint, self._users, others, host)

    async def run(
        self,
        deliver: Callable[[Leg], object],
        *,
        task_status: trio.TaskStatus[list[BoundAddress]] = trio.TASK_STATUS_IGNORED,
    ) -> None:
        """Bind all listeners, report their real addresses, hand calls to `deliver`.

        Raises ListenError. Until cancelled or closed; `close` first takes leave of the peers.
        """
        self._deliver = deliver
        self._trunk_at = await _addresses(self._trunks)
        self._gate = self._gate_for(networks(self._trunk_at))
        async with trio.open_nursery() as nursery:
            await nursery.start(self._calls.run)
            addresses = await nursery.start(self._endpoint.run, self._listeners)
            task_status.started(addresses)

    def drain(self, retry_after_s: int) -> None:
        """From now on new calls get 503 with Retry-After; those in progress go on."""
        self._endpoint.drain(retry_after_s)

    def reload_certificates(self) -> None:
        """Read the files of [sip.tls] anew, for new connections; the log says what came of it."""
        self._endpoint.reload_certificates()

    async def close(self) -> None:
        """BYE, CANCEL or refuse everything, bounded. Safe twice."""
        await self._endpoint.close()

    @property
    def active_calls(self) -> int:
        return self._endpoint.active_sessions

    def registrations(self) -> tuple[Binding, ...]:
        """Where users can be reached now, by user."""
        return self._endpoint.registrations()

    def footprint(self) -> dict[str, int]:
        """Entries of every table that messages from outside can fill."""
        return {**self._endpoint.footprint(), **self._gate.remembered}

    @property
    def strangers_turned_away(self) -> int:
        """Requests from addresses that are not allowed, answered or ignored."""
        return self._gate.refused + self._gate.ignored

    def _gate_for(self, trunk_addresses: Iterable[Network]) -> PeerGate:
        return PeerGate(
            [*self._allow, *trunk_addresses],
            loopback=any(is_loopback(listener.host) for listener in self._listeners),
            now=trio.current_time,
            users=bool(self._users),
            on_ban=self._on_ban,
        )

    def _on_ban(self, ban: Ban) -> None:
        reason = f"{ban.host} is ignored for {ban.seconds:g} s: {ban.why}"
        self._on_refused(RefusedCall(remote=ban.host, to_uri="", code=0, reason=reason))

    def _on_leg(self, leg: Leg) -> None:
        assert self._deliver is not None, "calls arrive only while run() serves"
        self._deliver(leg)

    def _on_refusal(self, report: RefusalReport) -> None:
        self._on_refused(
            RefusedCall(
                remote=str(report.peer), to_uri=report.what, code=report.status, reason=report.why
            )
        )


def _trunk(settings: TrunkSettings) -> Trunk:
    return Trunk.parse(
        name=settings.name,
        uri=settings.uri,
        user=settings.user,
        password=settings.password,
        codecs=settings.codecs,
        srtp=SrtpPolicy(settings.srtp) if settings.srtp else None,
        follows_redirects=settings.redirects == "trunk",
    )


def _own_host(listeners: Sequence[ListenAddress]) -> str:
    """For the From of outgoing calls: the first listener that is one address."""
    for listener in listeners:
        literal = ip_literal(listener.host)
        if literal is not None and not literal.is_unspecified:
            return listener.host
    return source_address("192.0.2.1") or "127.0.0.1"


async def _addresses(trunks: Sequence[Trunk]) -> dict[str, Trunk]:
    """Whose the addresses of all trunks are: they may call us. A name without address is left out.

    Of trunks that share an address the first one counts.
    """
    found: dict[str, Trunk] = {}
    for trunk in trunks:
        with trio.move_on_after(RESOLVE_S):
            for host in await _resolved(trunk.uri.host):
                found.setdefault(host, trunk)
    return found


async def _resolved(host: str) -> list[str]:
    literal = ip_literal(host)
    if literal is not None:
        return [str(literal)]
    try:
        rows = await trio.socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)
    except OSError:
        return []
    return list({str(row[4][0]) for row in rows})
