"""Requests of ours outside any dialog: challenges, other servers, and what they look like."""

from __future__ import annotations

import pytest

from sip.agent import Question, request_outside
from sip.agent.asking import MAX_REPEATS
from sip.auth import Credentials
from sip.dialog import Outcome
from sip.message import NameAddr, Request, Uri

from .lab import PEER, Lab

US = NameAddr.parse("<sip:us@example.com>")
FIRST, SECOND = "udp:192.0.2.11:5060", "udp:192.0.2.12:5060"


class Asking:
    """A question of the lab's agent, and what was heard of it."""

    def __init__(
        self,
        method: str = "OPTIONS",
        target: str = f"sip:bob@{PEER}",
        *,
        password: str = "secret",
        body: bytes = b"",
    ) -> None:
        self.lab = Lab()
        self.outcomes: list[Outcome] = []
        uri = Uri.parse(target)
        request = request_outside(
            method,
            uri,
            US,
            self.lab.agent.ids,
            headers=[("X-Why", "test")],
            body=body,
            content_type="text/plain" if body else "",
        )
        credentials = Credentials("us", password) if password else None
        question = Question(self.lab.agent, request, uri, credentials, self._hear)
        self.lab._enter(question.ask)

    def _hear(self, outcome: Outcome, _: float) -> None:
        self.outcomes.append(outcome)

    def challenge(self, status: int = 401, nonce: str = "n1", more: str = "") -> None:
        name = "WWW-Authenticate" if status == 401 else "Proxy-Authenticate"
        value = f'{name}: Digest realm="r", nonce="{nonce}", qop="auth", algorithm=SHA-256{more}'
        self.lab.answer(status, headers=value + "\r\n", contact=False)

    @property
    def statuses(self) -> list[int]:
        return [outcome.status for outcome in self.outcomes]

    @property
    def numbers(self) -> list[int]:
        return [request.cseq.number for request in self.lab.requests()]


def answers(request: Request) -> str:
    return request.headers.get("Authorization") or request.headers.get("Proxy-Authorization") or ""


@pytest.mark.parametrize("method", ["OPTIONS", "MESSAGE"])
@pytest.mark.parametrize("status", [401, 407])
def test_a_challenge_is_answered_with_the_next_number_and_one_outcome_is_heard(
    method: str, status: int
) -> None:
    asking = Asking(method)
    asking.challenge(status)
    assert asking.outcomes == []
    first, second = asking.lab.requests()
    assert second.cseq.number == first.cseq.number + 1
    assert (second.call_id, str(second.from_)) == (first.call_id, str(first.from_))
    assert second.via.branch != first.via.branch
    assert 'username="us"' in answers(second)
    assert answers(first) == ""
    asking.lab.answer(200, contact=False)
    assert asking.statuses == [200]


def test_a_wrong_password_is_tried_once() -> None:
    asking = Asking()
    asking.challenge(nonce="n1")
    asking.challenge(nonce="n2")
    assert asking.statuses == [401]
    assert len(asking.numbers) == 2


def test_a_server_that_calls_every_nonce_stale_is_left_in_the_end() -> None:
    asking = Asking()
    for number in range(MAX_REPEATS + 3):
        if not asking.outcomes:
            asking.challenge(nonce=f"n{number}", more=", stale=true")
    assert asking.statuses == [401]
    assert len(asking.numbers) <= MAX_REPEATS + 1


def test_without_credentials_a_challenge_is_the_outcome() -> None:
    asking = Asking(password="")
    asking.challenge()
    assert asking.statuses == [401]


def test_the_next_server_is_asked_when_one_is_out_of_service_and_challenged_as_well() -> None:
    asking = Asking(target="sip:bob@example.com")
    asking.lab.locate(FIRST, SECOND)
    asking.lab.answer(503, contact=False)
    assert [str(heard.destination) for heard in asking.lab.heard] == [FIRST, SECOND]
    asking.challenge()
    asking.lab.locate(FIRST, SECOND)
    asking.lab.answer(200, contact=False)
    assert str(asking.lab.heard[-1].destination) == SECOND
    assert asking.statuses == [200]


def test_silence_and_a_name_without_servers_are_outcomes() -> None:
    silent = Asking()
    silent.lab.run(40.0)
    assert [(one.status, one.fault) for one in silent.outcomes] == [(408, "timeout")]
    nowhere = Asking(target="sip:bob@example.com")
    nowhere.lab.locate(reason="no such name")
    assert [(one.status, one.reason) for one in nowhere.outcomes] == [(503, "no such name")]


def test_a_message_has_its_text_and_no_contact() -> None:
    asking = Asking("MESSAGE", body="grüße".encode())
    asking.lab.answer(100, contact=False)
    asking.lab.answer(202, contact=False)
    assert asking.statuses == [202]
    [sent] = asking.lab.requests()
    assert sent.body.decode() == "grüße"
    assert sent.headers.get("Content-Type") == "text/plain"
    assert sent.headers.get("X-Why") == "test"
    assert "Contact" not in sent.headers
    assert sent.to.tag is None


def test_a_header_that_breaks_out_of_its_line_is_refused() -> None:
    with pytest.raises(ValueError, match="X-A"):
        request_outside(
            "OPTIONS", Uri.parse("sip:x@h"), US, Lab().agent.ids, headers=[("X-A", "a\r\nB: c")]
        )


def test_nothing_is_left_behind() -> None:
    asking = Asking()
    asking.challenge()
    asking.lab.answer(200, contact=False)
    asking.lab.run(100.0)
    assert asking.lab.agent.layer.client_count == 0
    assert asking.lab.agent.is_idle
    assert len(asking.lab.agent.deliveries) == 0
