"""AWS::BedrockAgentCore::Runtime and RuntimeEndpoint in the embedded cloud."""

from typing import Any

import pytest

from .conftest import Cloud
from .templates import endpoint, execution_role, get, network, ref, resource, runtime


def live_versions(cloud: Cloud, runtime_id: str) -> dict[str, str]:
    answer = cloud.client("bedrock-agentcore-control").list_agent_runtime_endpoints(agentRuntimeId=runtime_id)
    return {found["name"]: found["liveVersion"] for found in answer["runtimeEndpoints"]}


def test_a_runtime_goes_through_its_versions_and_is_removed(cloud: Cloud, image: str) -> None:
    control = cloud.client("bedrock-agentcore-control")
    pinned = endpoint("pinned", AgentRuntimeVersion="1")
    live = endpoint("live", AgentRuntimeVersion=get("Runtime", "AgentRuntimeVersion"))
    resources = {"Role": execution_role(), "Runtime": runtime(image, "agent"), "Live": live, "Pinned": pinned}
    outputs = {
        "Arn": get("Runtime", "AgentRuntimeArn"),
        "Id": ref("Runtime"),
        "Version": get("Runtime", "AgentRuntimeVersion"),
        "EndpointArn": ref("Live"),
        "LiveVersion": get("Live", "LiveVersion"),
    }

    made = cloud.deploy("agent", resources, **outputs)

    assert made.status == "CREATE_COMPLETE", made.reasons
    first = made.outputs
    assert first["Arn"] == f"arn:aws:bedrock-agentcore:us-east-1:123456789012:runtime/{first['Id']}"
    assert first["EndpointArn"] == f"{first['Arn']}/runtime-endpoint/live"
    assert (first["Version"], first["LiveVersion"]) == ("1", "1")

    resources["Runtime"] = runtime(image, "agent", EnvironmentVariables={"GREETING": "hello"})
    changed = cloud.deploy("agent", resources, **outputs)

    assert changed.status == "UPDATE_COMPLETE", changed.reasons
    assert changed.outputs == {**first, "Version": "2", "LiveVersion": "2"}
    assert live_versions(cloud, first["Id"]) == {"DEFAULT": "2", "live": "2", "pinned": "1"}
    now = control.get_agent_runtime(agentRuntimeId=first["Id"])
    assert now["environmentVariables"] == {"GREETING": "hello"}
    assert now["lifecycleConfiguration"] == {"idleRuntimeSessionTimeout": 900, "maxLifetime": 28800}

    resources["Runtime"] = runtime(image, "renamed")
    replaced = cloud.deploy("agent", resources, **outputs)

    assert replaced.status == "UPDATE_COMPLETE", replaced.reasons
    assert [found["agentRuntimeName"] for found in control.list_agent_runtimes()["agentRuntimes"]] == ["renamed"]
    assert live_versions(cloud, replaced.outputs["Id"]) == {"DEFAULT": "1", "live": "1", "pinned": "1"}

    assert cloud.destroy("agent").status == "DELETE_COMPLETE"
    assert control.list_agent_runtimes()["agentRuntimes"] == []


@pytest.mark.parametrize(
    ("properties", "reason"),
    [
        ({"AgentRuntimeName": "my-agent"}, "AgentRuntimeName 'my-agent' has to match"),
        ({"ProtocolConfiguration": "MCP"}, "serves HTTP only"),
        ({"PlatformVersion": "V3"}, "has to be one of V1, V2"),
        ({"FilesystemConfigurations": []}, "key [FilesystemConfigurations] is not supported"),
        ({"EnvironmentVariables": {"1ST": "x"}}, "EnvironmentVariables 1ST: the name is not valid"),
        ({"EnvironmentVariables": {f"V{i}": "" for i in range(51)}}, "51 variables"),
        ({"EnvironmentVariables": {"LONG": "x" * 2049}}, "over 2048 long"),
        ({"EnvironmentVariables": {"A": "x" * 2048, "B": "x" * 2047}}, "platform V1 takes 50 of 4096 bytes"),
        (
            {"PlatformVersion": "V2", "EnvironmentVariables": {"A": "x" * 2048, "B": "x" * 511}},
            "2 variables of 2561 bytes; platform V2 takes 50 of 2560 bytes",
        ),
        (
            {"LifecycleConfiguration": {"IdleRuntimeSessionTimeout": 120, "MaxLifetime": 119}},
            "IdleRuntimeSessionTimeout 120 and MaxLifetime 119",
        ),
        ({"LifecycleConfiguration": {"IdleRuntimeSessionTimeout": 59}}, "have to be 60 to 28800 s"),
        ({"LifecycleConfiguration": {"MaxLifetime": 28801}}, "have to be 60 to 28800 s"),
        ({"NetworkConfiguration": {"NetworkMode": "HOST"}}, "has to be PUBLIC or VPC"),
        ({"AgentRuntimeArtifact": {"CodeConfiguration": {}}}, "runs container images only"),
        ({"AgentRuntimeArtifact": {"ContainerConfiguration": {"ContainerUri": "alpine"}}}, "not an image in a private"),
        ({"RoleArn": "arn:aws:iam::123456789012:role/none"}, "role/none does not exist"),
    ],
)
def test_what_agentcore_refuses_is_refused(cloud: Cloud, image: str, properties: dict[str, Any], reason: str) -> None:
    made = cloud.deploy("refused", {"Role": execution_role(), "Runtime": runtime(image, "refused", **properties)})
    cloud.destroy("refused")

    assert made.status == "ROLLBACK_COMPLETE"
    assert any(reason in said for said in made.reasons), made.reasons


