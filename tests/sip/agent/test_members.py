"""Users at a live agent: registering with digest, calling as themselves, being told from others."""

from __future__ import annotations

import pytest

from sip.address import Transport
from sip.agent import EndpointSettings, Refusal, Stranger
from sip.auth import parse_challenges
from sip.auth.lockout import LOCK_S, SOURCE_FAILURES
from sip.dialog import InviteOrder, InviteSession
from sip.message import NameAddr, Request
from sip.registrar import RegistrarSettings
from sip.transaction import Timers
from tests.sip.agent.link import OFFER

from .fake_phone import ALGORITHMS, PHONE, REALM, FakePhone, flow_from, statuses, user
from .lab import Lab


def lab_with_users(
    *, strangers: bool = True, challenge_calls: bool = True, transport: Transport = "udp"
) -> Lab:
    registrar = RegistrarSettings(
        realm=REALM,
        users={one.name: one for one in (user("bob", "secret"), user("ann", "other"))},
        algorithms=ALGORITHMS,
        challenge_calls=challenge_calls,
    )
    lab = Lab(settings=EndpointSettings(registrar=registrar), transport=transport)
    if strangers:
        lab.gate = lambda peer: Stranger()
    return lab


# --- registering ---


def test_a_phone_is_challenged_with_sha_256_and_md5_and_registers() -> None:
    lab = lab_with_users()
    phone = FakePhone(lab)
    answer = phone.register()
    challenge, final = lab.responses()
    assert (challenge.status, final.status, answer) == (401, 200, final)
    offered = parse_challenges(challenge.headers.lines("WWW-Authenticate"))
    assert [each.algorithm for each in offered] == ["SHA-256", "MD5"]
    assert final.headers.get("Contact") == "<sip:bob@10.0.0.7:5060>;expires=300"
    assert [(one.user, one.change, one.left) for one in lab.registrations] == [
        ("bob", "registered", 1)
    ]
    assert lab.conduct == ["proved"]
    assert lab.refusals == []


def test_a_challenge_keeps_no_state_and_is_not_much_longer_than_the_request() -> None:
    lab = lab_with_users()
    request = FakePhone(lab).write("REGISTER")
    lab.deliver(request, flow_from())
    assert lab.agent.layer.server_count == 0
    assert lab.agent.next_timeout() is None
    [heard] = lab.heard
    assert len(heard.message.to_bytes()) + 28 <= 2 * (len(request.to_bytes()) + 28)


def test_the_answer_to_a_register_is_repeated_from_its_transaction() -> None:
    """The nonce counts, so that the same bytes would not be right a second time."""
    lab = lab_with_users()
    phone = FakePhone(lab)
    challenge = phone.send(phone.write("REGISTER"))
    assert challenge is not None
    request = phone.write("REGISTER", headers="Contact: <sip:bob@10.0.0.7>\r\n")
    phone.digest.challenged(request, challenge)
    phone.digest.authorize(request, "c")
    assert statuses([phone.send(request), phone.send(request)]) == [200, 200]
    lab.run(Timers().give_up + 1)
    late = phone.send(request)
    assert late is not None
    assert late.status == 401
    [first, _] = parse_challenges(late.headers.lines("WWW-Authenticate"))
    assert first.stale


def test_the_second_registration_uses_the_nonce_again() -> None:
    lab = lab_with_users()
    phone = FakePhone(lab)
    phone.register()
    request = phone.write("REGISTER", headers="Contact: <sip:bob@10.0.0.7:5060>\r\n")
    phone.digest.authorize(request, "c")
    assert statuses([phone.send(request)]) == [200]
    assert [one.change for one in lab.registrations] == ["registered", "refreshed"]


def test_an_old_nonce_is_stale_and_the_phone_goes_on_by_itself() -> None:
    lab = lab_with_users()
    phone = FakePhone(lab)
    phone.register(expires=600)
    lab.run(400.0)
    request = phone.write("REGISTER", headers="Contact: <sip:bob@10.0.0.7:5060>\r\n")
    phone.digest.authorize(request, "c")
    stale = phone.send(request)
    assert stale is not None
    assert stale.status == 401
    assert phone.digest.challenged(request, stale)
    again = phone.write("REGISTER", headers="Contact: <sip:bob@10.0.0.7:5060>\r\n")
    phone.digest.authorize(again, "c")
    assert statuses([phone.send(again)]) == [200]


