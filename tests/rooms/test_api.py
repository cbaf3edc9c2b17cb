"""One request to Daily: its key, its retries and its errors, over real sockets."""

import json
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
import time_machine
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from shared.credentials import Credentials
from shared.daily import api
from shared.daily.api import DailyAnswer, DailyError, ask
from shared.daily.settings import DailySettings
from shared.errors import ApiError
from tests.connect.aws_stub import AwsStub, Reply
from tests.connect.fake_clock import FakeClock
from tests.connect.test_handler import emf
from tests.rooms.daily_stub import API_KEY, DAILY_SECRET, PREFIX, DailyStub, Fault, daily_secret

type Asking = Callable[..., DailyAnswer]


@pytest.fixture
def asking(settings: DailySettings, credentials: Credentials) -> Asking:
    def one(*, seconds: float = 5.0, method: str = "GET", path: str = "/rooms?limit=100") -> DailyAnswer:
        deadline = time.monotonic() + seconds
        return ask(
            operation="ListRooms",
            method=method,
            path=path,
            daily=settings,
            credentials=credentials,
            deadline=deadline,
        )

    return one


def refusal(asking: Asking, **change: Any) -> ApiError:
    with pytest.raises(ApiError) as raised:
        asking(**change)
    return raised.value


def test_a_success_is_daily_s_json(asking: Asking) -> None:
    answer = asking()

    assert (answer.status, answer.ok, answer.fields) == (200, True, {"total_count": 0, "data": []})


def test_what_is_not_there_is_an_answer(asking: Asking) -> None:
    answer = asking(path="/rooms/nowhere")

    assert (answer.status, answer.ok, answer.error) == (404, False, "not-found")


def test_the_key_is_read_once_for_many_requests(asking: Asking, aws: AwsStub) -> None:
    for _ in range(3):
        asking()

    assert len(aws.secret_requests) == 1


@pytest.mark.parametrize("status", [401, 403])
def test_a_refused_key_is_503_and_counted_for_the_alarm(
    asking: Asking, daily: DailyStub, status: int, capfd: pytest.CaptureFixture[str]
) -> None:
    daily.faults["ListRooms"] = [Fault(status=status)]

    error = refusal(asking)

    assert (error.status, error.code) == (503, "daily_refused_key")
    assert error.note == f"ListRooms: HTTP {status}; put a valid API key into the secret, see docs/daily.md"
    (metric,) = emf(capfd.readouterr().out)
    assert metric == {
        **{"name": "DailyKeyRefused", "value": [1.0], "namespace": "Switchboard"},
        **{"service": "rooms", "deployment": PREFIX},
    }


def test_a_new_key_works_at_once_and_is_not_fetched_for_each_refusal(
    asking: Asking, daily: DailyStub, aws: AwsStub
) -> None:
    with time_machine.travel(datetime(2026, 11, 24, 12, 0, tzinfo=UTC), tick=False) as clock:
        asking()
        daily.api_key = "new" * 8
        clock.shift(11)
        assert refusal(asking).code == "daily_refused_key"
        assert refusal(asking).code == "daily_refused_key"
        assert len(aws.secret_requests) == 2, "the second refusal came too soon after the secret was read"

        aws.other_secrets[DAILY_SECRET] = daily_secret(api_key="new" * 8)
        clock.shift(11)
        assert asking().ok


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("no json", "it is no JSON object"),
        ("[]", "it is no JSON object"),
        ("{}", "apiKey, domainId must be filled in"),
        ('{"apiKey": "", "domainId": " "}', "apiKey, domainId must be filled in"),
        (f'{{"apiKey": "{API_KEY}", "domainId": 7}}', "domainId must be filled in"),
    ],
)
def test_a_secret_of_no_use_says_what_is_wrong(
    asking: Asking, aws: AwsStub, daily: DailyStub, text: str, problem: str
) -> None:
    aws.other_secrets[DAILY_SECRET] = Reply(body=json.dumps({"SecretString": text}).encode())

    error = refusal(asking)

    assert (error.status, error.code) == (503, "daily_secret_unusable")
    assert problem in error.note
    assert API_KEY not in error.note + error.message
    assert not daily.asked


def test_a_secret_that_cannot_be_read_is_503(asking: Asking, aws: AwsStub) -> None:
    aws.other_secrets[DAILY_SECRET] = Reply(status=400, headers={"x-amzn-errortype": "AccessDeniedException"})

    error = refusal(asking)

    assert (error.code, "AccessDeniedException" in error.note) == ("daily_secret_unusable", True)


def test_a_short_storm_of_429_is_waited_out(asking: Asking, daily: DailyStub) -> None:
    daily.faults["ListRooms"] = [Fault(status=429) for _ in range(5)]

    assert asking().ok
    assert daily.count("ListRooms") == 6


