"""POST /start over Daily: a room for each session with its agent in it, or no room at all."""

import json
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import jwt
import pytest
import time_machine

from connect import room
from connect.session_id import owned_place
from shared.credentials import Credentials, load_credentials
from shared.daily.ending import EJECT_SECONDS
from shared.daily.rooms import TAKE_BACK_SECONDS
from shared.errors import ApiError
from tests.connect.aws_stub import AwsStub, Reply
from tests.connect.conftest import CALLERS_WORD, CREDENTIALS, SESSION_KEY, Answered, Function, agent_says
from tests.connect.test_handler import emf
from tests.rooms.daily_stub import API_KEY, DAILY_SECRET, DOMAIN_ID, PREFIX, DailyStub, Fault

pytestmark = pytest.mark.usefixtures("in_daily")


def claims_of(token: str) -> dict[str, Any]:
    """What a token says, if Daily would take it."""
    claims: dict[str, Any] = jwt.decode(token, API_KEY, algorithms=["HS256"], options={"require": ["exp", "iat"]})
    return claims


def place_of(answered: Answered, *, subject: str = "ann") -> str | None:
    return owned_place(key=SESSION_KEY.encode(), subject=subject, session_id=answered.session_id)


def test_a_caller_gets_a_room_with_the_agent_in_it(in_daily: Function, daily: DailyStub, aws: AwsStub) -> None:
    began = int(time.time())
    answered = in_daily.start_daily(agent_body={"word": CALLERS_WORD})

    name = f"{PREFIX}-{answered.session_id[:32]}"
    assert (answered.status, set(answered.body)) == (200, {"dailyRoom", "dailyToken", "sessionId"})
    assert answered.body["dailyRoom"] == f"https://example.daily.co/{name}"
    assert answered.body["sessionId"] == answered.session_id
    assert (place_of(answered), place_of(answered, subject="bob")) == ("room", None)
    caller = claims_of(answered.body["dailyToken"])
    assert (caller["r"], caller["d"], caller["o"], caller["ejt"]) == (name, DOMAIN_ID, False, True)
    assert (caller["u"], caller["ud"]) == ("Caller", "caller")
    assert began + 3600 <= caller["exp"] <= time.time() + 3600

    (invoked,) = aws.invoke_requests
    assert invoked.headers["x-amzn-bedrock-agentcore-runtime-session-id"] == answered.session_id
    message = invoked.message
    agent = claims_of(message.pop("token"))
    assert message == {
        "type": "join",
        "roomUrl": answered.body["dailyRoom"],
        "expires": caller["exp"],
        "body": {"word": CALLERS_WORD},
        "caller": "",
        "phone": None,
    }
    assert (agent["r"], agent["d"], agent["o"], agent["exp"]) == (name, DOMAIN_ID, True, caller["exp"])
    assert (agent["u"], agent["ud"]) == ("Agent", "agent")
    assert API_KEY not in invoked.body.decode()
    assert daily.made == [name]
    assert len(daily.asked) == 1, "a start costs one request of Daily"


def test_a_pipecat_client_that_asks_for_a_daily_room_gets_one(in_daily: Function) -> None:
    answered = in_daily.start('{"createDailyRoom": true}')

    assert set(answered.body) == {"dailyRoom", "dailyToken", "sessionId"}


