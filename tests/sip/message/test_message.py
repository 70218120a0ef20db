"""Typed views of a message: read on demand, kept while their header is unchanged."""

from __future__ import annotations

from collections.abc import Callable

import attrs
import pytest

from sip.message import (
    CSeq,
    Headers,
    MessageError,
    NameAddr,
    Request,
    Response,
    reason_phrase,
    response_to,
    validate,
)
from tests.sip.message.wire import options, parse_request


def test_the_views_of_a_usual_request() -> None:
    request = parse_request(options("Contact: <sip:c@h>, <sip:d@h>", "c: Text/Plain ; charset=x"))
    assert request.via is request.vias[0]
    assert request.from_ == NameAddr.parse("<sip:a@example.com>;tag=1")
    assert request.to.tag is None
    assert request.call_id == "x@y"
    assert request.cseq == CSeq(1, "OPTIONS")
    assert [contact.uri.user for contact in request.contacts] == ["c", "d"]
    assert request.contact is not None
    assert request.contact.uri.user == "c"
    assert request.max_forwards == 70
    assert request.content_type == "text/plain"
    assert request.request_uri.host == "example.com"


def test_what_is_absent_and_optional_is_none() -> None:
    request = parse_request(options(without="Max-Forwards"))
    assert request.contact is None
    assert request.max_forwards is None
    assert request.content_type is None


def test_a_view_is_read_once_and_anew_after_a_change() -> None:
    request = parse_request(options())
    assert request.from_ is request.from_
    assert request.request_uri is request.request_uri
    request.headers.set("From", "<sip:z@h>;tag=9")
    assert request.from_.tag == "9"
    request.headers.prepend("Via", "SIP/2.0/TCP new;branch=z9hG4bK2")
    assert [via.host for via in request.vias] == ["new", "192.0.2.1"]
    request.uri = "sip:other@h"
    assert request.request_uri.user == "other"


@pytest.mark.parametrize(
    ("name", "view"),
    [
        ("Via", lambda r: r.via),
        ("From", lambda r: r.from_),
        ("To", lambda r: r.to),
        ("Call-ID", lambda r: r.call_id),
        ("CSeq", lambda r: r.cseq),
    ],
)
def test_a_missing_header_is_answered_400_and_named(
    name: str, view: Callable[[Request], object]
) -> None:
    request = parse_request(options(without=name))
    with pytest.raises(MessageError, match=f"missing {name}") as caught:
        view(request)
    assert caught.value.status == 400
    assert caught.value.message is request
    with pytest.raises(MessageError):
        validate(request)


@pytest.mark.parametrize(
    "line",
    [
        "Max-Forwards: 256",
        "Max-Forwards: x",
        "Max-Forwards:",
        "To: <sip:b@example.com",
        "From: nonsense",
        "Call-ID:",
        "Call-ID: a b",
        "CSeq: 1 INVITE",
        "CSeq: x OPTIONS",
        "Via: SIP/2.0/UDP",
        "Via: ,",
    ],
)
def test_a_header_that_makes_no_sense_is_answered_400(line: str) -> None:
    request = parse_request(options(line, without=line.partition(":")[0]))
    with pytest.raises(MessageError) as caught:
        validate(request)
    assert caught.value.status == 400


@pytest.mark.parametrize(
    "line", ["Call-ID: z", "CSeq: 1 OPTIONS", "t: <sip:c@h>", "f: <sip:c@h>", "Max-Forwards: 5"]
)
def test_two_of_what_there_is_one_of_are_answered_400(line: str) -> None:
    with pytest.raises(MessageError, match="more than one"):
        validate(parse_request(options(line)))


def test_a_second_via_line_that_makes_no_sense_is_answered_400() -> None:
    with pytest.raises(MessageError, match="Via"):
        validate(parse_request(options("Via: SIP/2.0/UDP ;;")))


def test_a_star_is_for_register_alone() -> None:
    register = parse_request(options("Contact: *").replace(b"OPTIONS", b"REGISTER"))
    validate(register)
    assert register.contacts[0].is_wildcard
    for data in (
        options("Contact: *"),
        options("Contact: *", "Contact: <sip:a@h>").replace(b"OPTIONS", b"REGISTER"),
    ):
        with pytest.raises(MessageError, match="REGISTER"):
            validate(parse_request(data))


def test_an_invite_has_one_contact_at_most() -> None:
    def invite(*headers: str) -> Request:
        return parse_request(options(*headers).replace(b"OPTIONS", b"INVITE"))

    validate(invite())
    validate(invite("Contact: <sip:a@h>"))
    with pytest.raises(MessageError, match="more than one Contact"):
        validate(invite("Contact: <sip:a@h>, <sip:b@h>"))


