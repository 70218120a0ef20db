"""InviteSession: what an application holds of one call. Every method is one command to the core.

Commands after the end of a session do nothing, since the end may have crossed them; a command that
the phase of a living session forbids raises SessionStateError and changes nothing. Headers must not
be ones that the stack writes itself (ValueError).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Protocol, runtime_checkable

from sip.address import PeerAddress
from sip.auth import Credentials
from sip.message import NameAddr, Request

from .call import Role
from .events import SessionEvent
from .phases import ESTABLISHED
from .session import Session

Enter = Callable[[Callable[[float], None]], None]
"""Runs one step of the core at the present time, then carries out what it asked for."""


class InviteObserver(Protocol):
    """Hears the events of one session, in order; Ended is the last one."""

    def on_sip_event(self, session: InviteSession, event: SessionEvent) -> None: ...


@runtime_checkable
class ReplaceableObserver(InviteObserver, Protocol):
    """One that lets another peer take the place of its session's."""

    def on_replacement(self, session: InviteSession) -> None:
        """Accept or reject `session`, now; hang `session.replaces` up if it was accepted. The
        events of both come here."""
        ...


class InviteSession:
    """One INVITE session, in either role."""

    def __init__(
        self,
        core: Session,
        enter: Enter,
        *,
        remote_offer: bytes | None,
        peer: PeerAddress | None,
        replaces: InviteSession | None = None,
        user: str = "",
    ) -> None:
        self._core = core
        self._enter = enter
        self.remote_offer = remote_offer
        """The description in the peer's INVITE; None for a calling session or a late offer."""
        self.peer = peer
        """Where the peer's INVITE came from; None for a calling session."""
        self.replaces = replaces
        """The session whose place the peer's INVITE is to take (RFC 3891)."""
        self.user = user
        """Which of our users the caller has proven to be; empty for everybody else."""

    def __repr__(self) -> str:
        return repr(self._core)

    @property
    def role(self) -> Role:
        """ "uas" answers, "uac" calls."""
        return self._core.call.role

    @property
    def call_id(self) -> str:
        return self._core.call.call_id

    @property
    def request(self) -> Request:
        """The INVITE that was received, or sent last."""
        return self._core.call.request

    @property
    def is_over(self) -> bool:
        """The core has ended the session; Ended was delivered or is about to be."""
        return self._core.call.is_over

    @property
    def place(self) -> NameAddr | None:
        """What another peer is to call, to take our place in this call; None when nobody can."""
        call = self._core.call
        if call.phase not in ESTABLISHED or call.dialog is None:
            return None
        return call.dialog.place()

    @property
    def waits_for_our_answer(self) -> bool:
        """A ReinviteReceived is open: it was neither answered nor refused, nor given up."""
        return self._core.has_open_request

    # --- answering side ---

    @property
    def owes_early_offer(self) -> bool:
        """The INVITE holds no offer and demands reliable responses: already the first of them, not
        the 2xx, has to bring ours (RFC 3261 13.2.1, RFC 3262 5)."""
        call = self._core.call
        is_open = call.role == "uas" and self.remote_offer is None and call.local_sdp is None
        return is_open and "100rel" in call.request.headers.values("Require")

    def use_credentials(self, credentials: Credentials) -> None:
        """Answer challenges to our requests in a call of the peer's, when they come from where its
        INVITE came from. A calling session has those of its order."""
        if self.peer is not None:
            self._core.use_credentials(credentials, self.peer.host)

    def provisional(
        self,
        status: int,
        reason: str | None = None,
        *,
        headers: Iterable[tuple[str, str]] = (),
        sdp: bytes | None = None,
    ) -> None:
        """Send 101 to 199; reliably when the peer requires 100rel."""
        self._enter(lambda now: self._core.provisional(status, reason, headers, sdp, now))

    def accept(self, sdp: bytes, *, headers: Iterable[tuple[str, str]] = ()) -> None:
        """Send 200 with our answer, or our offer when the INVITE had none. Acknowledged follows,
        or Ended (ack-timeout)."""
        self._enter(lambda now: self._core.accept(sdp, headers, now))

    def reject(
        self,
        status: int,
        reason: str | None = None,
        *,
        headers: Iterable[tuple[str, str]] = (),
    ) -> None:
        """Send 300 to 699; `reason` goes into the status line and a Warning. Ended follows."""
        self._enter(lambda now: self._core.reject(status, reason, headers, now))

    # --- calling side ---

    def ack_with(self, sdp: bytes) -> None:
        """Answer the offer that came with the 2xx."""
        self._enter(lambda now: self._core.ack_with(sdp, now))

    # --- both ---

    def hangup(self, *, headers: Iterable[tuple[str, str]] = (), reason: str | None = None) -> None:
        """End the session: BYE, CANCEL or 480, whatever fits. Ended follows at once, while the
        protocol's own leave-taking goes on behind it. Doing it twice does no harm."""
        self._enter(lambda now: self._core.hangup(headers, reason, now))

    def info(
        self, content_type: str, body: bytes, *, headers: Iterable[tuple[str, str]] = ()
    ) -> None:
        """Send an INFO; its answer is not reported."""
        self._enter(lambda now: self._core.messages.info(content_type, body, headers, now))

    def message(self, text: str) -> None:
        """Send a text (MESSAGE); MessageRefused follows when the peer does not take it."""
        self._enter(lambda now: self._core.messages.message(text, now))

    # --- transfers (RFC 3515) ---

    def refer(self, refer_to: NameAddr, *, headers: Iterable[tuple[str, str]] = ()) -> None:
        """Ask the peer to call `refer_to`; TransferProgress and then TransferEnded follow."""
        self._enter(lambda now: self._core.transfer.refer(refer_to, headers, now))

    def accept_transfer(self) -> None:
        """Answer a TransferRequested with 202; `report_transfer` is due then."""
        self._enter(lambda now: self._core.transfer_requests.accept(now))

    def reject_transfer(self, status: int, *, why: str) -> None:
        """Refuse a TransferRequested; `why` is told in a Warning header."""
        self._enter(lambda now: self._core.transfer_requests.reject(status, now, why=why))

    def report_transfer(self, status: int, reason: str) -> None:
        """Tell the peer how its transfer goes; 200 and above is the last word."""
        self._enter(lambda now: self._core.transfer_requests.report(status, reason, now))

    # --- re-INVITE ---

    def reinvite(self, sdp: bytes, *, headers: Iterable[tuple[str, str]] = ()) -> None:
        """Offer another description as soon as it is our turn; ReinviteAnswered or
        ReinviteFailed follows. A wish that still waits is replaced."""
        self._enter(lambda now: self._core.reinvite(sdp, now, headers))

    def ask_for_offer(self) -> None:
        """Send a re-INVITE without a description; ReinviteOffered or ReinviteFailed follows."""
        self._enter(lambda now: self._core.ask_for_offer(now))

    def answer_offer(self, sdp: bytes) -> None:
        """Answer a ReinviteOffered, in the ACK; nothing happens when it is not open any more."""
        self._enter(lambda now: self._core.answer_offer(sdp, now))

    def answer_reinvite(self, sdp: bytes) -> None:
        """Answer a ReinviteReceived; nothing happens when it is not open any more."""
        self._enter(lambda now: self._core.answer_reinvite(sdp, now))

    def reject_reinvite(
        self, status: int, reason: str | None = None, *, why: str | None = None
    ) -> None:
        """Refuse a ReinviteReceived (usually 488); the session goes on as before.

        `why` is told in a Warning header.
        """
        self._enter(lambda now: self._core.reject_reinvite(status, reason, now, why=why))
