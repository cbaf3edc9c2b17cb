from datetime import UTC, datetime, timedelta
from importlib.resources import files
from zoneinfo import ZoneInfo

import phonenumbers
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from phonenumbers.tzdata import TIMEZONE_DATA
from time_machine import travel

from shared.errors import ApiError
from telephony.calls.quiet_hours import QuietHours, check_quiet_hours

NIGHT = "21:00-08:00"
BERLIN = "+4930901820"
NEW_YORK = "+12125551234"
LOS_ANGELES = "+12135551234"
AUSTRALIAN_MOBILE = "+61412345678"

times = st.integers(0, 1439).map(lambda minute: f"{minute // 60:02}:{minute % 60:02}")
hours = st.tuples(times, times).filter(lambda pair: pair[0] != pair[1]).map("-".join)
moments = st.datetimes(datetime(2026, 1, 1), datetime(2028, 1, 1), timezones=st.just(UTC))
zones = st.lists(
    st.sampled_from(
        ["Europe/Berlin", "America/New_York", "America/St_Johns", "Asia/Kathmandu", "Australia/Lord_Howe", "UTC"]
    ).map(ZoneInfo),
    min_size=1,
    max_size=3,
)


def check(to: str, *, quiet_hours: str = NIGHT) -> None:
    check_quiet_hours(number=phonenumbers.parse(to), to="+49*****20", quiet_hours=quiet_hours)


def refusal(to: str, *, quiet_hours: str = NIGHT) -> ApiError:
    with pytest.raises(ApiError) as raised:
        check(to, quiet_hours=quiet_hours)
    return raised.value


@pytest.mark.parametrize(
    ("to", "last", "first"),
    [
        (BERLIN, "2026-01-15T19:59:59.9Z", "2026-01-15T20:00:00Z"),
        (BERLIN, "2026-07-15T18:59:59.9Z", "2026-07-15T19:00:00Z"),
        (NEW_YORK, "2026-01-16T01:59:59Z", "2026-01-16T02:00:00Z"),
        (NEW_YORK, "2026-07-16T00:59:59Z", "2026-07-16T01:00:00Z"),
        (LOS_ANGELES, "2026-07-16T03:59:59Z", "2026-07-16T04:00:00Z"),
    ],
)
def test_it_is_quiet_from_the_first_hour_on_by_the_callees_clock(to: str, last: str, first: str) -> None:
    with travel(last, tick=False):
        check(to)
    with travel(first, tick=False):
        assert refusal(to).code == "quiet_hours"


@pytest.mark.parametrize(
    ("to", "last", "first"),
    [
        (BERLIN, "2026-03-28T06:59:59.9Z", "2026-03-28T07:00:00Z"),
        (BERLIN, "2026-03-29T05:59:59.9Z", "2026-03-29T06:00:00Z"),  # the clock was put forward in this night
        (BERLIN, "2026-10-24T05:59:59.9Z", "2026-10-24T06:00:00Z"),
        (BERLIN, "2026-10-25T06:59:59.9Z", "2026-10-25T07:00:00Z"),  # and back in this one
        (NEW_YORK, "2026-03-08T11:59:59Z", "2026-03-08T12:00:00Z"),
        (NEW_YORK, "2026-11-01T12:59:59Z", "2026-11-01T13:00:00Z"),
    ],
)
def test_it_is_quiet_until_the_last_hour_also_when_the_clock_changes(to: str, last: str, first: str) -> None:
    with travel(last, tick=False):
        assert refusal(to).headers["retry-after"] == "1"
    with travel(first, tick=False):
        check(to)


def test_the_refusal_says_what_time_it_is_there_and_when_to_call() -> None:
    with travel("2026-07-15T20:30:00Z", tick=False):
        error = refusal(BERLIN)

    assert (error.status, error.code) == (422, "quiet_hours")
    assert error.headers == {"retry-after": str(int(timedelta(hours=9, minutes=30).total_seconds()))}
    assert error.message == (
        "For +49*****20 it is 22:30 (Europe/Berlin); nobody is called from 21:00 to 08:00."
        " Call from 2026-07-16T06:00Z on."
    )


