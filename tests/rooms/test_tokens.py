"""Meeting tokens, judged by PyJWT with the key that Daily has."""

import re
import time
from dataclasses import replace
from typing import Any

import jwt
import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from shared.credentials import Credentials
from shared.daily.rooms import Room
from shared.daily.settings import DailySettings, Recording
from shared.daily.tokens import Role, room_token
from tests.connect.aws_stub import AwsStub
from tests.rooms.conftest import ROOM
from tests.rooms.daily_stub import API_KEY, DOMAIN_ID

URL = f"https://example.daily.co/{ROOM}"


def claims_of(token: str) -> dict[str, Any]:
    """What a token says, if it is signed with the domain's key and still valid."""
    claims: dict[str, Any] = jwt.decode(token, API_KEY, algorithms=["HS256"], options={"require": ["exp", "iat"]})
    return claims


def token_of(*, role: Role, daily: DailySettings, credentials: Credentials, name: str = "Ann") -> str:
    room = Room(name=ROOM, url=URL, expires=int(time.time()) + 600)
    return room_token(room=room, daily=daily, credentials=credentials, role=role, name=name)


@pytest.mark.parametrize("role", ["agent", "caller", "guest"])
def test_a_token_is_for_one_room_of_one_domain_until_the_room_s_end(
    settings: DailySettings, credentials: Credentials, role: Role
) -> None:
    began = int(time.time())
    claims = claims_of(token_of(role=role, daily=settings, credentials=credentials))

    assert set(claims) == {"r", "d", "iat", "exp", "ejt", "o", "u", "ud"}, "and no key but the one that signed it"
    assert (claims["r"], claims["d"], claims["u"]) == (ROOM, DOMAIN_ID, "Ann")
    assert (claims["ejt"], claims["o"]) == (True, role == "agent")
    assert began <= claims["iat"] <= time.time()
    assert began + 600 <= claims["exp"] <= time.time() + 600
    assert re.fullmatch("guest-[0-9a-f]{8}" if role == "guest" else role, claims["ud"])


def test_guests_are_told_apart(settings: DailySettings, credentials: Credentials) -> None:
    tokens = [token_of(role="guest", daily=settings, credentials=credentials) for _ in range(20)]

    assert len({claims_of(token)["ud"] for token in tokens}) == 20


@pytest.mark.parametrize("recording", ["cloud", "cloud-audio-only", "raw-tracks"])
def test_only_the_agent_records(settings: DailySettings, credentials: Credentials, recording: Recording) -> None:
    recorded = replace(settings, recording=recording)
    agent, caller = (
        claims_of(token_of(role=role, daily=recorded, credentials=credentials)) for role in ("agent", "caller")
    )

    assert (agent["sr"], agent["er"]) == (True, recording)
    assert not {"sr", "er"} & set(caller)


def test_a_token_of_a_room_that_is_over_is_void(settings: DailySettings, credentials: Credentials) -> None:
    over = Room(name=ROOM, url=URL, expires=int(time.time()) - 1)
    token = room_token(room=over, daily=settings, credentials=credentials, role="caller", name="Ann")

    with pytest.raises(jwt.ExpiredSignatureError):
        claims_of(token)


def test_another_key_s_token_is_void(settings: DailySettings, credentials: Credentials) -> None:
    token = token_of(role="caller", daily=settings, credentials=credentials)

    with pytest.raises(jwt.InvalidSignatureError):
        jwt.decode(token, "1" * 64, algorithms=["HS256"])


def test_it_costs_no_request_of_daily_and_one_of_the_secret(
    settings: DailySettings, credentials: Credentials, aws: AwsStub
) -> None:
    for role in ("agent", "caller"):
        token_of(role=role, daily=settings, credentials=credentials)

    assert len(aws.secret_requests) == 1


@hypothesis_settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=50)
@given(name=st.text(min_size=1, max_size=64))
def test_any_name_survives(settings: DailySettings, credentials: Credentials, name: str) -> None:
    assert claims_of(token_of(role="guest", daily=settings, credentials=credentials, name=name))["u"] == name


def test_neither_room_nor_settings_give_away_what_is_confidential(settings: DailySettings) -> None:
    assert URL not in repr(Room(name=ROOM, url=URL, expires=1))
    assert API_KEY not in repr(settings)
