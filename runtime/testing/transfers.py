"""Transfers of simulated legs, and what the person on such a leg can do about them.

As on a wire: a request that nobody answers fails with 408 after 32 s, and one of the person's is
refused with 603 unless the scenario handles transfers.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, Protocol
from urllib.parse import unquote

from runtime.legs.leg import (
    Headers,
    Leg,
    LegEvent,
    Replaced,
    TransferComplete,
    TransferFailed,
    TransferRequested,
)
from runtime.testing.agenda import Agenda, Appointment

UNANSWERED_S: Final = 32.0
"""64*T1 of RFC 3261 17.1.2.2."""
NO_HEADERS: Final[Headers] = {}
UNHANDLED: Final = "the scenario handles no transfers (Call.handleBlindTransfer)"


class Wire(Protocol):
    """What a transfer needs of its leg."""

    @property
    def is_connected(self) -> bool: ...
    def step(self, what: str, by_us: bool, headers: Headers, body: str) -> None: ...
    def emit(self, event: LegEvent) -> None: ...


class SimTransfers:
    """`runtime.legs.leg.Transfers` without a wire."""

    def __init__(self, wire: Wire, agenda: Agenda, name: Callable[[], str]) -> None:
        self._wire = wire
        self._agenda = agenda
        self.name = name
        """Who is on this leg, as another leg's request shows it."""
        self._handles = False
        self._asked = False
        self._limit: Appointment | None = None

    @property
    def is_connected(self) -> bool:
        return self._wire.is_connected

    # --- the session's side ---

    def handle(self, handle: bool) -> None:
        self._handles = handle

    def report(self, code: int, reason: str) -> None:
        if self._asked:
            self._asked = False
            self._wire.step(f"transfer {code}", True, NO_HEADERS, reason)

    def to(self, address: str, headers: Headers) -> None:
        if "@" not in address and not address.startswith("tel:"):
            reason = f"{address[:80]!r} has no host: write sip:user@host"
            self._wire.emit(TransferFailed(code=400, reason=reason))
        else:
            self._refer(address, headers)

    def to_leg(self, other: Leg, headers: Headers) -> None:
        side = other.transfers
        if isinstance(side, SimTransfers) and side.is_connected:
            self._refer(side.name(), headers)
        else:
            reason = "the call to transfer to is not connected"
            self._wire.emit(TransferFailed(code=480, reason=reason))

    def _refer(self, target: str, headers: Headers) -> None:
        if not self._wire.is_connected:
            return
        if self._limit is not None:
            reason = "a transfer of this call is under way already"
            self._wire.emit(TransferFailed(code=491, reason=reason))
            return
        self._wire.step("refer", True, headers, target)
        reason = f"no response within {UNANSWERED_S:g} s"
        self._limit = self._agenda.after(UNANSWERED_S, lambda: self._over(408, reason))

    def _over(self, code: int, reason: str) -> None:
        limit, self._limit = self._limit, None
        if limit is None:
            return
        limit.cancel()
        done = code < 300
        self._wire.emit(TransferComplete() if done else TransferFailed(code=code, reason=reason))

    def before_end(self) -> None:
        """The leg ends: the outcome comes first."""
        self._asked = False
        self._over(487, "the call ended before the transfer did")

    # --- the person's side ---

    @property
    def is_open(self) -> bool:
        """The scenario has asked, and the person has not decided."""
        return self._limit is not None

    def peer_decides(self, code: int, reason: str) -> None:
        if self._limit is not None:
            self._wire.step(f"transfer {code}", False, NO_HEADERS, reason)
            self._over(code, reason)

    def peer_replaced(self, headers: Headers) -> None:
        self._wire.step("replaced", False, headers, "")
        if self._handles:
            self._wire.emit(Replaced(headers=headers))
        else:
            self._wire.step("rejected 603", True, NO_HEADERS, UNHANDLED)

    def peer_asks(self, to: str, headers: Headers) -> None:
        self._wire.step("refer", False, headers, to)
        if not self._handles:
            self._wire.step("rejected 603", True, NO_HEADERS, UNHANDLED)
        elif self._asked:
            why = "an earlier transfer is not over yet"
            self._wire.step("rejected 491", True, NO_HEADERS, why)
        else:
            self._asked = True
            address, _, query = to.partition("?")
            user = address.partition(":")[2].partition("@")[0] or address
            mark = "Replaces="
            named = [part for part in query.split("&") if part.startswith(mark)]
            self._wire.emit(
                TransferRequested(
                    transfer_to=user,
                    headers=headers,
                    address=address,
                    replaces=unquote(named[0].removeprefix(mark)) if named else "",
                )
            )


class Transferring:
    """The part of a person that transfers, and is transferred."""

    @property
    def _transfers(self) -> SimTransfers:
        raise NotImplementedError(f"{type(self).__name__} has no leg")

    def transfer(self, to: str, headers: Headers = NO_HEADERS) -> None:
        """Ask the scenario to connect the other side to `to` (a SIP address), as the transfer key
        of a phone does; with `?Replaces=` to take over a call there. "transfer 200" or the like
        goes over the wire when it says how that went, "rejected 603" when it takes no
        transfers."""
        self._in_call("transfer").peer_asks(to, headers)

    def hand_over(self, headers: Headers = NO_HEADERS) -> None:
        """Another phone takes this one's place in the call, as after an attended transfer; from
        now on this object is that phone. "rejected 603" when the scenario takes no transfers."""
        self._in_call("hand_over").peer_replaced(headers)

    def accept_transfer(self) -> None:
        """The scenario has asked us to call somebody else ("refer"): that call is answered."""
        self._asked("accept_transfer").peer_decides(200, "OK")

    def refuse_transfer(self, code: int = 603, reason: str = "Decline") -> None:
        """The same, and nobody answers there, or we do not do it."""
        self._asked("refuse_transfer").peer_decides(code, reason)

    def _in_call(self, verb: str) -> SimTransfers:
        if not self._transfers.is_connected:
            raise RuntimeError(
                f"{verb}(): the call is not connected; wait for that: await ....connected()"
            )
        return self._transfers

    def _asked(self, verb: str) -> SimTransfers:
        if not self._transfers.is_open:
            raise RuntimeError(
                f"{verb}(): the scenario has not asked for a transfer; wait for that: "
                'await ....sees("refer")'
            )
        return self._transfers
