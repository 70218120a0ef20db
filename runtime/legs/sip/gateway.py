"""SIP as the runtime's start-up sees it: one object with a dialer, a run, a drain and a close.

Puts the endpoint, the gate for strangers, incoming calls and the dialer together from the
configuration. Nothing is decided here; each part says what it decides.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterable, Sequence
from typing import Final

import trio

from runtime.config.settings import RtpSettings, SipSettings, TrunkSettings
from runtime.config.trunk import RouteSettings
from runtime.decisions.problems import Calls, of_status
from runtime.legs.leg import Dialer, Leg
from runtime.legs.sip.conference_calls import ConferenceCalls, is_own
from runtime.legs.sip.destination import is_loopback
from runtime.legs.sip.encryption import Encryption
from runtime.legs.sip.incoming import IncomingCalls, RefusedCall
from runtime.legs.sip.networks import networks
from runtime.legs.sip.outbound import SipDialer
from runtime.legs.sip.peers import Ban, PeerGate
from runtime.legs.sip.settings import LegSettings
from runtime.legs.sip.tls import tls_settings
from runtime.legs.sip.trace import TraceBook
from runtime.legs.sip.trunk.desk import TrunkDesk
from runtime.legs.sip.trunk.recognition import Recognition
from runtime.legs.sip.trunk.registrations import Registrations, as_json
from runtime.legs.sip.trunk.setup import outgoing_rules, trunk_of
from runtime.legs.sip.trunk.watch import TrunkWatch
from runtime.legs.sip.trunk.whereabouts import TrunkWhereabouts
from runtime.legs.sip.trunks import Trunk
from runtime.legs.sip.user_calls import UserCalls
from runtime.legs.sip.users import StoredUser, Users
from runtime.media.port import MediaPort
from sip.address import BoundAddress, ListenAddress, PeerAddress
from sip.advertise import Advertised
from sip.endpoint import (
    Binding,
    Endpoint,
    EndpointSettings,
    Fault,
    MailboxState,
    RefusalReport,
    RegistrationChanged,
    WebSocketSettings,
)
from sip.sdp import SrtpPolicy
from sip.transport import Names, source_address

LOOPBACK_NETWORKS: Final = ("127.0.0.0/8", "::1/128")
"""From where a listener that others reach is reached by this machine alone, by itself above all
(conference_calls.py): the outside of a NAT can seldom be reached from its inside."""
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
        routes: Sequence[RouteSettings] = (),
        on_refused: Report,
        on_fault: Callable[[Fault], None],
        warn: Callable[[str], object] = lambda _: None,
        tell: Callable[[str], object] = lambda _: None,
        names: Names | None = None,
    ) -> None:
        """ValueError for a trunk or listener that cannot be used.

        `on_refused` hears of every call and request that ends before any session, `warn` what the
        operator should change, `tell` what trunks and registrations do. `names` answers for the DNS
        of this machine.
        """
        self._listeners = [ListenAddress.parse(text) for text in config.listen]
        self.only_loopback = all(is_loopback(listener.host) for listener in self._listeners)
        self._allow = networks(config.allow)
        self._trunks = [trunk_of(settings) for settings in trunks]
        self._on_refused = on_refused
        self._users = Users() if users is None else users
        self._recognition = Recognition(trunks=self._trunks)
        self._desk = TrunkDesk(self._trunks, trio.current_time)
        self._bound: Sequence[BoundAddress] = ()
        self._gate = self._make_gate()
        book = TraceBook(trio.current_time)
        self._settings = self._leg_settings(config, rtp or RtpSettings(), media, book, warn)
        self._deliver: Callable[[Leg], object] | None = None
        self._calls = IncomingCalls(
            self._settings, deliver=self._on_leg, on_refused=self._on_refused, users=self._users
        )
        self._endpoint = self._make_endpoint(config, on_registration, on_fault, warn, names)
        self._registrations = Registrations(
            self._endpoint, self._trunks, lambda: secrets.token_hex(8), tell
        )
        self._recognition.lines.update(self._registrations.lines)
        self._whereabouts = TrunkWhereabouts(
            self._endpoint.addresses_of, self._trunks, self._recognition, log=tell, warn=warn
        )
        self._watch = TrunkWatch(self._endpoint, self._trunks, self._desk, log=tell, warn=warn)
        self.dialer = self._make_dialer(config, routes)

    def _make_endpoint(
        self,
        config: SipSettings,
        on_registration: Callable[[RegistrationChanged], None],
        on_fault: Callable[[Fault], None],
        warn: Callable[[str], object],
        names: Names | None,
    ) -> Endpoint:
        return Endpoint(
            EndpointSettings(
                advertise=self._settings.advertised,
                registrar=self._users.registrar,
                number_of=lambda status: of_status(status).number,
            ),
            on_invite=self._calls.on_invite,
            on_trace=self._settings.book.on_trace,
            accept=self._gate.accept,
            shuts_out=self._gate.shuts_out,
            on_conduct=self._gate.note,
            on_registration=on_registration,
            on_refusal=self._on_refusal,
            on_fault=on_fault,
            on_notice=warn,
            tls=tls_settings(config.tls),
            websocket=WebSocketSettings(origins=config.websocket.origins),
            names=names,
        )

    def _make_dialer(self, config: SipSettings, routes: Sequence[RouteSettings]) -> Dialer:
        rules = outgoing_rules(
            config, self._trunks, routes, lambda trunk: self._registrations.registrar(trunk)
        )
        calls = SipDialer(self._settings, self._endpoint, rules, self._desk)
        users = UserCalls(self._settings, self._endpoint, self._users, calls, rules.host)
        return ConferenceCalls(
            self._settings, calls, users, own=lambda: self._bound, host=rules.host
        )

    def _leg_settings(
        self,
        config: SipSettings,
        rtp: RtpSettings,
        media: MediaPort,
        book: TraceBook,
        warn: Callable[[str], object],
    ) -> LegSettings:
        own_machine = () if self.only_loopback else LOOPBACK_NETWORKS
        return LegSettings(
            media=media,
            book=book,
            now=trio.current_time,
            new_number=lambda: secrets.randbelow(2**31),
            advertised=Advertised.parse(config.advertise, (*config.local, *own_machine)),
            source_address=source_address,
            codecs=rtp.codecs,
            direct=rtp.direct,
            encryption=Encryption(
                policy=SrtpPolicy(rtp.srtp),
                only_protected=rtp.srtp_keys == "protected",
                warn=warn,
            ),
            info_digits=config.digits == "info",
            is_own=self._is_own,
            recognise=self._recognition.of,
            enter=lambda trunk: self._desk.enter(trunk, "in"),
        )

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
        async with trio.open_nursery() as nursery:
            await nursery.start(self._whereabouts.run)
            await nursery.start(self._calls.run)
            addresses = await nursery.start(self._endpoint.run, self._listeners)
            self._bound = addresses
            nursery.start_soon(self._registrations.run)
            nursery.start_soon(self._watch.run)
            task_status.started(addresses)

    def drain(self, retry_after_s: int) -> None:
        """From now on new calls get 503 with Retry-After; those in progress go on."""
        self._endpoint.drain(retry_after_s)

    def reload_certificates(self) -> None:
        """Read the files of [sip.tls] anew, for new connections; the log says what came of it."""
        self._endpoint.reload_certificates()

    async def close(self) -> None:
        """BYE, CANCEL or refuse everything, bounded. Safe twice."""
        await self._registrations.leave()
        await self._endpoint.close()

    def trunk_states(self) -> list[dict[str, object]]:
        """For probes and people: each trunk, in the order of the configuration."""
        return [self._state_of(trunk) for trunk in self._trunks]

    def _state_of(self, trunk: Trunk) -> dict[str, object]:
        registration = self._registrations.status(trunk.name)
        return {
            "name": trunk.name,
            "uri": str(trunk.uri),
            "calls": trunk.policy.calls,
            **self._desk.as_json(trunk.name),
            "registration": None if registration is None else as_json(registration),
        }

    @property
    def active_calls(self) -> int:
        return self._endpoint.active_sessions

    def set_users(self, stored: Iterable[StoredUser]) -> None:
        """Users of applications, beside those of the configuration, from now on."""
        self._endpoint.set_users(self._users.set_stored(stored))
        self._gate.expect_users(self._users.expects_proof)

    def set_mailbox(self, user: str, new: int, old: int) -> None:
        """So many messages wait for a user from now on; phones that have asked for it are told."""
        self._endpoint.set_mailbox(user, MailboxState(new=new, old=old))

    def registrations(self) -> tuple[Binding, ...]:
        """Where users can be reached now, by user."""
        return self._endpoint.registrations()

    def footprint(self) -> dict[str, int]:
        """Entries of every table that messages from outside can fill."""
        return {**self._endpoint.footprint(), **self._gate.remembered}

    @property
    def sources_banned(self) -> int:
        """Addresses that are ignored for what they did."""
        return self._gate.banned

    @property
    def strangers_turned_away(self) -> int:
        """Requests from addresses that are not allowed, answered or ignored."""
        return self._gate.refused + self._gate.ignored

    def _make_gate(self) -> PeerGate:
        return PeerGate(
            self._allow,
            loopback=any(is_loopback(listener.host) for listener in self._listeners),
            now=trio.current_time,
            users=self._users.expects_proof,
            on_ban=self._on_ban,
            trunks=self._recognition.door,
            is_own=self._is_own,
        )

    def _is_own(self, peer: PeerAddress) -> bool:
        return is_own(peer, self._bound)

    def _on_ban(self, ban: Ban) -> None:
        reason = f"{ban.host} is ignored for {ban.seconds:g} s: {ban.why}"
        self._on_refused(
            RefusedCall(remote=ban.host, to_uri="", code=0, reason=reason, kind=Calls.BANNED)
        )

    def _on_leg(self, leg: Leg) -> None:
        assert self._deliver is not None, "calls arrive only while run() serves"
        self._deliver(leg)

    def _on_refusal(self, report: RefusalReport) -> None:
        self._on_refused(
            RefusedCall(
                remote=str(report.peer),
                to_uri=report.what,
                code=report.status,
                reason=report.why,
                kind=of_status(report.status),
            )
        )
