"""Our requests from the session to an answer: where each may go, and what is tried next.

RFC 3263 4.3: a place that cannot be reached, does not answer at all, or answers 503 is followed by
the next one, in a new transaction with a new branch. RFC 3261 18.1.1: a request too long for UDP is
tried by TCP first, and by UDP after all when TCP cannot be had. Whoever sent the request keeps the
key it was given and hears one outcome.
"""

from __future__ import annotations

from collections import OrderedDict, deque
from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING

import attrs

from sip.address import Destination, Flow, Lookup
from sip.dialog import OnOutcome, Outcome, SentAck
from sip.message import Request, Uri
from sip.message.via import MAGIC_COOKIE
from sip.transaction import ClientKey, Transmit

from .outputs import Locate
from .requests_out import Ready
from .settings import AVOIDED_S, MAX_AVOIDED, MAX_UDP_REQUEST_BYTES

if TYPE_CHECKING:
    from .agent import UserAgent


@attrs.define(eq=False, kw_only=True)
class _Delivery:
    request: Request
    """As its sender made it; what depends on the path is added to copies."""
    branch: str
    """Of the first try."""
    outcome: OnOutcome
    is_wanted: Callable[[], bool]
    """Whether the sender would still like another place to be tried."""
    places: deque[Destination] = attrs.field(factory=deque)
    """What is left to try."""
    instead: Destination | None = None
    """By UDP, should the TCP that is tried now not be had."""
    current: ClientKey | None = None
    was_heard: bool = False

    @property
    def first(self) -> ClientKey:
        return ClientKey(self.branch, self.request.method)


