"""A registration against registrars played by the test: each request at its exact time."""

from __future__ import annotations

import pytest

from sip.agent import Registration, RegistrationOrder, RegistrationState
from sip.agent.requests_out import OWN_PLACE
from sip.auth import Credentials
from sip.dialog import Outcome
from sip.message import NameAddr, Request, Uri, response_to

from .lab import Lab
from .link import CountingIds

FIRST_AT = Uri.parse("sip:192.0.2.9")
FIRST = Uri.parse("sip:one.example")
SECOND = Uri.parse("sip:two.example")
CHALLENGE = 'Digest realm="r", nonce="{}", qop="auth", algorithm=SHA-256'


class Line:
    """One registration, its clock, and what it sent: (time, registrar, request)."""

    def __init__(
        self, *registrars: Uri, expires_s: int = 600, credentials: Credentials | None = None
    ) -> None:
        order = RegistrationOrder(
            domain=Uri.parse("sip:carrier.example"),
            registrars=registrars or (FIRST,),
            address=NameAddr.parse("<sip:acme@carrier.example>"),
            contact_user="acme",
            line="t0k3n",
            credentials=credentials or Credentials("acme", "s3cret"),
            expires_s=expires_s,
        )
        self.now = 100.0
        self.core = Registration(order, CountingIds("us"), self.now)
        self.asked: list[tuple[float, str, Request]] = []

    def send(self) -> Request:
        """Let the clock run until the next REGISTER is due."""
        assert self.core.due is not None
        self.now = max(self.now, self.core.due)
        where = str(self.core.registrar)
        request = self.core.request()
        assert self.core.due is None
        self.asked.append((self.now, where, request))
        return request

    def answer(self, status: int, *headers: tuple[str, str]) -> None:
        request = self.asked[-1][2]
        prepared = Request(request.method, request.uri, request.headers.copy())
        prepared.headers.prepend("Via", "SIP/2.0/UDP 192.0.2.1;branch=z9hG4bKx")
        response = response_to(prepared, status, to_tag="theirs", headers=headers)
        outcome = Outcome(status=status, reason=response.reason, response=response)
        self.core.heard(outcome, self.now)

    def silence(self) -> None:
        self.now += 32
        outcome = Outcome(status=408, reason="no response", response=None, fault="timeout")
        self.core.heard(outcome, self.now)

    @property
    def state(self) -> RegistrationState:
        return self.core.status(self.now).state

    @property
    def wait_s(self) -> float | None:
        return self.core.status(self.now).next_in_s


def test_a_register_says_who_is_reached_where_and_for_how_long() -> None:
    request = Line().send()
    assert (request.method, request.uri) == ("REGISTER", "sip:carrier.example")
    assert request.headers.get("To") == "<sip:acme@carrier.example>"
    assert request.headers.get("Contact") == (f"<sip:acme@{OWN_PLACE};line=t0k3n>;expires=600")
    assert request.headers.get("Expires") == "600"


def test_a_challenge_is_answered_at_once_with_the_next_number_and_the_same_call_id() -> None:
    line = Line()
    first = line.send()
    line.answer(401, ("WWW-Authenticate", CHALLENGE.format("n1")))
    second = line.send()
    assert line.asked[0][0] == line.asked[1][0]
    assert second.cseq.number == first.cseq.number + 1
    assert second.call_id == first.call_id
    assert 'username="acme"' in (second.headers.get("Authorization") or "")
    line.answer(200, ("Expires", "600"))
    assert line.state is RegistrationState.REGISTERED


def test_a_refresh_reuses_the_challenge() -> None:
    line = Line()
    line.send()
    line.answer(401, ("WWW-Authenticate", CHALLENGE.format("n1")))
    line.send()
    line.answer(200, ("Expires", "600"))
    assert "nc=00000002" in (line.send().headers.get("Authorization") or "")


def test_a_wrong_password_waits_long_and_longer() -> None:
    line = Line()
    waits = []
    for _ in range(3):
        line.send()
        line.answer(401, ("WWW-Authenticate", CHALLENGE.format("n1")))
        if line.wait_s == 0:
            line.send()
            line.answer(401, ("WWW-Authenticate", CHALLENGE.format("n2")))
        assert line.state is RegistrationState.REFUSED
        waits.append(line.wait_s)
    assert waits == [45.0, 90.0, 180.0]
    assert line.core.status(line.now).reason.startswith("401")


@pytest.mark.parametrize(
    ("granted", "refreshed_after"), [(3600, 3353.5), (600, 503.5), (120, 57.0), (60, 28.5)]
)
def test_a_binding_is_refreshed_at_a_safe_part_of_what_was_granted(
    granted: int, refreshed_after: float
) -> None:
    line = Line()
    line.send()
    line.answer(200, ("Contact", f"<sip:acme@192.0.2.1:5060;line=t0k3n>;expires={granted}"))
    assert line.wait_s == pytest.approx(refreshed_after)
    assert line.core.status(line.now).expires_in_s == granted


