"""Who calls: what is believed of a peer's headers, and what ours say (RFC 3323, 3325, 5806)."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runtime.legs.sip.trunk.caller import Asserted, asserted, shown_caller
from sip.message import Headers, NameAddr, Uri
from tests.legs.sip.trunk.making import invite

FROM = '"Ann" <sip:anonymous@anonymous.invalid>;tag=a'
PAI = ("P-Asserted-Identity", '"Ann A" <sip:+442079460001@carrier.example>')
PAI_TEL = ("P-Asserted-Identity", "<tel:+442079460002;phone-context=x>")
RPID = (
    "Remote-Party-ID",
    '"Ann R" <sip:+442079460003@h>;party=calling;privacy=off;screen=yes',
)


def heard(*headers: tuple[str, str], trusted: bool = True, caller: str = FROM) -> Asserted:
    request = invite(caller, *headers)
    return asserted(request.headers, request.from_, trusted=trusted)


def test_an_asserted_identity_of_a_trusted_trunk_goes_before_from() -> None:
    said = heard(PAI, RPID)
    assert (said.number, said.display_name) == ("+442079460001", "Ann A")
    assert said.source == "P-Asserted-Identity"


def test_the_sip_uri_goes_before_the_tel_uri_of_an_asserted_identity() -> None:
    assert heard(PAI_TEL, PAI).number == "+442079460001"
    assert heard(PAI_TEL).number == "+442079460002"


def test_remote_party_id_is_read_where_there_is_no_asserted_identity() -> None:
    assert heard(RPID).number == "+442079460003"


def test_nothing_is_believed_of_a_trunk_that_is_not_trusted() -> None:
    said = heard(PAI, RPID, ("Diversion", "<sip:1@h>"), trusted=False)
    assert (said.number, said.source, said.diversion) == ("anonymous", "From", "")


@pytest.mark.parametrize("wish", ["id", "user;critical", "Header", "id;critical"])
def test_a_caller_who_asks_for_privacy_is_withheld(wish: str) -> None:
    said = heard(PAI, ("Privacy", wish))
    assert (said.number, said.display_name, said.withheld) == ("anonymous", "", True)


@pytest.mark.parametrize("wish", ["none", "session"])
def test_privacy_of_other_things_withholds_no_number(wish: str) -> None:
    assert heard(PAI, ("Privacy", wish)).number == "+442079460001"


def test_privacy_inside_remote_party_id_counts() -> None:
    assert heard(("Remote-Party-ID", "<sip:12@h>;party=calling;privacy=full")).withheld


def test_the_first_diversion_says_who_passed_the_call_on() -> None:
    value = '"B" <sip:+4420@h>;reason=no-answer, <sip:+4421@h>;reason=unconditional'
    assert heard(("Diversion", value)).diversion == "+4420"


@pytest.mark.parametrize("value", ["", "<<>>", '"', "<sip:@>", "," * 100, "<mailto:>"])
def test_headers_that_cannot_be_read_are_as_good_as_absent(value: str) -> None:
    broken = [(name, value) for name in ("P-Asserted-Identity", "Diversion", "Privacy")]
    assert heard(*broken, caller="<sip:7@h>;tag=x").number == "7"


@given(st.lists(st.text(st.characters(exclude_characters="\r\n\0", codec="utf-8")), max_size=4))
def test_whatever_the_headers_hold_a_caller_comes_of_it_and_can_be_written(
    values: list[str],
) -> None:
    names = ("P-Asserted-Identity", "Remote-Party-ID", "Diversion", "Privacy")
    said = heard(*zip(names, values, strict=False))
    uri = Uri(user=said.number, host="h")
    shown = shown_caller(
        NameAddr(display_name=said.display_name, uri=uri),
        header="p-asserted-identity",
        diversion=[NameAddr(uri=Uri(user=said.diversion, host="h"))],
    )
    for name, value in (*shown.headers, ("From", str(shown.from_))):
        assert Headers([(name, value)]).get(name) == value


CALLER = NameAddr.parse('"Ann" <sip:+4420@ours.example>')


def test_a_trunk_is_told_by_the_header_that_it_wants() -> None:
    assert shown_caller(CALLER, header="from").headers == ()
    assert shown_caller(CALLER, header="p-asserted-identity").headers == (
        ("P-Asserted-Identity", '"Ann" <sip:+4420@ours.example>'),
    )
    [(name, value)] = shown_caller(CALLER, header="remote-party-id").headers
    assert name == "Remote-Party-ID"
    assert value.endswith(";party=calling;screen=yes;privacy=off")


def test_a_withheld_caller_stands_only_where_the_trunk_needs_it_to_bill() -> None:
    caller = NameAddr.parse('"Ann" <sip:anonymous@ours.example>')
    shown = shown_caller(caller, header="p-asserted-identity", account="+4420")
    assert str(shown.from_) == '"Anonymous" <sip:anonymous@anonymous.invalid>'
    assert shown.headers == (
        ("P-Asserted-Identity", "<sip:+4420@ours.example>"),
        ("Privacy", "id"),
    )


def test_whoever_passed_the_call_on_is_named_with_an_unknown_reason() -> None:
    shown = shown_caller(CALLER, header="from", diversion=[NameAddr.parse("<sip:+4421@h>")])
    assert shown.headers == (("Diversion", "<sip:+4421@h>;reason=unknown"),)
