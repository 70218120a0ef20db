"""MESSAGE and INFO inside a call and outside (RFC 3428, RFC 6086)."""

from __future__ import annotations

import pytest

from sip.dialog import InfoReceived, MessageReceived, MessageRefused, SessionStateError

from .lab import Lab

CONTACT = "Contact: <sip:peer@192.0.2.9>\r\n"


def texts(lab: Lab) -> list[str]:
    return [event.text for event in lab.phone.events if isinstance(event, MessageReceived)]


def test_a_text_of_the_peer_is_answered_and_told() -> None:
    lab = Lab()
    lab.answered_call()
    lab.in_dialog(
        "MESSAGE",
        2,
        sdp="Grüße".encode(),
        content_type="text/plain;charset=UTF-8",
        headers=f"{CONTACT}X-A: 1\r\n",
    )
    assert lab.log() == ["0 200 MESSAGE"]
    [event] = lab.phone.events
    assert isinstance(event, MessageReceived)
    assert (event.text, event.headers.get("X-A")) == ("Grüße", "1")
    assert lab.last_response().body == b""


def test_bytes_that_are_no_utf_8_become_marks() -> None:
    lab = Lab()
    lab.answered_call()
    text = lab.request(
        "MESSAGE", branch="m", cseq=2, to_tag=lab.our_tag, sdp=b"x", content_type="text/plain"
    )
    lab.deliver(text.encode()[:-1] + b"\xff")
    assert texts(lab) == ["\ufffd"]


def test_a_message_without_a_body_says_nothing() -> None:
    lab = Lab()
    lab.answered_call()
    lab.in_dialog("MESSAGE", 2)
    assert lab.log() == ["0 200 MESSAGE"]
    assert lab.events() == []


@pytest.mark.parametrize(
    ("kind", "size", "status"),
    [
        ("application/im-iscomposing+xml", 1, 415),
        ("image/png", 1, 415),
        ("text/plain", 8_192, 200),
        ("text/plain", 8_193, 413),
        ("text/html", 1, 200),
    ],
)
def test_what_is_no_text_or_too_long_is_refused(kind: str, size: int, status: int) -> None:
    lab = Lab()
    lab.answered_call()
    lab.in_dialog("MESSAGE", 2, sdp=b"x" * size, content_type=kind)
    assert lab.last_response().status == status
    assert len(texts(lab)) == (status == 200)
    if status == 415:
        assert lab.last_response().headers.lines("Accept") == ["text/plain"]


def test_our_text_goes_out_as_utf_8() -> None:
    lab = Lab()
    lab.answered_call().message("Grüße")
    sent = lab.last_request()
    assert (sent.method, sent.body.decode()) == ("MESSAGE", "Grüße")
    assert sent.headers.get("Content-Type") == "text/plain;charset=UTF-8"
    assert sent.contact is None
    lab.answer(202)
    assert lab.events() == []


def test_a_text_that_is_refused_is_told_and_the_call_goes_on() -> None:
    lab = Lab()
    lab.answered_call().message("hello")
    lab.answer(405)
    assert lab.phone.events == [MessageRefused(405, "Method Not Allowed")]
    assert not lab.session.is_over


def test_a_text_that_nobody_answers_is_refused_after_32_s() -> None:
    lab = Lab()
    lab.answered_call().message("hello")
    lab.run(32)
    assert lab.phone.events == [MessageRefused(408, "no response within 32 s")]


@pytest.mark.parametrize("method", ["INFO", "MESSAGE"])
def test_a_peer_without_the_dialog_ends_the_call(method: str) -> None:
    lab = Lab()
    session = lab.answered_call()
    session.info("text/plain", b"x") if method == "INFO" else session.message("x")
    lab.answer(481)
    assert lab.events()[-1] == "Ended remote failure 481"


def test_nothing_is_sent_before_the_answer_or_while_too_much_waits() -> None:
    lab = Lab()
    lab.invite()
    with pytest.raises(SessionStateError, match="only for an established call"):
        lab.session.message("early")
    full = Lab()
    session = full.answered_call()
    for _ in range(32):
        session.message("x")
    with pytest.raises(SessionStateError, match="too many requests"):
        session.message("x")
    assert len(full.requests("MESSAGE")) == 32


def test_a_message_outside_a_call_gets_403() -> None:
    lab = Lab()
    lab.deliver(lab.request("MESSAGE", branch="m", sdp=b"hi", content_type="text/plain"))
    assert lab.last_response().status == 403
    assert "nobody here would read it" in lab.refusals[0].why


def test_an_info_with_a_package_gets_469_and_an_empty_one_200() -> None:
    lab = Lab()
    lab.answered_call()
    lab.in_dialog("INFO", 2, headers=f"{CONTACT}Info-Package: conference\r\n")
    assert lab.last_response().headers.get("Recv-Info") == ""
    lab.in_dialog("INFO", 3)
    assert [r.status for r in lab.responses()] == [469, 200]
    [event] = lab.phone.events
    assert isinstance(event, InfoReceived)
    assert (event.content_type, event.body) == ("", b"")
