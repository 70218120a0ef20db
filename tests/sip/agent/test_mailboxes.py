"""Phones that are told of their mailbox: SUBSCRIBE, the NOTIFYs, and every way it ends."""

from __future__ import annotations

import attrs
import pytest

from sip.agent import EndpointSettings, Stranger
from sip.mailbox import MailboxState
from sip.mailbox import subscriptions as bounds
from sip.message import Request, response_to
from sip.registrar import RegistrarSettings
from sip.transaction import Timers

from .fake_phone import ALGORITHMS, PHONE, REALM, FakePhone, flow_from, user
from .lab import Lab

CONTACT = "Contact: <sip:bob@10.0.0.7:5060>\r\n"


def lab_with_users(*, max_contacts: int = 5) -> Lab:
    people = [attrs.evolve(user("bob", "secret"), max_contacts=max_contacts), user("ann", "other")]
    registrar = RegistrarSettings(
        realm=REALM, users={one.name: one for one in people}, algorithms=ALGORITHMS
    )
    lab = Lab(settings=EndpointSettings(registrar=registrar))
    lab.gate = lambda peer: Stranger()
    return lab


@attrs.define
class Mailphone:
    """A phone that subscribes to its mailbox."""

    lab: Lab
    phone: FakePhone
    call_id: str = "sub-1"
    to: str = ""

    @classmethod
    def of(cls, lab: Lab, *, port: int = 40000, call_id: str = "sub-1") -> Mailphone:
        return cls(lab, FakePhone(lab, flow=flow_from(port=port)), call_id)

    def subscribe(
        self,
        expires: int | None = 600,
        *,
        headers: str = CONTACT,
        event: str = "message-summary",
        uri: str = "",
    ) -> str:
        """`200 600`: status and Expires of the answer."""
        lines = "" if expires is None else f"Expires: {expires}\r\n"
        answer = self.phone.ask(
            "SUBSCRIBE",
            uri=uri or ("sip:callstage@192.0.2.1:5060" if self.to else "sip:bob@192.0.2.1"),
            to=self.to,
            call_id=self.call_id,
            headers=f"Event: {event}\r\n{lines}{headers}",
        )
        if answer.status == 200 and not self.to:
            self.to = str(answer.headers.get("To"))
        return f"{answer.status} {answer.headers.get('Expires') or ''}".strip()

    def told(self) -> list[str]:
        """What the NOTIFYs in this subscription have said, retransmissions left out."""
        return [
            f"{one.headers.get('Subscription-State')} {voice_of(one)}" for one in self.notifies()
        ]

    def notifies(self) -> list[Request]:
        return [
            heard.message
            for heard in self.lab.heard
            if isinstance(heard.message, Request)
            and heard.message.method == "NOTIFY"
            and heard.message.call_id == self.call_id
            and not heard.retransmission
        ]

    def answer(self, status: int = 200) -> None:
        self.lab.deliver(response_to(self.notifies()[-1], status), self.phone.flow)


def voice_of(notify: Request) -> str:
    lines = notify.body.decode().splitlines()
    return next(line for line in lines if line.startswith("Voice-Message")).split()[1]


def messages(lab: Lab, new: int, old: int = 0) -> None:
    subscriptions = lab.agent.mailboxes.subscriptions
    lab._enter(lambda now: subscriptions.set_state("bob", MailboxState(new=new, old=old), now))


def test_a_phone_is_told_at_once_and_of_every_change() -> None:
    lab = lab_with_users()
    messages(lab, 2, 1)
    there = Mailphone.of(lab)
    assert there.subscribe() == "200 600"
    assert there.told() == ["active;expires=600 2/1"]
    there.answer()
    lab.run(10.0)
    messages(lab, 3, 1)
    assert there.told()[1:] == ["active;expires=590 3/1"]
    there.answer()
    messages(lab, 3, 1)
    assert len(there.told()) == 2


def test_a_notify_has_what_its_dialog_and_the_mailbox_need() -> None:
    lab = lab_with_users()
    there = Mailphone.of(lab)
    there.subscribe(event="message-summary;id=7")
    [notify] = there.notifies()
    wanted = ("Event", "Content-Type", "To", "Contact")
    assert [notify.headers.get(name) for name in wanted] == [
        "message-summary;id=7",
        "application/simple-message-summary",
        "<sip:bob@192.0.2.1>;tag=t",
        "<sip:callstage@192.0.2.1:5060>",
    ]
    assert str(notify.request_uri) == "sip:bob@10.0.0.7:5060"
    assert f"{notify.from_.tag}" in there.to
    assert notify.body == b"Messages-Waiting: no\r\nVoice-Message: 0/0 (0/0)\r\n"
    [heard] = [one for one in lab.heard if one.message is notify]
    assert (heard.destination.host, heard.destination.port) == (PHONE, 40000)


