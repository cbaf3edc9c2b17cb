import json
import re
from collections.abc import Iterator
from typing import Any

import pytest
import time_machine

from connect.settings import Settings
from connect.turn import IceAnswer, ice_servers, kvs, kvs_channel
from connect.turn_settings import KvsTurn
from shared.aws_request import send_signed
from shared.credentials import Credentials
from shared.errors import ApiError
from tests.connect.aws_stub import Reply
from tests.connect.conftest import SESSION_TOKEN
from tests.connect.turn.cloud import PASSWORD, PREFIX, TurnCloud, kvs_answer, throttled
from tests.connect.turn.conftest import Deploy

NAMES = ("0", "1", "2")
NOON = 1_800_000_000.0


@pytest.fixture(autouse=True)
def _new_process(monkeypatch: pytest.MonkeyPatch) -> None:
    """A process that remembers nothing, and gives up a hanging request sooner than the deployed one."""
    monkeypatch.setattr(kvs, "_pool", kvs.ChannelPool())
    monkeypatch.setattr(kvs, "ATTEMPT_SECONDS", 0.3)


@pytest.fixture
def clock() -> Iterator[time_machine.Traveller]:
    with time_machine.travel(NOON, tick=False) as traveller:
        yield traveller


class Caller:
    def __init__(self, *, settings: Settings, credentials: Credentials) -> None:
        self._settings = settings
        self._credentials = credentials

    def answer(self) -> IceAnswer:
        return ice_servers(settings=self._settings, credentials=self._credentials)

    def channel(self) -> str:
        """Whose answer a call got."""
        return self.answer().servers[0].username.partition(":")[2]

    def refusal(self) -> ApiError:
        with pytest.raises(ApiError) as raised:
            self.answer()
        return raised.value


@pytest.fixture
def caller(deploy: Deploy, credentials: Credentials) -> Caller:
    return Caller(settings=deploy("kvs"), credentials=credentials)


@pytest.fixture
def unsharing_caller(deploy: Deploy, credentials: Credentials) -> Caller:
    return Caller(settings=deploy("kvs", SWITCHBOARD_ICE_REUSE_SECONDS="0"), credentials=credentials)


def turn_of(number: int, *, after: float = 0) -> float:
    """The next moment, so many seconds after noon, at which the channel of this number has its turn in a pool of 3."""
    turn = int((NOON + after) * kvs.CHANNEL_TURNS_PER_SECOND * 3) + 1
    while turn % 3 != number:
        turn += 1
    return (turn + 0.5) / (kvs.CHANNEL_TURNS_PER_SECOND * 3)


def test_a_call_asks_once_where_the_channels_own_endpoint_is(
    cloud: TurnCloud, caller: Caller, clock: time_machine.Traveller
) -> None:
    answer = caller.answer()

    (endpoint_request,), (ice_request,) = cloud.endpoint_requests, cloud.ice_requests
    assert re.fullmatch(rf"{PREFIX}([0-2])/170000000000\1", ice_request.message["ChannelARN"])
    assert ice_request.message.keys() == {"ChannelARN", "Service"}
    assert ice_request.message["Service"] == "TURN"
    assert ice_request.headers["host"].startswith("localhost:"), "the endpoint that was answered, not ours"
    assert "/eu-west-1/kinesisvideo/aws4_request" in ice_request.headers["authorization"]
    assert ice_request.headers["x-amz-security-token"] == SESSION_TOKEN
    assert endpoint_request.message["SingleMasterChannelEndpointConfiguration"] == {
        "Protocols": ["HTTPS"],
        "Role": "MASTER",
    }
    assert answer.expires_at == NOON + 300
    assert [server.as_json() for server in answer.servers] == [
        {
            "urls": [
                f"turn:{host}.example.com:443?transport=udp",
                f"turns:{host}.example.com:443?transport=udp",
                f"turns:{host}.example.com:443?transport=tcp",
            ],
            "username": answer.servers[0].username,
            "credential": PASSWORD,
        }
        for host in ("a", "b")
    ]


def test_udp_goes_first_whatever_the_order_was(cloud: TurnCloud, caller: Caller) -> None:
    shuffled = kvs_answer(name="0")
    for server in shuffled["IceServerList"]:
        server["Uris"].reverse()
    cloud.ice_replies = dict.fromkeys(NAMES, Reply(body=json.dumps(shuffled).encode()))

    urls = caller.answer().servers[0].urls

    assert [url.partition(":")[0] + url[-4:] for url in urls] == ["turn=udp", "turns=udp", "turns=tcp"]


def test_endpoints_are_resolved_once_a_channel_and_process(cloud: TurnCloud, unsharing_caller: Caller) -> None:
    for number in (0, 1, 2, 2, 1, 0):
        with time_machine.travel(turn_of(number), tick=False):
            assert unsharing_caller.channel() == str(number)

    assert len(cloud.endpoint_requests) == 3
    assert cloud.asked == {"0": 2, "1": 2, "2": 2}


