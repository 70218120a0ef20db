"""Inputs that broke the best parsers we know; each is a real peer's or an attacker's."""

from __future__ import annotations

from functools import partial

import pytest

from sip.message import Headers, MessageError, NameAddr, Request, Uri, parse_datagram, validate
from tests.sip.message.wire import options, parse_request
from tests.steps import instructions


def test_quoted_commas_do_not_merge_two_addresses() -> None:
    headers = Headers([("Contact", '"A, x" <sip:a@h>;q=0.1, "B" <sip:b@h>')])
    first, second = [NameAddr.parse(value) for value in headers.values("Contact")]
    assert (first.display_name, first.uri.user, first.params["q"]) == ("A, x", "a", "0.1")
    assert (second.display_name, second.uri.user) == ("B", "b")


def test_a_uri_may_have_headers() -> None:
    replaces = "98asjd8%40h%3Bto-tag%3D1%3Bfrom-tag%3D2"
    address = NameAddr.parse(f"<sip:bob@h?Replaces={replaces}>")
    assert address.uri.headers["replaces"] == "98asjd8@h;to-tag=1;from-tag=2"
    assert str(address) == f"<sip:bob@h?Replaces={replaces}>"


def test_quoted_parameters_are_written_as_they_were_read() -> None:
    text = '<sip:a@h>;+sip.instance="<urn:uuid:00000000-0000-1000-8000-AABBCCDDEEFF>";reg-id=1'
    assert str(NameAddr.parse(text)) == text
    assert NameAddr.parse(text).params["+sip.instance"] == (
        "<urn:uuid:00000000-0000-1000-8000-AABBCCDDEEFF>"
    )


def test_an_escaped_separator_stays_escaped() -> None:
    assert str(Uri.parse("sip:a%3Bb@h")) == "sip:a%3Bb@h"
    assert Uri.parse("sip:a%3Bb@h").user == "a;b"


@pytest.mark.parametrize("host", ["asterisk2", "sip_server"])
def test_hosts_of_container_networks_are_hosts(host: str) -> None:
    assert parse_request(options(f"Contact: <sip:u@{host}:5060>")).contacts[0].uri.host == host


def test_the_star_contact() -> None:
    assert NameAddr.parse("*").is_wildcard


@pytest.mark.parametrize(
    "text",
    ["<SIP:a@h>", "<urn:service:sos>", "<sip:#31#@h>", "<sip:*21*5#@h>", "Zoë Müller <sip:z@h>"],
)
def test_addresses_of_real_phones_are_addresses(text: str) -> None:
    address = NameAddr.parse(text)
    assert NameAddr.parse(str(address)) == address


def test_a_tag_is_found_in_any_case() -> None:
    assert NameAddr.parse("<sip:a@h>;Tag=x").tag == "x"
    assert NameAddr.parse("<sip:a@h>;TAG=x").params["tag"] == "x"


def test_a_folded_header_is_one_header() -> None:
    assert parse_request(options("Subject: a", "  b")).headers.get("Subject") == "a b"


def test_a_space_before_the_colon_is_no_part_of_the_name() -> None:
    assert parse_request(options("Subject : x")).headers.get("subject") == "x"


def test_a_bare_line_feed_is_a_line_end() -> None:
    assert parse_request(options("A: 1").replace(b"\r\n", b"\n")).headers.get("A") == "1"


def test_a_leading_keep_alive_does_not_hide_the_message() -> None:
    assert parse_request(b"\r\n\r\n" + options()).method == "OPTIONS"


def test_a_latin_1_byte_is_carried_through() -> None:
    request = parse_request(options("Subject: caf\udce9"))
    assert b"Subject: caf\xe9\r\n" in request.to_bytes()


def test_the_body_is_as_long_as_content_length_says() -> None:
    assert parse_datagram(options("Content-Length: 2", body="123456")).body == b"12"


@pytest.mark.parametrize("lines", [("Content-Length: -1",), ("l: 1", "l: 2"), ("l: 9",)])
def test_impossible_lengths_are_refused(lines: tuple[str, ...]) -> None:
    with pytest.raises(MessageError):
        parse_datagram(options(*lines, body="abc"))


def test_a_qop_list_in_quotes_is_one_parameter() -> None:
    from sip.auth import Challenge

    challenge = Challenge.parse('Digest realm="r", nonce="n", qop="auth,auth-int"')
    assert challenge.qop == ("auth", "auth-int")


def test_odd_parameters_missing_headers_and_huge_dates_raise_nothing_else() -> None:
    assert NameAddr.parse("<sip:a@h>;self=1").params["self"] == "1"
    with pytest.raises(MessageError):
        validate(parse_request(options(without="Call-ID")))
    huge = options("Date: Fri, 01 Jan 99999999999999999999 00:00:00 GMT", "Expires: " + "9" * 99)
    validate(parse_request(huge))


def test_a_header_cannot_be_smuggled_into_another() -> None:
    request = Request("MESSAGE", "sip:h")
    for value in ("x\r\nEvil: 1", "x\nEvil: 1", "x\rEvil: 1", "x\x00"):
        with pytest.raises(ValueError, match="CR, LF or NUL"):
            request.headers.add("Subject", value)
    assert b"Evil" not in request.to_bytes()


def tel_uri(digits: int) -> bytes:
    return options(f"Contact: <tel:{'1' * digits}x>")


def many_headers(count: int) -> bytes:
    return options(*["X: y"] * count)


@pytest.mark.parametrize("make", [tel_uri, many_headers])
def test_twenty_thousand_digits_or_headers_cost_no_more_than_their_number(make: object) -> None:
    assert callable(make)

    def work(data: bytes) -> None:
        try:
            validate(parse_datagram(data))
        except MessageError:
            return

    few, many = (instructions(partial(work, make(n))) for n in (1_000, 16_000))
    assert many <= 17 * few


def test_a_tel_uri_of_a_whole_datagram_is_refused_by_its_length() -> None:
    with pytest.raises(MessageError) as caught:
        validate(parse_datagram(tel_uri(20_000)))
    assert caught.value.status == 513
    with pytest.raises(MessageError) as caught:
        Uri.parse("tel:" + "1" * 20_000 + "x")
    assert caught.value.status == 414


def test_eight_thousand_headers_are_refused_by_their_number() -> None:
    with pytest.raises(MessageError) as caught:
        parse_datagram(many_headers(8_000))
    assert caught.value.status == 513
