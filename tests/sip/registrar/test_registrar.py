"""What a registrar keeps, by the rules of RFC 3261 10.3; its time is a number."""

from __future__ import annotations

import pytest

from sip.address import BoundAddress, Flow, PeerAddress, Transport
from sip.message import Headers, Request
from sip.registrar import RegisterResult, Registrar, RegistrarSettings, User
from sip.registrar.settings import MAX_CONTACTS_EVER, MAX_PER_ADDRESS

BOB = User(name="bob", secrets={}, max_contacts=3)
US = BoundAddress(transport="udp", host="192.0.2.1", port=5060)


class Desk:
    """One registrar, and phones that write to it."""

    def __init__(self) -> None:
        self.now = 0.0
        self.registrar = Registrar(
            RegistrarSettings(realm="callstage", users={"bob": BOB}, algorithms=("MD5",))
        )

    def register(
        self,
        *contacts: str,
        cseq: int = 1,
        call_id: str = "a",
        expires: str | None = None,
        user: User = BOB,
        flow: Flow | None = None,
    ) -> RegisterResult:
        headers = Headers(
            [
                ("Call-ID", call_id),
                ("CSeq", f"{cseq} REGISTER"),
                ("User-Agent", "phone/1"),
                *(("Contact", contact) for contact in contacts),
                *([] if expires is None else [("Expires", expires)]),
            ]
        )
        request = Request("REGISTER", "sip:callstage", headers)
        return self.registrar.register(user, request, flow or from_("192.0.2.9"), self.now)

    def contacts(self, user: str = "bob") -> list[str]:
        return [str(one.contact.uri) for one in self.registrar.bindings(user, self.now)]

    def news(self) -> list[str]:
        return [f"{one.change} {one.contact} {one.left}" for one in self.registrar.take_news()]

    def pass_time(self, until: float) -> None:
        while (at := self.registrar.next_timeout()) is not None and at <= until:
            self.now = at
            self.registrar.on_time(at)
        self.now = until


def from_(host: str, port: int = 5060, *, transport: Transport = "udp", number: int = 1) -> Flow:
    peer = PeerAddress(transport=transport, host=host, port=port)
    return Flow(id=number, local=US, peer=peer)


def test_a_binding_is_told_back_with_the_seconds_that_are_left() -> None:
    desk = Desk()
    result = desk.register("<sip:bob@192.0.2.9>;expires=120")
    assert (result.status, result.headers) == (
        200,
        (("Contact", "<sip:bob@192.0.2.9>;expires=120"),),
    )
    desk.now = 20.0
    asked = desk.register(call_id="other")
    assert asked.headers == (("Contact", "<sip:bob@192.0.2.9>;expires=100"),)
    assert desk.news() == ["registered sip:bob@192.0.2.9 1"]


def test_instance_reg_id_and_q_are_kept_and_other_parameters_are_not() -> None:
    desk = Desk()
    result = desk.register(
        '<sip:bob@192.0.2.9;ob>;q=0.5;reg-id=1;+sip.instance="<urn:uuid:1>";x=y;expires=90'
    )
    assert result.headers == (
        (
            "Contact",
            '<sip:bob@192.0.2.9;ob>;q=0.5;+sip.instance="<urn:uuid:1>";reg-id=1;expires=90',
        ),
    )


@pytest.mark.parametrize(
    ("contact", "header", "expires"),
    [
        ("<sip:b@h>", None, 3600),
        ("<sip:b@h>", "300", 300),
        ("<sip:b@h>;expires=200", "300", 200),
        ("<sip:b@h>;expires=99999", None, 3600),
        ("<sip:b@h>", "4294967296", 3600),
        ("<sip:b@h>", "soon", 3600),
        ("<sip:b@h>;expires=soon", "300", 3600),
    ],
)
def test_the_interval_is_the_contacts_the_headers_or_ours(
    contact: str, header: str | None, expires: int
) -> None:
    desk = Desk()
    result = desk.register(contact, expires=header)
    assert result.headers == (("Contact", f"<sip:b@h>;expires={expires}"),)


def test_a_short_interval_is_423_and_changes_nothing() -> None:
    desk = Desk()
    result = desk.register("<sip:b@h>;expires=600", "<sip:c@h>;expires=5")
    assert (result.status, result.headers) == (423, (("Min-Expires", "60"),))
    assert desk.contacts() == []


def test_a_binding_expires_at_its_second() -> None:
    desk = Desk()
    desk.register("<sip:b@h>;expires=60")
    desk.register("<sip:c@h>;expires=90", cseq=2)
    desk.pass_time(59.9)
    assert len(desk.contacts()) == 2
    desk.pass_time(60.0)
    assert desk.contacts() == ["sip:c@h"]
    desk.pass_time(100.0)
    assert desk.news()[2:] == ["expired sip:b@h 1", "expired sip:c@h 0"]
    assert desk.registrar.next_timeout() is None
    assert len(desk.registrar) == 0