def test_a_number_that_may_ring_in_several_zones_is_left_alone_while_it_is_night_in_one() -> None:
    """An Australian mobile at 08:30 in Sydney; its country code's last zones are those of the Indian Ocean."""
    with travel("2026-07-14T22:30:00Z", tick=False):
        error = refusal(AUSTRALIAN_MOBILE)

    assert "08:30" not in error.message
    assert "Call from 2026-07-15T01:30Z on." in error.message, "when it is 08:00 on the Cocos Islands, at UTC+6:30"
    with travel("2026-07-15T01:30:00Z", tick=False):
        check(AUSTRALIAN_MOBILE)


def test_hours_within_one_day_are_quiet_too() -> None:
    with travel("2026-07-15T10:59:59Z", tick=False):
        check(BERLIN, quiet_hours="13:00-15:00")
    with travel("2026-07-15T11:00:00Z", tick=False):
        assert refusal(BERLIN, quiet_hours="13:00-15:00").headers["retry-after"] == "7200"
    with travel("2026-07-15T13:00:00Z", tick=False):
        check(BERLIN, quiet_hours="13:00-15:00")


def test_a_number_for_which_it_is_always_night_somewhere_is_told_so() -> None:
    with travel("2026-07-15T12:00:00Z", tick=False):
        error = refusal("+18005551234", quiet_hours="16:00-08:00")

    assert "No hour of the day suits all zones" in error.message
    assert not error.headers


def test_a_number_of_an_unknown_zone_is_called_only_without_quiet_hours() -> None:
    assert refusal("+80012345678").code == "unknown_time_zone"
    check("+80012345678", quiet_hours="off")


def test_without_quiet_hours_nobody_looks_at_the_clock() -> None:
    with travel("2026-07-15T23:30:00Z", tick=False):
        check(BERLIN, quiet_hours="off")


@pytest.mark.parametrize(
    "text", ["", "off", "21-8", "21:00-24:00", "21:00-21:00", "21:00-08:00 ", "9:00-10:00", "٢١:00-08:00"]
)
def test_hours_that_are_none_are_refused(text: str) -> None:
    with pytest.raises(ValueError, match="21:00-08:00"):
        QuietHours.parse(text)


@settings(deadline=None)
@given(text=hours, now=moments, places=zones)
def test_the_end_is_the_first_minute_in_which_nobody_has_quiet(
    text: str, now: datetime, places: list[ZoneInfo]
) -> None:
    quiet = QuietHours.parse(text)

    def anywhere(at: datetime) -> bool:
        return any(quiet.holds(at=at.astimezone(zone)) for zone in places)

    end = quiet.end_after(now=now, zones=places)
    next_minute = now.replace(second=0, microsecond=0) + timedelta(minutes=1)
    day = [next_minute + timedelta(minutes=minute) for minute in range(24 * 60)]
    assert end == next((minute for minute in day if not anywhere(minute)), None)


@settings(deadline=None)
@given(text=hours, now=moments)
def test_a_moment_is_quiet_in_exactly_one_of_the_two_parts_of_a_day(text: str, now: datetime) -> None:
    begin, _, end = text.partition("-")

    assert QuietHours.parse(text).holds(at=now) != QuietHours.parse(f"{end}-{begin}").holds(at=now)


def test_every_zone_of_a_number_is_in_the_packaged_time_zone_data() -> None:
    """Lambda need not have time zones of its own."""
    names = {name for found in TIMEZONE_DATA.values() for name in found}

    assert len(names) > 200
    assert [name for name in names if not files("tzdata").joinpath("zoneinfo", *name.split("/")).is_file()] == []
