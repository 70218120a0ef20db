"""Outgoing calls: what a dial string means, and what may leave."""

from __future__ import annotations

import attrs
import pytest

from runtime.decisions.numbers import dialled_number
from runtime.legs.leg import DialRefused, DialRequest
from runtime.legs.sip.route import OutgoingRoute, OutgoingRules
from runtime.legs.sip.trunks import Trunk
from sip.auth import Credentials
from sip.message import Uri


def trunk(uri: str = "sip:carrier.example", **fields: str) -> Trunk:
    return Trunk.parse(
        name="carrier",
        uri=uri,
        user=fields.get("user", ""),
        password=fields.get("password", ""),
        codecs=("PCMA",),
    )


def route(
    to: str,
    *trunks: Trunk,
    only_loopback: bool = True,
    kind: str = "sip",
    **fields: str,
) -> OutgoingRoute:
    rules = OutgoingRules(trunks=trunks, only_loopback=only_loopback, host="127.0.0.1")
    return rules.route(DialRequest(kind=kind, to=to, **fields))  # type: ignore[arg-type]


def refusal(to: str, *trunks: Trunk, **fields: object) -> DialRefused:
    with pytest.raises(DialRefused) as caught:
        route(to, *trunks, **fields)  # type: ignore[arg-type]
    return caught.value


@pytest.mark.parametrize(
    ("to", "target"),
    [
        ("sip:100@127.0.0.1:5070", "sip:100@127.0.0.1:5070"),
        ("SIP:100@127.0.0.1", "sip:100@127.0.0.1"),
        ("100@127.0.0.1:5070", "sip:100@127.0.0.1:5070"),
        ("sip:a@127.8.9.1;transport=tcp", "sip:a@127.8.9.1;transport=tcp"),
        ("sip:a@[::1]:5070", "sip:a@[::1]:5070"),
        ("bob@localhost:5070", "sip:bob@127.0.0.1:5070"),
        ("sip:a%3Bb@127.0.0.1", "sip:a%3Bb@127.0.0.1"),
    ],
)
def test_loopback_needs_no_trunk_while_all_listeners_are_on_loopback(to: str, target: str) -> None:
    assert str(route(to).target) == target


def test_loopback_is_closed_when_a_listener_is_public() -> None:
    refused = refusal("sip:100@127.0.0.1", only_loopback=False)
    assert refused.code == 403
    assert "listen only there" in refused.reason


@pytest.mark.parametrize(
    "to", ["sip:a@203.0.113.9", "sip:a@example.org", "sip:a@127.1", "a@0.0.0.0", "sip:a@[::]"]
)
def test_everything_else_needs_a_trunk(to: str) -> None:
    refused = refusal(to)
    assert refused.code == 403
    assert "[[trunk]]" in refused.reason


def test_a_trunk_opens_the_way_to_its_own_host_only() -> None:
    assert route("sip:77@carrier.example", trunk()).trunk == "carrier"
    assert refusal("sip:77@other.example", trunk()).code == 403


def test_a_trunk_with_a_port_serves_that_port_only() -> None:
    there = trunk("sip:203.0.113.5:5062")
    assert route("sip:77@203.0.113.5:5062", there).trunk == "carrier"
    assert refusal("sip:77@203.0.113.5", there).code == 403


def test_numbers_go_through_the_trunk_with_its_user_codecs_and_password() -> None:
    found = route(
        "+44 20 7946-0000",
        trunk("sip:carrier.example;transport=tcp", user="acme", password="s3"),
        kind="pstn",
        callerid="+442079460001",
    )
    assert str(found.target) == "sip:+442079460000@carrier.example;transport=tcp"
    assert str(found.from_.uri) == "sip:+442079460001@carrier.example"
    assert found.credentials == Credentials("acme", "s3")
    assert found.codecs == ("PCMA",)


def test_a_tel_uri_is_a_number() -> None:
    assert str(route("tel:+1-201-555-0123;ext=9", trunk()).target) == (
        "sip:+12015550123@carrier.example"
    )


def test_a_number_without_a_trunk_is_refused_with_the_way_out() -> None:
    refused = refusal("+442079460000", kind="pstn")
    assert refused.code == 403
    assert "add a [[trunk]]" in refused.reason


