"""The signaling stack: the channels that the peaks need, within CloudFormation's limits and the function's."""

import json
from pathlib import Path
from typing import Any

import aws_cdk as cdk
import pytest

from stacks.application import build_application
from stacks.channel_pool import MAX_CHANNELS, REQUESTS_PER_SECOND_PER_CHANNEL, SESSIONS_PER_CHANNEL
from stacks.parameters import AgentParameters, DailyParameters, Parameters, TurnParameters
from tests.stacks.synthesis import CONTEXT, Json, Synthesize, listed, only, read_json, resources, statements

CHANNEL = "AWS::KinesisVideo::SignalingChannel"
ACCOUNT = "123456789012"
LONGEST_VALUE = "x" * 140  # of another reference: about as long as an ARN with the longest names
# https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/cloudformation-limits.html
MOST_RESOURCES, MOST_OUTPUTS, MOST_BYTES = 500, 200, 1_000_000
# https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html
MOST_INLINE, MOST_MANAGED, MOST_ATTACHED = 10_240, 6_144, 10
# https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html
MOST_ENVIRONMENT_BYTES = 4_096


@pytest.mark.parametrize(
    ("environment", "overrides", "count"),
    [
        ("dev", {}, 1),
        ("local", {}, 1),
        ("dev", {"turn.peak_new_sessions_per_second": "21"}, 5),
        ("staging", {"turn.peak_concurrent_relayed_sessions": str(3 * SESSIONS_PER_CHANNEL + 1)}, 4),
    ],
)
def test_the_pool_has_as_many_channels_as_the_peaks_need(
    synthesize: Synthesize, environment: str, overrides: dict[str, str], count: int
) -> None:
    template = synthesize(environment, **overrides).templates["signaling"]
    assert {resource["Type"] for resource in template["Resources"].values()} == {CHANNEL}
    channels = [channel["Properties"] for channel in resources(template, CHANNEL).values()]
    assert [channel["Name"] for channel in channels] == [f"switchboard-{environment}-turn-{i}" for i in range(count)]
    assert {channel["Type"] for channel in channels} == {"SINGLE_MASTER"}


@pytest.fixture(scope="module")
def largest(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Json]:
    """Templates with the largest pool and the longest names."""
    app = cdk.App(context={**CONTEXT, "aws:cdk:bundling-stacks": []}, outdir=str(tmp_path_factory.mktemp("cdk.out")))
    most = MAX_CHANNELS * REQUESTS_PER_SECOND_PER_CHANNEL
    parameters = Parameters(
        project="p" * 31,
        environment="e" * 16,
        region="ap-southeast-2",
        transports=("websocket", "webrtc", "daily"),
        daily=DailyParameters(geo="ap-southeast-2", api_url=f"https://{'d' * 92}", recording="cloud-audio-only"),
        agent=AgentParameters(platform_version="V1"),
        turn=TurnParameters(peak_new_sessions_per_second=most, kvs_requests_per_second=most),
    )
    build_application(app, parameters)
    return {
        stack.stack_name.rpartition("-")[2]: read_json(Path(stack.template_full_path)) for stack in app.synth().stacks
    }


def test_the_largest_pool_stays_within_cloudformations_limits(largest: dict[str, Json]) -> None:
    assert len(resources(largest["signaling"], CHANNEL)) == MAX_CHANNELS
    for template in largest.values():
        assert len(template["Resources"]) <= MOST_RESOURCES
        assert len(template.get("Outputs", {})) <= MOST_OUTPUTS
        assert len(json.dumps(template)) <= MOST_BYTES


def test_every_channel_of_the_largest_pool_reaches_the_connect_stack(largest: dict[str, Json]) -> None:
    connect = _deployed_connect_stack(largest)
    environment = only(connect, "AWS::Lambda::Function")["Environment"]["Variables"]
    times = environment["SWITCHBOARD_KVS_CHANNEL_CREATION_TIMES"].split(",")
    put_together = [
        f"{environment['SWITCHBOARD_KVS_CHANNEL_PREFIX']}{number}/{time}" for number, time in enumerate(times)
    ]
    assert put_together == [_channel_arn(f"Channel{number}") for number in range(MAX_CHANNELS)]
    assert sorted(_allowed_channels(connect)) == sorted(put_together)
    assert sum(len(name) + len(value) for name, value in environment.items()) <= MOST_ENVIRONMENT_BYTES


def test_the_permissions_for_the_largest_pool_fit_into_policies(largest: dict[str, Json]) -> None:
    connect = _deployed_connect_stack(largest)
    inline, managed = resources(connect, "AWS::IAM::Policy"), resources(connect, "AWS::IAM::ManagedPolicy")
    assert sum(_size(policy) for policy in inline.values()) <= MOST_INLINE
    assert all(_size(policy) <= MOST_MANAGED for policy in managed.values())
    assert 1 <= len(managed) <= MOST_ATTACHED


def _size(policy: Json) -> int:
    return len(json.dumps(policy["Properties"]["PolicyDocument"], separators=(",", ":")))


def _allowed_channels(template: Json) -> list[str]:
    return [
        arn
        for statement in statements(template)
        if "kinesisvideo:GetIceServerConfig" in statement["Action"]
        for arn in listed(statement["Resource"])
    ]


def _channel_arn(logical_id: str) -> str:
    number = int(logical_id.removeprefix("Channel"))
    name = f"{'p' * 31}-{'e' * 16}-turn-{number}"
    return f"arn:aws:kinesisvideo:ap-southeast-2:{ACCOUNT}:channel/{name}/{1_764_000_000_000 + number}"


def _deployed_connect_stack(templates: dict[str, Json]) -> Json:
    """The template with the values of its references, as far as these tests read them."""
    outputs = {name: _resolved(output["Value"], {}) for name, output in templates["signaling"]["Outputs"].items()}
    resolved: Json = _resolved(templates["connect"], outputs)
    return resolved


def _resolved(value: Any, outputs: dict[str, str]) -> Any:
    match value:
        case {"Fn::GetAtt": [str(channel), "Arn"]} if channel.startswith("Channel"):
            return _channel_arn(channel)
        case {"Fn::GetStackOutput": {"StackName": str(stack), "OutputName": str(name)}} if "-signaling" in stack:
            return outputs[name]
        case {"Fn::Select": [int(index), {"Fn::Split": [delimiter, text]}]}:
            return _resolved(text, outputs).split(delimiter)[index]
        case {"Fn::Join": [delimiter, parts]}:
            return delimiter.join(_resolved(part, outputs) for part in parts)
        case {"Ref": "AWS::AccountId"}:
            return ACCOUNT
        case {"Ref": _} | {"Fn::GetAtt": _} | {"Fn::GetStackOutput": _}:
            return LONGEST_VALUE
    return _resolved_inside(value, outputs)


def _resolved_inside(value: Any, outputs: dict[str, str]) -> Any:
    match value:
        case dict():
            return {key: _resolved(inner, outputs) for key, inner in value.items()}
        case list():
            return [_resolved(inner, outputs) for inner in value]
    return value
