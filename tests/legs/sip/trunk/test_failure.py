"""Which failures are the trunk's, so that the next one is tried."""

from __future__ import annotations

import pytest

from runtime.legs.sip.trunk.failure import trunk_failure
from sip.dialog.events import Ended, EndedBy, EndedKind


@pytest.mark.parametrize(
    ("by", "kind", "status", "goes_on"),
    [
        ("timeout", "failure", 408, True),
        ("transport", "failure", 503, True),
        ("remote", "failure", 408, True),
        ("remote", "failure", 500, True),
        ("remote", "failure", 503, True),
        ("remote", "failure", 599, True),
        ("remote", "failure", 486, False),
        ("remote", "failure", 603, False),
        ("remote", "failure", 600, False),
        ("remote", "failure", 404, False),
        ("remote", "failure", 403, False),
        ("remote", "failure", 302, False),
        ("local", "cancel", 487, False),
        ("remote", "bye", 200, False),
    ],
)
def test_silence_and_server_failures_go_on_and_answers_do_not(
    by: EndedBy, kind: EndedKind, status: int, goes_on: bool
) -> None:
    event = Ended(by=by, kind=kind, status=status, reason="why")
    assert (trunk_failure(event, reached=False) is not None) is goes_on


def test_what_fails_after_it_rang_is_the_end_of_the_call() -> None:
    event = Ended(by="remote", kind="failure", status=503, reason="why")
    assert trunk_failure(event, reached=True) is None
