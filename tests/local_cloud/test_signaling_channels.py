"""Signaling channels in the embedded cloud: their life in a stack, who may ask for ICE servers, and TURN's end."""

import io
import json
import os
import re
import secrets
import signal
import ssl
import zipfile
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import httpx
import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from botocore.exceptions import ClientError

from local.kinesisvideo.service import Operation
from local.state import REGION, CloudDirectory

from ..kinesisvideo.conftest import ending, needs_coturn
from .conftest import Cloud, LocalCommand, MakeUser
from .templates import get, ref, resource

HTTPS = {"Protocols": ["HTTPS"], "Role": "MASTER"}
ARN = re.compile(r"arn:aws:kinesisvideo:us-east-1:123456789012:channel/(?P<name>[\w-]+)/\d{13}", re.ASCII)
ASKS = ("kinesisvideo:GetSignalingChannelEndpoint", "kinesisvideo:GetIceServerConfig")


def channel(name: str, **properties: Any) -> dict[str, Any]:
    return resource("AWS::KinesisVideo::SignalingChannel", Name=name, **properties)


def ice_servers(cloud: Cloud, arn: str, *, client: Any = None, signaling: Any = None) -> list[dict[str, Any]]:
    """Ask as the operator, or by the given clients: for the endpoint, then there for the ICE servers."""
    client = client or cloud.client("kinesisvideo")
    (endpoint,) = client.get_signaling_channel_endpoint(ChannelARN=arn, SingleMasterChannelEndpointConfiguration=HTTPS)[
        "ResourceEndpointList"
    ]
    assert endpoint == {"Protocol": "HTTPS", "ResourceEndpoint": cloud.state.endpoint}
    signaling = signaling or cloud.client("kinesis-video-signaling")
    servers: list[dict[str, Any]] = signaling.get_ice_server_config(ChannelARN=arn, Service="TURN")["IceServerList"]
    return servers


@pytest.fixture
def arn(cloud: Cloud) -> Iterator[str]:
    """A channel of a name of its own, so that no other test's requests count against its limit."""
    name = f"turn-{secrets.token_hex(4)}"
    made: str = cloud.client("kinesisvideo").create_signaling_channel(ChannelName=name)["ChannelARN"]
    yield made
    cloud.client("kinesisvideo").delete_signaling_channel(ChannelARN=made)


def test_a_channel_lives_changes_and_goes_with_its_stack(cloud: Cloud) -> None:
    outputs = {"Ref": ref("Channel"), "Arn": get("Channel", "Arn")}
    kinesisvideo = cloud.client("kinesisvideo")
    made = cloud.deploy("channels", {"Channel": channel("pool-0", Tags=[{"Key": "a", "Value": "1"}])}, **outputs)
    changed = {"MessageTtlSeconds": 120, "Type": "SINGLE_MASTER", "Tags": [{"Key": "b", "Value": "2"}]}
    updated = cloud.deploy("channels", {"Channel": channel("pool-0", **changed)}, **outputs)

    assert made.status == "CREATE_COMPLETE", made.reasons
    assert updated.status == "UPDATE_COMPLETE", updated.reasons
    match = ARN.fullmatch(made.outputs["Arn"])
    assert match
    assert (match["name"], made.outputs["Ref"]) == ("pool-0", "pool-0")
    assert updated.outputs == made.outputs
    info = kinesisvideo.describe_signaling_channel(ChannelName="pool-0")["ChannelInfo"]
    assert info["SingleMasterConfiguration"] == {"MessageTtlSeconds": 120}
    assert kinesisvideo.list_tags_for_resource(ResourceARN=info["ChannelARN"])["Tags"] == {"b": "2"}

    replaced = cloud.deploy("channels", {"Channel": channel("pool-1")}, **outputs)
    names = [found["ChannelName"] for found in kinesisvideo.list_signaling_channels()["ChannelInfoList"]]
    assert (replaced.outputs["Ref"], names) == ("pool-1", ["pool-1"])
    assert cloud.destroy("channels").status == "DELETE_COMPLETE"
    assert kinesisvideo.list_signaling_channels()["ChannelInfoList"] == []


def test_a_stack_goes_though_its_channel_is_gone_already(cloud: Cloud) -> None:
    made = cloud.deploy("gone", {"Channel": channel("pool-0")}, Arn=get("Channel", "Arn"))
    cloud.client("kinesisvideo").delete_signaling_channel(ChannelARN=made.outputs["Arn"])

    assert cloud.destroy("gone").status == "DELETE_COMPLETE"


