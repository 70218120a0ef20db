"""All mailboxes, and who is told of them: what a SUBSCRIBE changes, when it ends (RFC 6665 4.2).

Only what a user has proven comes here, so that strangers can fill nothing. A subscription ends when
its phone says so, when it is not refreshed, when a NOTIFY gets no answer, or with its connection.
"""

from __future__ import annotations

from collections import Counter
from typing import Final, Protocol

import attrs

from sip.address import Flow
from sip.dialog import Dialog, OnOutcome, Outcome
from sip.message import MessageError, Request, Uri
from sip.registrar import User, way_back
from sip.transaction import Schedule

from .limits import MAX_SUBSCRIPTIONS, RETRY_AFTER_S
from .subscriber import Subscriber, Telling
from .summary import MailboxState
from .wish import Refused, Wish, read_wish

_EXPIRY: Final = "expiry"
_PAUSE: Final = "pause"
_NO_SUBSCRIPTION: Final = Refused(status=481, reason="no subscription has this Call-ID and To tag")
_ENDING: Final = frozenset({404, 405, 408, 410, 416, *range(480, 486), 489, 501, 604})
"""Answers to a NOTIFY after which there is nobody to tell (RFC 6665 4.2.2, RFC 5057 5.1)."""


class Port(Protocol):
    """The user agent, as the subscriptions see it."""

    def send(
        self, request: Request, next_hop: Uri, flow: Flow | None, outcome: OnOutcome, now: float
    ) -> object:
        """Send a request; its final outcome goes to `outcome`."""
        ...

    def count_dropped(self, why: str) -> None: ...


@attrs.frozen(kw_only=True)
class Taken:
    """A SUBSCRIBE that is answered 200, before the NOTIFY that `tell_first` sends."""

    subscriber: Subscriber
    expires_s: int


