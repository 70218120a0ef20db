"""Which trunks carry a number, and how the call looks to each."""

from __future__ import annotations

from typing import Any

import pytest

from runtime.config.trunk import RegisterSettings
from runtime.decisions.numbers import NumberRule
from runtime.legs.leg import DialRefused, DialRequest
from runtime.legs.sip.route import OutgoingRules, Plan
from runtime.legs.sip.trunk.routes import RouteTable
from runtime.legs.sip.trunks import Trunk
from sip.auth import Credentials
from sip.message import Uri
from tests.legs.sip.trunk.making import trunk

CARRIER = trunk("carrier", "sip:203.0.113.5")
BACKUP = trunk("backup", "sip:203.0.113.6", numbers_out=(NumberRule(strip="+", add="00"),))
ROUTES = (
    ("emergency", "112|999", ("carrier",)),
    ("uk", r"\+44[0-9]+", ("carrier", "backup")),
    ("abroad", r"\+.*", ("backup",)),
)


def rules(*trunks: Trunk, routes: tuple[Any, ...] = ()) -> OutgoingRules:
    return OutgoingRules(
        trunks=trunks,
        only_loopback=True,
        host="127.0.0.1",
        table=RouteTable.of(trunks, routes),
    )


def plan(number: str, **fields: Any) -> Plan:
    made = rules(CARRIER, BACKUP, routes=ROUTES)
    return made.plan(DialRequest(kind="pstn", to=number, **fields))


@pytest.mark.parametrize(
    ("number", "targets"),
    [
        ("112", ["sip:112@203.0.113.5"]),
        ("+44 20 7946 0000", ["sip:+442079460000@203.0.113.5", "sip:00442079460000@203.0.113.6"]),
        ("+33123", ["sip:0033123@203.0.113.6"]),
    ],
)
def test_the_first_route_that_matches_the_whole_number_names_the_trunks(
    number: str, targets: list[str]
) -> None:
    assert [str(route.target) for route in plan(number).routes] == targets


def test_a_number_that_no_route_matches_is_refused_with_what_was_tried() -> None:
    with pytest.raises(DialRefused) as caught:
        plan("0207")
    assert caught.value.code == 403
    assert "emergency (112|999, no)" in caught.value.reason
    assert "callstage explain 0207" in caught.value.reason


def test_without_routes_only_the_first_trunk_for_outgoing_calls_is_used() -> None:
    made = rules(trunk("in", calls="in"), CARRIER, BACKUP)
    found = made.plan(DialRequest(kind="pstn", to="1"))
    assert [route.trunk for route in found.routes] == ["carrier"]


def test_trunks_for_incoming_calls_alone_open_no_way_out() -> None:
    made = rules(trunk("in", calls="in"))
    for to, kind in (("1", "pstn"), ("sip:1@203.0.113.5", "sip")):
        with pytest.raises(DialRefused) as caught:
            made.plan(DialRequest(kind=kind, to=to))
        assert caught.value.code == 403
        assert "calls =" in caught.value.reason


@pytest.mark.parametrize(
    ("rule", "fault"),
    [
        (("r", ".*", ("nobody",)), "no trunk is called 'nobody', only: carrier, in"),
        (("r", ".*", ("in",)), "for incoming calls only"),
        (("r", "(", ("carrier",)), "not a regular expression"),
    ],
)
def test_a_route_that_cannot_work_is_a_fault_of_the_configuration(
    rule: tuple[str, str, tuple[str, ...]], fault: str
) -> None:
    with pytest.raises(ValueError, match="route r") as caught:
        RouteTable.of([CARRIER, trunk("in", calls="in")], [rule])
    assert fault in str(caught.value)


def shown(there: Trunk, **fields: Any) -> tuple[str, dict[str, str]]:
    route = rules(there).plan(DialRequest(kind="pstn", to="+4420", **fields)).routes[0]
    return str(route.from_), dict(route.headers)


