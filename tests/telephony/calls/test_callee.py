import re

import phonenumbers
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from phonenumbers import PhoneNumberFormat, PhoneNumberType

from shared.errors import ApiError
from telephony.calls.callee import Callee, masked, read_callee

EVERYWHERE = tuple(phonenumbers.SUPPORTED_REGIONS)
ORDINARY = {
    PhoneNumberType.FIXED_LINE,
    PhoneNumberType.MOBILE,
    PhoneNumberType.FIXED_LINE_OR_MOBILE,
    PhoneNumberType.VOIP,
    PhoneNumberType.TOLL_FREE,
}


def read(to: str, *, allowed: tuple[str, ...] = EVERYWHERE, own: tuple[str, ...] = ()) -> Callee:
    return read_callee(to=to, allowed_countries=allowed, own_numbers=own)


def refusal(to: str, *, allowed: tuple[str, ...] = EVERYWHERE, own: tuple[str, ...] = ()) -> ApiError:
    with pytest.raises(ApiError) as raised:
        read(to, allowed=allowed, own=own)
    return raised.value


def callee_or_error(to: str) -> Callee | ApiError:
    try:
        return read(to)
    except ApiError as error:
        return error


@pytest.mark.parametrize(
    "to", ["+4930901820", "+49 30 901820", "+49 (0)30 901820", "+49-30-90.18.20", "+49 (30) 901820"]
)
def test_a_number_may_be_written_as_people_do(to: str) -> None:
    callee = read(to)

    assert (callee.e164, callee.region) == ("+4930901820", "DE")


@pytest.mark.parametrize(
    "to",
    [
        *("", "+", "+49", "030 901820", "004930901820", "4930901820", "tel:+4930901820", "+4930901820;ext=1"),
        *("+1 800 FLOWERS", "＋4930901820", "+４９30901820", "+4930901820\n", "++4930901820", "+0901820", "+999123456"),
        *("+49309018201234567890", "+4930901820" * 10, "+49 30 901820 ext. 5", "sip:+4930901820@example.com"),
    ],
)
def test_what_is_no_number_is_refused_without_being_repeated(to: str) -> None:
    error = refusal(to)

    assert (error.status, error.code) == (400, "invalid_number")
    assert "such as +4930901820" in error.message
    assert not to or f"got {to}" not in error.message


def test_the_refusal_of_a_number_says_what_is_wrong_with_it() -> None:
    assert refusal("+1212555").message.endswith("got +1****55: it has too few digits.")
    assert refusal("+15551234").message.endswith("got +1*****34: it lacks its area code.")
    assert refusal("+121255512555").message.endswith("got +1*********55: it has too many digits.")
    assert refusal("+11115550100").message.endswith("got +1********00: no number of its country begins so.")


@pytest.mark.parametrize(
    ("to", "kind"),
    [
        ("+19005551234", "premium-rate"),
        ("+499001234567", "premium-rate"),
        ("+491805123456", "shared-cost"),
        ("+4970012345678", "personal-number"),
        ("+447640123456", "pager"),
        ("+443061234567", "uan"),
        ("+41860123456789", "voicemail"),
    ],
)
def test_a_number_that_costs_is_refused_by_its_type(to: str, kind: str) -> None:
    error = refusal(to)

    assert (error.status, error.code) == (422, "number_type_not_allowed")
    assert f"of the type {kind};" in error.message
    assert to not in error.message


@pytest.mark.parametrize("to", ["+49112", "+49110", "+1911", "+44999", "+61000", "+33112", "+39 112"])
def test_an_emergency_number_is_never_called(to: str) -> None:
    error = refusal(to)

    assert (error.status, error.code) == (422, "emergency_number")


