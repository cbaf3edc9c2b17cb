"""Channels, their endpoint and their ICE servers, as the services' models define them."""

import base64
import hashlib
import hmac
from typing import Any

import pytest

from local.kinesisvideo.service import Operation

from .signaling import BASE_URL, NOW, TURN, RefusedError, Signaling

CREATE = Operation.CREATE_SIGNALING_CHANNEL
ICE = Operation.GET_ICE_SERVER_CONFIG
INVALID = (400, "InvalidArgumentException")
NOT_FOUND = (404, "ResourceNotFoundException")


@pytest.fixture
def signaling() -> Signaling:
    return Signaling()


def refusal(signaling: Signaling, operation: Operation, **members: Any) -> tuple[int, str]:
    with pytest.raises(RefusedError) as error:
        signaling.ask(operation, **members)
    return error.value.status, error.value.code


def test_a_channel_s_arn_ends_with_its_name_and_the_milliseconds_of_its_creation(signaling: Signaling) -> None:
    arn = signaling.create("turn-0")

    assert arn == "arn:aws:kinesisvideo:us-east-1:123456789012:channel/turn-0/1800000000000"
    found = signaling.ask(Operation.DESCRIBE_SIGNALING_CHANNEL, ChannelName="turn-0")["ChannelInfo"]
    assert found == signaling.ask(Operation.DESCRIBE_SIGNALING_CHANNEL, ChannelARN=arn)["ChannelInfo"]
    assert found == {
        "ChannelName": "turn-0",
        "ChannelARN": arn,
        "ChannelType": "SINGLE_MASTER",
        "ChannelStatus": "ACTIVE",
        "CreationTime": NOW,
        "SingleMasterConfiguration": {"MessageTtlSeconds": 60},
        "Version": found["Version"],
    }


def test_a_name_is_taken_until_its_channel_is_deleted_and_then_the_old_arn_finds_nothing(signaling: Signaling) -> None:
    old = signaling.create("turn-0")
    assert refusal(signaling, CREATE, ChannelName="turn-0") == (400, "ResourceInUseException")
    signaling.ask(Operation.DELETE_SIGNALING_CHANNEL, ChannelARN=old)
    signaling.clock.now += 1

    new = signaling.create("turn-0")

    assert refusal(signaling, ICE, ChannelARN=old) == NOT_FOUND
    assert signaling.ice_servers(new)


def test_an_update_needs_the_current_version_and_makes_the_next(signaling: Signaling) -> None:
    arn = signaling.create("turn-0", SingleMasterConfiguration={"MessageTtlSeconds": 5})
    version = signaling.service.channels.find(arn).version
    update = {"ChannelARN": arn, "SingleMasterConfiguration": {"MessageTtlSeconds": 120}}

    signaling.ask(Operation.UPDATE_SIGNALING_CHANNEL, CurrentVersion=version, **update)

    assert signaling.service.channels.find(arn).message_ttl_seconds == 120
    mismatch = (400, "VersionMismatchException")
    assert refusal(signaling, Operation.UPDATE_SIGNALING_CHANNEL, CurrentVersion=version, **update) == mismatch
    assert refusal(signaling, Operation.DELETE_SIGNALING_CHANNEL, CurrentVersion=version, ChannelARN=arn) == mismatch
    assert refusal(signaling, Operation.UPDATE_SIGNALING_CHANNEL, **update) == INVALID


def test_tags_are_kept_added_and_taken_away(signaling: Signaling) -> None:
    arn = signaling.create("turn-0", Tags=[{"Key": "env", "Value": "dev"}, {"Key": "kept", "Value": ""}])
    signaling.ask(Operation.TAG_RESOURCE, ResourceARN=arn, Tags=[{"Key": "env", "Value": "prod"}])
    signaling.ask(Operation.TAG_RESOURCE, ResourceARN=arn, Tags=[{"Key": "gone", "Value": "x"}])
    signaling.ask(Operation.UNTAG_RESOURCE, ResourceARN=arn, TagKeyList=["gone"])

    assert signaling.ask(Operation.LIST_TAGS_FOR_RESOURCE, ResourceARN=arn)["Tags"] == {"env": "prod", "kept": ""}
    many = [{"Key": f"key-{number}", "Value": ""} for number in range(49)]
    assert refusal(signaling, Operation.TAG_RESOURCE, ResourceARN=arn, Tags=many) == (
        400,
        "TagsPerResourceExceededLimitException",
    )


def test_channels_are_listed_by_name_in_pages(signaling: Signaling) -> None:
    for name in ("b-1", "a-1", "a-3", "a-2"):
        signaling.create(name)
    condition = {"ComparisonOperator": "BEGINS_WITH", "ComparisonValue": "a-"}
    ask = {"ChannelNameCondition": condition, "MaxResults": 2}

    first = signaling.ask(Operation.LIST_SIGNALING_CHANNELS, **ask)
    rest = signaling.ask(Operation.LIST_SIGNALING_CHANNELS, **ask, NextToken=first["NextToken"])

    names = [[channel["ChannelName"] for channel in page["ChannelInfoList"]] for page in (first, rest)]
    assert names == [["a-1", "a-2"], ["a-3"]]
    assert "NextToken" not in rest


def test_the_endpoint_of_every_channel_is_the_cloud_itself(signaling: Signaling) -> None:
    assert signaling.endpoint(signaling.create("turn-0")) == [{"Protocol": "HTTPS", "ResourceEndpoint": BASE_URL}]


