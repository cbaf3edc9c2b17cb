"""Whom a call may reach: a valid number of an ordinary kind, in a country that the deployment allows, and not us."""

import re
from collections.abc import Collection
from dataclasses import dataclass, field

import phonenumbers
from phonenumbers import NumberParseException, PhoneNumber, PhoneNumberFormat, PhoneNumberType, shortnumberinfo

from shared.errors import ApiError

_WRITTEN = re.compile(r"\+[0-9][0-9 ().-]{1,30}", re.ASCII)
_ORDINARY = {
    PhoneNumberType.FIXED_LINE,
    PhoneNumberType.MOBILE,
    PhoneNumberType.FIXED_LINE_OR_MOBILE,
    PhoneNumberType.VOIP,
    PhoneNumberType.TOLL_FREE,
}


@dataclass(frozen=True, kw_only=True)
class Callee:
    """A number that may be dialed; `e164` is how carriers take it, `region` its ISO 3166 country."""

    e164: str = field(repr=False)
    region: str
    number: PhoneNumber = field(repr=False)


def read_callee(*, to: str, allowed_countries: Collection[str], own_numbers: Collection[str]) -> Callee:
    """The number that `to` writes: international, from `+` on; spaces, dots, hyphens and parentheses may part it.

    `own_numbers` are in E.164; calling one would have the bot talk to itself, or to those that it transfers to.
    Raises `ApiError`: 400 for what is no number, 422 for a number that isn't to be called.
    """
    number = _parsed(to=to)
    e164 = phonenumbers.format_number(number, PhoneNumberFormat.E164)
    _refuse_emergency(number=number)
    if not phonenumbers.is_valid_number(number):
        raise _invalid(got=masked(e164), reason=_why_invalid(number=number))
    if e164 in own_numbers:
        raise _refused(
            code="own_number",
            message=f"{masked(e164)} is a number of this service itself, which it can't call; use another number.",
        )
    _refuse_costly(number=number, e164=e164)
    region = phonenumbers.region_code_for_number(number)
    if region not in allowed_countries:
        raise _refused(
            code="country_not_allowed",
            message=(
                f"{masked(e164)} is a number of {region}; this service calls {', '.join(sorted(allowed_countries))}."
                " Its operator allows countries by telephony.allowed_countries."
            ),
        )
    return Callee(e164=e164, region=str(region), number=number)


def masked(e164: str) -> str:
    """The number with its country code and last two digits alone: what answers say, and what is kept of it."""
    code = str(phonenumbers.parse(e164).country_code)
    rest = e164[1 + len(code) :]
    return f"+{code}{'*' * len(rest[:-2])}{rest[-2:]}"


def _parsed(*, to: str) -> PhoneNumber:
    if not _WRITTEN.fullmatch(to):
        raise _invalid(got=f"a text of {len(to)} characters", reason="it must begin with + and the country code")
    try:
        return phonenumbers.parse(to)
    except NumberParseException:
        raise _invalid(got=f"a text of {len(to)} characters", reason="no country code begins so") from None


def _refuse_emergency(*, number: PhoneNumber) -> None:
    """Such a number is no valid one behind a country code; no carrier is to guess what was meant."""
    digits = phonenumbers.national_significant_number(number)
    for region in phonenumbers.COUNTRY_CODE_TO_REGION_CODE.get(number.country_code or 0, ()):
        if shortnumberinfo.is_emergency_number(digits, region):
            raise _refused(
                code="emergency_number",
                message="This is an emergency number, which this service never calls; dial it yourself.",
            )


def _refuse_costly(*, number: PhoneNumber, e164: str) -> None:
    kind = phonenumbers.number_type(number)
    if kind not in _ORDINARY:
        name = PhoneNumberType.to_string(kind).lower().replace("_", "-")
        raise _refused(
            code="number_type_not_allowed",
            message=(
                f"{masked(e164)} is a number of the type {name}; allowed are fixed-line, mobile, VoIP and toll-free"
                " numbers."
            ),
        )


def _why_invalid(*, number: PhoneNumber) -> str:
    reasons = {
        phonenumbers.ValidationResult.TOO_SHORT: "it has too few digits",
        phonenumbers.ValidationResult.TOO_LONG: "it has too many digits",
        phonenumbers.ValidationResult.IS_POSSIBLE_LOCAL_ONLY: "it lacks its area code",
    }
    return reasons.get(phonenumbers.is_possible_number_with_reason(number), "no number of its country begins so")


def _invalid(*, got: str, reason: str) -> ApiError:
    return ApiError(
        status=400,
        code="invalid_number",
        message=f"to must be a phone number in E.164, such as +4930901820; got {got}: {reason}.",
    )


def _refused(*, code: str, message: str) -> ApiError:
    return ApiError(status=422, code=code, message=message)
