"""Who may send us calls: loopback peers on a loopback listener, and the networks in `[sip] allow`.

Pure. The rule: on a public bind everyone else gets a short refusal without detail, or, where users
are configured, the chance to prove to be one; and whoever keeps knocking gets nothing at all, so
that scanners learn nothing and cost little.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Callable, Iterable
from typing import Final, Literal

import attrs

from runtime.legs.sip.strangers import Acquaintances, Strangers
from sip.address import PeerAddress
from sip.agent import Admission, ConductReport, Refusal, Stranger

Network = ipaddress.IPv4Network | ipaddress.IPv6Network
Verdict = Literal["admit", "prove", "refuse", "ignore"]

NOTHING: Final = Refusal(status=0, reason="this address was refused before")


@attrs.frozen(kw_only=True)
class Ban:
    """An address that is ignored from now on, for the log."""

    host: str
    seconds: float
    why: str


def networks(allow: Iterable[str]) -> tuple[Network, ...]:
    """The configured networks; ValueError for text that is none."""
    return tuple(ipaddress.ip_network(text, strict=False) for text in allow)


class PeerGate:
    """The verdict on each peer address; remembers strangers, bounded."""

    def __init__(
        self,
        allowed: Iterable[Network],
        *,
        loopback: bool,
        now: Callable[[], float],
        users: bool = False,
        on_ban: Callable[[Ban], object] = lambda _: None,
        certificates: Iterable[str] = (),
        is_own: Callable[[PeerAddress], bool] = lambda _: False,
    ) -> None:
        """`loopback`: a listener is on loopback, so that loopback peers are welcome. `users`: there
        are users, so that a stranger may be one of them. `certificates`: names in TLS client
        certificates whose holders are welcome from anywhere. `is_own`: it is one of our own
        sockets."""
        self._is_own = is_own
        self._certificates = frozenset(name.lower() for name in certificates)
        self._allowed = tuple(allowed)
        self._loopback = loopback
        self._now = now
        self._users = users
        self._on_ban = on_ban
        self._strangers = Strangers(patience=users)
        self._acquaintances = Acquaintances()
        self.refused = 0
        self.ignored = 0

    def expect_users(self, users: bool) -> None:
        """Whether strangers may be users of ours from now on."""
        self._users = self._strangers.patience = users

    def accept(self, peer: PeerAddress) -> Admission:
        """The endpoint's gate."""
        if not self._certificates.isdisjoint(peer.names) or self._is_own(peer):
            return None
        match self.judge(peer.host):
            case "admit":
                return None
            case "prove":
                return Stranger()
            case "refuse":
                detail = f"{peer.host} may not call: it is in no network of [sip] allow, no trunk"
                return Refusal(status=403, reason="Forbidden", detail=detail)
            case "ignore":
                return NOTHING

    def shuts_out(self, peer: PeerAddress) -> bool:
        """Whether a datagram from there is not even worth reading."""
        if not self._strangers.is_shut_out(peer.host, self._now()):
            return False
        self.ignored += 1
        return True

    def judge(self, host: str) -> Verdict:
        """What to do with a request that comes from there."""
        address = _address(host)
        if address is not None and self._admits(address):
            return "admit"
        now = self._now()
        if self._users and (may := self._acquaintances.may(host, now)) is not None:
            return self._counted("prove" if may else "ignore")
        was_banned = self._strangers.is_banned(host, now)
        is_heard = self._strangers.knock(host, now)
        if not is_heard and not was_banned and self._strangers.is_banned(host, now):
            self._tell_ban(host, "too many requests without credentials that are right")
        if not is_heard:
            return self._counted("ignore")
        return self._counted("prove" if self._users else "refuse")

    def note(self, report: ConductReport) -> None:
        """How a peer has behaved."""
        host, now = report.peer.host, self._now()
        address = _address(host)
        if (address is not None and self._admits(address)) or self._is_own(report.peer):
            return
        if report.conduct == "proved":
            self._strangers.forget(host)
            self._acquaintances.add(host, now)
        elif not self._acquaintances.knows(host, now) and self._strangers.offended(
            host, now, at_once=report.conduct == "scanner"
        ):
            self._tell_ban(host, report.why)

    @property
    def remembered(self) -> dict[str, int]:
        """Sizes of the tables that strangers can fill."""
        return {"strangers": len(self._strangers), "acquaintances": len(self._acquaintances)}

    def _counted(self, verdict: Verdict) -> Verdict:
        self.refused += verdict == "refuse"
        self.ignored += verdict == "ignore"
        return verdict

    def _tell_ban(self, host: str, why: str) -> None:
        self._on_ban(Ban(host=host, seconds=self._strangers.ban_s, why=why))

    def _admits(self, address: ipaddress.IPv4Address | ipaddress.IPv6Address) -> bool:
        if address.is_loopback and self._loopback:
            return True
        return any(address in network for network in self._allowed)


def _address(host: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    """The address a socket reports, without zone; IPv4 inside IPv6 counts as IPv4."""
    try:
        address = ipaddress.ip_address(host.partition("%")[0])
    except ValueError:
        return None
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    return mapped or address
