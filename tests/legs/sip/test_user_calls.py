"""Calls to users of a gateway: every phone rings, one answers, the others are told so."""

from __future__ import annotations

import pytest

from runtime.legs.leg import Connected, DialRefused, DialRequest, Ended, Ringing
from runtime.testing.conformance import saw
from tests.legs.sip.office import office
from tests.legs.sip.test_users import stored

pytestmark = pytest.mark.loopback


async def test_a_registered_user_is_called() -> None:
    async with office() as made:
        desk = await made.desk()
        await made.register(desk.contact)
        heard = await made.dial()
        far = await desk.rung()
        invite = far.call.request
        assert invite.uri == f"sip:desk@127.0.0.1:{desk.port}"
        assert str(invite.from_.uri) == "sip:4711@127.0.0.1"
        assert invite.from_.display_name == "Desk One"
        await far.ring({})
        await heard.wait_for(Ringing)
        await far.answer({})
        await heard.wait_for(Connected)
        assert heard.leg.identity.client_type == "user"
        heard.leg.hangup({})
        await saw(far, "bye")


async def test_every_phone_rings_the_first_answer_wins_and_the_others_are_told() -> None:
    async with office() as made:
        desks = [await made.desk() for _ in range(3)]
        await made.register(*(desk.contact for desk in desks))
        heard = await made.dial()
        fars = [await desk.rung() for desk in desks]
        for far in fars:
            await far.ring({})
        await heard.wait_for(Ringing)
        await fars[1].answer({})
        await heard.wait_for(Connected)
        for loser in (fars[0], fars[2]):
            await saw(loser, "cancelled")
            assert 'SIP;cause=200;text="Call completed elsewhere"' in (
                loser.last_headers.get("Reason") or ""
            )
        assert [type(event) for event in heard.events].count(Connected) == 1
        await fars[1].bye()
        assert (await heard.wait_for(Ended)).by == "peer"


async def test_one_phone_that_refuses_does_not_end_the_ringing_of_the_other() -> None:
    async with office() as made:
        desks = [await made.desk() for _ in range(2)]
        await made.register(*(desk.contact for desk in desks))
        heard = await made.dial()
        fars = [await desk.rung() for desk in desks]
        await fars[0].reject(486, "Busy Here")
        await fars[1].answer({})
        await heard.wait_for(Connected)
        heard.leg.hangup({})
        await saw(fars[1], "bye")


async def test_when_everybody_refuses_the_best_reason_is_told() -> None:
    async with office() as made:
        desks = [await made.desk() for _ in range(2)]
        await made.register(*(desk.contact for desk in desks))
        heard = await made.dial()
        fars = [await desk.rung() for desk in desks]
        await fars[0].reject(486, "Busy Here")
        await fars[1].reject(500, "Broken")
        ended = await heard.wait_for(Ended)
        assert (ended.code, ended.reason) == (486, "Busy Here")
        assert [type(event) for event in heard.events].count(Ended) == 1


async def test_a_user_that_declines_declines_for_all_phones() -> None:
    async with office() as made:
        desks = [await made.desk() for _ in range(2)]
        await made.register(*(desk.contact for desk in desks))
        heard = await made.dial()
        fars = [await desk.rung() for desk in desks]
        await fars[0].reject(603, "Decline")
        assert (await heard.wait_for(Ended)).code == 603
        await saw(fars[1], "cancelled")


async def test_hanging_up_stops_all_phones() -> None:
    async with office() as made:
        desks = [await made.desk() for _ in range(3)]
        await made.register(*(desk.contact for desk in desks))
        heard = await made.dial()
        fars = [await desk.rung() for desk in desks]
        await fars[0].ring({})
        await heard.wait_for(Ringing)
        await fars[0].reject(486, "Busy Here")
        heard.leg.hangup({}, code=408, reason="nobody answered")
        ended = await heard.wait_for(Ended)
        assert (ended.code, ended.by) == (408, "us")
        for far in fars[1:]:
            await saw(far, "cancelled")


