"""INVITEs that name another call: to take its place (RFC 3891), or to be mixed in (RFC 3911)."""

from __future__ import annotations

import pytest

from .lab import Lab
from .link import ANSWER, OFFER

CONTACT = "Contact: <sip:eve@192.0.2.9>\r\n"


def name(lab: Lab, *, header: str = "Replaces", more: str = "", from_tag: str = "peer") -> str:
    call = lab.session.call_id
    return f"{CONTACT}{header}: {call};to-tag={lab.our_tag};from-tag={from_tag}{more}\r\n"


def successor(lab: Lab, headers: str, *, sdp: bytes | None = OFFER) -> None:
    lab.deliver(
        lab.request(
            "INVITE", branch="new", sdp=sdp, call_id="call-2", from_tag="eve", headers=headers
        )
    )


def test_the_new_call_names_the_one_whose_place_it_takes() -> None:
    lab = Lab()
    old = lab.answered_call()
    successor(lab, name(lab))
    new = lab.session
    assert new is not old
    assert new.replaces is old
    assert lab.log() == ["0 100 INVITE"]
    new.accept(ANSWER)
    old.hangup()
    assert lab.log() == ["0 200 INVITE", "0 BYE"]
    assert lab.last_request().call_id == old.call_id


def test_an_early_call_of_ours_can_be_picked_up() -> None:
    lab = Lab()
    old = lab.call()
    lab.answer(180, tag="theirs")
    successor(lab, name(lab, from_tag="theirs", more=";early-only"))
    lab.session.accept(ANSWER)
    old.hangup()
    assert lab.log() == ["0 INVITE", "0 100 INVITE", "0 200 INVITE", "0 CANCEL"]
    assert lab.session.replaces is old


def test_an_answered_call_is_not_early_any_more() -> None:
    lab = Lab()
    lab.answered_call()
    successor(lab, name(lab, more=";early-only"))
    assert lab.last_response().status == 486
    assert len(lab.agent.sessions) == 1


def test_a_ringing_call_to_us_cannot_be_replaced() -> None:
    lab = Lab()
    lab.invite()
    successor(lab, name(lab))
    assert lab.last_response().status == 481


@pytest.mark.parametrize(
    "value",
    [
        "call-9;to-tag={tag};from-tag=peer",
        "call-1;to-tag=other;from-tag=peer",
        "call-1;to-tag={tag};from-tag=other",
        "call-1;to-tag={tag};from-tag=0",
        # the tags the other way round, as seen from the peer
        "call-1;to-tag=peer;from-tag={tag}",
    ],
)
def test_a_dialog_that_does_not_exist_gets_481(value: str) -> None:
    lab = Lab()
    lab.answered_call()
    successor(lab, f"{CONTACT}Replaces: {value.format(tag=lab.our_tag)}\r\n")
    assert lab.last_response().status == 481
    assert "these tags" in lab.refusals[0].why


def test_a_call_that_has_just_ended_gets_603() -> None:
    lab = Lab()
    lab.answered_call().hangup()
    successor(lab, name(lab))
    assert lab.last_response().status == 603


@pytest.mark.parametrize(
    "value", ["", "call-1", "call-1;to-tag=a", "call-1;from-tag=a", ";to-tag=a;from-tag=b"]
)
def test_a_name_that_cannot_be_read_gets_400(value: str) -> None:
    lab = Lab()
    lab.answered_call()
    successor(lab, f"{CONTACT}Replaces: {value}\r\n")
    assert lab.last_response().status == 400


def test_two_names_or_one_in_another_method_get_400() -> None:
    lab = Lab()
    lab.answered_call()
    both = name(lab) + name(lab).removeprefix(CONTACT)
    successor(lab, both)
    mixed = name(lab) + name(lab, header="Join").removeprefix(CONTACT)
    successor(lab, mixed)
    lab.deliver(lab.request("OPTIONS", branch="o", headers=name(lab), call_id="call-3"))
    assert [r.status for r in lab.responses()] == [400, 400, 400]


def test_calls_are_never_joined() -> None:
    lab = Lab()
    lab.answered_call()
    successor(lab, name(lab, header="Join"))
    successor(lab, name(lab, header="Join", from_tag="nobody"))
    required = CONTACT + "Require: join\r\n"
    successor(lab, required)
    assert [r.status for r in lab.responses()] == [488, 481, 420]
    assert lab.last_response().headers.get("Unsupported") == "join"


def test_a_peer_of_rfc_2543_is_named_by_the_tag_0() -> None:
    lab = Lab()
    text = lab.request("INVITE", branch="x", sdp=OFFER).replace(";tag=peer", "")
    lab.deliver(text)
    lab.session.accept(ANSWER)
    old = lab.session
    lab.deliver(lab.request("ACK", branch="y", to_tag=lab.our_tag).replace(";tag=peer", ""))
    successor(lab, name(lab, from_tag="0"))
    assert lab.session.replaces is old


def test_a_body_that_we_cannot_take_is_refused_before_the_name_is_looked_at() -> None:
    lab = Lab()
    lab.answered_call()
    headers = name(lab)
    lab.deliver(
        lab.request(
            "INVITE",
            branch="new",
            sdp=b"x",
            content_type="text/plain",
            call_id="call-2",
            headers=headers,
        )
    )
    assert lab.last_response().status == 415


def test_a_successor_is_taken_while_no_new_calls_are() -> None:
    lab = Lab()
    old = lab.answered_call()
    lab.agent.drain(5)
    successor(lab, name(lab))
    assert lab.session.replaces is old