def test_a_wrong_password_and_an_unknown_user_look_the_same_from_outside() -> None:
    lab = lab_with_users()
    wrong = FakePhone(lab, password="guess").register()
    nobody = FakePhone(lab, user="mallory").register()
    assert (wrong.status, nobody.status) == (401, 401)
    assert [wrong.headers.get("Warning"), nobody.headers.get("Warning")] == [None, None]
    assert [report.why for report in lab.refusals] == [
        "wrong password of user 'bob'",
        "no such user: 'mallory'",
    ]
    assert lab.conduct == ["wrong password", "wrong password"]
    assert lab.registrations == []


def test_guessing_is_locked_out_for_a_while() -> None:
    lab = lab_with_users()
    for _ in range(SOURCE_FAILURES):
        assert FakePhone(lab, password="guess").register().status == 401
    right = FakePhone(lab)
    assert right.register().status == 403
    assert "too many wrong passwords" in lab.refusals[-1].why
    assert FakePhone(lab, flow=flow_from("198.51.100.8")).register().status == 200
    lab.run(LOCK_S + 1)
    assert right.register().status == 200


def test_on_loopback_no_address_is_locked_out() -> None:
    lab = lab_with_users()
    for _ in range(SOURCE_FAILURES + 5):
        FakePhone(lab, password="x", flow=flow_from("127.0.0.1")).register()
    assert FakePhone(lab, flow=flow_from("127.0.0.1")).register().status == 200


def test_a_user_registers_only_itself() -> None:
    lab = lab_with_users()
    answer = FakePhone(lab).ask(
        "REGISTER", to="<sip:ann@192.0.2.1>", headers="Contact: <sip:x@10.0.0.7>\r\n"
    )
    assert answer.status == 403
    assert "may not register" in lab.refusals[-1].why
    assert lab.registrations == []


def test_a_refused_registration_says_why() -> None:
    lab = lab_with_users()
    answer = FakePhone(lab).register(expires=5)
    assert (answer.status, answer.headers.get("Min-Expires")) == (423, "60")
    assert "60 s" in (answer.headers.get("Warning") or "")


def test_path_and_gruu_are_ignored_unless_required() -> None:
    lab = lab_with_users()
    phone = FakePhone(lab)
    contact = "Contact: <sip:bob@10.0.0.7:5060>;expires=300\r\n"
    offered = f"Supported: path, gruu, outbound\r\nPath: <sip:edge@198.51.100.7;lr>\r\n{contact}"
    answer = phone.ask("REGISTER", headers=offered)
    assert answer.status == 200
    assert "Path" not in answer.headers
    refused = phone.ask("REGISTER", headers=f"Require: path\r\n{contact}")
    assert (refused.status, refused.headers.get("Unsupported")) == (420, "path")


def test_a_peer_that_may_call_must_prove_a_registration_all_the_same() -> None:
    lab = lab_with_users(strangers=False)
    phone = FakePhone(lab)
    assert statuses([phone.send(phone.write("REGISTER"))]) == [401]
    assert phone.register().status == 200


def test_a_binding_expires_by_the_agents_clock() -> None:
    lab = lab_with_users()
    FakePhone(lab).register(expires=100)
    lab.run(101.0)
    assert [one.change for one in lab.registrations] == ["registered", "expired"]
    assert lab.agent.next_timeout() is None


def test_a_closed_connection_takes_its_bindings_with_it() -> None:
    lab = lab_with_users(transport="tcp")
    flow = flow_from(transport="tcp")
    lab.agent.flow_opened(flow)
    FakePhone(lab, flow=flow).register()
    assert lab.agent.uses_flow(50)
    lab._carry_out(lab.agent.flow_closed(50, "closed", lab.now))
    assert [one.change for one in lab.registrations] == ["registered", "closed"]


# --- calling ---