@pytest.mark.parametrize(
    ("role", "tag", "reason"),
    [
        (execution_role(source_account="999999999999"), "abc123", "does not let bedrock-agentcore.amazonaws.com"),
        (execution_role(actions=("ecr:GetAuthorizationToken",)), "abc123", "the role lacks ecr:BatchGetImage on arn"),
        (execution_role(actions=("ecr:Batch*", "ecr:GetDown*")), "abc123", "lacks ecr:GetAuthorizationToken on *"),
        (execution_role(), "never-pushed", "does not exist within the repository agents"),
    ],
)
def test_an_image_that_the_role_cannot_have_is_refused(
    cloud: Cloud, image: str, role: dict[str, Any], tag: str, reason: str
) -> None:
    uri = image.replace("abc123", tag)
    made = cloud.deploy("refused", {"Role": role, "Runtime": runtime(uri, "refused")})
    cloud.destroy("refused")

    assert made.status == "ROLLBACK_COMPLETE"
    assert any(reason in said for said in made.reasons), made.reasons


@pytest.mark.parametrize(("zone_id", "status"), [("use1-az4", "CREATE_COMPLETE"), ("use1-az3", "ROLLBACK_COMPLETE")])
def test_a_runtime_in_a_vpc_needs_a_zone_that_agentcore_supports(
    cloud: Cloud, image: str, zone_id: str, status: str
) -> None:
    in_the_vpc = {
        "NetworkMode": "VPC",
        "NetworkModeConfig": {"Subnets": [ref("Subnet")], "SecurityGroups": [ref("Group")]},
    }
    vpc_runtime = runtime(image, "in_a_vpc", NetworkConfiguration=in_the_vpc)
    made = cloud.deploy("vpc", network(zone_id=zone_id) | {"Role": execution_role(), "Runtime": vpc_runtime})
    cloud.destroy("vpc")

    assert made.status == status
    assert any(f"is in {zone_id}" in said for said in made.reasons) == (status == "ROLLBACK_COMPLETE")


def test_a_runtime_in_the_subnets_of_one_vpc_with_a_group_of_another_is_refused(cloud: Cloud, image: str) -> None:
    other = {
        "OtherVpc": resource("AWS::EC2::VPC", CidrBlock="10.1.0.0/16"),
        "Other": resource("AWS::EC2::SecurityGroup", VpcId=ref("OtherVpc"), GroupDescription="of another VPC"),
    }
    across = {
        "NetworkMode": "VPC",
        "NetworkModeConfig": {"Subnets": [ref("Subnet")], "SecurityGroups": [ref("Other")]},
    }
    vpc_runtime = runtime(image, "across", NetworkConfiguration=across)
    made = cloud.deploy("vpc", network() | other | {"Role": execution_role(), "Runtime": vpc_runtime})
    cloud.destroy("vpc")

    assert made.status == "ROLLBACK_COMPLETE"
    assert any("have to be of one VPC" in said for said in made.reasons)


def test_an_endpoint_of_a_version_that_is_not_there_is_refused(cloud: Cloud, image: str) -> None:
    resources = {
        "Role": execution_role(),
        "Runtime": runtime(image, "refused"),
        "Live": endpoint("live", AgentRuntimeVersion="2"),
    }
    made = cloud.deploy("refused", resources)
    cloud.destroy("refused")

    assert made.status == "ROLLBACK_COMPLETE"
    assert any("version 2 does not exist" in said for said in made.reasons)