def test_the_expiry_of_our_own_contact_counts_not_that_of_others() -> None:
    line = Line()
    line.send()
    line.answer(
        200,
        ("Contact", "<sip:other@h>;expires=10, <sip:acme@h;line=t0k3n>;expires=300"),
        ("Expires", "20"),
    )
    assert line.core.status(line.now).expires_in_s == 300


def test_a_longer_interval_that_is_demanded_is_asked_for_at_once() -> None:
    line = Line(expires_s=60)
    line.send()
    line.answer(423, ("Min-Expires", "1800"))
    assert line.send().headers.get("Expires") == "1800"
    assert line.asked[0][0] == line.asked[1][0]


@pytest.mark.parametrize("wanted", ["60", "9999999", "soon", ""])
def test_a_423_that_makes_no_sense_is_a_refusal(wanted: str) -> None:
    line = Line(expires_s=60)
    line.send()
    line.answer(423, ("Min-Expires", wanted))
    assert line.state is RegistrationState.REFUSED
    assert line.wait_s == 45.0


def test_a_silent_registrar_makes_room_for_the_next_one() -> None:
    line = Line(FIRST, SECOND)
    line.send()
    line.silence()
    line.send()
    line.answer(200)
    line.send()
    assert [(at, where) for at, where, _ in line.asked[:2]] == [
        (100.0, "sip:one.example"),
        (132.0, "sip:two.example"),
    ]
    assert line.asked[2][1] == "sip:two.example"


def test_when_no_registrar_answers_the_wait_doubles_up_to_half_an_hour() -> None:
    line = Line(FIRST, SECOND)
    waits: list[float | None] = []
    for _ in range(12):
        line.send()
        line.answer(503)
        line.send()
        line.answer(503)
        waits.append(line.wait_s)
    assert waits[:4] == [3.75, 7.5, 15.0, 30.0]
    assert waits[-1] == 1350.0
    assert line.state is RegistrationState.FAILING


def test_a_registrar_that_says_when_to_come_back_is_obeyed_within_reason() -> None:
    line = Line()
    line.send()
    line.answer(503, ("Retry-After", "120 (maintenance)"))
    assert line.wait_s == 120
    line.send()
    line.answer(503, ("Retry-After", "99999999"))
    assert line.wait_s == 3600


def test_a_binding_outlives_refreshes_that_fail_until_it_runs_out() -> None:
    line = Line()
    line.send()
    line.answer(200, ("Expires", "600"))
    line.send()
    line.silence()
    assert line.state is RegistrationState.REGISTERED
    assert line.core.status(line.now + 600).state is RegistrationState.FAILING


def test_leaving_removes_the_binding_and_answers_its_challenge() -> None:
    line = Line()
    line.send()
    line.answer(200)
    line.core.leave(line.now)
    assert line.wait_s == 0
    farewell = line.send()
    assert farewell.headers.get("Expires") == "0"
    assert (farewell.headers.get("Contact") or "").endswith(">;expires=0")
    line.answer(401, ("WWW-Authenticate", CHALLENGE.format("n1")))
    line.send()
    line.answer(200)
    assert line.core.due is None
    assert line.state is RegistrationState.LEFT


def test_leaving_while_a_register_is_under_way_removes_what_it_binds() -> None:
    line = Line()
    line.send()
    line.core.leave(line.now)
    assert line.core.due is None
    line.answer(200)
    assert line.send().headers.get("Expires") == "0"
    line.answer(200)
    assert line.core.due is None


def test_leaving_without_a_binding_says_nothing() -> None:
    line = Line()
    line.send()
    line.answer(403)
    line.core.leave(line.now)
    assert line.core.due is None
    assert line.state is RegistrationState.LEFT


def test_a_registrar_that_challenges_for_ever_is_left_in_peace() -> None:
    line = Line()
    for number in range(50):
        line.send()
        stale = CHALLENGE.format(f"n{number}") + ", stale=true"
        line.answer(401, ("WWW-Authenticate", stale))
        if line.wait_s:
            break
    assert len(line.asked) < 10
    assert line.state is RegistrationState.REFUSED


def test_a_registrar_that_grants_nothing_has_refused() -> None:
    line = Line()
    line.send()
    line.answer(200, ("Expires", "0"))
    assert line.state is RegistrationState.REFUSED


def test_the_contact_gets_the_address_that_the_registrar_can_reach() -> None:
    lab, line = Lab(), Line()
    outcomes: list[Outcome] = []
    lab.agent.send(line.core.request(), FIRST_AT, None, lambda o, _: outcomes.append(o), lab.now)
    lab._carry_out(lab.agent.take(lab.now))
    assert lab.last_request().headers.get("Contact") == (
        "<sip:acme@192.0.2.1:5060;line=t0k3n>;expires=600"
    )
    lab.answer(200, contact=False)
    assert [outcome.status for outcome in outcomes] == [200]
