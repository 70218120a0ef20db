"""Which trunk a call comes from, and what its rules make of it."""

from __future__ import annotations

import pytest

from runtime.config.trunk import LoginSettings
from runtime.decisions.numbers import NumberRule
from runtime.legs.leg import LegIdentity
from runtime.legs.sip.trunk.arriving import identity_over, refuse_direction
from runtime.legs.sip.trunk.recognition import Caller, Recognised, Recognition
from sip.address import PeerAddress
from tests.legs.sip.trunk.making import invite, trunk

OFFICE = trunk("office", "sip:pbx.example", addresses=("198.51.100.0/24", "2001:db8::/32"))
CARRIER = trunk("carrier", certificates=("SBC.carrier.example",))
KNOWN = Recognition(
    trunks=[OFFICE, CARRIER], addresses={"203.0.113.5": CARRIER}, lines={"t0k3n": OFFICE}
)


@pytest.mark.parametrize(
    ("caller", "name", "by"),
    [
        (Caller(host="203.0.113.5"), "carrier", "its address 203.0.113.5"),
        (Caller(host="198.51.100.77"), "office", "its network 198.51.100.0/24"),
        (Caller(host="::ffff:198.51.100.77"), "office", "its network 198.51.100.0/24"),
        (Caller(host="2001:db8::9"), "office", "its network 2001:db8::/32"),
        (Caller(host="192.0.2.1", line="t0k3n"), "office", "our registration with it"),
        (
            Caller(host="192.0.2.1", certificate_names=("x", "sbc.Carrier.example")),
            "carrier",
            "the certificate of sbc.carrier.example",
        ),
    ],
)
def test_a_trunk_is_known_by(caller: Caller, name: str, by: str) -> None:
    found = KNOWN.of(caller)
    assert found is not None
    assert (found.trunk.name, found.by) == (name, by)


@pytest.mark.parametrize("host", ["192.0.2.1", "nonsense", ""])
def test_everybody_else_is_no_trunk(host: str) -> None:
    assert KNOWN.of(Caller(host=host, line="guess")) is None


def peer(host: str, *names: str) -> PeerAddress:
    return PeerAddress(transport="tls", host=host, port=5061, names=names)


def test_trunks_are_let_in_from_where_they_are_known() -> None:
    assert KNOWN.door(peer("203.0.113.5")) == "open"
    assert KNOWN.door(peer("198.51.100.9")) == "open"
    assert KNOWN.door(peer("192.0.2.1", "SBC.carrier.example")) == "open"
    assert KNOWN.door(peer("192.0.2.1", "other.example")) == "closed"


def test_of_trunks_that_share_a_network_the_first_counts_however_small_it_is() -> None:
    wide = trunk("wide", addresses=("10.0.0.0/8",))
    narrow = trunk("narrow", addresses=("10.1.2.0/24",))
    first = Recognition(trunks=[wide, narrow]).of(Caller(host="10.1.2.3"))
    second = Recognition(trunks=[narrow, wide]).of(Caller(host="10.1.2.3"))
    assert first is not None
    assert second is not None
    assert (first.trunk.name, second.trunk.name) == ("wide", "narrow")


LOGIN = trunk(
    "proven",
    addresses=("198.51.100.0/24",),
    certificates=("pbx.example",),
    login=LoginSettings(user="pbx", password="correct horse"),
)
PROVEN = Recognition(
    trunks=[LOGIN, OFFICE], addresses={"203.0.113.9": LOGIN}, lines={"t0k3n": LOGIN}
)


@pytest.mark.parametrize("host", ["203.0.113.9", "198.51.100.4", "192.0.2.200"])
def test_a_trunk_with_a_login_is_known_by_it_from_anywhere(host: str) -> None:
    found = PROVEN.of(Caller(host=host, login="pbx"))
    assert found is not None
    assert (found.trunk.name, found.by) == ("proven", "its login pbx")


@pytest.mark.parametrize(
    "caller",
    [
        Caller(host="203.0.113.9"),
        Caller(host="198.51.100.4", login="bob"),
        Caller(host="192.0.2.1", certificate_names=("pbx.example",)),
        Caller(host="192.0.2.1", line="t0k3n"),
    ],
)
def test_a_trunk_with_a_login_is_known_by_nothing_else(caller: Caller) -> None:
    assert PROVEN.of(caller) is None


def test_the_door_of_a_trunk_with_a_login_opens_by_proof() -> None:
    assert PROVEN.door(peer("203.0.113.9")) == "prove"
    assert PROVEN.door(peer("192.0.2.1", "PBX.example")) == "prove"
    assert PROVEN.door(peer("192.0.2.1")) == "closed"


def test_a_trunk_for_calls_outwards_sends_none() -> None:
    refusal = refuse_direction(trunk(calls="out"))
    assert refusal is not None
    assert refusal.status == 403
    assert 'calls = "out"' in refusal.reason
    assert refuse_direction(trunk(calls="in")) is None


def test_a_call_from_a_trunk_has_its_numbers_rewritten_and_its_caller_asserted() -> None:
    there = trunk(trusted=True, numbers_in=(NumberRule(strip="0", add="+44"),))
    request = invite(
        "<sip:anonymous@x>;tag=1",
        ("P-Asserted-Identity", '"Ann" <sip:02079460001@x>'),
        ("Diversion", "<sip:02079460002@x>;reason=user-busy"),
    )
    plain = LegIdentity(
        number="02079460000",
        callerid="anonymous",
        display_name="",
        from_uri="sip:anonymous@x",
        to_uri="sip:02079460000@127.0.0.1",
        headers={"X-A": "1"},
    )
    made = identity_over(Recognised(trunk=there, by="test"), plain, request)
    assert (made.number, made.callerid, made.display_name) == (
        *("+442079460000", "+442079460001", "Ann"),
    )
    assert made.headers == {"X-A": "1", "Diversion": "+442079460002"}
    assert made.client_type == "pstn"
    assert made.to_uri == plain.to_uri
