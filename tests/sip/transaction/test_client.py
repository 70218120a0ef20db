"""The non-INVITE client transaction as transcripts (RFC 3261 17.1.2)."""

from __future__ import annotations

import pytest

from .transcript import Transcript, answer, request


def test_unanswered_request_is_repeated_up_to_every_t2_and_times_out_after_64_t1() -> None:
    transcript = Transcript()
    transcript.send(request("BYE"))
    transcript.run_until(100)
    assert transcript.times_of("repeat BYE") == [
        *(0.5, 1.5, 3.5, 7.5, 11.5, 15.5, 19.5, 23.5, 27.5, 31.5),
    ]
    assert transcript.lines[-2:] == ["32: RequestTimedOut", "32: TransactionEnded"]


def test_a_provisional_response_slows_the_repetition_to_t2_but_keeps_the_limit() -> None:
    transcript, bye = Transcript(), request("BYE")
    transcript.send(bye)
    transcript.run_until(0.1)
    transcript.receive(answer(bye, 100))
    transcript.run_until(100)
    assert transcript.times_of("repeat BYE") == [0.5, 4.5, 8.5, 12.5, 16.5, 20.5, 24.5, 28.5]
    assert transcript.times_of("RequestTimedOut") == [32]


@pytest.mark.parametrize("status", [200, 481])
def test_final_response_is_reported_once_and_repeats_are_absorbed_for_t4(status: int) -> None:
    transcript, bye = Transcript(), request("BYE")
    transcript.send(bye)
    transcript.receive(answer(bye, status))
    transcript.receive(answer(bye, status))
    transcript.receive(answer(bye, 100))
    transcript.run_until(100)
    assert transcript.take() == [
        "0: send BYE",
        f"0: ResponseArrived {status}",
        "5: TransactionEnded",
    ]


def test_request_over_tcp_is_not_repeated_and_ends_with_its_answer() -> None:
    transcript, bye = Transcript("tcp"), request("BYE")
    transcript.send(bye)
    transcript.run_until(10)
    transcript.receive(answer(bye, 200))
    assert transcript.take() == ["0: send BYE", "10: ResponseArrived 200", "10: TransactionEnded"]


def test_a_response_with_another_method_or_branch_is_a_stray() -> None:
    transcript, bye = Transcript(), request("BYE")
    transcript.send(bye)
    transcript.take()
    transcript.receive(answer(request("INFO"), 200))
    transcript.receive(answer(request("BYE", branch="z9hG4bK-other"), 200))
    assert transcript.take() == ["0: stray", "0: stray"]


def test_a_transport_error_is_reported_once() -> None:
    transcript, bye = Transcript(), request("BYE")
    key = transcript.send(bye)
    transcript.fail(key)
    transcript.fail(key)
    assert transcript.take() == ["0: send BYE", "0: RequestFailed", "0: TransactionEnded"]