class Deliveries:
    """All requests of one agent that have no final outcome."""

    def __init__(self, agent: UserAgent) -> None:
        self._agent = agent
        self._by_first: dict[ClientKey, _Delivery] = {}
        self._by_current: dict[ClientKey, _Delivery] = {}
        self._acks: dict[ClientKey, Callable[[Sequence[Destination]], None]] = {}
        self._avoided: OrderedDict[tuple[str, str, int], float] = OrderedDict()

    def __len__(self) -> int:
        return len(self._by_first) + len(self._acks)

    @property
    def is_idle(self) -> bool:
        """Nothing but INVITEs is under way."""
        return not self._acks and all(key.method == "INVITE" for key in self._by_first)

    def send(
        self,
        request: Request,
        next_hop: Uri,
        flow: Flow | None,
        outcome: OnOutcome,
        now: float,
        *,
        is_wanted: Callable[[], bool] = lambda: True,
    ) -> ClientKey:
        """Begin; UnroutableError when there is no way at all. The key stands for all tries."""
        agent = self._agent
        where = agent.addressing.route(next_hop, flow)
        branch = MAGIC_COOKIE + agent.ids.branch()
        delivery = _Delivery(request=request, branch=branch, outcome=outcome, is_wanted=is_wanted)
        self._by_first[delivery.first] = delivery
        if isinstance(where, Lookup):
            agent.put(Locate(key=delivery.first, lookup=where, seed=request.call_id))
        else:
            delivery.places.append(where)
            self._try_next(delivery, now)
        return delivery.first

    def send_ack(self, ack: Request, next_hop: Uri, flow: Flow | None) -> SentAck:
        """The ACK of a 2xx: no transaction, no other place. UnroutableError as `send`."""
        agent = self._agent
        where = agent.addressing.route(next_hop, flow)
        branch = MAGIC_COOKIE + agent.ids.branch()
        sent: list[Transmit] = []

        def go(places: Sequence[Destination]) -> None:
            for place in places[:1]:
                sent.append(self._ack_to(ack, place, branch))
                agent.put(sent[-1])

        def again() -> None:
            for transmit in sent[:1]:
                agent.put(attrs.evolve(transmit, retransmission=True))

        if isinstance(where, Lookup):
            key = ClientKey(branch, "ACK")
            self._acks[key] = go
            agent.put(Locate(key=key, lookup=where, seed=ack.call_id))
        else:
            go([where])
        return SentAck(resend=again)

    def _ack_to(self, ack: Request, place: Destination, branch: str) -> Transmit:
        ready = self._agent.outbound.complete(_copy(ack), place, branch)
        return Transmit(
            data=ready.data,
            destination=ready.destination,
            transaction=None,
            call_id=ack.call_id,
            summary=str(ack),
        )

    def current(self, first: ClientKey) -> ClientKey:
        """The transaction that stands for this key now."""
        delivery = self._by_first.get(first)
        return first if delivery is None or delivery.current is None else delivery.current

    def forget(self, key: ClientKey) -> None:
        """The transaction is over."""
        delivery = self._by_current.pop(key, None)
        if delivery is not None and delivery.current == key:
            self._by_first.pop(delivery.first, None)

    def located(
        self, key: ClientKey, found: Sequence[Destination], reason: str, now: float
    ) -> None:
        """A name leads to these places, best first; none of them, and then the reason."""
        places = self._reachable(found, now)
        if not places and found:
            reason = "no listener can reach " + ", ".join(str(place) for place in found)
        go = self._acks.pop(key, None)
        if go is not None:
            go(places)
            return
        delivery = self._by_first.get(key)
        if delivery is None:
            return
        if not delivery.is_wanted():
            places, reason = [], "given up before it was sent"
        delivery.places.extend(places)
        if places:
            self._try_next(delivery, now)
        else:
            self._fail(delivery, reason, now)

    # --- trying ---

    def _reachable(self, found: Iterable[Destination], now: float) -> list[Destination]:
        """With the socket to use; what failed a moment ago comes last."""
        reached = [self._agent.addressing.reach(place) for place in found]
        usable = [place for place in reached if place is not None]
        return sorted(usable, key=lambda place: self._is_avoided(place, now))

    def _try_next(self, delivery: _Delivery, now: float) -> None:
        place, delivery.instead = delivery.places.popleft(), None
        branch = self._branch(delivery)
        ready = self._complete(delivery, place, branch)
        if place.transport == "udp" and len(ready.data) > MAX_UDP_REQUEST_BYTES:
            # RFC 3261 18.1.1
            by_tcp = self._agent.addressing.by_tcp(place)
            if by_tcp is not None and not self._is_avoided(by_tcp, now):
                delivery.instead = place
                ready = self._complete(delivery, by_tcp, branch)
        self._try(delivery, ready, now)

    def _branch(self, delivery: _Delivery) -> str:
        is_first = delivery.current is None
        return delivery.branch if is_first else MAGIC_COOKIE + self._agent.ids.branch()

    def _complete(self, delivery: _Delivery, place: Destination, branch: str) -> Ready:
        return self._agent.outbound.complete(_copy(delivery.request), place, branch)

    def _try(self, delivery: _Delivery, ready: Ready, now: float) -> None:
        agent, place = self._agent, ready.destination
        key, outputs = agent.layer.send_request(ready.request, ready.data, place, now)
        delivery.current = key
        self._by_current[key] = delivery
        agent.await_outcome(key, lambda outcome, at: self._hear(delivery, place, outcome, at))
        agent.absorb(outputs, now)

    def _hear(self, delivery: _Delivery, place: Destination, outcome: Outcome, now: float) -> None:
        is_lost = outcome.fault is not None and not delivery.was_heard
        if outcome.response is not None:
            delivery.was_heard = True
        if is_lost or (outcome.response is not None and outcome.status == 503):
            self._avoid(place, now)
            if delivery.is_wanted() and self._go_on(delivery, is_lost, now):
                return
        # the 2xx of an INVITE may be followed by others (forks)
        if outcome.status >= (300 if delivery.request.method == "INVITE" else 200):
            self._by_first.pop(delivery.first, None)
        delivery.outcome(outcome, now)

    def _go_on(self, delivery: _Delivery, is_lost: bool, now: float) -> bool:
        """Try another place, if there is one."""
        if is_lost and delivery.instead is not None:
            place, delivery.instead = delivery.instead, None
            ready = self._complete(delivery, place, self._branch(delivery))
            self._try(delivery, ready, now)
        elif delivery.places:
            delivery.was_heard = False
            self._try_next(delivery, now)
        else:
            return False
        return True

    def _fail(self, delivery: _Delivery, reason: str, now: float) -> None:
        self._by_first.pop(delivery.first, None)
        fault = Outcome(status=503, reason=reason, response=None, fault="transport")
        self._agent.defer(lambda: delivery.outcome(fault, now))

    # --- places that failed ---

    def _avoid(self, place: Destination, now: float) -> None:
        self._avoided.pop(_name(place), None)
        self._avoided[_name(place)] = now + AVOIDED_S
        if len(self._avoided) > MAX_AVOIDED:
            self._avoided.popitem(last=False)

    def _is_avoided(self, place: Destination, now: float) -> bool:
        return self._avoided.get(_name(place), now) > now


def _name(place: Destination) -> tuple[str, str, int]:
    return place.transport, place.host, place.port


def _copy(request: Request) -> Request:
    return Request(request.method, request.uri, request.headers.copy(), request.body)