def test_daily_serves_a_caller_who_names_no_transport_where_it_is_first(
    in_daily: Function, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SWITCHBOARD_TRANSPORTS", "daily,websocket")

    assert "dailyRoom" in in_daily.start().body


def test_a_websocket_start_has_no_room(in_daily: Function, daily: DailyStub) -> None:
    answered = in_daily.start('{"transport": "websocket"}')

    assert (set(answered.body), place_of(answered)) == ({"wsUrl"}, "direct")
    assert not daily.asked


def test_with_memory_the_agent_is_told_whose_call_it_is(
    in_daily: Function, aws: AwsStub, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SWITCHBOARD_MEMORY", "on")
    in_daily.start_daily()
    in_daily.start_daily()
    in_daily.start_daily(subject="bob")

    first, second, of_bob = (request.message["caller"] for request in aws.invoke_requests)
    assert first == second != of_bob
    assert len(first) == 64


@pytest.mark.parametrize(
    ("reply", "status", "code"),
    [
        (agent_says({"error": {"code": "no_daily", "message": "x"}}), 501, "no_daily"),
        (agent_says({"error": {"code": "session_busy", "message": "x"}}), 409, "session_busy"),
        (agent_says({"error": {"code": "stopping", "message": "x"}}), 502, "agent_failed"),
        (agent_says({"error": {"code": "agent_failed", "message": "x"}}), 502, "agent_failed"),
        (Reply(status=424), 502, "agent_failed"),
        (Reply(status=500), 502, "agentcore_failed"),
        (Reply(body=b"[]"), 502, "agent_failed"),
    ],
)
def test_an_agent_that_does_not_come_leaves_no_room(
    in_daily: Function, daily: DailyStub, aws: AwsStub, reply: Reply, status: int, code: str
) -> None:
    aws.invocations = [reply]

    answered = in_daily.start_daily()

    assert (answered.status, answered.code) == (status, code)
    assert "dailyToken" not in json.dumps(answered.body)
    assert (len(daily.made), len(daily.rooms)) == (1, 0)


def test_an_agent_that_is_never_heard_of_leaves_no_room(
    in_daily: Function, daily: DailyStub, aws: AwsStub, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(room, "BUDGET_SECONDS", 1.2)
    monkeypatch.setattr(room, "ANSWER_SECONDS", -20.0)
    aws.invocations = [Reply(hang="before")]

    answered = in_daily.start_daily()

    assert (answered.status, answered.code) == (504, "agent_too_late")
    assert (daily.count("GetRoomPresence"), len(daily.rooms)) == (1, 0), "it might have come after all"


def test_a_room_that_stays_behind_a_failed_start_is_counted(
    in_daily: Function, daily: DailyStub, aws: AwsStub, capfd: pytest.CaptureFixture[str]
) -> None:
    aws.invocations = [Reply(status=424)]
    daily.faults["DeleteRoom"] = [Fault(status=429, headers={"retry-after": "30"})]

    assert in_daily.start_daily().code == "agent_failed"
    counted = [metric["name"] for metric in emf(capfd.readouterr().out)]
    assert "RoomsLeft" in counted


@pytest.mark.parametrize(
    ("faults", "status", "code"),
    [
        ([Fault(status=401)], 503, "daily_refused_key"),
        ([Fault(status=403)], 503, "daily_refused_key"),
        ([Fault(status=429, headers={"retry-after": "60"})], 503, "daily_busy"),
        ([Fault(status=500)], 502, "daily_failed"),
        ([Fault(body=b"{")], 502, "daily_failed"),
    ],
)
def test_without_a_room_no_agent_is_called(
    in_daily: Function, daily: DailyStub, aws: AwsStub, faults: list[Fault], status: int, code: str
) -> None:
    daily.faults["CreateRoom"] = faults

    answered = in_daily.start_daily()

    assert (answered.status, answered.code) == (status, code)
    assert not aws.invoke_requests
    assert not daily.rooms
    assert ("retry-after" in answered.headers) == (code != "daily_refused_key")


def test_a_refused_key_is_counted_apart_from_the_request(
    in_daily: Function, daily: DailyStub, capfd: pytest.CaptureFixture[str]
) -> None:
    daily.api_key = "another"

    answered = in_daily.start_daily()

    assert answered.body["error"]["message"].startswith("Daily refuses the service's API key.")
    counted = {metric["name"]: metric for metric in emf(capfd.readouterr().out)}
    common = {"value": [1.0], "namespace": "Switchboard", "service": "connect"}
    assert counted["DailyKeyRefused"] == {"name": "DailyKeyRefused", "deployment": PREFIX, **common}
    assert counted["Refused"] == {"name": "Refused", "code": "daily_refused_key", **common}


def test_a_secret_that_nobody_filled_in_says_so_to_the_operator(
    in_daily: Function, aws: AwsStub, log_text: Any
) -> None:
    aws.other_secrets[DAILY_SECRET] = Reply(
        body=json.dumps({"SecretString": '{"apiKey": "", "domainId": ""}'}).encode()
    )

    answered = in_daily.start_daily()

    assert (answered.status, answered.code) == (503, "daily_secret_unusable")
    assert "apiKey, domainId must be filled in; see docs/daily.md" in log_text.getvalue()


def test_daily_s_answer_that_is_lost_leaves_no_room(
    in_daily: Function, daily: DailyStub, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("shared.daily.api.TIMEOUT_SECONDS", 1.5)
    daily.faults["CreateRoom"] = [Fault(hang="after")]

    assert in_daily.start_daily().code == "daily_unreachable"
    assert not daily.rooms


class Deployment:
    """The way into a room for many callers at once, as each of them has a function of their own."""

    def __init__(self, *, function: Function, credentials: Credentials) -> None:
        self.settings = function.module.cached_settings()
        self.credentials = credentials

    def start(self, number: int) -> dict[str, object] | str:
        try:
            return room.room_way_in(
                session_id=f"{number:096x}",
                subject="ann",
                agent_body=b"",
                settings=self.settings,
                credentials=self.credentials,
            )
        except ApiError as error:
            return error.code

    def start_many(self, count: int) -> list[dict[str, object] | str]:
        with ThreadPoolExecutor(count) as pool:
            # The random half comes first in an id, and is what names a room.
            return list(pool.map(self.start, [number << 256 for number in range(count)]))


@pytest.fixture
def deployment(in_daily: Function) -> Deployment:
    return Deployment(function=in_daily, credentials=load_credentials(environ=CREDENTIALS))


def test_many_starts_at_once_have_a_room_each_although_daily_is_busy(deployment: Deployment, daily: DailyStub) -> None:
    daily.faults["CreateRoom"] = [Fault(status=429) for _ in range(60)]

    ways_in = deployment.start_many(40)

    assert [error for error in ways_in if isinstance(error, str)] == []
    tokens = [claims_of(str(way_in["dailyToken"])) for way_in in ways_in if isinstance(way_in, dict)]
    assert len(daily.made) == len(daily.rooms) == len({token["r"] for token in tokens}) == 40
    assert daily.count("CreateRoom") == 100


def test_of_many_starts_whose_agents_refuse_no_room_stays(
    deployment: Deployment, daily: DailyStub, aws: AwsStub
) -> None:
    aws.invocations = [agent_says({"error": {"code": "session_busy", "message": "x"}})]

    assert deployment.start_many(40) == ["session_busy"] * 40
    assert (len(daily.made), len(daily.rooms)) == (40, 0)


def test_the_whole_takes_less_time_than_api_gateway_has() -> None:
    assert room.BUDGET_SECONDS + EJECT_SECONDS + TAKE_BACK_SECONDS < 29


def test_a_room_s_end_and_its_tokens_are_the_deployment_s_choice(
    in_daily: Function, daily: DailyStub, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SWITCHBOARD_DAILY_SESSION_SECONDS", "600")
    monkeypatch.setenv("SWITCHBOARD_DAILY_RECORDING", "cloud-audio-only")
    with time_machine.travel(1_796_000_000.5, tick=False):
        answered = in_daily.start_daily()
        claims = claims_of(answered.body["dailyToken"])

    assert (claims["iat"], claims["exp"]) == (1_796_000_000, 1_796_000_600)
    assert "sr" not in claims
    assert daily.asked[0].payload["properties"]["enable_recording"] == "cloud-audio-only"