class Subscriptions:
    def __init__(self, port: Port) -> None:
        self._port = port
        self._states: dict[str, MailboxState] = {}
        self._by_key: dict[tuple[str, str], Subscriber] = {}
        self._by_user: dict[str, list[Subscriber]] = {}
        self._flows: Counter[int] = Counter()
        self._due: Schedule[Subscriber, str] = Schedule()

    def __len__(self) -> int:
        return len(self._by_key)

    def uses_flow(self, flow: int) -> bool:
        return flow in self._flows

    def phones_of(self, user: str) -> int:
        """How many phones are told of this mailbox."""
        return len(self._by_user.get(user, ()))

    # --- what a phone wants ---

    def subscribe(
        self, user: User, request: Request, flow: Flow, now: float, *, tag: str, number: int
    ) -> Taken | Refused:
        """Carry out a SUBSCRIBE that `user` has proven; `tag` and the first CSeq `number` are for
        a new dialog."""
        wish = read_wish(request, flow.transport, user.name)
        if isinstance(wish, Refused):
            return wish
        if request.to.tag is not None:
            return self._refresh(user, wish, request, flow, now)
        try:
            dialog = Dialog.for_server(request, tag, number)
        except MessageError as exc:
            return Refused(status=400, reason=exc.reason)
        dialog.flow = flow
        subscriber = Subscriber(
            user=user.name, dialog=dialog, event=wish.event, expires_at=now + wish.expires_s
        )
        if wish.expires_s:
            refused = self._make_room(user, wish, flow)
            if refused is not None:
                return refused
            self._add(subscriber)
        return Taken(subscriber=subscriber, expires_s=wish.expires_s)

    def _refresh(
        self, user: User, wish: Wish, request: Request, flow: Flow, now: float
    ) -> Taken | Refused:
        found = self._by_key.get((request.call_id, request.to.tag or ""))
        is_its_own = found is not None and found.dialog.is_peer(request.from_.tag)
        if found is None or not is_its_own or (found.user, found.event) != (user.name, wish.event):
            return _NO_SUBSCRIPTION
        if not found.dialog.accept_number(request.cseq.number):
            return Refused(status=500, reason="CSeq is lower than that of an earlier SUBSCRIBE")
        found.dialog.refresh_target(request)
        self._move(found, flow)
        found.expires_at = now + wish.expires_s
        if wish.expires_s:
            self._due.set(found, _EXPIRY, found.expires_at)
        else:
            self._forget(found)
        return Taken(subscriber=found, expires_s=wish.expires_s)

    def tell_first(self, taken: Taken, now: float) -> None:
        """The NOTIFY that follows each 200 at once, also when it is the only one."""
        if taken.expires_s:
            self._tell(taken.subscriber, now, at_once=True)
        else:
            self._say_last(taken.subscriber, "timeout", now)

    def _make_room(self, user: User, wish: Wish, flow: Flow) -> Refused | None:
        """A phone that subscribes anew, after a restart perhaps, takes the place it had."""
        own = self._by_user.get(user.name, [])
        for one in own:
            if one.dialog.remote_target == wish.contact.uri and _is_from(one, flow):
                self._forget(one)
                break
        if len(self._by_user.get(user.name, ())) >= user.max_contacts:
            why = f"user {user.name} has {user.max_contacts} subscriptions, which is the limit"
            return Refused(status=403, reason=why)
        if len(self) >= MAX_SUBSCRIPTIONS:
            headers = (("Retry-After", str(RETRY_AFTER_S)),)
            return Refused(status=503, reason="no room for subscriptions", headers=headers)
        return None

    # --- what the owner wants ---

    def set_state(self, user: str, state: MailboxState, now: float) -> None:
        """This is in the mailbox from now on; its phones are told if that is news."""
        before = self._states.get(user, MailboxState())
        if state == MailboxState():
            self._states.pop(user, None)
        else:
            self._states[user] = state
        if state != before:
            for one in list(self._by_user.get(user, ())):
                self._tell(one, now)

    def end(self, user: str, reason: str, now: float) -> None:
        """All subscriptions of a user."""
        for one in list(self._by_user.get(user, ())):
            self._end(one, reason, now)

    def end_all(self, reason: str, now: float) -> None:
        for user in list(self._by_user):
            self.end(user, reason, now)

    # --- the network and the clock ---

    def flow_closed(self, flow: int) -> None:
        """The connection of these phones is gone, and with it the way to them."""
        if flow in self._flows:
            for one in [each for each in self._by_key.values() if _flow_of(each) == flow]:
                self._forget(one)

    def next_timeout(self) -> float | None:
        return self._due.next_timeout()

    def on_time(self, now: float) -> None:
        while (due := self._due.pop_due(now)) is not None:
            subscriber, name = due
            if name == _EXPIRY:
                self._end(subscriber, "timeout", now)
            elif subscriber.telling is Telling.PAUSED:
                self._tell(subscriber, now)

    # --- telling ---

    def _tell(self, one: Subscriber, now: float, *, at_once: bool = False) -> None:
        if one.may_tell(now, at_once=at_once):
            self._due.clear(one, _PAUSE)
            self._send(one, one.notify(self._state_of(one), now), now)
        elif one.telling is Telling.PAUSED:
            self._due.set(one, _PAUSE, one.pause_until)

    def _end(self, one: Subscriber, reason: str, now: float) -> None:
        self._forget(one)
        self._say_last(one, reason, now)

    def _say_last(self, one: Subscriber, reason: str, now: float) -> None:
        self._send(one, one.last_notify(self._state_of(one), reason), now)

    def _send(self, one: Subscriber, request: Request, now: float) -> None:
        flow = one.dialog.flow
        assert flow is not None, "a subscription is where its SUBSCRIBE came from"
        next_hop = way_back(flow, one.dialog.plan().next_hop)
        self._port.send(request, next_hop, flow, lambda o, at: self._heard(one, o, at), now)

    def _heard(self, one: Subscriber, outcome: Outcome, now: float) -> None:
        if outcome.status < 200 or one.key not in self._by_key:
            return
        more = one.was_answered()
        if outcome.fault is not None or outcome.status in _ENDING:
            self._port.count_dropped("subscription whose phone is gone")
            self._forget(one)
        elif more:
            self._tell(one, now)

    def _state_of(self, one: Subscriber) -> MailboxState:
        return self._states.get(one.user, MailboxState())

    # --- the tables ---

    def _add(self, one: Subscriber) -> None:
        self._by_key[one.key] = one
        self._by_user.setdefault(one.user, []).append(one)
        self._flows[_flow_of(one)] += 1
        self._due.set(one, _EXPIRY, one.expires_at)

    def _move(self, one: Subscriber, flow: Flow) -> None:
        self._leave_flow(one)
        one.dialog.flow = flow
        self._flows[flow.id] += 1

    def _forget(self, one: Subscriber) -> None:
        del self._by_key[one.key]
        own = self._by_user[one.user]
        own.remove(one)
        if not own:
            del self._by_user[one.user]
        self._leave_flow(one)
        self._due.drop(one)

    def _leave_flow(self, one: Subscriber) -> None:
        flow = _flow_of(one)
        self._flows[flow] -= 1
        if self._flows[flow] <= 0:
            del self._flows[flow]


def _flow_of(one: Subscriber) -> int:
    return 0 if one.dialog.flow is None else one.dialog.flow.id


def _is_from(one: Subscriber, flow: Flow) -> bool:
    return one.dialog.flow is not None and one.dialog.flow.peer == flow.peer
