"""The INVITE client transaction as transcripts (RFC 3261 17.1.1, RFC 6026)."""

from __future__ import annotations

import pytest

from sip.message import Request, parse_datagram
from sip.transaction import Timers, Transmit

from .transcript import Transcript, answer, destination, request


def test_unanswered_invite_is_repeated_at_doubling_intervals_and_times_out_after_64_t1() -> None:
    transcript = Transcript()
    transcript.send(request())
    transcript.run_until(100)
    assert transcript.take() == [
        "0: send INVITE",
        "0.5: repeat INVITE",
        "1.5: repeat INVITE",
        "3.5: repeat INVITE",
        "7.5: repeat INVITE",
        "15.5: repeat INVITE",
        "31.5: repeat INVITE",
        "32: RequestTimedOut",
        "32: TransactionEnded",
    ]


def test_other_timer_values_scale_everything() -> None:
    transcript = Transcript(timers=Timers(t1=0.25))
    transcript.send(request())
    transcript.run_until(100)
    assert transcript.times_of("repeat INVITE") == [0.25, 0.75, 1.75, 3.75, 7.75, 15.75]
    assert transcript.times_of("RequestTimedOut") == [16]


def test_invite_over_tcp_is_sent_once_and_still_times_out() -> None:
    transcript = Transcript("tcp")
    transcript.send(request())
    transcript.run_until(100)
    assert transcript.take() == ["0: send INVITE", "32: RequestTimedOut", "32: TransactionEnded"]


def test_a_provisional_response_stops_the_repetition_and_the_time_limit() -> None:
    transcript, invite = Transcript(), request()
    transcript.send(invite)
    transcript.run_until(0.7)
    transcript.receive(answer(invite, 180))
    transcript.run_until(1000)
    assert transcript.take() == ["0: send INVITE", "0.5: repeat INVITE", "0.7: ResponseArrived 180"]


def test_failure_is_acked_each_time_it_comes_but_reported_once() -> None:
    transcript, invite = Transcript(), request()
    transcript.send(invite)
    transcript.receive(answer(invite, 486))
    transcript.run_until(2)
    transcript.receive(answer(invite, 486))
    transcript.run_until(100)
    assert transcript.take() == [
        "0: send INVITE",
        "0: send ACK",
        "0: ResponseArrived 486",
        "2: repeat ACK",
        "32: TransactionEnded",
    ]


def test_failure_over_tcp_ends_the_transaction_at_once() -> None:
    transcript, invite = Transcript("tcp"), request()
    transcript.send(invite)
    transcript.receive(answer(invite, 603))
    assert transcript.take() == [
        "0: send INVITE",
        "0: send ACK",
        "0: ResponseArrived 603",
        "0: TransactionEnded",
    ]


def test_every_2xx_of_a_fork_is_reported_for_64_t1() -> None:
    transcript, invite = Transcript(), request()
    transcript.send(invite)
    transcript.receive(answer(invite, 200, "one"))
    transcript.receive(answer(invite, 200, "one"))
    transcript.receive(answer(invite, 200, "two"))
    transcript.receive(answer(invite, 180, "three"))
    transcript.receive(answer(invite, 486, "four"))
    transcript.run_until(33)
    transcript.receive(answer(invite, 200, "five"))
    assert transcript.take() == [
        "0: send INVITE",
        "0: ResponseArrived 200",
        "0: ResponseArrived 200",
        "0: ResponseArrived 200",
        "32: TransactionEnded",
        "33: stray",
    ]


@pytest.mark.parametrize("status", [None, 180])
def test_a_transport_error_before_the_final_response_is_reported(status: int | None) -> None:
    transcript, invite = Transcript(), request()
    key = transcript.send(invite)
    if status is not None:
        transcript.receive(answer(invite, status))
    transcript.take()
    transcript.fail(key)
    assert transcript.take() == ["0: RequestFailed", "0: TransactionEnded"]
    assert transcript.layer.client_count == 0
    assert transcript.layer.next_timeout() is None


def test_the_ack_of_a_failure_shares_branch_route_and_number_with_its_invite() -> None:
    transcript, invite = Transcript(), request(cseq=7)
    invite.headers.add("Route", "<sip:proxy.example.com;lr>")
    transcript.send(invite)
    out = transcript.layer.receive_response(answer(invite, 404, "theirs"), 0)
    assert out is not None
    sent = next(o for o in out if isinstance(o, Transmit))
    ack = parse_datagram(sent.data)
    assert isinstance(ack, Request)
    assert (ack.method, ack.uri) == ("ACK", invite.uri)
    assert ack.headers.lines("Via") == invite.headers.lines("Via")
    assert ack.headers.lines("Route") == ["<sip:proxy.example.com;lr>"]
    assert ack.to.tag == "theirs"
    assert str(ack.cseq) == "7 ACK"


def test_giving_up_after_an_unanswered_cancel_ends_the_transaction_silently() -> None:
    transcript, invite = Transcript(), request()
    key = transcript.send(invite)
    transcript.receive(answer(invite, 180))
    transcript.take()
    transcript._note(transcript.layer.give_up(key, 40))
    assert transcript.take() == ["0: TransactionEnded"]


def test_requests_on_a_closed_connection_fail_and_others_do_not() -> None:
    transcript = Transcript("tcp")
    lost = transcript.send(request(branch="z9hG4bK-lost"))
    transcript.send(request(branch="z9hG4bK-kept"))
    transcript.layer.sent_on(lost, 7)
    transcript.take()
    transcript._note(transcript.layer.flow_closed(7, "reset", 1))
    assert transcript.take() == ["0: RequestFailed", "0: TransactionEnded"]
    assert transcript.layer.client_count == 1
    assert transcript.layer.flow_closed(7, "again", 1) == []


def test_a_message_goes_where_the_caller_said() -> None:
    transcript = Transcript()
    _, out = transcript.layer.send_request(request(), b"data", destination(), 0)
    assert [o.destination for o in out if isinstance(o, Transmit)] == [destination()]