@pytest.mark.parametrize(
    ("to", "code", "word"),
    [
        ("sip:a@127.0.0.1;transport=sctp", 416, "transport"),
        ("mailto:a@127.0.0.1", 416, "cannot be called"),
        ("sip:a@127.0.0.1;maddr=203.0.113.1", 400, "maddr"),
        ("sip:a@127.0.0.1;method=BYE", 400, "method"),
        ("sip:a@127.0.0.1?Route=x", 400, "headers"),
        ("sip:a:secret@127.0.0.1", 400, "password"),
        ("alice", 400, "no host"),
        ("sip:", 400, "not a SIP address"),
        ("sip:a@127.0.0.1\r\nEvil: 1", 400, "not a SIP address"),
        ("tel:12;phone-context=+44", 403, "trunk"),
        ("tel:letters", 400, "not a telephone number"),
    ],
)
def test_what_cannot_be_called_is_refused_with_the_reason(to: str, code: int, word: str) -> None:
    refused = refusal(to)
    assert refused.code == code
    assert word in refused.reason


def test_users_need_a_registrar() -> None:
    assert refusal("bob", kind="user").code == 404


def test_headers_of_the_stack_are_refused() -> None:
    refused = refusal("sip:a@127.0.0.1", headers={"Contact": "<sip:x@y>"})
    assert refused.code == 400
    assert "Contact" in refused.reason


@pytest.mark.parametrize(
    ("callerid", "uri"),
    [
        ("", "sip:anonymous@127.0.0.1"),
        ("200", "sip:200@127.0.0.1"),
        ("alice@example.org", "sip:alice@example.org"),
        ("sip:alice@example.org;x=1", "sip:alice@example.org"),
        ("a b;c", "sip:a%20b;c@127.0.0.1"),
    ],
)
def test_the_caller_is_a_user_or_an_address(callerid: str, uri: str) -> None:
    assert str(route("sip:1@127.0.0.1", callerid=callerid).from_.uri) == uri


def test_a_proxy_takes_the_call_and_must_be_permitted_itself() -> None:
    found = route("sip:a@example.org", out_proxy="127.0.0.1:5090")
    assert str(found.next_hop) == "sip:127.0.0.1:5090"
    assert str(found.target) == "sip:a@example.org"
    assert refusal("sip:a@127.0.0.1", out_proxy="proxy.example").code == 403


def test_the_scripts_password_goes_with_its_auth_user_or_caller() -> None:
    assert route("sip:1@127.0.0.1", auth_user="u", password="p").credentials == (
        Credentials("u", "p")
    )
    assert route("sip:1@127.0.0.1", callerid="me@h", password="p").credentials == (
        Credentials("me", "p")
    )
    assert "p455" not in repr(route("sip:1@127.0.0.1", auth_user="u", password="p455"))


@pytest.mark.parametrize("uri", ["tel:+44", "carrier", "mailto:a@carrier.example"])
def test_a_trunk_that_cannot_be_used_says_why(uri: str) -> None:
    with pytest.raises(ValueError, match="trunk carrier"):
        trunk(uri)


def test_numbers_lose_their_separators_and_nothing_else() -> None:
    assert dialled_number("+44 (20) 7946.0000") == "+442079460000"
    assert dialled_number("*31#") == "*31#"
    assert dialled_number("12a") is None
    assert dialled_number("1" * 33) is None


@pytest.mark.parametrize(
    ("address", "allowed"),
    [
        ("sip:bob@carrier.example", True),
        ("sip:bob@CARRIER.example:5070;user=phone", True),
        ("sip:bob@elsewhere.example", False),
        ("sip:bob@carrier.example;maddr=203.0.113.1", False),
        ("sip:bob@carrier.example;method=BYE", False),
        ("sip:bob@carrier.example?X-A=1", False),
        ("tel:+123", False),
    ],
)
def test_a_redirect_stays_within_the_trunk(address: str, allowed: bool) -> None:
    following = attrs.evolve(trunk(), follows_redirects=True)
    may_follow = route("123", following, kind="pstn").may_follow
    assert may_follow is not None
    assert may_follow(Uri.parse(address)) is allowed


def test_redirects_are_followed_only_where_the_trunk_says_so() -> None:
    assert route("123", trunk(), kind="pstn").may_follow is None
    assert route("sip:bob@127.0.0.1").may_follow is None


@pytest.mark.parametrize(
    ("address", "allowed"),
    [
        ("sip:bob@carrier.example", False),
        ("sip:bob@carrier.example;transport=tcp", False),
        ("sip:bob@carrier.example;transport=TLS", True),
        ("sips:bob@carrier.example", True),
    ],
)
def test_a_redirect_does_not_lead_out_of_tls(address: str, allowed: bool) -> None:
    secure = trunk("sip:carrier.example;transport=tls")
    following = attrs.evolve(secure, follows_redirects=True)
    may_follow = route("123", following, kind="pstn").may_follow
    assert may_follow is not None
    assert may_follow(Uri.parse(address)) is allowed
