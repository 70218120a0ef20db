"""All 49 messages of RFC 4475 through the parser: accepted, refused, and read rightly."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import pytest

from sip.message import MessageError, Request, Response, Uri, parse_datagram, validate
from sip.message.answer import response_to
from tests.torture.messages import TortureMessage, torture_message, torture_messages

ALL = torture_messages()

REFUSED_WITH = {
    "badinv01": 400,
    "badvers": 505,
    "clerr": 400,
    "insuf": 400,
    "lwsruri": 400,
    "mcl01": 400,
    "mismatch01": 400,
    "mismatch02": 400,
    "multi01": 400,
    "ncl": 400,
    "quotbal": 400,
    "regbadct": 400,
    "scalar02": 400,
}
"""What a request that must be refused is answered; refused responses are dropped."""

UNKNOWN_SCHEME = {"novelsc", "unkscm"}
"""Sound messages, answered 416."""


def request(name: str) -> Request:
    message = parse_datagram(torture_message(name))
    assert isinstance(message, Request)
    return message


def response(name: str) -> Response:
    message = parse_datagram(torture_message(name))
    assert isinstance(message, Response)
    return message


def test_the_set_is_complete_and_unchanged() -> None:
    entries = json.loads((Path(__file__).parent / "index.json").read_text())
    assert len(ALL) == 49
    for entry, message in zip(entries, ALL, strict=True):
        assert len(message.data) == entry["bytes"]
        assert hashlib.sha256(message.data).hexdigest().startswith(entry["sha256"])


@pytest.mark.parametrize("message", [m for m in ALL if m.parse == "ok"], ids=lambda m: m.name)
def test_a_sound_message_is_accepted(message: TortureMessage) -> None:
    parsed = parse_datagram(message.data)
    if message.name in UNKNOWN_SCHEME:
        with pytest.raises(MessageError) as caught:
            validate(parsed)
        assert caught.value.status == 416
    else:
        validate(parsed)


@pytest.mark.parametrize("message", [m for m in ALL if m.parse == "reject"], ids=lambda m: m.name)
def test_a_broken_message_is_refused(message: TortureMessage) -> None:
    with pytest.raises(MessageError) as caught:
        validate(parse_datagram(message.data))
    if message.name in REFUSED_WITH:
        assert caught.value.status == REFUSED_WITH[message.name]
    else:
        assert message.data.startswith(b"SIP/2.0")


@pytest.mark.parametrize("message", [m for m in ALL if m.parse == "either"], ids=lambda m: m.name)
def test_a_doubtful_message_is_accepted_or_refused_but_breaks_nothing(
    message: TortureMessage,
) -> None:
    statuses = []
    try:
        validate(parse_datagram(message.data))
    except MessageError as exc:
        statuses.append(exc.status)
    assert statuses in ([], [400])


@pytest.mark.parametrize("name", [n for n in REFUSED_WITH if n != "insuf"])
def test_a_refused_request_can_be_answered_where_it_came_from(name: str) -> None:
    with pytest.raises(MessageError) as caught:
        validate(parse_datagram(torture_message(name)))
    refused = caught.value.message
    assert isinstance(refused, Request)
    answer = response_to(refused, caught.value.status, to_tag="x")
    assert answer.headers.get("Call-ID") == refused.headers.get("Call-ID")
    assert answer.headers.lines("Via") == refused.headers.lines("Via") != []
    assert b"tag=x" in answer.to_bytes() or ";tag=" in (refused.headers.get("To") or "")


@pytest.mark.parametrize("message", [m for m in ALL if m.parse == "ok"], ids=lambda m: m.name)
def test_what_is_written_reads_as_the_same_message(message: TortureMessage) -> None:
    first = parse_datagram(message.data)
    again = parse_datagram(first.to_bytes())
    first.headers.remove("Content-Length")
    again.headers.remove("Content-Length")
    assert again == first


def test_wsinv_loses_no_header_between_folds_and_compact_forms() -> None:
    invite = request("wsinv")
    assert [via.host for via in invite.vias] == [
        "192.0.2.2",
        "spindle.example.com",
        "192.168.255.111",
    ]
    assert [via.transport for via in invite.vias] == ["UDP", "TCP", "UDP"]
    assert invite.vias[2].branch == "z9hG4bK30239"
    assert invite.max_forwards == 68
    assert (invite.cseq.number, invite.cseq.method) == (9, "INVITE")
    assert invite.to.tag == "1918181833n"
    assert invite.from_.display_name == 'J Rosenberg \\"'
    assert invite.from_.tag == "98asjd8"
    assert invite.headers.get("Subject") == ""
    assert invite.headers.get("NewFangledHeader") == ("newfangled value continued newfangled value")
    assert invite.headers.get("UnknownHeaderWithUnusualValue") == ";;,,;;,;"
    assert invite.contact is not None
    assert invite.contact.display_name == 'Quoted string ""'
    assert dict(invite.contact.params) == {
        "newparam": "newvalue",
        "secondparam": None,
        "q": "0.33",
    }
    assert len(invite.body) == 150
    assert "unknownparam" in invite.request_uri.params


def test_intmeth_keeps_every_legal_character() -> None:
    message = request("intmeth")
    assert message.method == "!interesting-Method0123456789_*+`.%indeed'~"
    assert message.to.display_name == "BEL:\x07 NUL:\x00 DEL:\x7f"
    assert message.to.uri.user == "1_unusual.URI~(to-be!sure)&isn't+it$/crazy?,/;;*"
    assert message.request_uri.password == "&it+has=1,weird!*pas$wo~d_too.(doesn't-it)"
    assert message.from_.display_name == "token1~` token2'+_ token3*%!.-"
    assert message.from_.params["fromParam''~+*_!.-%"] == "работающий"
    assert message.from_.tag == "_token~1'+`*%!-."
    assert message.call_id == "intmeth.word%ZK-!.*_+'@word`~)(><:\\/\"][?}{"
    assert message.headers.get("extensionHeader-!.%*+_`'~") == "\ufeff大停電"


def test_intmeth_is_echoed_with_its_escaped_nul() -> None:
    message = request("intmeth")
    answer = response_to(message, 405)
    assert b'To: "BEL:\\\x07 NUL:\\\x00 DEL:\\\x7f"' in answer.to_bytes()


def test_esc01_is_not_unescaped_before_it_is_split() -> None:
    invite = request("esc01")
    assert invite.request_uri.user == "sips:user@example.com"
    assert invite.request_uri.host == "example.net"
    assert str(invite.request_uri) == "sip:sips%3Auser%40example.com@example.net"
    assert invite.to.uri == Uri.parse("sip:user@example.com")
    assert invite.from_.uri.user == "I have spaces"
    assert invite.contact is not None
    assert dict(invite.contact.uri.params) == {"lr": None, "name": "value%41"}


def test_escnull_has_two_different_contacts() -> None:
    first, second = request("escnull").contacts
    assert (first.uri.user, second.uri.user) == ("\x00", "\x00\x00")
    assert first.uri != second.uri


def test_esc02_is_not_a_register_and_keeps_its_percent_signs() -> None:
    message = request("esc02")
    assert message.method == "RE%47IST%45R" == message.cseq.method
    assert message.to.display_name == "%Z%45"
    assert len(message.contacts) == 2
    assert "C%6Fntact" in message.headers


def test_lwsdisp_has_a_display_name_next_to_its_bracket() -> None:
    assert request("lwsdisp").from_.display_name == "caller"


def test_longreq_is_read_to_its_end() -> None:
    invite = request("longreq")
    assert len(invite.vias) == 34
    assert invite.via.host == "sip33.example.com"
    assert len(invite.body) == 150


def test_dblreq_ends_where_its_content_length_says() -> None:
    message = request("dblreq")
    assert message.method == "REGISTER"
    assert message.body == b""


def test_semiuri_has_a_semicolon_in_its_user() -> None:
    uri = request("semiuri").request_uri
    assert uri.user == "user;par=u@example.net"
    assert uri.escaped_user == "user;par=u%40example.net"
    assert uri.host == "example.com"
    assert not uri.params


def test_transports_are_all_kept() -> None:
    transports = [via.transport for via in request("transports").vias]
    assert transports == ["UDP", "SCTP", "TLS", "UNKNOWN", "TCP"]


def test_mpart01_keeps_its_binary_body() -> None:
    message = request("mpart01")
    assert b"\x00" in message.body
    assert message.content_type == "multipart/mixed"


def test_unreason_and_noreason_are_responses() -> None:
    assert response("unreason").reason.startswith("= 2**3 * 5**2 но сто девяносто")
    assert (response("noreason").status, response("noreason").reason) == (100, "")


def test_cparam_tells_parameters_of_the_contact_from_those_of_its_uri() -> None:
    header, uri = request("cparam01").contact, request("cparam02").contact
    assert header is not None
    assert uri is not None
    assert "unknownparam" in header.params
    assert "unknownparam" not in header.uri.params
    assert "unknownparam" in uri.uri.params
    assert "unknownparam" not in uri.params


def test_regescrt_keeps_the_headers_of_its_contact() -> None:
    contact = request("regescrt").contact
    assert contact is not None
    assert contact.uri.headers["route"] == "<sip:sip.example.com>"
    assert "Route" not in request("regescrt").headers


def test_escruri_does_not_turn_uri_headers_into_headers() -> None:
    invite = request("escruri")
    assert "Route" not in invite.headers
    assert invite.request_uri.headers["route"] == "<sip:example.com>"


def test_inv2543_is_an_old_but_sound_invite() -> None:
    invite = request("inv2543")
    assert invite.via.branch is None
    assert invite.from_.tag is None
    assert invite.max_forwards is None
    assert invite.to.params["user"] == "phone"
    assert invite.body.endswith(b"m=audio 49217 RTP/AVP 0\r\n")


def test_badbranch_is_no_transaction_identifier() -> None:
    assert request("badbranch").via.has_magic_branch is False


def test_unksm2_has_foreign_schemes_in_all_its_addresses() -> None:
    message = request("unksm2")
    assert str(message.to.uri) == "isbn:2983792873"
    assert str(message.from_.uri) == "http://www.example.com"
    assert message.contact is not None
    assert message.contact.uri.opaque == "John_Smith"


def test_bext01_lists_what_it_requires() -> None:
    assert request("bext01").headers.values("Require") == [
        "nothingSupportsThis",
        "nothingSupportsThisEither",
    ]
