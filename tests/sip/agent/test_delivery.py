"""Where requests of ours go: names, fail-over to the next place, TCP for long ones."""

from __future__ import annotations

import pytest

from sip.address import BoundAddress, Flow, PeerAddress
from sip.agent.settings import AVOIDED_S
from sip.dialog import Ended, InviteSession
from sip.message import Request

from .lab import PEER, US, Heard, Lab
from .link import ANSWER

FIRST, SECOND, THIRD = "udp:192.0.2.11:5060", "udp:192.0.2.12:5060", "tcp:192.0.2.13:5063"
LONG = [("X-Padding", "x" * 1400)]


def called(*places: str) -> Lab:
    """A call to a name that leads to these places."""
    lab = Lab()
    lab.call("sip:bob@example.com")
    lab.locate(*places)
    return lab


def went(lab: Lab) -> list[str]:
    """Method and place of every request that was sent."""
    requests = [heard for heard in lab.heard if isinstance(heard.message, Request)]
    return [f"{heard.message.method} {heard.destination}" for heard in requests]


def sent(lab: Lab, number: int) -> tuple[Heard, Request]:
    heard = lab.heard[number]
    assert isinstance(heard.message, Request)
    return heard, heard.message


def ended(lab: Lab) -> Ended:
    [event] = [event for event in lab.phone.events if isinstance(event, Ended)]
    return event


def test_a_request_to_a_name_waits_for_its_servers() -> None:
    lab = Lab()
    lab.call("sip:bob@example.com;transport=tcp")
    assert lab.heard == []
    [asked] = lab.lookups
    assert (asked.lookup.domain, asked.lookup.transport) == ("example.com", "tcp")
    lab.locate(THIRD)
    assert went(lab) == [f"INVITE {THIRD}"]
    _, invite = sent(lab, 0)
    assert invite.uri == "sip:bob@example.com;transport=tcp"
    assert invite.via.transport == "TCP"


def test_a_name_without_servers_ends_the_call_with_the_reason() -> None:
    lab = Lab()
    lab.call("sip:bob@example.com")
    lab.locate(reason="example.com: the name has no address")
    assert (ended(lab).status, ended(lab).reason) == (503, "example.com: the name has no address")
    assert len(lab.agent.deliveries) == 0
    assert lab.agent.is_idle


def test_places_that_no_listener_reaches_end_the_call_with_the_reason() -> None:
    lab = Lab(listeners=[BoundAddress(transport="tcp", host="192.0.2.1", port=5060)])
    lab.call("sip:bob@example.com")
    lab.locate(FIRST)
    assert ended(lab).reason == f"no listener can reach {FIRST}"


def test_the_next_place_is_tried_with_a_new_branch_when_one_cannot_be_reached() -> None:
    lab = called(FIRST, SECOND, THIRD)
    lab.lose()
    lab.lose()
    assert went(lab) == [f"INVITE {FIRST}", f"INVITE {SECOND}", f"INVITE {THIRD}"]
    invites = [sent(lab, number)[1] for number in range(3)]
    assert len({invite.via.branch for invite in invites}) == 3
    assert [invite.via.transport for invite in invites] == ["UDP", "UDP", "TCP"]
    assert [len(invite.vias) for invite in invites] == [1, 1, 1]
    same = {(invite.call_id, str(invite.cseq), str(invite.from_)) for invite in invites}
    assert len(same) == 1
    assert lab.events() == []
    lab.lose("nobody there")
    assert (ended(lab).by, ended(lab).reason) == ("transport", "nobody there")


def test_503_leads_to_the_next_place_and_its_answer_counts() -> None:
    lab = called(FIRST, SECOND)
    lab.answer(503)
    assert went(lab) == [f"INVITE {FIRST}", f"ACK {FIRST}", f"INVITE {SECOND}"]
    lab.answer(200, sdp=ANSWER)
    assert lab.events() == ["Answered 200"]


def test_the_last_503_is_the_call_s_end() -> None:
    lab = called(FIRST, SECOND)
    lab.answer(503)
    lab.answer(503, reason="All Circuits Busy")
    assert (ended(lab).status, ended(lab).reason) == (503, "All Circuits Busy")


@pytest.mark.parametrize("status", [404, 486, 500, 504, 603])
def test_other_refusals_are_final(status: int) -> None:
    lab = called(FIRST, SECOND)
    lab.answer(status)
    assert ended(lab).status == status
    assert f"INVITE {SECOND}" not in went(lab)


def test_a_place_that_never_answers_is_followed_by_the_next() -> None:
    lab = called(FIRST, SECOND)
    lab.run(33)
    assert went(lab)[-1] == f"INVITE {SECOND}"
    assert sum(line == f"INVITE {FIRST}" for line in went(lab)) == 7
    lab.answer(200, sdp=ANSWER)
    assert lab.events() == ["Answered 200"]