def test_a_contact_elsewhere_leads_back_to_where_the_phone_was_heard() -> None:
    lab = lab_with_users()
    there = Mailphone.of(lab)
    there.subscribe(headers="Contact: <sip:bob@203.0.113.66:9>\r\n")
    assert {(one.destination.host, one.destination.port) for one in lab.heard} == {(PHONE, 40000)}


def test_a_stranger_is_challenged_and_leaves_nothing_behind() -> None:
    lab = lab_with_users()
    phone = FakePhone(lab)
    for number in range(50):
        headers = f"Event: message-summary\r\n{CONTACT}"
        lab.deliver(phone.write("SUBSCRIBE", call_id=f"c{number}", headers=headers), phone.flow)
    assert {response.status for response in lab.responses()} == {401}
    assert lab.requests() == []
    assert lab.agent.layer.server_count == 0
    assert lab.agent.next_timeout() is None


def test_a_wrong_password_subscribes_to_nothing() -> None:
    lab = lab_with_users()
    there = Mailphone(lab, FakePhone(lab, password="guess"))
    assert there.subscribe() == "401"
    assert lab.refusals[-1].why == "wrong password of user 'bob'"
    assert len(lab.agent.mailboxes.subscriptions) == 0


def test_nobody_reads_the_mailbox_of_another_user() -> None:
    lab = lab_with_users()
    there = Mailphone.of(lab)
    assert there.subscribe(uri="sip:ann@192.0.2.1") == "403"
    assert lab.refusals[-1].why == "user bob may not subscribe to sip:ann@192.0.2.1"
    assert there.notifies() == []


def test_other_events_get_489_from_peers_and_403_from_strangers() -> None:
    lab = lab_with_users()
    there = Mailphone.of(lab)
    assert there.subscribe(event="presence") == "403"
    lab.gate = lambda peer: None
    assert there.subscribe(event="presence") == "489"


def test_a_refresh_lengthens_it_and_is_told_again() -> None:
    lab = lab_with_users()
    there = Mailphone.of(lab)
    there.subscribe()
    there.answer()
    lab.run(300.0)
    assert there.subscribe(900) == "200 900"
    there.answer()
    assert there.told() == ["active;expires=600 0/0", "active;expires=900 0/0"]
    lab.run(1199.0)
    assert len(there.told()) == 2
    lab.run(1200.0)
    assert there.told()[2:] == ["terminated;reason=timeout 0/0"]


def test_expires_0_ends_it_with_a_last_notify() -> None:
    lab = lab_with_users()
    there = Mailphone.of(lab)
    there.subscribe()
    there.answer()
    assert there.subscribe(0) == "200 0"
    assert there.told()[1:] == ["terminated;reason=timeout 0/0"]
    there.answer()
    messages(lab, 1)
    assert len(there.told()) == 2
    assert there.subscribe() == "481"


def test_expires_0_outside_a_subscription_asks_once() -> None:
    lab = lab_with_users()
    messages(lab, 4)
    there = Mailphone.of(lab)
    assert there.subscribe(0) == "200 0"
    assert there.told() == ["terminated;reason=timeout 4/0"]
    assert len(lab.agent.mailboxes.subscriptions) == 0


@pytest.mark.parametrize(
    ("expires", "answer"), [(None, "200 3600"), (86400, "200 3600"), (60, "200 60"), (59, "423")]
)
def test_the_interval_is_ours_when_it_is_missing_too_long_or_too_short(
    expires: int | None, answer: str
) -> None:
    lab = lab_with_users()
    assert Mailphone.of(lab).subscribe(expires) == answer
    if answer == "423":
        assert lab.last_response().headers.get("Min-Expires") == "60"


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ("", "400"),
        ("Contact: <tel:+1>\r\n", "400"),
        ("Contact: <sip:bob@10.0.0.7?Replaces=x>\r\n", "400"),
        ("Contact: <sips:bob@10.0.0.7>\r\n", "400"),
        (f"{CONTACT}Accept: application/pidf+xml\r\n", "406"),
        (f"{CONTACT}Record-Route: <sip:\r\n", "400"),
        (CONTACT + "Record-Route: <sip:10.0.0.1;lr>\r\n" * 21, "400"),
    ],
)
def test_what_no_subscription_can_be_made_of_is_refused(headers: str, status: str) -> None:
    lab = lab_with_users()
    assert Mailphone.of(lab).subscribe(headers=headers) == status
    assert len(lab.agent.mailboxes.subscriptions) == 0


def test_one_notify_at_a_time_and_the_last_state_after_it() -> None:
    lab = lab_with_users()
    there = Mailphone.of(lab)
    there.subscribe()
    for count in (1, 2, 3):
        messages(lab, count)
    assert there.told() == ["active;expires=600 0/0"]
    lab.run(2.0)
    there.answer()
    assert there.told()[1:] == ["active;expires=598 3/0"]