async def test_less_wanted_phones_ring_when_the_others_have_refused() -> None:
    async with office() as made:
        first, second = await made.desk(), await made.desk()
        await made.register(f"{second.contact};q=0.2", f"{first.contact};q=0.9")
        heard = await made.dial()
        wanted = await first.rung()
        assert second.calls == []
        await wanted.reject(480, "Temporarily Unavailable")
        far = await second.rung()
        await far.answer({})
        await heard.wait_for(Connected)
        heard.leg.hangup({})
        await saw(far, "bye")


async def test_a_phone_that_is_gone_does_not_hide_the_one_that_is_there() -> None:
    async with office() as made:
        desk = await made.desk()
        await made.register("<sip:gone@127.0.0.1:9>", desk.contact)
        heard = await made.dial()
        far = await desk.rung()
        await far.answer({})
        await heard.wait_for(Connected)
        heard.leg.hangup({})


def flows(*contacts: str) -> list[str]:
    """Of one phone, the last one first in line (RFC 5626 4.2)."""
    same = '+sip.instance="<urn:uuid:00000000-0000-1000-8000-00aa00bb00cc>"'
    return [f"{contact};{same};reg-id={at}" for at, contact in enumerate(contacts, 1)]


async def test_a_phone_with_two_flows_is_rung_once() -> None:
    async with office() as made:
        other, used = await made.desk(), await made.desk()
        await made.register(*flows(other.contact, used.contact))
        heard = await made.dial()
        await (await used.rung()).reject(486, "Busy Here")
        ended = await heard.wait_for(Ended)
        assert (ended.code, ended.reason) == (486, "Busy Here")
        assert other.calls == []


@pytest.mark.parametrize("status", [408, 430])
async def test_the_other_flow_of_a_phone_is_tried_when_one_has_failed(status: int) -> None:
    async with office() as made:
        other, used = await made.desk(), await made.desk()
        await made.register(*flows(other.contact, used.contact))
        heard = await made.dial()
        first = await used.rung()
        await first.ring({})
        await heard.wait_for(Ringing)
        assert other.calls == []
        await first.reject(status, "Flow Failed")
        far = await other.rung()
        await far.answer({})
        await heard.wait_for(Connected)
        heard.leg.hangup({})
        await saw(far, "bye")


async def test_the_other_flow_of_a_phone_is_tried_when_nobody_is_at_one() -> None:
    async with office() as made:
        desk = await made.desk()
        await made.register(*flows(desk.contact, "<sip:gone@127.0.0.1:9>"))
        heard = await made.dial()
        far = await desk.rung()
        await far.ring({})
        await heard.wait_for(Ringing)
        heard.leg.hangup({})
        await saw(far, "cancelled")


@pytest.mark.parametrize(("name", "code"), [("bob", 480), ("ann", 404), ("\udc80", 404)])
async def test_who_cannot_be_reached_is_told_at_once(name: str, code: int) -> None:
    async with office() as made:
        with pytest.raises(DialRefused) as caught:
            await made.dial(name)
        assert caught.value.code == code


async def test_without_users_the_reason_says_what_to_do() -> None:
    async with office(users=False) as made:
        with pytest.raises(DialRefused, match=r"\[users.NAME\]"):
            await made.dial()


async def test_a_caller_that_is_no_address_is_refused() -> None:
    async with office() as made:
        desk = await made.desk()
        await made.register(desk.contact)
        with pytest.raises(DialRefused) as caught:
            await made.gateway.dialer.dial(DialRequest(kind="user", to="bob", callerid="a b@c d"))
        assert caught.value.code == 400


@pytest.mark.parametrize(("application", "code"), [("shop", 480), ("bank", 404), ("default", 404)])
async def test_a_user_of_an_application_is_not_there_for_others(
    application: str, code: int
) -> None:
    async with office() as made:
        made.gateway.set_users([stored("ann", "shop")])
        with pytest.raises(DialRefused) as refused:
            await made.gateway.dialer.dial(
                DialRequest(kind="user", to="ann", application=application)
            )
        assert refused.value.code == code