def test_waits_grow_are_random_and_end_with_the_time(
    asking: Asking, daily: DailyStub, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = FakeClock()
    monkeypatch.setattr(api, "time", clock)
    monkeypatch.setattr(api, "_FIRST_WAIT_SECONDS", 0.25)
    monkeypatch.setattr(api, "_LONGEST_WAIT_SECONDS", 2.0)
    daily.faults["ListRooms"] = [Fault(status=429) for _ in range(99)]

    error = refusal(asking, seconds=12.0)

    assert (error.status, error.code) == (503, "daily_busy")
    assert 1 <= int(error.headers["retry-after"]) <= 2
    bounds = [0.25, 0.5, 1.0, *[2.0] * 20]
    assert all(bound / 2 <= wait <= bound for wait, bound in zip(clock.sleeps, bounds, strict=False))
    assert len(set(clock.sleeps)) == len(clock.sleeps) >= 8
    assert 8 <= sum(clock.sleeps) <= 11, "a last try must still have a second"


def test_retry_after_is_waited_for_and_not_by_all_to_the_same_moment(
    asking: Asking, daily: DailyStub, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = FakeClock()
    monkeypatch.setattr(api, "time", clock)
    daily.faults["ListRooms"] = [Fault(status=429, headers={"retry-after": "3"}) for _ in range(2)]

    assert asking(seconds=10.0).ok
    assert all(3 < wait < 3.5 for wait in clock.sleeps)
    assert len(set(clock.sleeps)) == 2


def test_a_retry_after_beyond_the_time_is_not_waited_for(asking: Asking, daily: DailyStub) -> None:
    daily.faults["ListRooms"] = [Fault(status=429, headers={"retry-after": "30"})]

    error = refusal(asking)

    assert (error.code, error.headers["retry-after"]) == ("daily_busy", "31")
    assert daily.count("ListRooms") == 1


@pytest.mark.parametrize("said", ["soon", "-1", "99999", "Wed, 21 Oct 2026 07:28:00 GMT"])
def test_a_retry_after_of_no_use_is_none(asking: Asking, daily: DailyStub, said: str) -> None:
    daily.faults["ListRooms"] = [Fault(status=429, headers={"retry-after": said})]

    assert asking().ok


@pytest.mark.parametrize(("status", "carried_out"), [(500, True), (503, True), (302, True), (408, True), (413, False)])
def test_other_statuses_are_502_and_say_whether_it_may_be_done(
    asking: Asking, daily: DailyStub, status: int, carried_out: bool
) -> None:
    daily.faults["ListRooms"] = [Fault(status=status, headers={"location": "http://127.0.0.1:9/"})]

    error = refusal(asking)

    assert isinstance(error, DailyError)
    assert (error.status, error.code, error.carried_out) == (502, "daily_failed", carried_out)
    assert daily.count("ListRooms") == 1, "no redirect is followed, and nothing is tried again"


@pytest.mark.parametrize("body", [b"", b"[]", b"{", b'"text"', b"\xff", b"[" * 100_000])
def test_an_answer_that_is_no_object_is_502(asking: Asking, daily: DailyStub, body: bytes) -> None:
    daily.faults["ListRooms"] = [Fault(body=body)]

    assert refusal(asking).code == "daily_failed"


def test_an_answer_that_never_comes_is_503_within_the_time(asking: Asking, daily: DailyStub) -> None:
    daily.faults["ListRooms"] = [Fault(hang="after")]
    began = time.monotonic()

    error = refusal(asking, seconds=0.6)

    assert isinstance(error, DailyError)
    assert (error.status, error.code, error.carried_out) == (503, "daily_unreachable", True)
    assert time.monotonic() - began < 15


def test_nobody_at_the_address_is_503_and_surely_not_done(
    asking: Asking, environment: dict[str, str], settings: DailySettings, credentials: Credentials
) -> None:
    nowhere = replace(settings, api_url="http://127.0.0.1:9/v1")
    with pytest.raises(DailyError) as raised:
        ask(
            operation="CreateRoom",
            method="POST",
            path="/rooms",
            daily=nowhere,
            credentials=credentials,
            deadline=time.monotonic() + 2,
        )

    assert (raised.value.code, raised.value.carried_out) == ("daily_unreachable", False)
    assert "127.0.0.1" not in raised.value.note


@hypothesis_settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=40)
@given(
    status=st.sampled_from([200, 400, 404]),
    body=st.binary(max_size=300)
    | st.dictionaries(st.text(), st.none() | st.text()).map(lambda it: json.dumps(it).encode()),
)
def test_no_answer_upsets_it(asking: Asking, daily: DailyStub, status: int, body: bytes) -> None:
    daily.faults["ListRooms"] = [Fault(status=status, body=body)]
    if _is_object(body):
        assert asking().fields == json.loads(body)
    else:
        assert refusal(asking).code == "daily_failed"


def _is_object(body: bytes) -> bool:
    try:
        return isinstance(json.loads(body), dict)
    except ValueError:
        return False
