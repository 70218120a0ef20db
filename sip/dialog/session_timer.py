"""Session timers (RFC 4028): who refreshes, how often, and when the session has expired.

We accept the interval a peer asks for, refuse one below 90 s, and let the peer refresh when it can.
The refresher refreshes at half the interval; the other side gives up shortly before the end.
"""

from __future__ import annotations

from typing import Final, Literal

import attrs

from sip.message import HeaderParams, Message, MessageError, Request, Response
from sip.message.scan import parse_number

from .port import Port

MIN_SE: Final = 90
"""RFC 4028 5: the smallest interval anybody may ask for."""

MAX_INTERVAL: Final = 2**31 - 1
Refresher = Literal["uac", "uas"]

REFRESH_AGAIN_S: Final = 32.0
"""A refresh that failed is tried again after this time, until the session expires."""

MAX_LENGTHENED: Final = 4
"""How often one refresh is sent again after a 422: each proxy of a path has one wish."""

REFRESH: Final = "refresh"
EXPIRY: Final = "expiry"


@attrs.frozen(kw_only=True)
class Interval:
    """A Session-Expires header."""

    seconds: int
    refresher: Refresher | None

    def __str__(self) -> str:
        return f"{self.seconds};refresher={self.refresher}" if self.refresher else str(self.seconds)


@attrs.frozen(kw_only=True)
class Agreement:
    """What a 2xx settled."""

    seconds: int
    we_refresh: bool


def asked_interval(message: Message) -> Interval | None:
    """The Session-Expires of a message, if any; MessageError(400) when it cannot be read."""
    text = message.headers.get("Session-Expires")
    if text is None:
        return None
    number, semicolon, params = text.partition(";")
    try:
        seconds = parse_number(number, MAX_INTERVAL, "Session-Expires")
        refresher = HeaderParams.parse(params).get("refresher") if semicolon else None
    except MessageError as exc:
        raise MessageError(400, exc.reason, message) from exc
    if refresher is not None and refresher.lower() not in ("uac", "uas"):
        raise MessageError(400, f"Session-Expires: refresher {refresher[:20]!r}", message)
    return Interval(
        seconds=seconds,
        refresher=None if refresher is None else "uac" if refresher.lower() == "uac" else "uas",
    )


def is_too_small(request: Request) -> bool:
    """Whether the request asks for less than Min-SE and gets 422 (RFC 4028 9)."""
    interval = asked_interval(request)
    return interval is not None and interval.seconds < MIN_SE


def min_se_of(response: Response) -> int | None:
    """The Min-SE of a 422, or None when it says nothing we can use."""
    try:
        return parse_number(response.headers.get("Min-SE") or "", MAX_INTERVAL, "Min-SE")
    except MessageError:
        return None


def answer_interval(request: Request) -> tuple[Interval | None, Agreement | None]:
    """What our 2xx to this INVITE or UPDATE says, and what it means for us (RFC 4028 9 table 2)."""
    interval = asked_interval(request)
    if interval is None:
        return None, None
    # a proxy may have asked on behalf of a peer that knows nothing of it: then only we can
    refresher: Refresher = (interval.refresher or "uac") if _has_timer(request) else "uas"
    return (
        Interval(seconds=interval.seconds, refresher=refresher),
        Agreement(seconds=interval.seconds, we_refresh=refresher == "uas"),
    )


def heard_interval(response: Response) -> Agreement | None:
    """What a 2xx to our INVITE or UPDATE settled (RFC 4028 7.2); None when it settled nothing."""
    try:
        interval = asked_interval(response)
    except MessageError:
        return None
    if interval is None or interval.seconds < MIN_SE:
        return None
    return Agreement(seconds=interval.seconds, we_refresh=interval.refresher != "uas")


class SessionTimer:
    """The running timer of one session."""

    def __init__(self, port: Port) -> None:
        self._port = port
        self.agreement: Agreement | None = None
        self._min_se: int | None = None
        """What a 422 has asked for."""
        self._lengthened = 0

    def settle(self, agreement: Agreement | None, now: float) -> None:
        """A 2xx was sent or received: start again, or stop when it settled no interval."""
        self.stop()
        self.agreement = agreement
        self._lengthened = 0
        if agreement is None:
            return
        if agreement.we_refresh:
            self._port.set_timer((REFRESH, 0), now + agreement.seconds / 2)
            self._port.set_timer((EXPIRY, 0), now + agreement.seconds)
        else:
            # RFC 4028 10: BYE min(32 s, a third of the interval) before the end
            margin = min(32.0, agreement.seconds / 3)
            self._port.set_timer((EXPIRY, 0), now + agreement.seconds - margin)

    def lengthen(self, response: Response) -> bool:
        """A proxy on the way wants a longer interval for our refresh (RFC 4028 7.4); False when
        this 422 says nothing new. The interval holds once a 2xx has settled it."""
        wanted = min_se_of(response)
        if self.agreement is None or wanted is None or wanted <= self.agreement.seconds:
            return False
        self._lengthened += 1
        if self._lengthened > MAX_LENGTHENED:
            return False
        self.agreement = attrs.evolve(self.agreement, seconds=wanted)
        self._min_se = wanted
        return True

    def refresh_failed(self, now: float) -> None:
        """Our refresh was refused: try again a little later."""
        if self.agreement is not None:
            self._port.set_timer((REFRESH, 0), now + REFRESH_AGAIN_S)

    def stop(self) -> None:
        self.agreement = None
        self._port.clear_timer((REFRESH, 0))
        self._port.clear_timer((EXPIRY, 0))

    def request_headers(self) -> list[tuple[str, str]]:
        """What our re-INVITE or UPDATE says, so that the interval stays as it is (RFC 4028 7.4)."""
        if self.agreement is None:
            return []
        refresher: Refresher = "uac" if self.agreement.we_refresh else "uas"
        interval = Interval(seconds=self.agreement.seconds, refresher=refresher)
        headers = [("Session-Expires", str(interval))]
        return headers if self._min_se is None else [*headers, ("Min-SE", str(self._min_se))]

    @staticmethod
    def answer_headers(request: Request) -> list[tuple[str, str]]:
        """What our 2xx to `request` says."""
        interval, agreement = answer_interval(request)
        if interval is None or agreement is None:
            return []
        headers = [("Session-Expires", str(interval))]
        # RFC 4028 9: also who waits for our refreshes must understand them, if it said that it does
        peer_acts = not agreement.we_refresh or _has_timer(request)
        return [*headers, ("Require", "timer")] if peer_acts else headers


def _has_timer(request: Request) -> bool:
    return "timer" in request.headers.values("Supported")
