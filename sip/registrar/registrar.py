"""The registrar without I/O: which users can be reached where (RFC 3261 10.3).

A REGISTER is carried out as a whole or not at all. Bindings go with their flow: a call to a user
takes the way by which the phone was heard last, and a binding over a closed connection is gone.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import Literal, TypeVar

import attrs

from sip.address import Flow, PeerAddress
from sip.message import MessageError, NameAddr, Request
from sip.transaction import Schedule

from .binding import Binding, binding_key
from .contacts import Change, Query, RemoveAll, TooBriefError, read_contacts
from .settings import (
    MAX_BINDINGS,
    MAX_PER_ADDRESS,
    RETRY_AFTER_S,
    RegistrarSettings,
    User,
)

_Key = TypeVar("_Key")

WhatChanged = Literal["registered", "refreshed", "unregistered", "displaced", "expired", "closed"]

MAX_AGENT_CHARS = 80
"""Of User-Agent, for people."""


@attrs.frozen(kw_only=True)
class RegisterResult:
    """The response to a REGISTER."""

    status: int
    reason: str | None = None
    """Why it was refused; goes into the Warning and the log."""
    headers: tuple[tuple[str, str], ...] = ()


@attrs.frozen(kw_only=True)
class RegistrationChanged:
    """News for the log: a user came, stays reachable, or left at one contact."""

    user: str
    change: WhatChanged
    contact: str
    peer: PeerAddress
    left: int
    """Contacts of the user after it."""


class Registrar:
    """All bindings of one realm."""

    def __init__(self, settings: RegistrarSettings) -> None:
        self.settings = settings
        self._bindings: dict[str, list[Binding]] = {}
        self._hosts: Counter[str] = Counter()
        self._flows: Counter[int] = Counter()
        self._peers: dict[PeerAddress, Counter[str]] = {}
        self._count = 0
        self._due: Schedule[str, str] = Schedule()
        self._news: list[RegistrationChanged] = []

    def __len__(self) -> int:
        return self._count

    def bindings(self, user: str, now: float) -> tuple[Binding, ...]:
        """Those that have not expired, the most wanted first, the newest first among equals."""
        newest_first = reversed(self._bindings.get(user, ()))
        live = [one for one in newest_first if one.expires_at > now]
        live.sort(key=lambda one: -one.q)
        return tuple(live)

    def everybody(self, now: float) -> tuple[Binding, ...]:
        """All bindings, by user."""
        return tuple(one for user in sorted(self._bindings) for one in self.bindings(user, now))

    def users_at(self, peer: PeerAddress) -> frozenset[str]:
        """Who is registered from exactly this address and port."""
        return frozenset(self._peers.get(peer, ()))

    def is_known(self, peer: PeerAddress) -> bool:
        return peer in self._peers

    def uses_flow(self, flow: int) -> bool:
        return flow in self._flows

    def take_news(self) -> list[RegistrationChanged]:
        news, self._news = self._news, []
        return news

    # --- what changes it ---

    def register(self, user: User, request: Request, flow: Flow, now: float) -> RegisterResult:
        """Carry out a REGISTER that `user` has sent; its credentials were right."""
        try:
            wish = read_contacts(request, flow.transport, self.settings)
        except TooBriefError:
            least = self.settings.min_expires_s
            headers = (("Min-Expires", str(least)),)
            return RegisterResult(status=423, reason=f"at least {least} s", headers=headers)
        except MessageError as exc:
            return RegisterResult(status=exc.status, reason=exc.reason)
        match wish:
            case Query():
                pass
            case RemoveAll():
                refused = self._remove_all(user, request, now)
                if refused is not None:
                    return refused
            case _:
                refused = self._change(user, wish, request, flow, now)
                if refused is not None:
                    return refused
        found = self.bindings(user.name, now)
        return RegisterResult(
            status=200, headers=tuple(("Contact", one.written(now)) for one in found)
        )

    def _remove_all(self, user: User, request: Request, now: float) -> RegisterResult | None:
        found = self.bindings(user.name, now)
        if any(_is_late(request, one) for one in found):
            return _out_of_order()
        for one in found:
            self._drop(one, "unregistered")
        return None

    def _change(
        self, user: User, wishes: Iterable[Change], request: Request, flow: Flow, now: float
    ) -> RegisterResult | None:
        before = list(self.bindings(user.name, now))
        after = list(before)
        for wish in wishes:
            old = _same_contact(after, wish.contact)
            if old is not None and _is_late(request, old):
                return _out_of_order()
            if old is not None:
                after.remove(old)
            if wish.expires_s:
                after.append(_binding(user.name, wish, request, flow, now))
        grows = len(after) - len(before)
        over = len(after) - user.max_contacts if grows > 0 else 0
        # A phone that starts anew at another port leaves a contact behind that nobody refreshes.
        unheard = [one for one in self._bindings.get(user.name, ()) if one in after]
        if over > len(unheard):
            why = f"user {user.name} may have {user.max_contacts} contacts"
            return RegisterResult(status=403, reason=why)
        displaced = unheard[: max(0, over)]
        after = [one for one in after if one not in displaced]
        grows -= len(displaced)
        if grows > 0 and not self._has_room(flow.peer, grows):
            headers = (("Retry-After", str(RETRY_AFTER_S)),)
            return RegisterResult(status=503, reason="no room for registrations", headers=headers)
        self._replace(before, after, displaced)
        return None

    def _has_room(self, peer: PeerAddress, more: int) -> bool:
        of_address = self._hosts[peer.host] + more
        return self._count + more <= MAX_BINDINGS and (
            peer.is_loopback or of_address <= MAX_PER_ADDRESS
        )

    def _replace(
        self, before: list[Binding], after: list[Binding], displaced: list[Binding]
    ) -> None:
        gone = [one for one in before if one not in after]
        new = [one for one in after if one not in before]
        for one in gone:
            stays = _same_contact(new, one.contact) is not None
            why: WhatChanged = "displaced" if one in displaced else "unregistered"
            self._drop(one, None if stays else why)
        for one in new:
            is_new = _same_contact(gone, one.contact) is None
            self._add(one, "registered" if is_new else "refreshed")

    def _add(self, one: Binding, change: WhatChanged) -> None:
        self._bindings.setdefault(one.user, []).append(one)
        self._count += 1
        self._hosts[one.flow.peer.host] += 1
        self._flows[one.flow.id] += 1
        self._peers.setdefault(one.flow.peer, Counter())[one.user] += 1
        self._await_expiry(one.user)
        self._tell(one, change)

    def _drop(self, one: Binding, change: WhatChanged | None) -> None:
        """Without `change` nobody is told: the same phone is there again at once."""
        found = self._bindings[one.user]
        found.remove(one)
        if not found:
            del self._bindings[one.user]
        self._await_expiry(one.user)
        self._count -= 1
        _take_one(self._hosts, one.flow.peer.host)
        _take_one(self._flows, one.flow.id)
        of_peer = self._peers[one.flow.peer]
        _take_one(of_peer, one.user)
        if not of_peer:
            del self._peers[one.flow.peer]
        if change is not None:
            self._tell(one, change)

    def _tell(self, one: Binding, change: WhatChanged) -> None:
        self._news.append(
            RegistrationChanged(
                user=one.user,
                change=change,
                contact=str(one.contact.uri),
                peer=one.flow.peer,
                left=len(self._bindings.get(one.user, ())),
            )
        )

    def forget(self, user: str) -> None:
        """Nobody of this name is reached any more: gone, or with another password."""
        for one in list(self._bindings.get(user, ())):
            self._drop(one, "unregistered")

    # --- the network and the clock ---

    def flow_closed(self, flow: int) -> None:
        """The connection of these phones is gone, and with it the way to them."""
        if flow not in self._flows:
            return
        for one in [one for found in self._bindings.values() for one in found]:
            if one.flow.id == flow:
                self._drop(one, "closed")

    def next_timeout(self) -> float | None:
        return self._due.next_timeout()

    def on_time(self, now: float) -> None:
        while (due := self._due.pop_due(now)) is not None:
            user, _ = due
            for one in [one for one in self._bindings.get(user, ()) if one.expires_at <= now]:
                self._drop(one, "expired")

    def _await_expiry(self, user: str) -> None:
        """One deadline for each user: that of the first binding to expire."""
        times = [one.expires_at for one in self._bindings.get(user, ())]
        if times:
            self._due.set(user, "expiry", min(times))
        else:
            self._due.drop(user)


def _binding(user: str, wish: Change, request: Request, flow: Flow, now: float) -> Binding:
    return Binding(
        user=user,
        contact=wish.contact,
        flow=flow,
        call_id=request.call_id,
        cseq=request.cseq.number,
        expires_at=now + wish.expires_s,
        user_agent=(request.headers.get("User-Agent") or "")[:MAX_AGENT_CHARS],
    )


def _same_contact(bindings: Iterable[Binding], contact: NameAddr) -> Binding | None:
    """RFC 3261 10.3 step 7: compared by the rules for URIs, not as text."""
    key = binding_key(contact)
    for one in bindings:
        if one.contact.uri == contact.uri or (key[0] and one.key == key):
            return one
    return None


def _is_late(request: Request, known: Binding) -> bool:
    """RFC 3261 10.3 step 7: a number that is not higher belongs to an older request."""
    return request.call_id == known.call_id and request.cseq.number <= known.cseq


def _out_of_order() -> RegisterResult:
    return RegisterResult(status=500, reason="CSeq is not higher than that of an earlier REGISTER")


def _take_one(counts: Counter[_Key], key: _Key) -> None:
    counts[key] -= 1
    if counts[key] <= 0:
        del counts[key]