def test_a_refresh_moves_the_end_and_is_no_second_contact() -> None:
    desk = Desk()
    desk.register("<sip:b@h>;expires=60")
    desk.pass_time(30.0)
    desk.register("<sip:b@H;x=y>;expires=60", cseq=2)
    desk.pass_time(80.0)
    assert desk.contacts() == ["sip:b@H;x=y"]
    desk.pass_time(90.0)
    assert desk.news() == [
        "registered sip:b@h 1",
        "refreshed sip:b@H;x=y 1",
        "expired sip:b@H;x=y 0",
    ]


def test_uris_that_rfc_3261_tells_apart_are_two_contacts() -> None:
    desk = Desk()
    desk.register("<sip:b@h>", "<sip:B@h>", "<sip:b@h:5060>")
    assert len(desk.contacts()) == 3


def test_an_older_number_of_the_same_call_id_is_refused_as_a_whole() -> None:
    desk = Desk()
    desk.register("<sip:b@h>", cseq=5)
    for number in (4, 5):
        result = desk.register("<sip:new@h>", "<sip:b@h>;expires=0", cseq=number)
        assert result.status == 500
    assert desk.contacts() == ["sip:b@h"]
    assert desk.register("<sip:b@h>;expires=0", cseq=1, call_id="restarted").status == 200
    assert desk.contacts() == []


def test_unregistering_takes_one_contact_and_a_star_takes_all() -> None:
    desk = Desk()
    desk.register("<sip:a@h>", "<sip:b@h>", "<sip:c@h>")
    desk.register("<sip:b@h>;expires=0", cseq=2)
    assert sorted(desk.contacts()) == ["sip:a@h", "sip:c@h"]
    assert desk.register("*", expires="0", cseq=3).status == 200
    assert desk.contacts() == []
    assert desk.news()[-2:] == ["unregistered sip:c@h 1", "unregistered sip:a@h 0"]


def test_a_star_needs_expires_0_and_a_newer_number() -> None:
    desk = Desk()
    desk.register("<sip:a@h>", cseq=2)
    assert desk.register("*", expires="60", cseq=3).status == 400
    assert desk.register("*", cseq=3).status == 400
    assert desk.register("*", expires="0", cseq=1).status == 500
    assert desk.contacts() == ["sip:a@h"]


def test_unregistering_what_is_not_there_does_no_harm() -> None:
    desk = Desk()
    result = desk.register("<sip:a@h>;expires=0")
    assert (result.status, result.headers) == (200, ())


def test_a_phone_with_an_instance_replaces_itself_after_a_restart() -> None:
    desk = Desk()
    instance = ';+sip.instance="<urn:uuid:1>"'
    desk.register(f"<sip:b@192.0.2.9:1111>{instance}", call_id="before")
    desk.register(f"<sip:b@192.0.2.9:2222>{instance}", call_id="after")
    assert desk.contacts() == ["sip:b@192.0.2.9:2222"]
    desk.register(f"<sip:b@192.0.2.9:3333>{instance};reg-id=2", call_id="second")
    assert len(desk.contacts()) == 2


def test_the_most_wanted_contact_comes_first() -> None:
    desk = Desk()
    desk.register("<sip:low@h>;q=0.1", "<sip:usual@h>", "<sip:odd@h>;q=x")
    assert desk.contacts() == ["sip:odd@h", "sip:usual@h", "sip:low@h"]


@pytest.mark.parametrize(
    "contact",
    [
        "<mailto:b@h>",
        "<tel:+1>",
        "<sips:b@h>",
        "<sip:b@h;maddr=192.0.2.77>",
        "<sip:b:pw@h>",
        "<sip:b@h?Route=x>",
        f"<sip:{'b' * 600}@h>",
    ],
)
def test_contacts_that_could_mislead_a_call_are_refused(contact: str) -> None:
    desk = Desk()
    result = desk.register("<sip:good@h>", contact)
    assert result.status == 400
    assert result.reason
    assert desk.contacts() == []


@pytest.mark.parametrize("transport", ["tls", "wss"])
def test_a_sips_contact_is_for_a_phone_whose_connection_is_secure(transport: Transport) -> None:
    desk = Desk()
    flow = from_("192.0.2.9", 40000, transport=transport)
    assert desk.register("<sips:bob@192.0.2.9:5061>", flow=flow).status == 200
    assert desk.contacts() == ["sips:bob@192.0.2.9:5061"]


@pytest.mark.parametrize("transport", ["udp", "tcp", "ws"])
def test_a_sips_contact_is_refused_where_others_could_read_along(transport: Transport) -> None:
    desk = Desk()
    flow = from_("192.0.2.9", 40000, transport=transport)
    result = desk.register("<sips:bob@192.0.2.9>", flow=flow)
    assert result.status == 400
    why = f"a sips: contact is for phones that come over TLS or WSS, not {transport.upper()}"
    assert result.reason == why
    assert desk.contacts() == []


# --- bounds ---