@pytest.mark.parametrize(
    ("to", "region", "neighbour"),
    [
        ("+14165551234", "CA", "US"),
        ("+18095551234", "DO", "US"),
        ("+16715551234", "GU", "US"),
        ("+77012345678", "KZ", "RU"),
        ("+79031234567", "RU", "KZ"),
        ("+447781123456", "GG", "GB"),
        ("+447797123456", "JE", "GB"),
        ("+441624612345", "IM", "GB"),
        ("+3906698123", "VA", "IT"),
        ("+4779123456", "SJ", "NO"),
    ],
)
def test_a_country_code_that_countries_share_allows_only_the_one_that_is_named(
    to: str, region: str, neighbour: str
) -> None:
    assert read(to, allowed=(region,)).region == region

    error = refusal(to, allowed=(neighbour,))
    assert (error.status, error.code) == (422, "country_not_allowed")
    assert f"is a number of {region}; this service calls {neighbour}." in error.message


def test_a_number_of_no_country_is_in_none_that_is_allowed() -> None:
    assert refusal("+80012345678").code == "country_not_allowed"


def test_a_number_of_our_own_is_not_called() -> None:
    own = ("+4930901820", "sip:desk@example.com", "")

    assert refusal("+49 30 901820", own=own).code == "own_number"
    assert read("+4930901821", own=own)


def numbers() -> list[tuple[str, int, phonenumbers.PhoneNumber]]:
    """An example of every type of number that each country has."""
    found = [
        (region, kind, phonenumbers.example_number_for_type(region, kind))
        for region in EVERYWHERE
        for kind in PhoneNumberType.values()
    ]
    return [(region, kind, number) for region, kind, number in found if number is not None]


def test_in_every_country_the_ordinary_kinds_can_be_called_and_no_other() -> None:
    tried = 0
    for _, _, number in numbers():
        e164 = phonenumbers.format_number(number, PhoneNumberFormat.E164)
        written = phonenumbers.format_number(number, PhoneNumberFormat.INTERNATIONAL)
        region = phonenumbers.region_code_for_number(number)
        if region not in EVERYWHERE:
            continue
        tried += 1
        if phonenumbers.number_type(number) in ORDINARY:
            assert read(e164).e164 == e164, e164
            assert read(written).e164 == e164, written
            others = tuple(other for other in EVERYWHERE if other != region)
            assert refusal(e164, allowed=others).code == "country_not_allowed", e164
        else:
            assert refusal(e164).code in ("number_type_not_allowed", "emergency_number"), e164
    assert tried > 1000


@settings(deadline=None)
@given(
    to=st.text(max_size=40)
    | st.from_regex(r"\+[0-9 ().\-]{0,24}", fullmatch=True)
    | st.from_regex(r"\+(1|7|44|49|39|52|54|225)[0-9]{6,12}", fullmatch=True)
)
@example(to="+49112")
def test_any_text_is_a_number_to_call_or_a_refusal_that_does_not_repeat_it(to: str) -> None:
    found = callee_or_error(to)
    if isinstance(found, Callee):
        assert re.fullmatch(r"\+[1-9][0-9]{5,14}", found.e164)
        assert phonenumbers.is_valid_number(phonenumbers.parse(found.e164))
        assert found.e164 not in repr(found)
        return
    assert found.status in (400, 422)
    digits = re.sub(r"\D", "", to)
    assert len(digits) < 6 or digits == "4930901820" or digits not in re.sub(r"[ ().-]", "", found.message)


@settings(deadline=None)
@given(number=st.sampled_from([number for _, _, number in numbers()]))
def test_a_masked_number_tells_its_country_and_two_digits(number: phonenumbers.PhoneNumber) -> None:
    e164 = phonenumbers.format_number(number, PhoneNumberFormat.E164)
    shown = masked(e164)

    assert re.fullmatch(rf"\+{number.country_code}\*+{e164[-2:]}", shown)
    assert len(shown) == len(e164)


@pytest.mark.parametrize(("e164", "shown"), [("+49112", "+49*12"), ("+4911", "+4911")])
def test_what_is_too_short_to_hide_keeps_its_form(e164: str, shown: str) -> None:
    assert masked(e164) == shown
