"""Transfers of one SIP leg: REFER in both directions as the port's commands and events.

A peer's REFER is never followed by itself: it is told to whoever asked for that, and refused with
603 and a line in the trace otherwise.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, assert_never

import attrs

from runtime.legs.leg import (
    DialRefused,
    Headers,
    Leg,
    LegEvent,
    TransferComplete,
    TransferFailed,
    TransferRequested,
)
from runtime.legs.sip.destination import SipTarget, read_destination
from runtime.legs.sip.headers import (
    MAX_SEEN_CHARS,
    can_be_replaced,
    script_headers,
    seen_by_script,
)
from sip.dialog import InviteSession, SessionStateError, events
from sip.message import NameAddr, Uri

DECLINED: Final = 603
UNHANDLED: Final = "the scenario handles no transfers (Call.handleBlindTransfer)"
CALLABLE: Final = frozenset({"sip", "sips", "tel"})
"""Schemes of a Refer-To that a script could dial."""


class SipTransfers:
    """`runtime.legs.leg.Transfers` over an INVITE session."""

    def __init__(
        self,
        session: Callable[[], InviteSession | None],
        tell: Callable[[LegEvent], None],
        note: Callable[[str], None],
    ) -> None:
        self._session = session
        self._tell = tell
        self._note = note
        self._handles = False

    # --- commands ---

    def handle(self, handle: bool) -> None:
        self._handles = handle

    def report(self, code: int, reason: str) -> None:
        session = self._session()
        if session is None or session.is_over:
            return
        try:
            session.report_transfer(code, reason)
        except SessionStateError as exc:
            self._note(f"the peer is not told of its transfer: {exc}")

    def to(self, address: str, headers: Headers) -> None:
        try:
            target = read_destination(address)
        except DialRefused as exc:
            self._tell(TransferFailed(code=exc.code, reason=exc.reason))
            return
        if isinstance(target, SipTarget):
            self._refer(NameAddr(uri=target.uri), headers)
        else:
            self._refer(NameAddr(uri=Uri(scheme="tel", opaque=target.number)), headers)

    def to_leg(self, other: Leg, headers: Headers) -> None:
        place = other.transfers.place if isinstance(other.transfers, SipTransfers) else None
        if place is None:
            reason = "the call to transfer to is not connected"
            self._tell(TransferFailed(code=480, reason=reason))
        else:
            self._refer(place, headers)

    @property
    def place(self) -> NameAddr | None:
        """What another peer is to call, to take our place in this leg's call."""
        session = self._session()
        return None if session is None else session.place

    def _refer(self, target: NameAddr, headers: Headers) -> None:
        session = self._session()
        if session is None or session.is_over:
            return
        sorted_out = script_headers(headers)
        if sorted_out.complaint:
            self._note(f"headers left out: {sorted_out.complaint}")
        try:
            session.refer(_with_headers(target, sorted_out.written))
        except (SessionStateError, ValueError) as exc:
            self._tell(TransferFailed(code=491, reason=str(exc)))

    # --- what the session says ---

    def on_event(
        self,
        session: InviteSession,
        event: events.TransferRequested | events.TransferProgress | events.TransferEnded,
    ) -> None:
        match event:
            case events.TransferProgress(status=status, reason=reason):
                self._note(f"the peer says of its transfer: {status} {reason}")
            case events.TransferEnded(status=status, reason=reason):
                done = status < 300
                self._tell(
                    TransferComplete() if done else TransferFailed(code=status, reason=reason)
                )
            case events.TransferRequested():
                self._requested(session, event)
            case _:
                assert_never(event)

    def refuse_successor(self) -> str:
        """Why another peer may not take the place of this leg's; empty when it may."""
        return "" if self._handles else UNHANDLED

    def _requested(self, session: InviteSession, event: events.TransferRequested) -> None:
        uri = event.refer_to.uri
        why = self._refusal(uri)
        if why:
            self._note(f"the peer's transfer to {str(uri)[:200]} is refused: {why}")
            session.reject_transfer(DECLINED, why=why)
            return
        session.accept_transfer()
        self._tell(
            TransferRequested(
                transfer_to=_called_user(uri),
                headers=seen_by_script(event.headers),
                address=str(attrs.evolve(uri, headers={}))[:MAX_SEEN_CHARS],
                replaces=uri.headers.get("replaces") or "",
            )
        )

    def _refusal(self, uri: Uri) -> str:
        """Why this target cannot be asked for; empty when the scenario is to be told."""
        if not self._handles:
            return UNHANDLED
        if uri.scheme not in CALLABLE:
            return f"{uri.scheme[:20]}: addresses cannot be called"
        replaces = uri.headers.get("replaces", "")
        if replaces != "" and not can_be_replaced(replaces or ""):
            return "the call that is to be taken over (Replaces) cannot be read"
        method = uri.params.get("method")
        if method is not None and method.upper() != "INVITE":
            return "only calls can be asked for"
        return ""


def _with_headers(target: NameAddr, headers: tuple[tuple[str, str], ...]) -> NameAddr:
    """RFC 3261 19.1.1: what the peer's INVITE is to carry stands in the URI; tel: has no room."""
    if not headers or target.uri.opaque is not None:
        return target
    merged = {**target.uri.headers, **dict(headers)}
    return attrs.evolve(target, uri=attrs.evolve(target.uri, headers=merged))


def _called_user(uri: Uri) -> str:
    if uri.opaque is not None:
        return uri.opaque.partition(";")[0]
    return uri.user or str(uri)
