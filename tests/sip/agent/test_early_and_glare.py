"""Changes of a session before the answer, and changes that cross: exact times, both roles."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from sip.dialog import Answered, Provisional, ReinviteAnswered, ReinviteFailed
from sip.message import Request

from .lab import Lab
from .link import ANSWER, OFFER

OTHER = b"v=0\r\no=other 1 2 IN IP4 192.0.2.9\r\n"
CONTACT = "Contact: <sip:peer@192.0.2.9>\r\n"
RELIABLE = "Require: 100rel\r\nRSeq: {rseq}\r\n"


def dialled(*, reliable: bool = True) -> Lab:
    """A call of ours with early media, its offer answered for good by a reliable 183."""
    lab = Lab()
    lab.call()
    lab.answer(183, sdp=ANSWER, headers=RELIABLE.format(rseq=7) if reliable else "")
    return lab


def from_callee(
    lab: Lab, method: str, cseq: int, *, sdp: bytes | None, tag: str = "theirs"
) -> None:
    lab.deliver(
        lab.request(
            method,
            branch=f"{method}{cseq}{tag}",
            cseq=cseq,
            to_tag=lab.our_tag,
            call_id=lab.session.call_id,
            from_tag=tag,
            sdp=sdp,
            headers=CONTACT,
        )
    )


def invite_of(lab: Lab) -> Request:
    return lab.requests("INVITE")[0]


# --- before the answer --------------------------------------------------------------------------


def test_the_callee_may_change_its_early_media_by_update() -> None:
    lab = dialled()
    from_callee(lab, "UPDATE", 1, sdp=OTHER)
    assert lab.events() == ["Provisional 183", "ReinviteReceived"]
    lab.session.answer_reinvite(OFFER)
    assert lab.log() == ["0 INVITE", "0 PRACK", "0 200 UPDATE"]
    lab.answer(200, to=invite_of(lab))
    assert lab.events()[-1] == "Answered 200"


def test_what_an_update_changed_is_not_undone_by_later_responses() -> None:
    """RFC 3261 13.2.1: they repeat what the 183 said, or say nothing."""
    lab = dialled()
    from_callee(lab, "UPDATE", 1, sdp=OTHER)
    lab.session.answer_reinvite(OFFER)
    lab.answer(180, to=invite_of(lab), sdp=ANSWER)
    lab.answer(200, to=invite_of(lab), sdp=ANSWER)
    told = [e.sdp for e in lab.phone.events if isinstance(e, Provisional | Answered)]
    assert told == [ANSWER, None, None]


def test_another_branch_still_answers_our_offer_after_an_update_of_the_first() -> None:
    lab = dialled()
    from_callee(lab, "UPDATE", 1, sdp=OTHER)
    lab.session.answer_reinvite(OFFER)
    lab.answer(200, to=invite_of(lab), tag="other", sdp=ANSWER)
    told = [e.sdp for e in lab.phone.events if isinstance(e, Answered)]
    assert told == [ANSWER]


def test_an_update_with_an_offer_before_ours_is_answered_gets_491() -> None:
    lab = dialled(reliable=False)
    from_callee(lab, "UPDATE", 1, sdp=OTHER)
    assert lab.last_response().status == 491
    assert lab.events() == ["Provisional 183"]
    lab.answer(200, to=invite_of(lab), sdp=ANSWER)
    from_callee(lab, "UPDATE", 2, sdp=OTHER)
    assert lab.events()[1:] == ["Answered 200", "ReinviteReceived"]


def test_an_early_update_without_an_offer_refreshes_the_target_at_once() -> None:
    lab = dialled()
    from_callee(lab, "UPDATE", 1, sdp=None)
    assert lab.last_response().status == 200
    assert lab.events() == ["Provisional 183"]


def test_an_update_of_a_branch_that_lost_gets_481() -> None:
    lab = dialled()
    lab.answer(183, to=invite_of(lab), tag="other")
    lab.answer(200, to=invite_of(lab), tag="other", sdp=ANSWER)
    from_callee(lab, "UPDATE", 1, sdp=OTHER, tag="theirs")
    assert lab.last_response().status == 481


def test_a_reliable_response_out_of_order_gets_no_prack() -> None:
    lab = dialled()
    for rseq in (9, 7, 8, 8, 10):
        lab.answer(180, to=invite_of(lab), headers=RELIABLE.format(rseq=rseq))
    numbers = [(r.headers.get("RAck") or "").split()[0] for r in lab.requests("PRACK")]
    assert numbers == ["7", "8"]


def test_each_branch_of_a_fork_counts_its_reliable_responses_itself() -> None:
    lab = dialled()
    lab.answer(180, to=invite_of(lab), tag="other", headers=RELIABLE.format(rseq=3))
    lab.answer(180, to=invite_of(lab), tag="other", headers=RELIABLE.format(rseq=4))
    lab.answer(180, to=invite_of(lab), headers=RELIABLE.format(rseq=8))
    racks = [((r.headers.get("RAck") or "").split()[0], r.to.tag) for r in lab.requests("PRACK")]
    assert racks == [("7", "theirs"), ("3", "other"), ("4", "other"), ("8", "theirs")]


def test_a_refused_prack_does_not_end_the_call() -> None:
    lab = dialled()
    lab.answer(481, to=lab.requests("PRACK")[0])
    lab.answer(200, to=invite_of(lab))
    assert lab.events() == ["Provisional 183", "Answered 200"]


# --- crossing -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("build", "wait"),
    [
        # RFC 3261 14.1: the owner of the Call-ID 2.1 to 4 s, the other up to 2 s; here the middle
        (Lab.established_call, 3.05),
        (Lab.answered_call, 1.0),
    ],
)
def test_a_reinvite_that_crosses_another_waits_as_its_role_says(
    build: Callable[[Lab], object], wait: float
) -> None:
    lab = Lab()
    build(lab)
    lab.session.reinvite(OTHER)
    lab.answer(491)
    lab.run(wait - 0.01)
    assert [r.method for r in lab.requests()] == ["INVITE", "ACK"]
    lab.run(wait)
    assert lab.log()[-1] == f"{wait:g} INVITE"
    lab.answer(200, sdp=ANSWER)
    assert isinstance(lab.phone.events[-1], ReinviteAnswered)


def test_the_peers_offer_is_taken_while_ours_waits_out_the_crossing() -> None:
    lab = Lab()
    lab.established_call()
    lab.session.reinvite(OTHER)
    lab.answer(491)
    from_callee(lab, "INVITE", 1, sdp=OTHER)
    lab.session.answer_reinvite(ANSWER)
    lab.run(3.05)
    # their ACK is missing: ours goes on waiting, and comes right after it
    assert len(lab.requests("INVITE")) == 1
    from_callee(lab, "ACK", 1, sdp=None)
    assert len(lab.requests("INVITE")) == 2


@pytest.mark.parametrize("status", [403, 488, 500, 603])
def test_a_refused_reinvite_keeps_the_call_and_the_description(status: int) -> None:
    lab = Lab()
    lab.established_call()
    lab.session.reinvite(OTHER)
    lab.answer(status)
    event = lab.phone.events[-1]
    assert isinstance(event, ReinviteFailed)
    assert event.status == status
    assert not lab.session.is_over
    assert lab.session._core.call.local_sdp == OFFER
    from_callee(lab, "INVITE", 1, sdp=OTHER)
    assert lab.events()[-1] == "ReinviteReceived"


# --- the peer that refreshes --------------------------------------------------------------------


def test_without_a_refresh_the_bye_comes_32_s_before_the_end() -> None:
    lab = Lab()
    lab.invite("Session-Expires: 1800;refresher=uac\r\nSupported: timer\r\n")
    lab.session.accept(ANSWER)
    lab.in_dialog("ACK", 1)
    lab.run(1_767.9)
    assert lab.events() == ["Acknowledged"]
    lab.run(1_768)
    assert lab.log()[-1] == "1768 BYE"
    assert lab.events()[-1] == "Ended timeout session-expired 408"
    assert 'text="session expired"' in (lab.last_request().headers.get("Reason") or "")


@pytest.mark.parametrize("method", ["INVITE", "UPDATE"])
def test_every_refresh_of_the_peer_begins_the_interval_anew(method: str) -> None:
    lab = Lab()
    timer = "Session-Expires: 90;refresher=uac\r\nSupported: timer\r\n"
    lab.invite(timer)
    lab.session.accept(ANSWER)
    lab.in_dialog("ACK", 1)
    for number, at in enumerate((40.0, 80.0, 120.0), 2):
        lab.run(at)
        lab.in_dialog(
            method, number, sdp=OFFER if method == "INVITE" else None, headers=CONTACT + timer
        )
        if method == "INVITE":
            lab.session.answer_reinvite(ANSWER)
            lab.in_dialog("ACK", number, branch=f"ack{number}")
    lab.run(179.9)
    assert not lab.session.is_over
    lab.run(180)
    assert lab.events()[-1] == "Ended timeout session-expired 408"
