"""What the data plane learns from the control plane: whose key it is, what it may do, and which version runs."""

import json
import time
from collections.abc import Iterator
from typing import Any

import pytest
from botocore.exceptions import ClientError

from .conftest import Cloud, MakeUser
from .templates import endpoint, execution_role, get, runtime

SESSION = "session-of-the-control-plane-tests-"


@pytest.fixture(scope="module")
def deployed(cloud: Cloud, image: str) -> Iterator[dict[str, Any]]:
    """A stack with a runtime and its endpoint `live`; its resources can be changed and deployed again."""
    resources = {
        "Role": execution_role(),
        "Runtime": runtime(image, "greeter", EnvironmentVariables={"GREETING": "hello"}),
        "Live": endpoint("live", AgentRuntimeVersion=get("Runtime", "AgentRuntimeVersion")),
    }
    made = cloud.deploy("greeter", resources, Arn=get("Runtime", "AgentRuntimeArn"), Role=get("Role", "Arn"))
    yield {"resources": resources, **made.outputs}
    cloud.destroy("greeter")


def invoke(client: Any, arn: str, session: str, qualifier: str = "live") -> dict[str, str]:
    answer = client.invoke_agent_runtime(
        agentRuntimeArn=arn, qualifier=qualifier, runtimeSessionId=SESSION + session, payload=b"{}"
    )
    said: dict[str, str] = json.loads(answer["response"].read())
    return said


def allow(*resources: str) -> dict[str, Any]:
    return {"Effect": "Allow", "Action": "bedrock-agentcore:InvokeAgentRuntime", "Resource": list(resources)}


def test_an_agent_runs_from_its_image_with_its_variables_and_as_its_role(
    cloud: Cloud, deployed: dict[str, Any]
) -> None:
    said = invoke(cloud.client("bedrock-agentcore"), deployed["Arn"], "1")

    role = deployed["Role"].rpartition("/")[2]
    assert said["greeting"] == "hello"
    assert said["identity"].startswith(f"arn:aws:sts::123456789012:assumed-role/{role}/")
    assert said["folder"] == str(cloud.directory.images / "cdkasset-agents" / "context")


def test_a_process_of_the_live_version_is_started_before_anyone_asks(cloud: Cloud, image: str) -> None:
    resources = {"Role": execution_role(), "Runtime": runtime(image, "early"), "Live": endpoint("live")}
    made = cloud.deploy("early", resources, Id=get("Runtime", "AgentRuntimeId"))
    deadline = time.monotonic() + 10
    while not list(cloud.directory.agents.glob(f"{made.outputs['Id']}-v1-*.log")):
        assert time.monotonic() < deadline, "no agent was started"
        time.sleep(0.02)
    cloud.destroy("early")


@pytest.mark.parametrize(
    ("name", "resources", "is_allowed"),
    [
        ("both", ["{arn}", "{arn}/runtime-endpoint/live"], True),
        ("pattern", ["{arn}*"], True),
        ("runtime-only", ["{arn}"], False),
        ("endpoint-only", ["{arn}/runtime-endpoint/live"], False),
        ("other-endpoint", ["{arn}", "{arn}/runtime-endpoint/DEFAULT"], False),
    ],
)
def test_iam_has_to_allow_the_runtime_and_its_endpoint(
    deployed: dict[str, Any], user: MakeUser, name: str, resources: list[str], *, is_allowed: bool
) -> None:
    arns = [resource.format(arn=deployed["Arn"]) for resource in resources]
    client = user(name, "bedrock-agentcore", allow(*arns))

    if is_allowed:
        assert invoke(client, deployed["Arn"], "2")["greeting"] == "hello"
    else:
        with pytest.raises(client.exceptions.AccessDeniedException):
            invoke(client, deployed["Arn"], "2")


def test_a_permission_that_is_taken_back_is_gone_at_once(
    cloud: Cloud, deployed: dict[str, Any], user: MakeUser
) -> None:
    client = user("revoked", "bedrock-agentcore", allow(f"{deployed['Arn']}*"))
    invoke(client, deployed["Arn"], "3")

    cloud.client("iam").delete_user_policy(UserName="revoked", PolicyName="permissions")

    with pytest.raises(client.exceptions.AccessDeniedException):
        invoke(client, deployed["Arn"], "3")


def test_an_inactive_key_and_a_wrong_secret_are_refused(cloud: Cloud, deployed: dict[str, Any], user: MakeUser) -> None:
    client = user("inactive", "bedrock-agentcore", allow(f"{deployed['Arn']}*"))
    (key,) = cloud.client("iam").list_access_keys(UserName="inactive")["AccessKeyMetadata"]
    cloud.client("iam").update_access_key(UserName="inactive", AccessKeyId=key["AccessKeyId"], Status="Inactive")
    forged = cloud.client("bedrock-agentcore", secret_access_key="not the operator's")
    root = cloud.client("bedrock-agentcore", access_key_id="test", secret_access_key="test")

    refusals = []
    for refused in (client, forged, root):
        with pytest.raises(ClientError) as error:
            invoke(refused, deployed["Arn"], "4")
        refusals.append(error.value.response["Error"]["Code"])
    assert refusals == ["UnrecognizedClientException", "InvalidSignatureException", "UnrecognizedClientException"]


def test_an_endpoint_that_is_not_there_is_not_found(cloud: Cloud, deployed: dict[str, Any]) -> None:
    client = cloud.client("bedrock-agentcore")

    with pytest.raises(client.exceptions.ResourceNotFoundException):
        invoke(client, deployed["Arn"], "5", qualifier="staging")


def test_a_new_session_meets_the_version_that_an_update_made_live(cloud: Cloud, deployed: dict[str, Any]) -> None:
    image_uri = deployed["resources"]["Runtime"]["Properties"]["AgentRuntimeArtifact"]["ContainerConfiguration"]
    changed = deployed["resources"] | {
        "Runtime": runtime(image_uri["ContainerUri"], "greeter", EnvironmentVariables={"GREETING": "good evening"})
    }
    assert cloud.deploy("greeter", changed).status == "UPDATE_COMPLETE"

    assert invoke(cloud.client("bedrock-agentcore"), deployed["Arn"], "6")["greeting"] == "good evening"