def test_a_script_calls_itself_only_what_the_operator_permits() -> None:
    there = trunk(callerids=(r"\+442079460...",), callerid="+442079460000")
    written = shown(there, callerid="+44 2079460123")[0]
    assert written == "<sip:+442079460123@203.0.113.5>"
    assert shown(there)[0] == "<sip:+442079460000@203.0.113.5>"
    for fake in ("+15551234", "bob@example.com", "sip:+15551234@203.0.113.5"):
        with pytest.raises(DialRefused) as caught:
            shown(there, callerid=fake)
        assert caught.value.code == 403
        assert r"\+442079460..." in caught.value.reason


def test_the_callers_number_is_written_as_the_trunk_wants_it() -> None:
    there = trunk(
        numbers_out=(NumberRule(of="caller", strip="+44", add="0"),),
        identity="p-asserted-identity",
        user="acct",
    )
    from_, headers = shown(there, callerid="+442079460000", display_name="Shop")
    assert from_ == '"Shop" <sip:02079460000@203.0.113.5>'
    assert headers["P-Asserted-Identity"] == from_


def test_an_anonymous_caller_is_billed_to_the_account() -> None:
    there = trunk(identity="remote-party-id", user="acct", callerids=("1",))
    from_, headers = shown(there, callerid="anonymous")
    assert from_ == '"Anonymous" <sip:anonymous@anonymous.invalid>'
    assert headers["Privacy"] == "id"
    assert headers["Remote-Party-ID"].startswith("<sip:acct@203.0.113.5>;party=calling")


def test_a_passed_on_call_names_the_number_that_passed_it_on() -> None:
    there = trunk(numbers_out=(NumberRule(strip="+44", add="0"),))
    _, headers = shown(there, callerid="1", diverted_from="+442079460000")
    assert headers["Diversion"] == "<sip:02079460000@203.0.113.5>;reason=unknown"


def test_a_trunk_that_may_not_carry_this_caller_is_left_out_of_the_route() -> None:
    strict = trunk("strict", callerids=("1",))
    made = rules(strict, CARRIER, routes=(("all", ".*", ("strict", "carrier")),))
    found = made.plan(DialRequest(kind="pstn", to="5", callerid="2"))
    assert [route.trunk for route in found.routes] == ["carrier"]
    assert "strict does not let scripts" in found.left_out[0]


REGISTERED = trunk(
    "provider", "sip:provider.example", user="acme", password="s3", register=RegisterSettings()
)


def by_registration(to: str, *, at: str | None, reg_id: str = "provider", **fields: Any) -> Plan:
    made = OutgoingRules(
        trunks=(REGISTERED, CARRIER),
        only_loopback=True,
        host="127.0.0.1",
        registrar=lambda name: None if at is None else Uri.parse(at),
    )
    return made.plan(DialRequest(kind="sip", to=to, registration=reg_id, **fields))


@pytest.mark.parametrize(
    ("to", "target"),
    [
        ("sip:bob@elsewhere.example", "sip:bob@elsewhere.example"),
        ("tel:+4420", "sip:+4420@provider"),
    ],
)
def test_a_call_by_registration_goes_over_the_registrar_with_its_account(
    to: str, target: str
) -> None:
    [route] = by_registration(to, at="sip:two.provider.example").routes
    assert str(route.target).startswith(target)
    assert str(route.next_hop) == "sip:two.provider.example"
    assert str(route.from_) == "<sip:acme@provider.example>"
    assert route.credentials == Credentials("acme", "s3")


@pytest.mark.parametrize(
    ("fields", "code", "word"),
    [
        ({"at": None}, 503, "not registered at this moment"),
        ({"at": "sip:p", "reg_id": "carrier"}, 400, "only: provider"),
        ({"at": "sip:p", "reg_id": "7"}, 400, "regId is the name"),
        ({"at": "sip:p", "out_proxy": "sip:q"}, 400, "exclude each other"),
    ],
)
def test_a_registration_that_cannot_be_used_is_refused_with_the_reason(
    fields: dict[str, Any], code: int, word: str
) -> None:
    with pytest.raises(DialRefused) as caught:
        by_registration("sip:bob@elsewhere.example", **fields)
    assert caught.value.code == code
    assert word in caught.value.reason


def test_a_registration_without_an_account_is_a_fault_of_the_configuration() -> None:
    with pytest.raises(ValueError, match="needs the trunk's user"):
        trunk(register=RegisterSettings())