def test_a_new_phone_takes_the_place_of_the_one_that_was_not_heard_for_longest() -> None:
    desk = Desk()
    desk.register("<sip:a@h>", "<sip:b@h>", "<sip:c@h>")
    desk.register("<sip:a@h>", cseq=2)
    desk.registrar.take_news()
    assert desk.register("<sip:d@h>", cseq=3).status == 200
    news = [(one.change, one.contact) for one in desk.registrar.take_news()]
    assert news == [("displaced", "sip:b@h"), ("registered", "sip:d@h")]
    assert sorted(desk.contacts()) == ["sip:a@h", "sip:c@h", "sip:d@h"]
    assert desk.register("<sip:a@h>;expires=0", "<sip:e@h>", cseq=4).status == 200
    assert sorted(desk.contacts()) == ["sip:c@h", "sip:d@h", "sip:e@h"]


def test_a_phone_that_starts_anew_at_other_ports_can_always_register() -> None:
    desk = Desk()
    for number in range(50):
        assert desk.register(f"<sip:bob@192.0.2.9:{1024 + number}>", cseq=1).status == 200
    assert len(desk.contacts()) == BOB.max_contacts


def test_a_user_cannot_name_more_contacts_at_once_than_it_may_have() -> None:
    desk = Desk()
    desk.register("<sip:a@h>")
    result = desk.register("<sip:b@h>", "<sip:c@h>", "<sip:d@h>", "<sip:e@h>", cseq=2)
    assert (result.status, result.reason) == (403, "user bob may have 3 contacts")
    assert desk.contacts() == ["sip:a@h"]


def test_a_request_with_too_many_contacts_is_refused() -> None:
    desk = Desk()
    many = [f"<sip:{n}@h>" for n in range(MAX_CONTACTS_EVER + 1)]
    assert desk.register(*many).status == 400


def test_one_address_takes_a_bounded_number_of_places() -> None:
    desk = Desk()
    for number in range(MAX_PER_ADDRESS):
        user = User(name=f"u{number}", secrets={})
        assert desk.register(f"<sip:{number}@h>", user=user).status == 200
    refused = desk.register("<sip:b@h>")
    assert (refused.status, refused.headers) == (503, (("Retry-After", "60"),))
    assert desk.register("<sip:b@h>", flow=from_("192.0.2.10")).status == 200


def test_refreshing_for_ever_keeps_nothing() -> None:
    desk = Desk()
    for number in range(1, 5_000):
        desk.register("<sip:b@h>", cseq=number)
        desk.registrar.take_news()
    assert len(desk.registrar) == 1
    assert len(desk.registrar._due._heap) < 1_000


# --- the way back ---


@pytest.mark.parametrize(
    ("contact", "source", "hop"),
    [
        ("sip:b@192.0.2.9:5062", ("192.0.2.9", 40000), "sip:192.0.2.9:5062;transport=udp"),
        ("sip:b@10.0.0.7:5060", ("192.0.2.9", 40000), "sip:192.0.2.9:40000;transport=udp"),
        ("sip:b@198.51.100.1", ("192.0.2.9", 40000), "sip:192.0.2.9:40000;transport=udp"),
        ("sip:b@phone.example", ("192.0.2.9", 40000), "sip:192.0.2.9:40000;transport=udp"),
        ("sip:b@[2001:db8::1]", ("2001:db8::1", 5060), "sip:[2001:db8::1];transport=udp"),
        ("sip:b@10.0.0.7", ("fe80::1%eth0", 5060), "sip:[fe80::1]:5060;transport=udp"),
    ],
)
def test_a_call_goes_where_the_phone_was_heard_and_to_no_third_party(
    contact: str, source: tuple[str, int], hop: str
) -> None:
    desk = Desk()
    desk.register(f"<{contact}>", flow=from_(*source))
    [one] = desk.registrar.bindings("bob", 0.0)
    assert str(one.next_hop) == hop
    assert one.flow == from_(*source)


def test_a_binding_over_a_connection_ends_with_it() -> None:
    desk = Desk()
    stream = from_("192.0.2.9", 40000, transport="tcp", number=7)
    desk.register("<sip:b@192.0.2.9;transport=tcp>", flow=stream)
    assert desk.registrar.uses_flow(7)
    assert str(desk.registrar.bindings("bob", 0)[0].next_hop) == (
        "sip:192.0.2.9:40000;transport=tcp"
    )
    desk.registrar.flow_closed(6)
    desk.registrar.flow_closed(7)
    assert desk.contacts() == []
    assert not desk.registrar.uses_flow(7)
    assert desk.news()[-1] == "closed sip:b@192.0.2.9;transport=tcp 0"


def test_who_calls_is_known_by_the_address_that_registered() -> None:
    desk = Desk()
    desk.register("<sip:b@h>", flow=from_("192.0.2.9", 40000))
    assert desk.registrar.users_at(from_("192.0.2.9", 40000).peer) == {"bob"}
    assert desk.registrar.users_at(from_("192.0.2.9", 40001).peer) == frozenset()
    desk.register("*", expires="0", cseq=2)
    assert not desk.registrar.is_known(from_("192.0.2.9", 40000).peer)