def test_life_is_counted_from_the_requests_start(
    cloud: TurnCloud, caller: Caller, clock: time_machine.Traveller, monkeypatch: pytest.MonkeyPatch
) -> None:
    def slow(**arguments: Any) -> object:
        response = send_signed(**arguments)
        clock.shift(1.5)
        return response

    monkeypatch.setattr("connect.turn.kvs_channel.send_signed", slow)

    assert caller.answer().expires_at == NOON + 1.5 + 300, "the endpoint's request took 1.5 s, and then it was asked"


@pytest.mark.parametrize(
    ("age", "asked"), [(0.0, 1), (19.999, 1), (20.0, 2), (-0.001, 2)], ids=["at once", "last", "past", "back in time"]
)
def test_an_answer_serves_within_its_window(
    cloud: TurnCloud, deploy: Deploy, credentials: Credentials, age: float, asked: int
) -> None:
    one_channel = deploy("kvs", SWITCHBOARD_KVS_CHANNEL_CREATION_TIMES="1700000000000")
    caller = Caller(settings=one_channel, credentials=credentials)
    with time_machine.travel(NOON, tick=False):
        caller.answer()
    with time_machine.travel(NOON + age, tick=False):
        caller.answer()

    assert len(cloud.ice_requests) == asked


@pytest.mark.parametrize(("ttl", "age", "asked"), [(230, 30, 1), (230, 30.001, 2), (199, 0, 2), (300, 100, 2)])
def test_nobody_gets_a_used_credential_with_less_than_200_seconds_left(
    cloud: TurnCloud, deploy: Deploy, credentials: Credentials, ttl: int, age: float, asked: int
) -> None:
    settings = deploy(
        "kvs", SWITCHBOARD_KVS_CHANNEL_CREATION_TIMES="1700000000000", SWITCHBOARD_ICE_REUSE_SECONDS="100"
    )
    caller = Caller(settings=settings, credentials=credentials)
    cloud.ttl = ttl
    with time_machine.travel(NOON, tick=False):
        assert caller.answer().expires_at == NOON + ttl
    with time_machine.travel(NOON + age, tick=False):
        answer = caller.answer()

    assert len(cloud.ice_requests) == asked
    assert answer.expires_at == NOON + ttl + (age if asked == 2 else 0)


def test_without_reuse_every_call_asks(cloud: TurnCloud, unsharing_caller: Caller, clock: object) -> None:
    for _ in range(4):
        unsharing_caller.answer()

    assert cloud.asked.total() == 4


def test_a_remembered_answer_takes_its_channels_turn_and_the_others_are_asked_in_theirs(
    cloud: TurnCloud, caller: Caller
) -> None:
    served = []
    for call, number in enumerate((0, 1, 2, 0, 1, 2)):
        with time_machine.travel(turn_of(number, after=3 * call), tick=False):
            served.append(caller.channel())

    assert served == ["0", "1", "2", "0", "1", "2"]
    assert cloud.asked == {"0": 1, "1": 1, "2": 1}


def test_a_process_with_an_answer_leaves_the_pool_to_those_without(cloud: TurnCloud, caller: Caller) -> None:
    began = turn_of(0)
    with time_machine.travel(began, tick=False):
        caller.answer()
    pause = 1 / (kvs.REFRESHES_PER_SECOND * 3)
    for later in (0.1, 0.2, 0.3, pause - 0.001):
        with time_machine.travel(began + later, tick=False):
            assert caller.channel() == "0"
    assert cloud.asked == {"0": 1}

    with time_machine.travel(turn_of(1, after=began - NOON + pause), tick=False):
        assert caller.channel() == "1"


def test_answers_at_hand_share_the_turn_of_a_channel_that_has_none(cloud: TurnCloud, caller: Caller) -> None:
    for moment in (turn_of(0), turn_of(1, after=3)):
        with time_machine.travel(moment, tick=False):
            caller.answer()
    with time_machine.travel(turn_of(2, after=turn_of(1, after=3) - NOON), tick=False):
        assert {caller.channel() for _ in range(50)} == {"0", "1"}

    assert cloud.asked == {"0": 1, "1": 1}


def test_a_channel_that_throttles_is_tried_once_and_then_another(cloud: TurnCloud, unsharing_caller: Caller) -> None:
    cloud.ice_replies = {"0": throttled(), "1": throttled()}
    for _ in range(6):
        cloud.ice_requests.clear()

        assert unsharing_caller.channel() == "2"
        assert max(cloud.asked.values()) == 1


