"""The non-INVITE server transaction as transcripts (RFC 3261 17.2.2)."""

from __future__ import annotations

from .transcript import Transcript, answer, request


def test_a_repeated_request_is_answered_from_the_transaction() -> None:
    transcript, bye = Transcript(), request("BYE")
    key = transcript.receive(bye)
    assert key is not None
    transcript.receive(request("BYE"))
    transcript.respond(key, answer(bye, 200))
    transcript.run_until(31)
    transcript.receive(request("BYE"))
    transcript.run_until(32)
    transcript.receive(request("BYE"))
    assert transcript.take() == [
        "0: RequestArrived",
        "0: send 200 OK (BYE)",
        "31: repeat 200 OK (BYE)",
        "32: TransactionEnded",
        "32: RequestArrived",
    ]


def test_a_provisional_answer_is_repeated_too() -> None:
    transcript, info = Transcript(), request("INFO")
    key = transcript.receive(info)
    assert key is not None
    transcript.respond(key, answer(info, 100))
    transcript.receive(request("INFO"))
    transcript.respond(key, answer(info, 500))
    assert transcript.take()[1:] == [
        "0: send 100 Trying (INFO)",
        "0: repeat 100 Trying (INFO)",
        "0: send 500 Server Internal Error (INFO)",
    ]


def test_over_tcp_the_answer_ends_the_transaction() -> None:
    transcript, bye = Transcript("tcp"), request("BYE")
    key = transcript.receive(bye)
    assert key is not None
    transcript.respond(key, answer(bye, 200))
    transcript.respond(key, answer(bye, 200))
    assert transcript.take() == [
        "0: RequestArrived",
        "0: send 200 OK (BYE)",
        "0: TransactionEnded",
        "0: gone",
    ]


def test_an_undeliverable_answer_is_reported_and_forgotten() -> None:
    transcript, bye = Transcript(), request("BYE")
    key = transcript.receive(bye)
    assert key is not None
    transcript.respond(key, answer(bye, 200))
    transcript.fail(key)
    assert transcript.take()[2:] == ["0: ResponseFailed", "0: TransactionEnded"]
    assert transcript.layer.server_count == 0