def test_a_registered_user_is_challenged_and_calls_as_itself() -> None:
    lab = lab_with_users()
    phone = FakePhone(lab)
    phone.register()
    answer = phone.ask(
        "INVITE",
        uri="sip:100@192.0.2.1",
        from_="<sip:president@example.org>",
        headers="Contact: <sip:bob@10.0.0.7>\r\n",
        call_id="call",
        sdp=OFFER,
    )
    assert answer.status == 100
    assert lab.session.user == "bob"


def test_a_call_of_a_stranger_is_challenged_without_state() -> None:
    lab = lab_with_users()
    phone = FakePhone(lab, user="mallory")
    challenge = phone.send(phone.write("INVITE", uri="sip:100@192.0.2.1", sdp=OFFER))
    assert statuses([challenge]) == [401]
    ack = phone.write("ACK", uri="sip:100@192.0.2.1")
    assert phone.send(ack) is None
    assert lab.agent.layer.server_count == 0
    assert lab.phone.sessions == []


def test_a_caller_that_claims_to_be_one_of_us_has_to_prove_it() -> None:
    lab = lab_with_users(strangers=False)
    phone = FakePhone(lab, password="guess")
    refused = phone.ask("INVITE", uri="sip:100@192.0.2.1", call_id="call", sdp=OFFER)
    assert refused.status == 401


def test_other_callers_with_leave_are_not_challenged() -> None:
    lab = lab_with_users(strangers=False)
    phone = FakePhone(lab, user="carrier")
    answer = phone.ask(
        "INVITE",
        uri="sip:100@192.0.2.1",
        headers="Contact: <sip:x@198.51.100.7>\r\n",
        from_="<sip:bob@carrier.example>",
        call_id="call",
        sdp=OFFER,
    )
    assert answer.status == 100
    assert lab.session.user == ""


def test_calls_over_a_registered_flow_pass_unchallenged_when_configured() -> None:
    lab = lab_with_users(challenge_calls=False)
    phone = FakePhone(lab)
    phone.register()
    request = phone.write(
        "INVITE",
        uri="sip:100@192.0.2.1",
        headers="Contact: <sip:bob@10.0.0.7>\r\n",
        call_id="call",
        sdp=OFFER,
    )
    assert statuses([phone.send(request)]) == [100]
    assert lab.session.user == "bob"
    other = FakePhone(lab, flow=flow_from(port=40001))
    assert statuses([other.send(other.write("INVITE", call_id="2", sdp=OFFER))]) == [401]


def test_a_stranger_may_cancel_the_call_it_has_proven() -> None:
    lab = lab_with_users()
    phone = FakePhone(lab)
    headers = "Contact: <sip:bob@10.0.0.7>\r\n"
    uri = "sip:100@192.0.2.1"
    phone.ask("INVITE", uri=uri, headers=headers, call_id="call", sdp=OFFER)
    invite = lab.session.request
    text = f"CANCEL {uri} SIP/2.0\r\nVia: {invite.headers.get('Via')}\r\n"
    for name in ("From", "To", "Call-ID"):
        text += f"{name}: {invite.headers.get(name)}\r\n"
    lab.deliver(f"{text}CSeq: {invite.cseq.number} CANCEL\r\n\r\n", phone.flow)
    assert {response.status for response in lab.responses()} == {401, 100, 200, 487}


# --- strangers ---


@pytest.mark.parametrize("method", ["OPTIONS", "MESSAGE", "SUBSCRIBE", "BYE", "FOO"])
def test_a_stranger_gets_nothing_else(method: str) -> None:
    lab = lab_with_users()
    phone = FakePhone(lab)
    assert statuses([phone.send(phone.write(method))]) == [403]
    assert lab.agent.layer.server_count == 0


def test_a_registered_phone_may_ask_whether_we_live() -> None:
    lab = lab_with_users()
    phone = FakePhone(lab)
    phone.register()
    assert statuses([phone.send(phone.write("OPTIONS"))]) == [200]


@pytest.mark.parametrize(
    "headers", ["User-Agent: friendly-scanner\r\n", "User-Agent: SIPVicious 0.3\r\n"]
)
def test_a_scanner_gets_no_answer_at_all(headers: str) -> None:
    lab = lab_with_users()
    phone = FakePhone(lab)
    for method in ("REGISTER", "INVITE", "OPTIONS"):
        assert phone.send(phone.write(method, headers=headers)) is None
    assert lab.conduct == ["scanner"] * 3
    assert "names itself" in lab.refusals[0].why


