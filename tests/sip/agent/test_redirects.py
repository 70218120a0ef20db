"""A 3xx to our INVITE: followed where the owner allows it, refused with the reason elsewhere."""

from __future__ import annotations

import pytest

from sip.auth import Credentials
from sip.dialog import Ended, Redirected
from sip.message import Uri

from .lab import Lab
from .link import ANSWER, OFFER

HOME = "192.0.2.9"


def at_home(uri: Uri) -> bool:
    return uri.host == HOME


def moved(lab: Lab, *contacts: str, status: int = 302) -> None:
    headers = "".join(f"Contact: {contact}\r\n" for contact in contacts)
    lab.answer(status, headers=headers, contact=False, to=lab.requests("INVITE")[-1])


def reason(lab: Lab) -> str:
    ended = lab.phone.events[-1]
    assert isinstance(ended, Ended)
    return ended.reason


@pytest.mark.parametrize("status", [300, 301, 302])
def test_a_redirect_is_the_same_call_to_another_address(status: int) -> None:
    lab = Lab()
    lab.call(may_follow=at_home)
    first = lab.last_request()
    moved(lab, f"<sip:desk@{HOME}:5070>", status=status)
    assert lab.log() == ["0 INVITE", "0 ACK", "0 INVITE"]
    second = lab.last_request()
    assert second.uri == f"sip:desk@{HOME}:5070"
    assert lab.heard[-1].destination.port == 5070
    assert second.cseq.number == first.cseq.number + 1
    assert second.call_id == first.call_id
    assert second.headers.get("From") == first.headers.get("From")
    assert second.headers.get("To") == first.headers.get("To")
    assert second.via.branch != first.via.branch
    assert second.body == OFFER
    lab.answer(200, sdp=ANSWER)
    assert lab.phone.events[0] == Redirected(f"sip:desk@{HOME}:5070")
    assert lab.events()[1:] == ["Answered 200"]


def test_the_most_wanted_address_that_is_allowed_is_taken() -> None:
    lab = Lab()
    lab.call(may_follow=at_home)
    moved(
        lab,
        f"<sip:low@{HOME}>;q=0.1, <sip:abroad@203.0.113.1>;q=1.0",
        f"<sip:high@{HOME}>;q=0.9, <sip:odd@{HOME}>;q=0.x",
    )
    assert lab.last_request().uri == f"sip:odd@{HOME}"


def test_an_address_that_is_not_allowed_ends_the_call() -> None:
    lab = Lab()
    lab.call(may_follow=at_home)
    moved(lab, "<sip:bob@203.0.113.1>")
    assert lab.events() == ["Ended remote failure 302"]
    assert "may not be sent on to" in reason(lab)
    assert len(lab.requests("INVITE")) == 1


@pytest.mark.parametrize("contact", ["*", "nobody", "<sip:>", "<mailto:bob@example.com>"])
def test_a_contact_that_nobody_can_call_ends_the_call(contact: str) -> None:
    lab = Lab()
    lab.call(may_follow=at_home)
    moved(lab, contact)
    lab.run(40)
    assert lab.phone.events
    assert lab.events()[-1].startswith("Ended")
    assert len({r.uri for r in lab.requests("INVITE")}) == 1


def test_a_loop_ends_the_call() -> None:
    lab = Lab()
    lab.call(may_follow=at_home)
    moved(lab, f"<sip:desk@{HOME}>")
    moved(lab, f"<sip:BOB@{HOME}>, <sip:bob@{HOME}>")
    moved(lab, f"<sip:bob@{HOME}>, <sip:desk@{HOME};transport=udp>")
    assert len(lab.requests("INVITE")) == 4
    moved(lab, f"<sip:bob@{HOME}>")
    assert lab.events()[-1] == "Ended remote failure 302"
    assert "it is a loop" in reason(lab)


def test_five_redirects_are_followed_and_no_more() -> None:
    lab = Lab()
    lab.call(may_follow=at_home)
    for number in range(6):
        moved(lab, f"<sip:desk{number}@{HOME}>")
    assert len(lab.requests("INVITE")) == 6
    assert "more than 5 redirects" in reason(lab)


@pytest.mark.parametrize("status", [305, 380])
def test_other_redirects_name_no_other_address(status: int) -> None:
    lab = Lab()
    lab.call(may_follow=at_home)
    moved(lab, f"<sip:desk@{HOME}>", status=status)
    assert f"a {status} names no other address" in reason(lab)


def test_headers_and_method_inside_the_contact_are_left_out() -> None:
    lab = Lab()
    lab.call(may_follow=at_home)
    moved(lab, f"<sip:desk@{HOME};method=BYE?Replaces=x>")
    assert lab.last_request().uri == f"sip:desk@{HOME}"


def test_a_call_that_we_gave_up_is_not_sent_on() -> None:
    lab = Lab()
    session = lab.call(may_follow=at_home)
    lab.answer(180)
    session.hangup()
    moved(lab, f"<sip:desk@{HOME}>")
    assert len(lab.requests("INVITE")) == 1
    lab.run(100)
    assert len(lab.agent.sessions) == 0


def test_early_media_of_the_first_address_is_not_the_answer_of_the_second() -> None:
    lab = Lab()
    lab.call(may_follow=at_home)
    lab.answer(183, sdp=ANSWER, headers="Require: 100rel\r\nRSeq: 7\r\n")
    moved(lab, f"<sip:desk@{HOME}>")
    lab.answer(183, to=lab.requests("INVITE")[-1], sdp=OFFER, tag="desk")
    lab.answer(200, to=lab.requests("INVITE")[-1], sdp=OFFER, tag="desk")
    answered = lab.phone.events[-1]
    assert lab.events()[-1] == "Answered 200"
    assert getattr(answered, "sdp", None) == OFFER


def test_credentials_of_the_first_address_are_not_for_the_second() -> None:
    lab = Lab()
    lab.call(may_follow=at_home, credentials=Credentials("us", "secret"))
    challenge = 'Digest realm="one", nonce="n1"'
    lab.answer(401, headers=f"WWW-Authenticate: {challenge}\r\n", contact=False)
    assert "Authorization" in lab.last_request().headers
    moved(lab, f"<sip:desk@{HOME}>")
    assert "Authorization" not in lab.last_request().headers
    lab.answer(401, headers=f"WWW-Authenticate: {challenge}\r\n", contact=False)
    assert "Authorization" in lab.last_request().headers
    lab.answer(200, sdp=ANSWER)
    assert lab.events()[-1] == "Answered 200"


def test_the_outbound_proxy_stays_the_first_hop() -> None:
    lab = Lab()
    lab.call(may_follow=at_home, route="<sip:192.0.2.50;lr>")
    moved(lab, f"<sip:desk@{HOME}>")
    again = lab.last_request()
    assert (again.uri, again.headers.get("Route")) == (f"sip:desk@{HOME}", "<sip:192.0.2.50;lr>")
    assert lab.heard[-1].destination.host == "192.0.2.50"
