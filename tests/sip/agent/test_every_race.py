"""INVITE, CANCEL, 200 and BYE in every order: what goes out, what the owner hears, what is left.

Each case is a list of steps. A number is a response of the peer to our INVITE; what is open at the
end is answered, and nothing may be left behind.
"""

from __future__ import annotations

import pytest

from sip.dialog import SessionStateError
from sip.message import Request

from .lab import Lab
from .link import ANSWER

CALLING: list[tuple[str, list[str], str]] = [
    # steps, what goes out after the INVITE, how it ends for the owner
    ("hangup 100 487", ["CANCEL", "ACK"], "Ended local cancel 487"),
    ("hangup 180 487", ["CANCEL", "ACK"], "Ended local cancel 487"),
    ("hangup 200", ["ACK", "BYE"], "Ended local cancel 487"),
    ("hangup 486", ["ACK"], "Ended local cancel 487"),
    ("hangup 100 200", ["CANCEL", "ACK", "BYE"], "Ended local cancel 487"),
    ("hangup 100 180 486", ["CANCEL", "ACK"], "Ended local cancel 487"),
    ("100 hangup 487", ["CANCEL", "ACK"], "Ended local cancel 487"),
    ("100 hangup 200", ["CANCEL", "ACK", "BYE"], "Ended local cancel 487"),
    ("100 hangup 180 200", ["CANCEL", "ACK", "BYE"], "Ended local cancel 487"),
    ("100 180 hangup 487", ["CANCEL", "ACK"], "Ended local cancel 487"),
    ("100 180 hangup 200", ["CANCEL", "ACK", "BYE"], "Ended local cancel 487"),
    ("100 180 hangup 200 200", ["CANCEL", "ACK", "BYE", "ACK"], "Ended local cancel 487"),
    ("100 180 hangup 302", ["CANCEL", "ACK"], "Ended local cancel 487"),
    ("100 180 hangup hangup 603", ["CANCEL", "ACK"], "Ended local cancel 487"),
    ("100 180 200 hangup", ["ACK", "BYE"], "Ended local bye 200"),
    ("100 180 200 hangup 200", ["ACK", "BYE", "ACK"], "Ended local bye 200"),
    ("200 200 hangup", ["ACK", "ACK", "BYE"], "Ended local bye 200"),
    ("486 hangup", ["ACK"], "Ended remote failure 486"),
    ("180 486 486 hangup", ["ACK", "ACK"], "Ended remote failure 486"),
    ("200 bye hangup", ["ACK", "200 BYE"], "Ended remote bye 200"),
    ("200 hangup bye", ["ACK", "BYE", "200 BYE"], "Ended local bye 200"),
]


@pytest.mark.parametrize(("steps", "sent", "end"), CALLING, ids=[case[0] for case in CALLING])
def test_a_call_of_ours(steps: str, sent: list[str], end: str) -> None:
    lab = Lab()
    session = lab.call()
    invite = lab.last_request()
    for step in steps.split():
        if step == "hangup":
            session.hangup()
        elif step == "bye":
            lab.deliver(
                lab.request(
                    "BYE",
                    branch="bye",
                    to_tag=lab.our_tag,
                    call_id=session.call_id,
                    from_tag="theirs",
                )
            )
        else:
            status = int(step)
            lab.answer(
                status,
                to=invite,
                sdp=ANSWER if status == 200 else None,
                tag="" if status == 100 else "theirs",
                headers="Contact: <sip:a@203.0.113.9>\r\n" if status == 302 else "",
                contact=status != 302,
            )
    assert [line.partition(" ")[2] for line in lab.log()][1:] == sent
    assert [event for event in lab.events() if event.startswith("Ended")] == [end]
    assert lab.events()[-1] == end
    settle(lab)


def settle(lab: Lab) -> None:
    """Answer what is open, and let time go by: nothing may be left."""
    for request in list(lab.requests()):
        if isinstance(request, Request) and request.method in ("BYE", "CANCEL"):
            lab.answer(200, to=request)
    lab.run(lab.now + 400)
    assert len(lab.agent.sessions) == 0
    assert lab.agent.layer.client_count == 0
    assert lab.agent.layer.server_count == 0
    assert lab.agent.next_timeout() is None


ANSWERING: list[tuple[str, list[str], str]] = [
    ("cancel", ["200 CANCEL", "487 INVITE"], "Ended remote cancel 487"),
    ("ring cancel", ["180 INVITE", "200 CANCEL", "487 INVITE"], "Ended remote cancel 487"),
    ("cancel accept", ["200 CANCEL", "487 INVITE"], "Ended remote cancel 487"),
    ("accept cancel ack", ["200 INVITE", "200 CANCEL"], ""),
    ("accept ack cancel", ["200 INVITE", "200 CANCEL"], ""),
    ("accept hangup ack", ["200 INVITE", "BYE"], "Ended local bye 200"),
    ("accept hangup cancel ack", ["200 INVITE", "200 CANCEL", "BYE"], "Ended local bye 200"),
    ("accept bye", ["200 INVITE", "200 BYE"], "Ended remote bye 200"),
    ("accept bye ack", ["200 INVITE", "200 BYE"], "Ended remote bye 200"),
    ("accept hangup bye ack", ["200 INVITE", "200 BYE"], "Ended local bye 200"),
    ("reject cancel", ["486 INVITE", "200 CANCEL"], "Ended local reject 486"),
    ("bye", ["200 BYE", "487 INVITE"], "Ended remote bye 487"),
    ("bye cancel", ["200 BYE", "487 INVITE", "200 CANCEL"], "Ended remote bye 487"),
    ("hangup cancel", ["480 INVITE", "200 CANCEL"], "Ended local reject 480"),
    ("accept ack hangup bye", ["200 INVITE", "BYE", "200 BYE"], "Ended local bye 200"),
]


@pytest.mark.parametrize(("steps", "sent", "end"), ANSWERING, ids=[case[0] for case in ANSWERING])
def test_a_call_to_us(steps: str, sent: list[str], end: str) -> None:
    lab = Lab()
    lab.invite()
    session = lab.session
    for step in steps.split():
        if step == "ring":
            session.provisional(180)
        elif step == "accept":
            session.accept(ANSWER)
        elif step == "reject":
            session.reject(486)
        elif step == "hangup":
            session.hangup()
        elif step == "cancel":
            lab.deliver(lab.request("CANCEL", branch="inv"))
        elif step == "bye":
            lab.in_dialog("BYE", 2)
        else:
            lab.in_dialog("ACK", 1, branch="ack")
    assert [line.partition(" ")[2] for line in lab.log()] == ["100 INVITE", *sent]
    assert [event for event in lab.events() if event.startswith("Ended")] == ([end] if end else [])
    if not end:
        session.hangup()
    for request in lab.requests("BYE"):
        lab.answer(200, to=request)
    if any(response.status >= 300 for response in lab.responses()):
        lab.deliver(lab.request("ACK", branch="inv", to_tag=lab.our_tag))
    lab.run(lab.now + 400)
    assert len(lab.agent.sessions) == 0
    assert lab.agent.next_timeout() is None


def test_a_command_that_comes_after_the_end_does_nothing() -> None:
    lab = Lab()
    session = lab.call()
    lab.answer(486)
    session.hangup()
    session.reinvite(ANSWER)
    session.message("x")
    assert [line.partition(" ")[2] for line in lab.log()] == ["INVITE", "ACK"]
    live = Lab()
    live.call()
    with pytest.raises(SessionStateError):
        live.session.accept(ANSWER)
