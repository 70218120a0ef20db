"""A binding of ours at a registrar, made, kept and removed (RFC 3261 10.2). No clock, no socket.

`due` says when the next REGISTER is to be sent; `request` makes it, `heard` takes its outcome. The
rules: a binding is refreshed long before it runs out, so that every registrar can still be tried;
a challenge and a 423 are answered at once; a registrar that is silent or fails makes room for the
next one; when none is left, the wait doubles, with chance in it (RFC 5626 4.5), and is longer after
a refusal, which a person has to mend.
"""

from __future__ import annotations

import enum
from typing import Final

import attrs

from sip.auth import Credentials, DigestClient
from sip.dialog import IdSource, Outcome
from sip.message import CSeq, Headers, MessageError, NameAddr, Request, Response, Uri

from .requests_out import OWN_PLACE

LINE: Final = "line"
"""Parameter of our contacts: a token by which the registrar's calls are told from others'."""
MARGIN_S: Final = 70.0
"""Before a binding runs out: two registrars may each be silent for 32 s (timer F)."""
SOONEST: Final = 0.5
"""Part of a short binding after which it is refreshed, whatever the margin."""
EARLIER: Final = 0.1
"""Refreshes are earlier by up to this part, by chance, so that many do not come at once."""
FIRST_WAIT_S: Final = 5.0
REFUSED_WAIT_S: Final = 60.0
"""Wrong passwords are counted by providers; some lock an account after a few."""
LONGEST_WAIT_S: Final = 1_800.0
"""RFC 5626 4.5."""
LONGEST_ASKED_S: Final = 3_600
"""A Retry-After above it is not obeyed to the letter: somebody is waiting for calls."""
LONGEST_EXPIRES_S: Final = 86_400
"""A registrar that wants more by 423 is not believed."""
MAX_AT_ONCE: Final = 8
"""Requests without a pause: a challenge for each of three, two stale nonces, a 423."""


class RegistrationState(enum.Enum):
    REGISTERING = "registering"
    REGISTERED = "registered"
    FAILING = "failing"
    """No registrar answers."""
    REFUSED = "refused"
    """A registrar said no: password, account, domain."""
    LEFT = "left"


@attrs.frozen(kw_only=True)
class RegistrationOrder:
    """What is wanted."""

    domain: Uri
    """The Request-URI: whose location service it is."""
    registrars: tuple[Uri, ...]
    """Where REGISTER is sent, the best first."""
    address: NameAddr
    """The address of record."""
    contact_user: str
    line: str
    credentials: Credentials | None = None
    expires_s: int = 600


@attrs.frozen(kw_only=True)
class RegistrationStatus:
    """For people and probes."""

    state: RegistrationState
    registrar: str
    reason: str
    expires_in_s: float | None
    next_in_s: float | None
    """Until the next REGISTER; None while one is under way or none will come."""


@attrs.define
class _Wait:
    """How often it failed since the last success."""

    failures: int = 0
    tried: int = 0
    """Registrars in this round."""
    at_once: int = 0