@pytest.mark.parametrize(
    ("properties", "reason"),
    [
        ({"Name": "a/b"}, "ChannelName has to match"),
        ({"Name": "other", "MessageTtlSeconds": 121}, "MessageTtlSeconds has to be 5 to 120"),
        ({"Name": "other", "Type": "FULL_MESH"}, "ChannelType has to be one of SINGLE_MASTER"),
        ({"Name": "other", "Colour": "red"}, "key [Colour] is not supported"),
        ({}, "required key [Name] not found"),
    ],
)
def test_a_wrong_channel_fails_its_stack_with_the_reason(cloud: Cloud, properties: dict[str, Any], reason: str) -> None:
    made = cloud.deploy("wrong", {"Channel": resource("AWS::KinesisVideo::SignalingChannel", **properties)})
    cloud.destroy("wrong")

    assert made.status == "ROLLBACK_COMPLETE"
    assert any(reason in told for told in made.reasons), made.reasons


def test_a_name_that_is_taken_fails_its_stack_and_its_owner_stays(cloud: Cloud, arn: str) -> None:
    name = arn.split("/")[1]
    made = cloud.deploy("taken", {"Channel": channel(name)})
    cloud.destroy("taken")

    told = f"Resource of type 'AWS::KinesisVideo::SignalingChannel' with identifier '{name}' already exists."
    assert made.status == "ROLLBACK_COMPLETE"
    assert any(told in reason for reason in made.reasons), made.reasons
    info = cloud.client("kinesisvideo").describe_signaling_channel(ChannelName=name)["ChannelInfo"]
    assert info["ChannelARN"] == arn


@needs_coturn
def test_a_pool_made_at_once_answers_for_each_channel(cloud: Cloud) -> None:
    pool = {f"Channel{number}": channel(f"pool-{number}") for number in range(60)}
    made = cloud.deploy("pool", pool, First=get("Channel0", "Arn"), Last=get("Channel59", "Arn"))

    assert made.status == "CREATE_COMPLETE", made.reasons
    usernames = [ice_servers(cloud, made.outputs[name])[0]["Username"] for name in ("First", "Last")]
    assert [username.partition(":")[2] for username in usernames] == ["pool-0", "pool-59"]
    cloud.destroy("pool")


@needs_coturn
def test_the_sdk_s_clients_are_throttled_by_the_error_that_they_know(cloud: Cloud, arn: str) -> None:
    signaling = cloud.client("kinesis-video-signaling")
    answers = []
    for _ in range(30):  # far faster than five a second, however slow the machine
        with suppress(signaling.exceptions.ClientLimitExceededException):
            answers.append(signaling.get_ice_server_config(ChannelARN=arn))

    assert 5 <= len(answers) < 30


@needs_coturn
def test_asking_needs_both_permissions_on_the_channel(cloud: Cloud, arn: str, user: MakeUser) -> None:
    other = arn.replace("/turn-", "/another-")

    def clients(name: str, actions: tuple[str, ...], allowed: str) -> dict[str, Any]:
        may = {"Effect": "Allow", "Action": list(actions), "Resource": allowed}
        kinesisvideo = user(name, "kinesisvideo", may)
        keys = kinesisvideo._get_credentials()
        signaling = cloud.client(
            "kinesis-video-signaling", access_key_id=keys.access_key, secret_access_key=keys.secret_key
        )
        return {"client": kinesisvideo, "signaling": signaling}

    assert len(ice_servers(cloud, arn, **clients("asks", ASKS, arn))) == 2
    for name, actions, allowed, refused in (
        ("asks-other", ASKS, other, ASKS[0]),
        ("asks-no-ice", ASKS[:1], arn, ASKS[1]),
        ("asks-no-endpoint", ASKS[1:], arn, ASKS[0]),
    ):
        with pytest.raises(ClientError) as error:
            ice_servers(cloud, arn, **clients(name, actions, allowed))
        assert error.value.response["Error"]["Code"] == "AccessDeniedException"
        assert error.value.response["ResponseMetadata"]["HTTPStatusCode"] == 403
        assert f"not authorized to perform: {refused} on resource: {arn}" in str(error.value)


def signed(cloud: Cloud, arn: str, **changes: str) -> tuple[bytes, Mapping[str, str]]:
    """A body and headers as the connect function signs them, without a client; the changes are to the signing."""
    given = {"secret": cloud.state.secret_access_key, "service": "kinesisvideo", "region": REGION} | changes
    body = json.dumps({"ChannelARN": arn, "Service": "TURN"}).encode()
    headers = {"Content-Type": "application/json"}
    request = AWSRequest("POST", cloud.state.endpoint + Operation.GET_ICE_SERVER_CONFIG.value, headers, body)
    credentials = Credentials(cloud.state.access_key_id, given["secret"])
    SigV4Auth(credentials, given["service"], given["region"]).add_auth(request)
    return body, dict(request.headers)


def post(cloud: Cloud, body: bytes, headers: Mapping[str, str]) -> tuple[int, str | None]:
    with httpx.Client(trust_env=False) as client:
        url = cloud.state.endpoint + Operation.GET_ICE_SERVER_CONFIG.value
        answer = client.post(url, content=body, headers=dict(headers))
    return answer.status_code, answer.headers.get("x-amzn-ErrorType")


