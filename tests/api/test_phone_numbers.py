"""PhoneNumber.getInfo: plans of countries, and what is no number."""

from __future__ import annotations

import pytest

from runtime import PhoneNumber, PhoneNumberInfo


def test_a_number_as_people_dial_it_becomes_international() -> None:
    assert PhoneNumber.getInfo("020 7946 0001", "GB") == PhoneNumberInfo(
        number="+442079460001",
        region="GB",
        numberType="FIXED_LINE",
        isPossibleNumber=True,
        isValidNumber=True,
        isValidNumberForRegion=True,
    )


def test_the_documented_example_is_dialled_from_abroad() -> None:
    assert PhoneNumber.getInfo("01174951234567", "US").number == "+74951234567"


@pytest.mark.parametrize(
    ("number", "country", "region", "kind"),
    [
        ("+16502530000", None, "US", "FIXED_LINE_OR_MOBILE"),
        ("16502530000", None, "US", "FIXED_LINE_OR_MOBILE"),
        ("8 (916) 123-45-67", "ru", "RU", "MOBILE"),
        ("+448001111111", None, "GB", "TOLL_FREE"),
        ("+80012345678", None, "001", "TOLL_FREE"),
    ],
)
def test_region_and_type_are_told(number: str, country: str | None, region: str, kind: str) -> None:
    info = PhoneNumber.getInfo(number, country)
    assert (info.region, info.numberType, info.isValidNumber, info.error) == (
        region,
        kind,
        True,
        None,
    )


def test_a_number_of_another_country_is_valid_but_not_there() -> None:
    info = PhoneNumber.getInfo("+442079460001", "DE")
    assert info.isValidNumber
    assert not info.isValidNumberForRegion


def test_a_number_of_the_right_length_that_is_in_no_plan_is_only_possible() -> None:
    info = PhoneNumber.getInfo("+442212345678")
    assert (info.number, info.isPossibleNumber, info.isValidNumber) == (
        "+442212345678",
        True,
        False,
    )


@pytest.mark.parametrize(
    ("number", "country", "error"),
    [
        ("anonymous", None, "NOT_A_NUMBER"),
        ("", None, "NOT_A_NUMBER"),
        ("020 7946 0001", "XX", "INVALID_COUNTRY_CODE"),
        ("+9990001", None, "INVALID_COUNTRY_CODE"),
        ("011", "US", "TOO_SHORT_AFTER_IDD"),
        ("+441", None, "TOO_SHORT_NSN"),
        ("+44" + "1" * 20, None, "TOO_LONG_NSN"),
        ("1" * 100_000, "GB", "TOO_LONG_NSN"),
    ],
)
def test_what_is_no_number_says_why(number: str, country: str | None, error: str) -> None:
    info = PhoneNumber.getInfo(number, country)
    assert info == PhoneNumberInfo(error=error)
