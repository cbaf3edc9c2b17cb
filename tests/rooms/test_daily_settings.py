import pytest

from shared.daily.settings import read_daily
from shared.environment import Reader, SettingsError
from tests.rooms.daily_stub import DAILY_SECRET, DAILY_VARIABLES


def test_what_is_not_said_is_daily_s_own_choice() -> None:
    daily = read_daily(read=Reader(environ=DAILY_VARIABLES))

    assert daily.secret.arn == DAILY_SECRET
    assert (daily.api_url, daily.recording, daily.geo) == ("https://api.daily.co/v1", "off", "")
    assert (daily.room_prefix, daily.session_seconds, daily.max_participants) == ("switchboard-dev", 3600, 4)


@pytest.mark.parametrize(
    ("name", "value", "allowed"),
    [
        ("SWITCHBOARD_DAILY_SECRET_ARN", "daily", "a secret's ARN"),
        ("SWITCHBOARD_DAILY_ROOM_PREFIX", "Switch_board", "of a-z, 0-9 and hyphen"),
        ("SWITCHBOARD_DAILY_ROOM_PREFIX", "", "of a-z, 0-9 and hyphen"),
        ("SWITCHBOARD_DAILY_SESSION_SECONDS", "59", "from 60 to 28800"),
        ("SWITCHBOARD_DAILY_MAX_PARTICIPANTS", "201", "from 2 to 200"),
        ("SWITCHBOARD_DAILY_RECORDING", "on", "off, cloud, cloud-audio-only or raw-tracks"),
        ("SWITCHBOARD_DAILY_GEO", "Frankfurt!", "one of Daily's regions"),
        ("DAILY_API_URL", "https://user:word@daily.example", "http:// or https://"),
    ],
)
def test_a_wrong_variable_is_named_with_what_is_allowed(name: str, value: str, allowed: str) -> None:
    read = Reader(environ={**DAILY_VARIABLES, name: value})
    read_daily(read=read)

    with pytest.raises(SettingsError, match=f"{name}: .*{allowed}"):
        read.raise_problems()