@needs_coturn
def test_every_signature_is_verified(cloud: Cloud, arn: str) -> None:
    invalid = (403, "InvalidSignatureException")
    body, headers = signed(cloud, arn)

    assert post(cloud, body, headers) == (200, None)
    assert post(cloud, body + b" ", headers) == invalid
    assert post(cloud, body, {}) == (403, "MissingAuthenticationTokenException")
    for change in ({"secret": "another"}, {"service": "kinesis-video-signaling"}, {"region": "eu-west-1"}):
        assert post(cloud, *signed(cloud, arn, **change)) == invalid


FUNCTION = """
import os
import boto3

def handler(event, context):
    arn = os.environ["CHANNEL_ARN"]
    kinesisvideo = boto3.client("kinesisvideo")
    (found,) = kinesisvideo.get_signaling_channel_endpoint(
        ChannelARN=arn, SingleMasterChannelEndpointConfiguration={"Protocols": ["HTTPS"], "Role": "MASTER"}
    )["ResourceEndpointList"]
    signaling = boto3.client("kinesis-video-signaling", endpoint_url=found["ResourceEndpoint"])
    return len(signaling.get_ice_server_config(ChannelARN=arn, Service="TURN")["IceServerList"])
"""


def function_resources(bucket: str) -> dict[str, Any]:
    trust = {"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}
    may = {"Effect": "Allow", "Action": list(ASKS), "Resource": get("Channel", "Arn")}
    return {
        "Channel": channel("of-a-function"),
        "Role": resource("AWS::IAM::Role", AssumeRolePolicyDocument={"Statement": [trust]}),
        "Policy": resource(
            "AWS::IAM::Policy", PolicyName="ask", Roles=[ref("Role")], PolicyDocument={"Statement": [may]}
        ),
        "Function": resource(
            "AWS::Lambda::Function",
            FunctionName="asker",
            Runtime="python3.13",
            Handler="index.handler",
            Role=get("Role", "Arn"),
            Timeout=20,
            Code={"S3Bucket": bucket, "S3Key": "asker.zip"},
            Environment={"Variables": {"CHANNEL_ARN": get("Channel", "Arn")}},
        ),
    }


@needs_coturn
def test_a_function_asks_as_its_role_and_only_as_far_as_that_may(cloud: Cloud) -> None:
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w") as file:
        file.writestr("index.py", FUNCTION)
    cloud.client("s3").create_bucket(Bucket="asker")
    cloud.client("s3").put_object(Bucket="asker", Key="asker.zip", Body=data.getvalue())
    made = cloud.deploy("asker", function_resources("asker"), Role=ref("Role"))
    assert made.status == "CREATE_COMPLETE", made.reasons

    answered = cloud.client("lambda").invoke(FunctionName="asker")["Payload"].read()
    cloud.client("iam").delete_role_policy(RoleName=made.outputs["Role"], PolicyName="ask")
    refused = cloud.client("lambda").invoke(FunctionName="asker")["Payload"].read()
    cloud.destroy("asker")

    assert json.loads(answered) == 2
    assert "kinesisvideo:GetSignalingChannelEndpoint" in json.loads(refused)["errorMessage"]


@needs_coturn
@pytest.mark.parametrize("killed", [False, True])
def test_coturn_starts_with_the_first_ice_servers_and_ends_with_its_cloud(
    tmp_path: Path, local_command: LocalCommand, killed: bool
) -> None:
    directory = CloudDirectory(path=tmp_path / "cloud")
    up = local_command("up", directory=directory.path)
    state = directory.read_state()
    assert state, up.stderr
    cloud = Cloud(directory=directory, state=state)
    made = cloud.client("kinesisvideo").create_signaling_channel(ChannelName="turn")["ChannelARN"]
    pid_file = directory.coturn / "coturn.pid"
    assert not pid_file.exists()
    ice_servers(cloud, made)

    with ending(int(pid_file.read_text())):
        if killed:
            os.kill(state.pid, signal.SIGKILL)
        else:
            local_command("down", directory=directory.path)
    local_command("down", directory=directory.path)

    assert list(tmp_path.iterdir()) == []


def test_commands_trust_the_cloud_s_authority_beside_this_machine_s(cloud: Cloud, local_command: LocalCommand) -> None:
    done = local_command("exec", "--", "printenv", "SSL_CERT_FILE", directory=cloud.directory.path)
    bundle = Path(done.stdout.strip())
    trusted = ssl.create_default_context(cafile=str(bundle)).get_ca_certs()

    assert bundle == cloud.directory.ca_bundle
    assert len(trusted) > 50
    assert sum("Embedded cloud" in str(authority["subject"]) for authority in trusted) == 1
