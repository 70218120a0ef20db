"""Who may send us calls: loopback peers on a loopback listener, `[sip] allow`, and the trunks.

Pure. The rules: whoever is welcome is heard, as long as it does not flood us; on a public bind
everyone else gets a short refusal without detail, or, where users
are configured, the chance to prove to be one; and whoever keeps knocking gets nothing at all, so
that scanners learn nothing and cost little.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Final, Literal

import attrs

from runtime.legs.sip.networks import Address, Network, NetworkMap, address_of
from runtime.legs.sip.pace import RETRY_AFTER_S, WELCOME_PER_S, Welcome
from runtime.legs.sip.strangers import Acquaintances, Strangers
from runtime.legs.sip.trunk.recognition import Door
from sip.address import PeerAddress
from sip.agent import Admission, ConductReport, MustProve, Refusal, Stranger

Verdict = Literal["admit", "prove", "refuse", "ignore"]

NOTHING: Final = Refusal(status=0, reason="this address was refused before")
TOO_FAST: Final = Refusal(
    status=503,
    reason=f"too many requests: more than {WELCOME_PER_S:g} a second from one address",
    retry_after_s=RETRY_AFTER_S,
)
TOO_FAST_STILL: Final = Refusal(status=0, reason=TOO_FAST.reason)


@attrs.frozen(kw_only=True)
class Ban:
    """An address that is ignored from now on, for the log."""

    host: str
    seconds: float
    why: str


def no_trunk(_: PeerAddress) -> Door:
    """Nobody calls as a trunk."""
    return "closed"


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
        trunks: Callable[[PeerAddress], Door] = no_trunk,
        is_own: Callable[[PeerAddress], bool] = lambda _: False,
    ) -> None:
        """`loopback`: a listener is on loopback, so that loopback peers are welcome. `users`:
        somebody has a password, so that a stranger may be one of them. `trunks` says whether a peer
        may call because it is a trunk, `is_own` whether it is one of our own sockets."""
        self._is_own = is_own
        self._trunks = trunks
        self._allowed = NetworkMap((network, None) for network in allowed)
        self._loopback = loopback
        self._now = now
        self._users = users
        self._on_ban = on_ban
        self._strangers = Strangers(patience=users)
        self._acquaintances = Acquaintances()
        self._welcome = Welcome()
        self.refused = 0
        self.ignored = 0

    def expect_users(self, users: bool) -> None:
        """Whether strangers may be users of ours from now on."""
        self._users = self._strangers.patience = users

    def accept(self, peer: PeerAddress) -> Admission:
        """The endpoint's gate."""
        if self._is_own(peer):
            return None
        match self._trunks(peer):
            case "open":
                return self._too_fast(peer.host)
            case "prove":
                return self._too_fast(peer.host) or MustProve()
            case "closed":
                pass
        match self.judge(peer.host):
            case "admit":
                return self._too_fast(peer.host)
            case "prove":
                return Stranger()
            case "refuse":
                detail = f"{peer.host} may not call: it is in no network of [sip] allow, no trunk"
                return Refusal(status=403, reason="Forbidden", detail=detail)
            case "ignore":
                return NOTHING

    def _too_fast(self, host: str) -> Refusal | None:
        """How a welcome peer is slowed down; loopback is not, where a test is the flood."""
        address = address_of(host)
        if address is not None and address.is_loopback:
            return None
        match self._welcome.of(host, self._now()):
            case "hear":
                return None
            case "tell":
                return TOO_FAST
            case "ignore":
                return TOO_FAST_STILL

    def shuts_out(self, peer: PeerAddress) -> bool:
        """Whether a datagram from there is not even worth reading."""
        if not self._strangers.is_shut_out(peer.host, self._now()):
            return False
        self.ignored += 1
        return True

    def judge(self, host: str) -> Verdict:
        """What to do with a request that comes from there."""
        if self._admits(address_of(host)):
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
        if self._is_own(report.peer):
            return
        if self._trunks(report.peer) != "closed" or self._admits(address_of(host)):
            return
        if report.conduct == "proved":
            self._strangers.forget(host)
            self._acquaintances.add(host, now)
        elif not self._acquaintances.knows(host, now) and self._strangers.offended(
            host, now, at_once=report.conduct == "scanner"
        ):
            self._tell_ban(host, report.why)

    @property
    def banned(self) -> int:
        """Addresses that are ignored now."""
        return self._strangers.banned(self._now())

    @property
    def remembered(self) -> dict[str, int]:
        """Sizes of the tables that peers can fill."""
        return {
            "strangers": len(self._strangers),
            "acquaintances": len(self._acquaintances),
            "welcome": len(self._welcome),
        }

    def _counted(self, verdict: Verdict) -> Verdict:
        self.refused += verdict == "refuse"
        self.ignored += verdict == "ignore"
        return verdict

    def _tell_ban(self, host: str, why: str) -> None:
        self._on_ban(Ban(host=host, seconds=self._strangers.ban_s, why=why))

    def _admits(self, address: Address | None) -> bool:
        if address is None:
            return False
        return (self._loopback and address.is_loopback) or bool(self._allowed.find(address))