@pytest.mark.parametrize(
    ("reply", "cause"),
    [
        (throttled(), "ClientLimitExceededException"),
        (Reply(status=429), "HTTP 429"),
        (Reply(status=500), "HTTP 500"),
        (Reply(status=401, headers={"x-amzn-errortype": "NotAuthorizedException"}), "NotAuthorizedException"),
        (Reply(hang="before"), "ReadTimeoutError"),
        (Reply(body=b"<html>"), "malformed answer: no JSON object"),
        (Reply(body=b"[" * 100_000), "malformed answer: no JSON object"),
        (Reply(body=b" " * 300_000), "ResponseTooLarge"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_when_all_channels_fail_the_caller_may_try_again(
    cloud: TurnCloud, unsharing_caller: Caller, reply: Reply, cause: str
) -> None:
    cloud.ice_replies = dict.fromkeys(NAMES, reply)

    refusal = unsharing_caller.refusal()

    assert (refusal.status, refusal.code) == (503, "turn_unavailable")
    assert refusal.headers == {"retry-after": "1"}
    assert refusal.note == f"KVS, 3 of 3 channels tried: 3 x {cause}"
    assert cloud.asked == {"0": 1, "1": 1, "2": 1}, "each once"


def test_the_budget_ends_the_attempts(
    cloud: TurnCloud, unsharing_caller: Caller, monkeypatch: pytest.MonkeyPatch
) -> None:
    cloud.ice_replies = dict.fromkeys(NAMES, Reply(hang="before"))
    monkeypatch.setattr(kvs, "BUDGET_SECONDS", 0.5)

    assert "1 of 3 channels tried" in unsharing_caller.refusal().note


def test_a_remembered_answer_of_another_channel_serves_when_one_throttles(cloud: TurnCloud, caller: Caller) -> None:
    began = turn_of(0)
    with time_machine.travel(began, tick=False):
        caller.answer()
    cloud.ice_replies = dict.fromkeys(NAMES, throttled())
    with time_machine.travel(turn_of(1, after=13), tick=False):
        assert caller.channel() == "0"
    assert cloud.asked == {"0": 1, "1": 1}, "one try, and no more while an answer is there"

    with time_machine.travel(began + 20, tick=False):
        assert caller.refusal().code == "turn_unavailable"


@pytest.mark.parametrize("reply", [Reply(status=404, headers={"x-amzn-errortype": "ResourceNotFoundException"}), None])
def test_a_stale_endpoint_is_forgotten(cloud: TurnCloud, unsharing_caller: Caller, reply: Reply | None) -> None:
    if reply:
        cloud.ice_replies = dict.fromkeys(NAMES, reply)
    else:
        cloud.endpoint = "http://127.0.0.1:9"  # nobody listens at the discard port
    unsharing_caller.refusal()

    cloud.ice_replies, cloud.endpoint = {}, ""
    unsharing_caller.answer()

    assert len(cloud.endpoint_requests) == 4, "three that went stale, and one anew"


def test_an_endpoint_that_throttles_is_kept(cloud: TurnCloud, unsharing_caller: Caller) -> None:
    cloud.ice_replies = dict.fromkeys(NAMES, throttled())
    unsharing_caller.refusal()
    unsharing_caller.refusal()

    assert len(cloud.endpoint_requests) == 3


@pytest.mark.parametrize(
    "listed",
    [
        None,
        [],
        [{"Protocol": "WSS", "ResourceEndpoint": "https://v-1.kinesisvideo.eu-west-1.amazonaws.com"}],
        [{"Protocol": "HTTPS", "ResourceEndpoint": "https://user:word@elsewhere.example.com"}],
        [{"Protocol": "HTTPS", "ResourceEndpoint": "ftp://elsewhere.example.com"}],
        [{"Protocol": "HTTPS", "ResourceEndpoint": 7}],
        ["https://v-1.kinesisvideo.eu-west-1.amazonaws.com"],
    ],
)
def test_an_endpoint_is_checked_before_our_signature_goes_there(
    cloud: TurnCloud, unsharing_caller: Caller, listed: object
) -> None:
    reply = Reply(body=json.dumps({"ResourceEndpointList": listed}).encode())
    cloud.endpoint_replies = dict.fromkeys(NAMES, reply)

    refusal = unsharing_caller.refusal()

    assert "3 x malformed answer: " in refusal.note
    assert not cloud.ice_requests


def test_our_signature_goes_out_in_clear_only_where_the_deployments_own_endpoint_does(
    deploy: Deploy, credentials: Credentials
) -> None:
    on_loopback = deploy("kvs").turn
    on_aws = deploy("kvs", AWS_ENDPOINT_URL_KINESIS_VIDEO="https://kinesisvideo.eu-west-1.amazonaws.com").turn
    assert isinstance(on_loopback, KvsTurn)
    assert isinstance(on_aws, KvsTurn)

    assert kvs_channel._is_endpoint("http://127.0.0.1:1", turn=on_loopback)
    assert not kvs_channel._is_endpoint("http://127.0.0.1:1", turn=on_aws)
    assert kvs_channel._is_endpoint("https://v-1.kinesisvideo.eu-west-1.amazonaws.com", turn=on_aws)


def test_no_credential_can_be_seen(cloud: TurnCloud, caller: Caller) -> None:
    answer = caller.answer()

    assert answer.servers[0].credential == PASSWORD
    assert PASSWORD not in repr(answer)


def test_a_refusal_names_no_channel(cloud: TurnCloud, unsharing_caller: Caller) -> None:
    cloud.ice_replies = dict.fromkeys(NAMES, throttled())

    refusal = unsharing_caller.refusal()

    assert not re.search("arn:|http|127|localhost", refusal.note + refusal.message)
