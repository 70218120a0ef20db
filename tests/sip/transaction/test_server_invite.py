"""The INVITE server transaction as transcripts (RFC 3261 17.2.1, RFC 6026)."""

from __future__ import annotations

import pytest

from sip.transaction import IllegalInputError

from .transcript import Transcript, answer, request


def test_a_repeated_invite_gets_the_last_provisional_response_again() -> None:
    transcript, invite = Transcript(), request()
    key = transcript.receive(invite)
    assert key is not None
    transcript.receive(request())
    transcript.respond(key, answer(invite, 100))
    transcript.receive(request())
    transcript.respond(key, answer(invite, 180))
    transcript.receive(request())
    assert transcript.take() == [
        "0: RequestArrived",
        "0: send 100 Trying (INVITE)",
        "0: repeat 100 Trying (INVITE)",
        "0: send 180 Ringing (INVITE)",
        "0: repeat 180 Ringing (INVITE)",
    ]


def test_a_failure_is_repeated_until_64_t1_when_no_ack_comes() -> None:
    transcript, invite = Transcript(), request()
    key = transcript.receive(invite)
    assert key is not None
    transcript.respond(key, answer(invite, 486))
    transcript.run_until(100)
    assert transcript.times_of("repeat 486 Busy Here (INVITE)") == [
        *(0.5, 1.5, 3.5, 7.5, 11.5, 15.5, 19.5, 23.5, 27.5, 31.5),
    ]
    assert transcript.lines[-2:] == ["32: ResponseFailed", "32: TransactionEnded"]


def test_the_ack_of_a_failure_stops_the_repetition_and_is_absorbed() -> None:
    transcript, invite = Transcript(), request()
    key = transcript.receive(invite)
    assert key is not None
    transcript.respond(key, answer(invite, 486))
    transcript.run_until(0.6)
    transcript.receive(request("ACK", to_tag="to"))
    transcript.receive(request("ACK", to_tag="to"))
    transcript.receive(request())
    transcript.run_until(100)
    assert transcript.take() == [
        "0: RequestArrived",
        "0: send 486 Busy Here (INVITE)",
        "0.5: repeat 486 Busy Here (INVITE)",
        "5.6: TransactionEnded",
    ]


def test_after_a_2xx_repeated_invites_are_absorbed_and_acks_are_passed_on() -> None:
    transcript, invite = Transcript(), request()
    key = transcript.receive(invite)
    assert key is not None
    transcript.respond(key, answer(invite, 200))
    transcript.receive(request())
    transcript.receive(request("ACK", to_tag="to"))
    transcript.run_until(100)
    assert transcript.take() == [
        "0: RequestArrived",
        "0: send 200 OK (INVITE)",
        "0: AckArrived",
        "32: TransactionEnded",
    ]


def test_an_ack_with_a_branch_of_its_own_is_passed_on() -> None:
    transcript = Transcript()
    transcript.receive(request("ACK", branch="z9hG4bK-new"))
    assert transcript.take() == ["0: AckArrived"]
    assert transcript.layer.server_count == 0


def test_failure_over_tcp_is_not_repeated_but_waits_for_its_ack() -> None:
    transcript, invite = Transcript("tcp"), request()
    key = transcript.receive(invite)
    assert key is not None
    transcript.respond(key, answer(invite, 486))
    transcript.run_until(3)
    transcript.receive(request("ACK", to_tag="to"))
    assert transcript.take() == [
        "0: RequestArrived",
        "0: send 486 Busy Here (INVITE)",
        "3: TransactionEnded",
    ]


def test_a_second_final_response_is_a_local_error_that_changes_nothing() -> None:
    transcript, invite = Transcript(), request()
    key = transcript.receive(invite)
    assert key is not None
    transcript.respond(key, answer(invite, 486))
    transcript.take()
    with pytest.raises(IllegalInputError, match=r"'send 2xx' cannot happen in state completed"):
        transcript.respond(key, answer(invite, 200))
    transcript.receive(request())
    assert transcript.take() == ["0: repeat 486 Busy Here (INVITE)"]


def test_a_response_that_cannot_be_sent_is_reported() -> None:
    transcript, invite = Transcript(), request()
    key = transcript.receive(invite)
    assert key is not None
    transcript.respond(key, answer(invite, 180))
    transcript.fail(key)
    transcript.respond(key, answer(invite, 486))
    transcript.fail(key)
    assert transcript.take()[2:] == [
        "0: ResponseFailed",
        "0: send 486 Busy Here (INVITE)",
        "0: ResponseFailed",
        "0: TransactionEnded",
    ]


def test_rfc_2543_requests_are_matched_by_their_fields() -> None:
    transcript, invite = Transcript(), request(branch=None, from_tag=None)
    key = transcript.receive(invite)
    assert key is not None
    transcript.receive(request(branch=None, from_tag=None))
    transcript.receive(request(branch=None, from_tag=None, cseq=2))
    transcript.respond(key, answer(invite, 404))
    transcript.receive(request("ACK", branch=None, from_tag=None, to_tag="to"))
    transcript.run_until(31)
    assert transcript.take() == [
        "0: RequestArrived",
        "0: RequestArrived",
        "0: send 404 Not Found (INVITE)",
        "5: TransactionEnded",
    ]


def test_a_bare_magic_cookie_is_no_branch() -> None:
    transcript = Transcript()
    transcript.receive(request(branch="z9hG4bK"))
    transcript.receive(request(branch="z9hG4bK"))
    transcript.receive(request(branch="z9hG4bK", cseq=2))
    assert transcript.take() == ["0: RequestArrived", "0: RequestArrived"]


def test_the_same_branch_from_another_sender_is_another_transaction() -> None:
    transcript = Transcript()
    transcript.receive(request())
    transcript.receive(request(sent_by="192.0.2.2:5060"))
    assert transcript.take() == ["0: RequestArrived", "0: RequestArrived"]


def test_another_branch_of_the_same_request_is_seen_as_merged_until_the_first_one_ends() -> None:
    transcript = Transcript("tcp")
    key = transcript.receive(request())
    assert key is not None
    other = request(branch="z9hG4bK-two")
    assert transcript.layer.merged_with(other) == key
    assert transcript.layer.merged_with(request(branch="z9hG4bK-two", cseq=2)) is None
    transcript.respond(key, answer(request(), 486))
    transcript.receive(request("ACK", to_tag="to"))
    assert transcript.layer.merged_with(other) is None
