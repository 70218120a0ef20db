"""Which trunk a call comes from, and what its rules make of it."""

from __future__ import annotations

import pytest

from runtime.decisions.numbers import NumberRule
from runtime.legs.leg import LegIdentity
from runtime.legs.sip.trunk.arriving import identity_over, refuse_direction
from runtime.legs.sip.trunk.recognition import Caller, Recognised, Recognition
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


def test_the_networks_of_trunks_are_let_in() -> None:
    assert {str(network) for network in KNOWN.networks} == {
        *("203.0.113.5/32", "198.51.100.0/24", "2001:db8::/32")
    }


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
