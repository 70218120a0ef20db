"""Dialogs: identity from both sides, route sets, sequence numbers, the remote target."""

from __future__ import annotations

import pytest

from sip.auth import Credentials
from sip.dialog import Dialog, InviteOrder, build_invite, outbound_proxy, own_headers
from sip.dialog.reason import one_line, reason_header, warning
from sip.dialog.routing import plan_route
from sip.message import NameAddr, Request, Uri, parse_datagram, response_to


def invite(headers: str = "Contact: <sip:peer@192.0.2.9;x=y>\r\n") -> Request:
    text = (
        "INVITE sip:us@192.0.2.1 SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.9;branch=z9hG4bK1\r\n"
        'From: "P, Q" <sip:peer@example.com>;tag=theirs\r\nTo: Us <sip:us@example.com>\r\n'
        f"Call-ID: c1\r\nCSeq: 7 INVITE\r\n{headers}\r\n"
    )
    message = parse_datagram(text.encode())
    assert isinstance(message, Request)
    return message


def server_dialog(headers: str = "Contact: <sip:peer@192.0.2.9;x=y>\r\n") -> Dialog:
    return Dialog.for_server(invite(headers), "ours", 100)


def test_the_answering_side_writes_itself_into_from() -> None:
    bye = server_dialog().request("BYE")
    assert bye.uri == "sip:peer@192.0.2.9;x=y"
    assert bye.headers.get("From") == "Us <sip:us@example.com>;tag=ours"
    assert bye.headers.get("To") == '"P, Q" <sip:peer@example.com>;tag=theirs'
    assert (bye.call_id, str(bye.cseq)) == ("c1", "101 BYE")
    assert "Route" not in bye.headers


def test_without_contact_the_peer_is_where_it_says_it_is() -> None:
    assert str(server_dialog("").remote_target) == "sip:peer@example.com"


def test_the_route_set_of_the_answering_side_is_in_order_and_that_of_the_caller_reversed() -> None:
    routes = "Record-Route: <sip:a;lr>\r\nRecord-Route: <sip:b;lr>, <sip:c;lr>\r\n"
    assert [str(r.uri.host) for r in server_dialog(routes).route_set] == ["a", "b", "c"]
    request = invite(routes)
    answer = response_to(request, 200, to_tag="x")
    assert [r.uri.host for r in Dialog.for_client(request, answer).route_set] == ["c", "b", "a"]


def test_a_record_route_in_an_answer_that_nobody_can_read_is_left_out() -> None:
    request = invite()
    answer = response_to(request, 200, to_tag="x")
    answer.headers.add("Record-Route", "<sip:good;lr>, <bad")
    assert [r.uri.host for r in Dialog.for_client(request, answer).route_set] == ["good"]


def test_numbers_count_up_and_the_ack_repeats_that_of_its_invite() -> None:
    dialog = server_dialog()
    numbers = [dialog.request("INFO").cseq.number for _ in range(3)]
    assert numbers == [101, 102, 103]
    assert str(dialog.ack(102).cseq) == "102 ACK"
    assert dialog.request("BYE").cseq.number == 104


def test_the_peers_numbers_may_repeat_but_not_fall() -> None:
    dialog = server_dialog()
    assert [dialog.accept_number(n) for n in (7, 8, 8, 7, 20, 9)] == [
        *(True, True, True, False, True, False),
    ]


def test_only_a_sip_contact_moves_the_target() -> None:
    dialog = server_dialog()
    dialog.refresh_target(invite("Contact: <tel:+1>\r\n"))
    dialog.refresh_target(invite(""))
    assert str(dialog.remote_target) == "sip:peer@192.0.2.9;x=y"
    dialog.refresh_target(invite("Contact: <sip:new@192.0.2.10>\r\n"))
    assert str(dialog.remote_target) == "sip:new@192.0.2.10"
    assert repr(dialog) == "<Dialog c1 ours/theirs>"


@pytest.mark.parametrize(
    ("routes", "uri", "headers", "hop"),
    [
        ([], "sip:t@192.0.2.9", (), "192.0.2.9"),
        (
            ["<sip:p1;lr>", "<sip:p2;lr>"],
            "sip:t@192.0.2.9",
            ("<sip:p1;lr>", "<sip:p2;lr>"),
            "p1",
        ),
        (
            ["<sip:strict?a=b>", "<sip:p2;lr>"],
            "sip:strict",
            ("<sip:p2;lr>", "<sip:t@192.0.2.9>"),
            "strict",
        ),
        (["<sip:p1;LR=on>"], "sip:t@192.0.2.9", ("<sip:p1;LR=on>",), "p1"),
    ],
)
def test_loose_and_strict_routes(
    routes: list[str], uri: str, headers: tuple[str, ...], hop: str
) -> None:
    plan = plan_route(Uri.parse("sip:t@192.0.2.9"), [NameAddr.parse(text) for text in routes])
    assert (plan.request_uri, plan.routes, plan.next_hop.host) == (uri, headers, hop)


def order(target: str, **more: object) -> InviteOrder:
    return InviteOrder(
        target=Uri.parse(target),
        from_=NameAddr.parse('"Me" <sip:me@example.com>'),
        sdp=None,
        **more,  # type: ignore[arg-type]
    )


def test_the_target_loses_what_a_request_uri_must_not_have() -> None:
    wanted = order("sip:bob@h;method=INVITE;x=y?Subject=hello")
    request = build_invite(wanted, call_id="c", tag="t", number=5, session_expires_s=0)
    assert request.uri == "sip:bob@h;x=y"
    assert request.headers.get("To") == "<sip:bob@h;x=y>"
    assert request.headers.get("From") == '"Me" <sip:me@example.com>;tag=t'


def test_a_tel_target_needs_a_route_and_keeps_its_uri() -> None:
    wanted = order("tel:+123", route=outbound_proxy("sip:proxy.example"))
    request = build_invite(wanted, call_id="c", tag="t", number=5, session_expires_s=0)
    assert request.uri == "tel:+123"
    assert request.headers.get("Route") == "<sip:proxy.example;lr>"


def test_an_outbound_proxy_is_a_loose_router_unless_it_says_so_already() -> None:
    assert str(outbound_proxy("sip:p:5080;transport=tcp")) == "<sip:p:5080;transport=tcp;lr>"
    assert str(outbound_proxy("<sip:p;lr>")) == "<sip:p;lr>"


@pytest.mark.parametrize("name", ["Via", "from", "CONTACT", "Content-Length", "Route", "t"])
def test_headers_of_the_stack_cannot_be_given(name: str) -> None:
    with pytest.raises(ValueError, match="written by the SIP stack itself"):
        own_headers([("X-Fine", "1"), (name, "x")])


def test_credentials_do_not_show_in_an_order() -> None:
    assert "secret" not in repr(order("sip:x@h", credentials=Credentials("u", "secret")))


def test_texts_become_one_safe_line() -> None:
    assert one_line("a\r\nb\x00c\x1bd") == "a  b c d"
    assert len(one_line("x" * 5_000)) == 256
    assert warning('say "hi" \\') == ("Warning", '399 callstage "say \\"hi\\" \\\\"')
    assert reason_header("SIP;cause=200;text=ok") == ("Reason", "SIP;cause=200;text=ok")
    assert reason_header("bye; see you") == ("Reason", 'Q.850;cause=16;text="bye; see you"')