def test_noise_of_a_stranger_gets_no_answer() -> None:
    lab = lab_with_users()
    lab.deliver("REGISTER sip:x SIP/2.0\r\nVia: SIP/2.0/UDP h;branch=z9hG4bK1\r\n\r\n", flow_from())
    assert lab.heard == []
    assert lab.refusals


def test_a_broken_answer_to_the_challenge_is_400() -> None:
    lab = lab_with_users()
    phone = FakePhone(lab)
    request = phone.write("REGISTER", headers=f'Authorization: Digest realm="{REALM}"\r\n')
    assert statuses([phone.send(request)]) == [400]


def test_a_flood_of_guesses_fills_no_table() -> None:
    lab = lab_with_users()
    lab.gate = lambda peer: Stranger() if peer.port else Refusal(status=403, reason="no")
    for number in range(6_000):
        flow = flow_from(f"203.0.{number // 250}.{number % 250}")
        phone = FakePhone(lab, user=f"u{number}", flow=flow)
        request = phone.write("REGISTER")
        value = f'Digest username="u{number}", realm="{REALM}", nonce="n", uri="u", response="r"'
        request.headers.add("Authorization", value)
        lab.deliver(request, flow)
    members = lab.agent.members
    assert members.remembered < 10_000
    assert lab.agent.layer.server_count == 0


# --- being called ---


def invite_over(lab: Lab, name: str = "bob") -> InviteSession:
    """What the endpoint's `invite(over=...)` does."""
    members = lab.agent.members
    [binding] = members.registrar.bindings(name, lab.now)
    order = InviteOrder(
        target=binding.contact.uri,
        from_=NameAddr.parse("<sip:4711@192.0.2.1>"),
        sdp=OFFER,
        next_hop=binding.next_hop,
        flow=binding.flow,
    )
    session = lab.agent.invite(order, lab.now)
    lab._carry_out(lab.agent.take(lab.now))
    return session


def test_a_call_to_a_phone_behind_nat_goes_to_where_it_was_heard() -> None:
    lab = lab_with_users()
    FakePhone(lab).register()
    invite_over(lab)
    heard = lab.heard[-1]
    assert isinstance(heard.message, Request)
    assert heard.message.uri == "sip:bob@10.0.0.7:5060"
    assert (heard.destination.host, heard.destination.port) == (PHONE, 40000)
    assert heard.destination.flow == flow_from().id
    assert "Route" not in heard.message.headers


def test_a_call_to_a_phone_on_a_connection_goes_down_that_connection() -> None:
    lab = lab_with_users(transport="tcp")
    flow = flow_from(transport="tcp")
    lab.agent.flow_opened(flow)
    phone = FakePhone(lab, flow=flow)
    phone.register(contact="<sip:bob@10.0.0.7:5060;transport=tcp>")
    invite_over(lab)
    assert lab.heard[-1].destination.flow == 50
    assert lab.heard[-1].destination.transport == "tcp"


def test_a_third_party_is_not_called_by_registering_it() -> None:
    lab = lab_with_users()
    FakePhone(lab).register(contact="<sip:victim@203.0.113.99:5060>")
    invite_over(lab)
    assert lab.heard[-1].destination.host == PHONE


def test_users_can_be_set_while_the_endpoint_runs() -> None:
    lab = lab_with_users()
    phone = FakePhone(lab, user="cy", password="new")
    assert phone.register().status == 401
    lab.agent.members.set_users({one.name: one for one in (user("bob", "x"), user("cy", "new"))})
    assert phone.register().status == 200
    assert len(lab.agent.members.registrar.bindings("cy", lab.now)) == 1


def test_phones_of_users_who_are_gone_or_have_another_password_are_forgotten() -> None:
    lab = lab_with_users()
    for name, password in (("bob", "secret"), ("ann", "other")):
        assert FakePhone(lab, user=name, password=password).register().status == 200
    members = lab.agent.members
    members.set_users({"bob": user("bob", "changed"), "ann": user("ann", "other")})
    assert [one.user for one in members.registrar.everybody(lab.now)] == ["ann"]
    members.set_users({})
    assert (len(members.registrar), bool(members)) == (0, False)
