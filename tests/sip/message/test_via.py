"""Via and CSeq."""

from __future__ import annotations

import attrs
import pytest

from sip.message import CSeq, MessageError, Via


def test_a_usual_via() -> None:
    via = Via.parse("SIP/2.0/UDP 192.0.2.1:5062;rport;branch=z9hG4bKabc")
    assert (via.transport, via.host, via.port) == ("UDP", "192.0.2.1", 5062)
    assert via.branch == "z9hG4bKabc"
    assert via.has_magic_branch
    assert via.wants_rport
    assert via.rport is None
    assert via.received is None
    assert str(via) == "SIP/2.0/UDP 192.0.2.1:5062;rport;branch=z9hG4bKabc"


def test_a_via_with_spaces_wherever_they_may_be() -> None:
    via = Via.parse("SIP  / 2.0 \t/  TCP     first.example.com : 4000  ; ttl = 16 ; Branch=x")
    assert (via.transport, via.host, via.port) == ("TCP", "first.example.com", 4000)
    assert dict(via.params) == {"ttl": "16", "branch": "x"}
    assert not via.has_magic_branch


def test_a_via_of_ipv6() -> None:
    via = Via.parse("SIP/2.0/TLS [2001:db8::9:1]:5061;received=2001:db8::9:255;branch=z9hG4bK1")
    assert (via.host, via.port) == ("2001:db8::9:1", 5061)
    assert via.received == "2001:db8::9:255"
    assert Via.parse(str(via)) == via


def test_the_receiver_fills_in_where_the_request_came_from() -> None:
    via = Via.parse("SIP/2.0/UDP pc33;branch=z9hG4bK1;rport;x=1")
    params = via.params.with_value("rport", "40000").with_value("received", "192.0.2.7")
    filled = attrs.evolve(via, params=params)
    assert str(filled) == "SIP/2.0/UDP pc33;branch=z9hG4bK1;rport=40000;x=1;received=192.0.2.7"
    assert (filled.rport, filled.received) == (40000, "192.0.2.7")


@pytest.mark.parametrize(
    ("text", "status"),
    [
        ("", 400),
        ("SIP/2.0/UDP", 400),
        ("SIP/2.0/ host", 400),
        ("SIP/2.0 host", 400),
        ("HTTP/2.0/TCP host", 400),
        ("SIP/3.0/UDP host", 505),
        ("SIP/2.0/UDP a b", 400),
        ("SIP/2.0/UDP 192.0.2.15;;", 400),
        ("SIP/2.0/UDP h:99999", 400),
        ("SIP/2.0/U<P h", 400),
    ],
)
def test_what_is_no_via_is_refused(text: str, status: int) -> None:
    with pytest.raises(MessageError) as caught:
        Via.parse(text)
    assert caught.value.status == status


def test_an_rport_that_is_no_number_is_refused_when_it_is_asked_for() -> None:
    via = Via.parse("SIP/2.0/UDP h;rport=x")
    with pytest.raises(MessageError):
        _ = via.rport


def test_branches_without_more_than_the_cookie_identify_nothing() -> None:
    assert not Via.parse("SIP/2.0/UDP h;branch=z9hG4bK").has_magic_branch
    assert not Via.parse("SIP/2.0/UDP h;branch").has_magic_branch
    assert Via.parse("SIP/2.0/UDP h").branch is None


@pytest.mark.parametrize(
    ("text", "number", "method"),
    [("1 INVITE", 1, "INVITE"), ("0009\t  ACK", 9, "ACK"), ("2147483647 x.y", 2**31 - 1, "x.y")],
)
def test_a_cseq_is_read(text: str, number: int, method: str) -> None:
    cseq = CSeq.parse(text)
    assert (cseq.number, cseq.method) == (number, method)
    assert CSeq.parse(str(cseq)) == cseq


@pytest.mark.parametrize(
    "text",
    ["", "1", "INVITE", "-1 INVITE", "2147483648 INVITE", "1 IN VITE", "٣ ACK", "1" * 5000 + " A"],
)
def test_what_is_no_cseq_is_refused(text: str) -> None:
    with pytest.raises(MessageError):
        CSeq.parse(text)