def test_ice_servers_have_the_shape_of_kvs_and_credentials_for_300_seconds(signaling: Signaling) -> None:
    servers = signaling.ice_servers(signaling.create("turn-0"), Service="TURN", ClientId="viewer", Username="alice")

    username = "1800000300:turn-0"
    mac = hmac.new(TURN.secret.encode(), username.encode(), hashlib.sha1).digest()
    assert servers == [
        {
            "Uris": [
                f"turn:{address}?transport=udp",
                f"turns:{address}?transport=udp",
                f"turns:{address}?transport=tcp",
            ],
            "Username": username,
            "Password": base64.b64encode(mac).decode(),
            "Ttl": 300,
        }
        for address in ("192.0.2.1:3478", "192.0.2.2:3478")
    ]


LONGEST = "n" * 256
WRONG: dict[str, tuple[Operation, dict[str, Any]]] = {
    "no name": (CREATE, {}),
    "empty name": (CREATE, {"ChannelName": ""}),
    "name too long": (CREATE, {"ChannelName": LONGEST + "n"}),
    "name with a slash": (CREATE, {"ChannelName": "a/b"}),
    "name with a line feed": (CREATE, {"ChannelName": "a\n"}),
    "unknown type": (CREATE, {"ChannelName": "a", "ChannelType": "FULL_MESH"}),
    "TTL too short": (CREATE, {"ChannelName": "a", "SingleMasterConfiguration": {"MessageTtlSeconds": 4}}),
    "TTL too long": (CREATE, {"ChannelName": "a", "SingleMasterConfiguration": {"MessageTtlSeconds": 121}}),
    "TTL no number": (CREATE, {"ChannelName": "a", "SingleMasterConfiguration": {"MessageTtlSeconds": "60"}}),
    "TTL a truth": (CREATE, {"ChannelName": "a", "SingleMasterConfiguration": {"MessageTtlSeconds": True}}),
    "unknown member": (CREATE, {"ChannelName": "a", "Name": "a"}),
    "tags as a mapping": (CREATE, {"ChannelName": "a", "Tags": {"a": "b"}}),
    "tag without a value": (CREATE, {"ChannelName": "a", "Tags": [{"Key": "a"}]}),
    "tag twice": (CREATE, {"ChannelName": "a", "Tags": [{"Key": "a", "Value": ""}] * 2}),
    "tag with a bracket": (CREATE, {"ChannelName": "a", "Tags": [{"Key": "a(", "Value": ""}]}),
    "describe nothing": (Operation.DESCRIBE_SIGNALING_CHANNEL, {}),
    "no ARN": (ICE, {}),
    "a name for an ARN": (ICE, {"ChannelARN": "turn-0"}),
    "a stream's ARN": (ICE, {"ChannelARN": "arn:aws:kinesisvideo:us-east-1:123456789012:stream/a/1"}),
    "ARN without a time": (ICE, {"ChannelARN": "arn:aws:kinesisvideo:us-east-1:123456789012:channel/turn-0"}),
    "page of 0": (Operation.LIST_SIGNALING_CHANNELS, {"MaxResults": 0}),
    "token that is none": (Operation.LIST_SIGNALING_CHANNELS, {"NextToken": "?"}),
}


@pytest.mark.parametrize("what", WRONG)
def test_what_the_models_do_not_allow_is_an_invalid_argument(signaling: Signaling, what: str) -> None:
    operation, members = WRONG[what]
    assert refusal(signaling, operation, **members) == INVALID
    assert signaling.service.channels.all() == []


@pytest.mark.parametrize("members", [{"Service": "STUN"}, {"ClientId": "a b"}, {"Username": ""}, {"Role": "MASTER"}])
def test_wrong_members_beside_a_right_channel_are_refused(signaling: Signaling, members: dict[str, str]) -> None:
    arn = signaling.create("turn-0")
    assert refusal(signaling, ICE, ChannelARN=arn, **members) == INVALID
    assert signaling.service.ice_server_configs.requests.total() == 0


@pytest.mark.parametrize(("protocols", "role"), [(["WSS"], "MASTER"), ([], "MASTER"), (["HTTPS"], "OWNER")])
def test_an_endpoint_is_asked_for_with_protocol_and_role(signaling: Signaling, protocols: list[str], role: str) -> None:
    arn = signaling.create("turn-0")
    with pytest.raises(RefusedError, match="InvalidArgumentException"):
        signaling.endpoint(arn, protocols=protocols, role=role)


@pytest.mark.parametrize("body", [b"", b"[]", b"\xff", b"{"])
def test_a_body_that_is_no_json_object_is_refused(signaling: Signaling, body: bytes) -> None:
    answer = signaling.service.answer(method="POST", path=ICE.value, body=body)
    assert (answer.status, answer.headers["x-amzn-ErrorType"]) == INVALID


@pytest.mark.parametrize(("method", "path"), [("GET", ICE.value), ("POST", "/createStream")])
def test_another_operation_is_unknown(signaling: Signaling, method: str, path: str) -> None:
    answer = signaling.service.answer(method=method, path=path, body=b"{}")
    assert (answer.status, answer.headers["x-amzn-ErrorType"]) == (404, "UnknownOperationException")


def test_the_secret_shows_nowhere() -> None:
    assert TURN.secret not in repr(TURN)


def test_operations_have_the_names_that_iam_knows() -> None:
    assert ICE.action == "kinesisvideo:GetIceServerConfig"
    assert Operation.LIST_TAGS_FOR_RESOURCE.action == "kinesisvideo:ListTagsForResource"
