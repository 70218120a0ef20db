"""Trunks that prove themselves: challenged at each call, locked out, and nobody's telephone."""

from __future__ import annotations

import attrs
import pytest

from sip.agent import EndpointSettings, MustProve, Stranger
from sip.auth import Credentials, DigestClient, parse_challenges
from sip.auth.lockout import LOCK_S, SOURCE_FAILURES, USER_FAILURES
from sip.message import Request, Response
from sip.registrar import RegistrarSettings
from tests.sip.agent.link import OFFER

from .fake_phone import ALGORITHMS, REALM, FakePhone, flow_from, statuses, user
from .lab import Lab

URI = "sip:02079460000@192.0.2.1"
CALLER = "<sip:0207@pbx.example>"


def lab_with_trunk(*, challenge_calls: bool = True, here: bool = True) -> Lab:
    """One trunk with a login, and a user; the trunk calls from its own address, or from `here`."""
    trunk = attrs.evolve(user("pbx", "secret"), registers=False)
    registrar = RegistrarSettings(
        realm=REALM,
        users={"pbx": trunk, "bob": user("bob", "secret")},
        algorithms=ALGORITHMS,
        challenge_calls=challenge_calls,
    )
    lab = Lab(settings=EndpointSettings(registrar=registrar))
    lab.gate = lambda peer: MustProve() if here else Stranger()
    return lab


def pbx(lab: Lab, password: str = "secret", host: str = "198.51.100.7") -> FakePhone:
    return FakePhone(lab, user="pbx", password=password, flow=flow_from(host))


def invite(phone: FakePhone, call_id: str = "call") -> Request:
    return phone.write(
        "INVITE",
        uri=URI,
        from_=CALLER,
        headers="Contact: <sip:pbx@198.51.100.7>\r\n",
        call_id=call_id,
        sdp=OFFER,
    )


def call(phone: FakePhone, call_id: str = "call") -> Response:
    contact = "Contact: <sip:pbx@198.51.100.7>\r\n"
    return phone.ask("INVITE", uri=URI, from_=CALLER, headers=contact, call_id=call_id, sdp=OFFER)


@pytest.mark.parametrize("here", [True, False])
def test_a_trunk_is_challenged_and_its_call_is_known_by_its_login(here: bool) -> None:
    lab = lab_with_trunk(here=here)
    assert call(pbx(lab)).status == 100
    assert [response.status for response in lab.responses()] == [401, 100]
    offered = parse_challenges(lab.responses()[0].headers.lines("WWW-Authenticate"))
    assert [each.algorithm for each in offered] == ["SHA-256", "MD5"]
    assert lab.session.user == "pbx"
    assert lab.conduct == ["proved"]


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_either_algorithm_is_right(algorithm: str) -> None:
    lab = lab_with_trunk()
    phone = pbx(lab)
    first = phone.send(invite(phone))
    assert first is not None
    lines = first.headers.lines("WWW-Authenticate")
    first.headers.remove("WWW-Authenticate")
    for line in lines:
        if f"algorithm={algorithm}," in line:
            first.headers.add("WWW-Authenticate", line)
    again = invite(phone)
    assert phone.digest.challenged(again, first)
    phone.digest.authorize(again, "c")
    assert statuses([phone.send(again)]) == [100]


def test_the_next_call_uses_the_nonce_again_and_a_repeated_count_is_stale() -> None:
    lab = lab_with_trunk()
    phone = pbx(lab)
    call(phone)
    second = invite(phone, "call-2")
    phone.digest.authorize(second, "c")
    assert statuses([phone.send(second)]) == [100]
    copied = invite(phone, "call-3")
    for line in second.headers.lines("Authorization"):
        copied.headers.add("Authorization", line)
    answer = phone.send(copied)
    assert answer is not None
    assert answer.status == 401
    assert all(
        challenge.stale for challenge in parse_challenges(answer.headers.lines("WWW-Authenticate"))
    )
    assert len(lab.phone.sessions) == 2


def test_an_old_nonce_is_stale_and_not_a_wrong_password() -> None:
    lab = lab_with_trunk()
    phone = pbx(lab)
    call(phone)
    lab.run(400.0)
    late = invite(phone, "call-2")
    phone.digest.authorize(late, "c")
    answer = phone.send(late)
    assert answer is not None
    assert "stale=true" in (answer.headers.get("WWW-Authenticate") or "")
    assert "wrong password" not in lab.conduct


def test_a_trunk_that_guesses_is_locked_out_for_a_while() -> None:
    lab = lab_with_trunk()
    for number in range(SOURCE_FAILURES):
        assert call(pbx(lab, password="guess"), f"call-{number}").status == 401
    assert call(pbx(lab), "right").status == 403
    assert "too many wrong passwords" in lab.refusals[-1].why
    lab.run(LOCK_S + 1)
    assert call(pbx(lab), "later").status == 100


def test_guessing_from_everywhere_does_not_keep_the_trunk_out() -> None:
    lab = lab_with_trunk()
    assert call(pbx(lab), "before").status == 100
    for number in range(USER_FAILURES):
        call(pbx(lab, "guess", f"203.0.113.{number}"), f"guess-{number}")
    assert call(pbx(lab, host="203.0.113.200"), "elsewhere").status == 403
    assert call(pbx(lab), "after").status == 100


def test_a_flood_without_credentials_leaves_nothing_behind() -> None:
    lab = lab_with_trunk()
    phone = pbx(lab)
    for number in range(500):
        phone.send(invite(phone, f"flood-{number}"))
    assert {response.status for response in lab.responses()} == {401}
    assert lab.agent.layer.server_count == 0
    assert lab.agent.members.remembered == 0
    assert lab.agent.next_timeout() is None
    assert lab.phone.sessions == []


def test_a_trunk_registers_nothing() -> None:
    lab = lab_with_trunk()
    answer = pbx(lab).register(contact="<sip:pbx@198.51.100.7>")
    assert answer.status == 403
    assert lab.registrations == []
    assert lab.refusals[-1].why == "pbx may call, and not register"


def test_the_sign_of_life_of_a_trunk_is_answered_without_proof() -> None:
    lab = lab_with_trunk()
    phone = pbx(lab)
    assert statuses([phone.send(phone.write("OPTIONS"))]) == [200]


def test_a_user_at_the_trunks_address_calls_as_itself() -> None:
    lab = lab_with_trunk(challenge_calls=False)
    phone = FakePhone(lab)
    assert phone.register().status == 200
    assert statuses([phone.send(invite(phone))]) == [401]
    phone.digest = DigestClient(Credentials("bob", "secret"))
    assert call(phone, "second").status == 100
    assert lab.session.user == "bob"
