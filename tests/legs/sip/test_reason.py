"""Reason headers in, the leg's last event out."""

from __future__ import annotations

import pytest

from runtime.legs.leg import Ended
from runtime.legs.sip.reason import Cause, end_of_leg, first_cause
from sip.dialog import events
from sip.message import Headers


def session_ended(
    by: events.EndedBy,
    kind: events.EndedKind,
    status: int,
    reason: str = "",
    header: str | None = None,
) -> events.Ended:
    headers = Headers([("Reason", header)] if header is not None else [])
    return events.Ended(by=by, kind=kind, status=status, reason=reason, headers=headers)


@pytest.mark.parametrize(
    ("value", "cause"),
    [
        ('Q.850;cause=16;text="Normal call clearing"', Cause("Q.850", 16, "Normal call clearing")),
        ("SIP ;cause=200 ;text=done", Cause("SIP", 200, "done")),
        ("Q.850", Cause("Q.850", None)),
        ("Q.850;cause=many", Cause("Q.850", None)),
        ('Q.850;cause=17;text="a, b", SIP;cause=600', Cause("Q.850", 17, "a, b")),
        (";;;, Q.850;cause=31", Cause("Q.850", 31)),
    ],
)
def test_the_first_readable_reason_counts(value: str, cause: Cause) -> None:
    assert first_cause(Headers([("Reason", value)])) == cause


def test_a_cause_is_written_so_that_it_reads_back() -> None:
    cause = Cause("Q.850", 16, "it is over")
    assert str(cause) == 'Q.850;cause=16;text="it is over"'
    assert first_cause(Headers([("Reason", str(cause))])) == cause
    assert '"' not in str(Cause("SIP", 487, 'a"b\r\nEvil: 1'))[len('SIP;cause=487;text="') : -1]


@pytest.mark.parametrize(
    ("event", "connected", "ended"),
    [
        (
            session_ended("remote", "bye", 200),
            True,
            Ended(code=200, reason="BYE", by="peer"),
        ),
        (
            session_ended("remote", "bye", 200, header="Q.850;cause=16"),
            True,
            Ended(
                code=16,
                reason="Normal call clearing",
                by="peer",
                headers={"Reason": "Q.850;cause=16"},
            ),
        ),
        (
            session_ended("remote", "reject", 603, "Decline"),
            False,
            Ended(code=603, reason="Decline", by="peer"),
        ),
        (
            session_ended("remote", "cancel", 487),
            False,
            Ended(code=487, reason="Request Terminated", by="peer"),
        ),
        (
            session_ended("remote", "bye", 200),
            False,
            Ended(code=487, reason="Request Terminated", by="peer"),
        ),
        (
            session_ended("timeout", "failure", 408, "no answer to the INVITE"),
            False,
            Ended(code=408, reason="no answer to the INVITE", by="network"),
        ),
        (
            session_ended("transport", "failure", 503, "cannot reach 127.0.0.1:9"),
            False,
            Ended(code=503, reason="cannot reach 127.0.0.1:9", by="network"),
        ),
        (
            session_ended("timeout", "session-expired", 408, "session expired"),
            True,
            Ended(code=408, reason="session expired", by="network"),
        ),
        (
            session_ended("timeout", "ack-timeout", 408, "no ACK within 32 s"),
            False,
            Ended(code=408, reason="no ACK within 32 s", by="network"),
        ),
    ],
)
def test_every_end_has_its_code_and_its_author(
    event: events.Ended, connected: bool, ended: Ended
) -> None:
    assert end_of_leg(event, connected=connected) == ended
