"""A user who is hostile: proven SUBSCRIBEs with senseless headers, refreshes and answers.

Nothing escapes, no bound is passed, and nothing is left in the end.
"""

from __future__ import annotations

import random

from sip.mailbox import MailboxState
from sip.message import MessageError, Request, parse_datagram, response_to
from sip.transaction import Timers
from tests.sip.agent.fake_phone import FakePhone, flow_from
from tests.sip.agent.lab import Lab
from tests.sip.agent.test_members import lab_with_users

REQUESTS = 900
MOST = 5
"""Subscriptions of one user."""
EXPIRES = (*["600"] * 9, "0", "1", "60", "3600", "9" * 40, "-1", "x", "", "\u0663")
EVENTS = (
    *["message-summary"] * 4,
    "Message-Summary;id=1",
    "message-summary;id=" + "9" * 200,
    "presence",
)
CONTACTS = (
    *[f"<sip:bob@10.0.0.{n}:5060>" for n in range(9)],
    *("<sip:bob@10.0.0.7:5060>", "<sip:bob@203.0.113.5>", "<sips:bob@10.0.0.7>", "<tel:+1>", "*"),
    *("<sip:bob@10.0.0.7?Replaces=x>", "<sip:10.0.0.7;maddr=224.0.0.1>", "<sip:bob@[::1]:1>", "<"),
)
ROUTES = (
    "",
    "",
    "",
    "<sip:192.0.2.50;lr>",
    "<sip:192.0.2.50>",
    "<sip:",
    "<sip:192.0.2.50;lr>," * 30,
)
ANSWERS = (200, 202, 404, 481, 503, 603)


def headers_of(dice: random.Random) -> str:
    lines = [
        f"Event: {dice.choice(EVENTS)}",
        f"Expires: {dice.choice(EXPIRES)}",
        f"Contact: {dice.choice(CONTACTS)}",
        f"Record-Route: {dice.choice(ROUTES)}",
    ]
    return "".join(f"{line}\r\n" for line in lines if dice.random() < 0.9)


def subscribe(phone: FakePhone, dice: random.Random, tags: list[str]) -> None:
    """One SUBSCRIBE in some dialog or none, with credentials once it is asked for them."""
    to = f"<sip:bob@192.0.2.1>;tag={dice.choice(tags)}" if tags and dice.random() < 0.5 else ""
    call_id = f"s{dice.randrange(8)}"
    headers = headers_of(dice)
    try:
        answer = phone.send(phone.write("SUBSCRIBE", to=to, call_id=call_id, headers=headers))
        if answer is None or answer.status != 401:
            return
        again = phone.write("SUBSCRIBE", to=to, call_id=call_id, headers=headers)
    except MessageError:
        return  # what no parser reads is the subject of other tests
    phone.digest.challenged(again, answer)
    phone.digest.authorize(again, "cnonce")
    final = phone.send(again)
    if final is not None and final.status == 200:
        tags.append(final.to.tag or "")


def answer_some(lab: Lab, phone: FakePhone, dice: random.Random, since: int) -> None:
    for heard in lab.heard[since:]:
        if isinstance(heard.message, Request) and dice.random() < 0.8:
            lab.deliver(response_to(heard.message, dice.choice(ANSWERS)), phone.flow)


def test_a_hostile_user_leaves_nothing_behind() -> None:
    dice = random.Random(3842)
    lab = lab_with_users(strangers=False)
    subscriptions = lab.agent.mailboxes.subscriptions
    tags: list[str] = []
    most = 0
    for number in range(REQUESTS):
        phone = FakePhone(lab, flow=flow_from(port=40000 + dice.randrange(9)), cseq=3 * number)
        since = len(lab.heard)
        subscribe(phone, dice, tags)
        state = MailboxState(new=dice.randrange(3))
        lab._enter(lambda now, state=state: subscriptions.set_state("bob", state, now))
        answer_some(lab, phone, dice, since)
        lab.run(lab.now + dice.random())
        for heard in lab.heard[since:]:
            assert heard.destination.host == phone.flow.peer.host
            parse_datagram(heard.message.to_bytes())
        most = max(most, len(subscriptions))
    assert most == MOST
    assert len(tags) > 50
    lab.run(lab.now + 3_600 + Timers().give_up + 1)
    assert len(subscriptions) == 0
    assert lab.agent.layer.server_count == lab.agent.layer.client_count == 0
    assert lab.agent.is_idle