def test_the_scheme_of_the_request_uri_decides_over_416() -> None:
    for uri, status in (("tel:+44", 0), ("sips:h", 0), ("urn:service:sos", 416), ("http:x", 416)):
        request = parse_request(options())
        request.uri = uri
        statuses = []
        try:
            validate(request)
        except MessageError as exc:
            statuses.append(exc.status)
        assert sum(statuses) == status
    urn = Request("OPTIONS", "urn:service:sos", parse_request(options()).headers)
    validate(urn, schemes={"urn"})


def test_a_response_is_checked_too() -> None:
    response = response_to(parse_request(options()), 200)
    validate(response)
    response.headers.remove("CSeq")
    with pytest.raises(MessageError, match="missing CSeq"):
        validate(response)


def test_an_answer_copies_what_identifies_the_request() -> None:
    request = parse_request(
        options(
            "Via: SIP/2.0/UDP second",
            "Record-Route: <sip:p;lr>, <sip:q;lr>",
            "Record-Route: <sip:r;lr>",
            "Timestamp: 54",
            "Subject: no",
        )
    )
    answer = response_to(
        request,
        200,
        to_tag="t",
        headers=[("Contact", "<sip:me@h>")],
        body=b"v=0",
        content_type="application/sdp",
    )
    assert list(answer.headers) == [
        ("Via", "SIP/2.0/UDP 192.0.2.1;branch=z9hG4bK1"),
        ("Via", "SIP/2.0/UDP second"),
        ("From", "<sip:a@example.com>;tag=1"),
        ("To", "<sip:b@example.com>;tag=t"),
        ("Call-ID", "x@y"),
        ("CSeq", "1 OPTIONS"),
        ("Record-Route", "<sip:p;lr>, <sip:q;lr>"),
        ("Record-Route", "<sip:r;lr>"),
        ("Content-Type", "application/sdp"),
        ("Contact", "<sip:me@h>"),
    ]
    assert (answer.status, answer.reason, answer.body) == (200, "OK", b"v=0")


def test_only_a_100_carries_the_timestamp_and_only_dialogs_the_route() -> None:
    request = parse_request(options("Record-Route: <sip:p;lr>", "Timestamp: 54"))
    trying, busy = response_to(request, 100), response_to(request, 486, "Not now")
    assert (trying.headers.get("Timestamp"), "Record-Route" in trying.headers) == ("54", False)
    assert "Record-Route" not in busy.headers
    assert "Timestamp" not in busy.headers
    assert busy.reason == "Not now"


def test_a_to_tag_is_never_added_twice() -> None:
    request = parse_request(options("To: <sip:b@h>;Tag=old", without="To"))
    assert response_to(request, 200, to_tag="new").to.tag == "old"


def test_what_a_request_lacks_its_answer_lacks() -> None:
    assert list(response_to(Request("OPTIONS", "sip:h"), 400, to_tag="x").headers) == []
    unreadable = Request("OPTIONS", "sip:h", Headers([("To", '"open <sip:h>')]))
    assert response_to(unreadable, 400, to_tag="x").headers.get("To") == '"open <sip:h>;tag=x'


def test_an_answer_cannot_smuggle_a_header() -> None:
    with pytest.raises(ValueError, match="CR, LF"):
        response_to(parse_request(options()), 200, headers=[("Subject", "x\r\nEvil: 1")])


@pytest.mark.parametrize(
    ("status", "phrase"),
    [(180, "Ringing"), (199, "Early Dialog Terminated"), (299, "OK"), (699, "Busy Everywhere")],
)
def test_default_reason_phrases(status: int, phrase: str) -> None:
    assert reason_phrase(status) == phrase
    assert Response(status, phrase).to_bytes().startswith(f"SIP/2.0 {status} {phrase}".encode())


def test_the_topmost_via_is_replaced_and_those_below_stay_as_written() -> None:
    two = "SIP/2.0/UDP a;branch=z9hG4bK1, SIP / 2.0 / TCP b"
    request = Request("OPTIONS", "sip:x@h", Headers([("Via", two), ("v", "SIP/2.0/UDP c")]))
    top = request.via
    request.replace_via(attrs.evolve(top, params=top.params.with_value("received", "192.0.2.1")))
    assert request.headers.lines("Via") == [
        "SIP/2.0/UDP a;branch=z9hG4bK1;received=192.0.2.1, SIP / 2.0 / TCP b, SIP/2.0/UDP c"
    ]
    assert [via.host for via in request.vias] == ["a", "b", "c"]
    assert request.via.received == "192.0.2.1"
    again = Request(request.method, request.uri, request.headers.copy())
    assert again.vias == request.vias