def test_a_place_that_was_heard_is_not_left_for_another() -> None:
    lab = called(THIRD, SECOND)
    lab.answer(180)
    lab.lose("the connection broke")
    assert ended(lab).reason == "the connection broke"
    assert f"INVITE {SECOND}" not in went(lab)


def test_a_call_that_was_given_up_is_not_tried_elsewhere() -> None:
    lab = called(FIRST, SECOND)
    lab.session.hangup(reason="enough")
    lab.lose()
    assert went(lab) == [f"INVITE {FIRST}"]
    assert len(lab.agent.sessions) == 0


def test_a_call_that_was_given_up_before_its_name_was_found_is_never_sent() -> None:
    lab = Lab()
    session: InviteSession = lab.call("sip:bob@example.com")
    session.hangup(reason="enough")
    lab.locate(FIRST)
    assert lab.heard == []
    assert (len(lab.agent.sessions), len(lab.agent.deliveries)) == (0, 0)


def test_cancel_follows_the_try_that_is_in_progress() -> None:
    lab = called(FIRST, SECOND)
    lab.lose()
    lab.answer(180)
    lab.session.hangup(reason="enough")
    assert went(lab)[-1] == f"CANCEL {SECOND}"
    assert lab.last_request().via.branch == lab.requests("INVITE")[-1].via.branch


def test_a_place_that_failed_is_tried_last_for_a_minute() -> None:
    lab = called(FIRST, SECOND)
    lab.lose()
    lab.call("sip:carol@example.com")
    lab.locate(FIRST, SECOND)
    assert went(lab)[-1] == f"INVITE {SECOND}"
    lab.now += AVOIDED_S
    lab.call("sip:dave@example.com")
    lab.locate(FIRST, SECOND)
    assert went(lab)[-1] == f"INVITE {FIRST}"


def test_all_requests_of_a_call_draw_with_the_same_seed() -> None:
    lab = called(FIRST)
    lab.answer(200, sdp=ANSWER, contact=False, headers="Contact: <sip:peer@example.com>")
    asked = lab.lookups[0]
    assert asked.key.method == "ACK"
    lab.locate(SECOND)
    assert went(lab)[-1] == f"ACK {SECOND}"
    lab.session.hangup()
    assert lab.lookups[0].seed == asked.seed == lab.requests("INVITE")[0].call_id
    lab.locate(SECOND)
    assert went(lab)[-1] == f"BYE {SECOND}"


def test_a_repeated_answer_gets_the_same_ack_again() -> None:
    lab = called(FIRST)
    lab.answer(200, sdp=ANSWER, contact=False, headers="Contact: <sip:peer@example.com>")
    lab.locate(SECOND)
    lab.answer(
        200,
        to=lab.requests("INVITE")[0],
        sdp=ANSWER,
        contact=False,
        headers="Contact: <sip:peer@example.com>",
    )
    acks = lab.requests("ACK")
    assert [ack.via.branch for ack in acks] == [acks[0].via.branch] * 2


# --- long requests ------------------------------------------------------------------------------


def test_a_request_over_1300_bytes_takes_tcp() -> None:
    lab = Lab()
    lab.call(headers=LONG)
    heard, invite = sent(lab, 0)
    assert str(heard.destination) == f"tcp:{PEER}:5060"
    assert invite.via.transport == "TCP"
    assert len(invite.vias) == 1
    lab.call()
    assert str(lab.heard[1].destination) == f"udp:{PEER}:5060"


def test_it_takes_a_connection_that_is_open() -> None:
    lab = Lab()
    peer = PeerAddress(transport="tcp", host=PEER, port=5060)
    lab.agent.flow_opened(Flow(id=70, local=US, peer=peer))
    lab.call(headers=LONG)
    assert (lab.heard[0].destination.transport, lab.heard[0].destination.flow) == ("tcp", 70)


def test_it_goes_by_udp_after_all_when_tcp_is_refused_and_so_do_the_next() -> None:
    lab = Lab()
    lab.call(headers=LONG)
    lab.lose()
    assert went(lab) == [f"INVITE tcp:{PEER}:5060", f"INVITE udp:{PEER}:5060"]
    _, again = sent(lab, 1)
    assert again.via.transport == "UDP"
    lab.call(headers=LONG)
    assert went(lab)[-1] == f"INVITE udp:{PEER}:5060"
    lab.now += AVOIDED_S
    lab.call(headers=LONG)
    assert went(lab)[-1] == f"INVITE tcp:{PEER}:5060"


def test_a_503_by_tcp_is_no_reason_for_udp() -> None:
    lab = Lab()
    lab.call(headers=LONG)
    lab.answer(503)
    assert ended(lab).status == 503
    assert f"INVITE udp:{PEER}:5060" not in went(lab)