def test_changes_within_a_second_are_told_as_one() -> None:
    lab = lab_with_users()
    there = Mailphone.of(lab)
    there.subscribe()
    there.answer()
    for count in (1, 2, 3):
        messages(lab, count)
    assert len(there.told()) == 1
    lab.run(0.9)
    assert len(there.told()) == 1
    lab.run(1.0)
    assert there.told()[1:] == ["active;expires=599 3/0"]


@pytest.mark.parametrize("status", [481, 404, 501])
def test_a_phone_that_knows_nothing_of_it_is_told_no_more(status: int) -> None:
    lab = lab_with_users()
    there = Mailphone.of(lab)
    there.subscribe()
    there.answer(status)
    messages(lab, 1)
    assert len(there.told()) == 1
    assert lab.agent.dropped["subscription whose phone is gone"] == 1


def test_a_phone_that_is_busy_is_told_of_the_next_change() -> None:
    lab = lab_with_users()
    there = Mailphone.of(lab)
    there.subscribe()
    there.answer(503)
    lab.run(5.0)
    messages(lab, 1)
    assert there.told()[1:] == ["active;expires=595 1/0"]


def test_a_phone_that_does_not_answer_is_forgotten() -> None:
    lab = lab_with_users()
    there = Mailphone.of(lab)
    there.subscribe()
    lab.run(Timers().give_up + 1)
    assert len(lab.agent.mailboxes.subscriptions) == 0


def test_a_phone_that_begins_anew_takes_its_old_place() -> None:
    lab = lab_with_users(max_contacts=1)
    Mailphone.of(lab).subscribe()
    again = Mailphone.of(lab, call_id="sub-2")
    assert again.subscribe() == "200 600"
    assert len(lab.agent.mailboxes.subscriptions) == 1


def test_a_user_has_as_many_subscriptions_as_phones() -> None:
    lab = lab_with_users(max_contacts=2)
    phones = [Mailphone.of(lab, port=40000 + n, call_id=f"sub-{n}") for n in range(3)]
    assert [one.subscribe() for one in phones] == ["200 600", "200 600", "403"]
    phones[0].subscribe(0)
    assert phones[2].subscribe() == "200 600"


def test_all_together_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bounds, "MAX_SUBSCRIPTIONS", 2)
    lab = lab_with_users()
    phones = [Mailphone.of(lab, port=40000 + n, call_id=f"sub-{n}") for n in range(3)]
    assert [one.subscribe() for one in phones] == ["200 600", "200 600", "503"]
    assert lab.last_response().headers.get("Retry-After") == "60"


def test_a_late_refresh_of_another_peer_or_number_is_refused() -> None:
    lab = lab_with_users()
    there = Mailphone.of(lab)
    there.phone.cseq = 100
    there.subscribe()
    assert there.subscribe(event="message-summary;id=2") == "481"
    there.phone.cseq = 50
    assert there.subscribe() == "500"
    stranger = Mailphone.of(lab, call_id="sub-9")
    stranger.to = there.to
    assert stranger.subscribe() == "481"


def test_a_user_with_another_password_has_to_subscribe_anew() -> None:
    lab = lab_with_users()
    there = Mailphone.of(lab)
    there.subscribe()
    there.answer()
    lab._enter(lambda now: lab.agent.set_users({"bob": user("bob", "changed")}, now))
    assert there.told()[1:] == ["terminated;reason=deactivated 0/0"]


def test_an_endpoint_that_closes_says_when_to_try_again() -> None:
    lab = lab_with_users()
    there = Mailphone.of(lab)
    there.subscribe()
    there.answer()
    lab._enter(lambda now: lab.agent.hang_up_all("closing", now))
    assert there.told()[1:] == ["terminated;reason=probation;retry-after=30 0/0"]
    assert not lab.agent.is_idle
    there.answer()
    lab.run(Timers().give_up + 1)
    assert lab.agent.is_idle


def test_a_subscription_over_a_connection_ends_with_it() -> None:
    lab = lab_with_users()
    flow = flow_from(transport="tcp")
    there = Mailphone(lab, FakePhone(lab, flow=flow))
    there.subscribe()
    assert lab.agent.uses_flow(flow.id)
    lab._enter(lambda now: lab._carry_out(lab.agent.flow_closed(flow.id, "closed", now)))
    assert not lab.agent.uses_flow(flow.id)
    assert len(lab.agent.mailboxes.subscriptions) == 0


def test_a_registered_phone_that_has_not_subscribed_is_told_nothing() -> None:
    lab = lab_with_users()
    FakePhone(lab).register()
    messages(lab, 1)
    assert lab.requests() == []
