"""PhoneNumber: what can be told of a telephone number without calling it.

The numbering plans are those of the `phonenumbers` library. It is loaded when it is first needed,
and beforehand where nothing can be read from disk later: see docs/design/phone-numbers.md.
"""

from __future__ import annotations

from typing import Final

import attrs

from runtime.api.names import StrictNames
from runtime.api.options import text

MAX_NUMBER: Final = 250
"""Characters; what the library looks at, at most. No number is longer than 15 digits."""
ERRORS: Final = (
    "INVALID_COUNTRY_CODE",
    "NOT_A_NUMBER",
    "TOO_SHORT_AFTER_IDD",
    "TOO_SHORT_NSN",
    "TOO_LONG_NSN",
)
"""By the library's numbers of them."""


@attrs.frozen(kw_only=True)
class PhoneNumberInfo:
    """What PhoneNumber.getInfo found. VoxEngine reference: PhoneNumber (Info)."""

    number: str = ""
    """E.164, beginning with +; empty with an error."""
    region: str = ""
    """Two letters (ISO 3166-1), "001" for numbers of no country; empty when it is not known."""
    numberType: str = "UNKNOWN"
    """FIXED_LINE, MOBILE, FIXED_LINE_OR_MOBILE, TOLL_FREE, PREMIUM_RATE, SHARED_COST, VOIP,
    PERSONAL_NUMBER, PAGER, UAN, VOICEMAIL or UNKNOWN."""
    isPossibleNumber: bool = False
    """By its length alone."""
    isValidNumber: bool = False
    """It is in use by its country's plan; whether anybody has it is not known."""
    isValidNumberForRegion: bool = False
    """It is valid, and of the country that was given (of its own, when none was)."""
    error: str | None = None
    """INVALID_COUNTRY_CODE, NOT_A_NUMBER, TOO_SHORT_AFTER_IDD, TOO_SHORT_NSN or TOO_LONG_NSN."""


class NumberingPlans(StrictNames):
    """What can be told of a telephone number without calling it. VoxEngine reference:
    PhoneNumber."""

    __slots__ = ()
    _shown_as = "PhoneNumber"

    def __repr__(self) -> str:
        return "PhoneNumber"

    def getInfo(self, number: str, country: str | None = None) -> PhoneNumberInfo:
        """Validity, type, region and E.164 form of a number: `PhoneNumber.getInfo("020 7946 0001",
        "GB").number`.

        `number` is written as people of `country` (two letters) write and dial it; it is
        international when it begins with + or no country is given. Never raises for what is no
        number: `error` says what is wrong. VoxEngine reference: PhoneNumber.getInfo.
        """
        what = "PhoneNumber.getInfo"
        given = text(what, "number", number).strip()
        region = None if country is None else text(what, "country", country).strip().upper()
        if not region and not given.startswith("+"):
            given = f"+{given}"
        return _info(given, region or None)


PhoneNumber: Final = NumberingPlans()


def preload_numbers() -> None:
    """Have every numbering plan in memory: a locked process reads no file."""
    from phonenumbers.phonemetadata import PhoneMetadata

    PhoneMetadata.load_all()


def _info(number: str, region: str | None) -> PhoneNumberInfo:
    import phonenumbers  # 30 ms, and most scenarios never ask

    if len(number) > MAX_NUMBER:
        return PhoneNumberInfo(error="TOO_LONG_NSN")
    try:
        parsed = phonenumbers.parse(number, region)
    except phonenumbers.NumberParseException as exc:
        return PhoneNumberInfo(error=ERRORS[exc.error_type])
    own = phonenumbers.region_code_for_number(parsed)
    return PhoneNumberInfo(
        number=phonenumbers.format_number(parsed, phonenumbers.PhoneNumberFormat.E164),
        region=own or "",
        numberType=phonenumbers.PhoneNumberType.to_string(phonenumbers.number_type(parsed)),
        isPossibleNumber=phonenumbers.is_possible_number(parsed),
        isValidNumber=phonenumbers.is_valid_number(parsed),
        isValidNumberForRegion=bool(
            own and phonenumbers.is_valid_number_for_region(parsed, region or own)
        ),
    )