class Registration:
    """One binding."""

    def __init__(self, order: RegistrationOrder, ids: IdSource, now: float) -> None:
        self._order = order
        self._ids = ids
        self._call_id = ids.call_id()
        self._tag = ids.tag()
        self._number = ids.number()
        self._digest = DigestClient(order.credentials) if order.credentials is not None else None
        self._place = 0
        self._expires_s = order.expires_s
        self._expires_at: float | None = None
        self._wait = _Wait()
        self._leaving = False
        self._state = RegistrationState.REGISTERING
        self._reason = ""
        self._sent: Request | None = None
        self.due: float | None = now
        """When the next REGISTER is to be sent; None while one is under way, or after the end."""

    @property
    def registrar(self) -> Uri:
        """Where the next REGISTER goes."""
        return self._order.registrars[self._place]

    def status(self, now: float) -> RegistrationStatus:
        state = self._state
        bound = self._expires_at is not None and self._expires_at > now
        if bound and state in (RegistrationState.FAILING, RegistrationState.REGISTERING):
            state = RegistrationState.REGISTERED  # a refresh is under way, or failed so far
        return RegistrationStatus(
            state=state,
            registrar=str(self.registrar),
            reason=self._reason,
            expires_in_s=self._expires_at - now if bound and self._expires_at else None,
            next_in_s=None if self.due is None else max(0.0, self.due - now),
        )

    # --- the request ---

    def request(self) -> Request:
        """The next REGISTER; its Contact gets our address when the path is known."""
        order = self._order
        expires = 0 if self._leaving else self._expires_s
        self._number += 1
        user = str(Uri(user=order.contact_user, host="h")).removesuffix("h")
        headers = Headers()
        headers.add("Max-Forwards", "70")
        headers.add("From", str(order.address.with_tag(self._tag)))
        headers.add("To", str(order.address))
        headers.add("Call-ID", self._call_id)
        headers.add("CSeq", str(CSeq(self._number, "REGISTER")))
        headers.add("Contact", f"<{user}{OWN_PLACE};{LINE}={order.line}>;expires={expires}")
        headers.add("Expires", str(expires))
        request = Request("REGISTER", str(order.domain), headers)
        if self._digest is not None:
            self._digest.authorize(request, self._ids.cnonce())
        self._sent, self.due = request, None
        return request

    def leave(self, now: float) -> None:
        """Remove the binding, if there is one: `due` is set when a REGISTER has to say so."""
        self._leaving = True
        self._wait = _Wait()
        bound = self._expires_at is not None and self._expires_at > now
        if self._sent is None:
            self.due = now if bound else None
        if not bound:
            self._state = RegistrationState.LEFT

    # --- its outcome ---

    def heard(self, outcome: Outcome, now: float) -> None:
        """The final outcome of the last REGISTER."""
        request, self._sent = self._sent, None
        if request is None or outcome.status < 200:
            return
        response = outcome.response
        if response is not None and self._answers_at_once(request, response, now):
            return
        self._wait.at_once = 0
        accepted = response is not None and outcome.status < 300
        if self._leaving:
            self._goes_on_leaving(now, bound=accepted and request.headers.get("Expires") != "0")
        elif response is not None and outcome.status < 300:
            self._bound(response, now)
        elif response is None or outcome.status == 408 or 500 <= outcome.status <= 599:
            self._failed(f"{outcome.status} {outcome.reason}", response, now)
        else:
            self._refused(f"{outcome.status} {outcome.reason}", response, now)

    def _answers_at_once(self, request: Request, response: Response, now: float) -> bool:
        """A challenge that we can answer, or a longer binding that is wanted (10.2.8)."""
        if self._wait.at_once >= MAX_AT_ONCE:
            return False
        if response.status in (401, 407):
            again = self._digest is not None and self._digest.challenged(request, response)
        elif response.status == 423 and not self._leaving:
            wanted = _seconds(response.headers.get("Min-Expires"))
            again = wanted is not None and self._expires_s < wanted <= LONGEST_EXPIRES_S
            if again and wanted is not None:
                self._expires_s = wanted
        else:
            again = False
        if again:
            self._wait.at_once += 1
            self.due = now
        return again

    def _bound(self, response: Response, now: float) -> None:
        granted = self._granted(response)
        if granted <= 0:
            self._refused("the registrar granted 0 s", response, now)
            return
        self._state, self._reason = RegistrationState.REGISTERED, ""
        self._wait = _Wait()
        self._expires_at = now + granted
        refresh = max(granted * SOONEST, granted - MARGIN_S)
        self.due = now + refresh * (1 - EARLIER * self._ids.fraction())

    def _granted(self, response: Response) -> int:
        """Seconds; of our contact, else of the response, else what was asked (10.2.4)."""
        for value in response.headers.values("Contact"):
            try:
                contact = NameAddr.parse(value)
            except MessageError:
                continue
            if contact.uri.opaque is None and contact.uri.params.get(LINE) == self._order.line:
                seconds = _seconds(contact.params.get("expires"))
                if seconds is not None:
                    return min(seconds, LONGEST_EXPIRES_S)
        seconds = _seconds(response.headers.get("Expires"))
        return self._expires_s if seconds is None else min(seconds, LONGEST_EXPIRES_S)

    def _failed(self, why: str, response: Response | None, now: float) -> None:
        self._state, self._reason = RegistrationState.FAILING, why
        self._place = (self._place + 1) % len(self._order.registrars)
        self._wait.tried += 1
        if self._wait.tried < len(self._order.registrars):
            self.due = now
        else:
            self._pause(FIRST_WAIT_S, response, now)

    def _refused(self, why: str, response: Response | None, now: float) -> None:
        self._state, self._reason = RegistrationState.REFUSED, why
        self._expires_at = None
        self._pause(REFUSED_WAIT_S, response, now)

    def _pause(self, first_s: float, response: Response | None, now: float) -> None:
        wait = min(LONGEST_WAIT_S, first_s * 2 ** min(self._wait.failures, 20))
        wait *= 0.5 + 0.5 * self._ids.fraction()
        asked = None if response is None else _seconds(response.headers.get("Retry-After"))
        self._wait.failures += 1
        self._wait.tried = 0
        self.due = now + max(wait, min(asked or 0, LONGEST_ASKED_S))

    def _goes_on_leaving(self, now: float, *, bound: bool) -> None:
        """The outcome of our farewell; or of a REGISTER that was under way, which then `bound`."""
        if bound:
            self.due = now
        else:
            self._state, self._expires_at, self.due = RegistrationState.LEFT, None, None


def _seconds(text: str | None) -> int | None:
    """Delta-seconds at the begin of a value (Retry-After may go on with a comment)."""
    if text is None:
        return None
    digits = text.strip().partition(";")[0].partition("(")[0].strip()
    if not (digits.isascii() and digits.isdigit()):
        return None
    return int(digits[:10])
