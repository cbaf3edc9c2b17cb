"""The agent: what its role may do, what its runtime is told, and the endpoint that callers get."""

from typing import Any

import pytest

from stacks.parameters import AgentParameters
from tests.stacks.synthesis import VARIANTS, Json, Synthesize, only, readable, resources

ACCOUNT = "us-east-1:<AWS::AccountId>"
LOG_GROUPS = f"arn:aws:logs:{ACCOUNT}:log-group:/aws/bedrock-agentcore/runtimes/switchboard_dev-*"
DIRECTORY = f"arn:aws:bedrock-agentcore:{ACCOUNT}:workload-identity-directory/default"
ASSETS = f"arn:aws:ecr:{ACCOUNT}:repository/cdk-hnb659fds-container-assets-<AWS::AccountId>-us-east-1"

BASE_STATEMENTS = {
    "PullImage": (["ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"], ASSETS),
    "SignInToRegistry": ("ecr:GetAuthorizationToken", "*"),
    "LogGroups": (["logs:CreateLogGroup", "logs:DescribeLogStreams", "logs:PutResourcePolicy"], LOG_GROUPS),
    "LogStreams": (["logs:CreateLogStream", "logs:PutLogEvents"], f"{LOG_GROUPS}:log-stream:*"),
    "FindLogGroups": ("logs:DescribeLogGroups", f"arn:aws:logs:{ACCOUNT}:log-group:*"),
    "Traces": (
        [
            "xray:GetSamplingRules",
            "xray:GetSamplingTargets",
            "xray:PutTelemetryRecords",
            "xray:PutTraceSegments",
        ],
        "*",
    ),
    "Metrics": ("cloudwatch:PutMetricData", "*"),
    "WorkloadIdentity": (
        [
            "bedrock-agentcore:GetWorkloadAccessToken",
            "bedrock-agentcore:GetWorkloadAccessTokenForJWT",
            "bedrock-agentcore:GetWorkloadAccessTokenForUserId",
        ],
        [DIRECTORY, f"{DIRECTORY}/workload-identity/switchboard_dev-*"],
    ),
}
HEAR = (["transcribe:StartStreamTranscription", "transcribe:StartStreamTranscriptionWebSocket"], "*")
SPEAK = ("polly:SynthesizeSpeech", "*")
CONVERSE = ["bedrock:InvokeModel", "bedrock:InvokeModelWithResponseStream"]
SONIC = ["bedrock:InvokeModel", "bedrock:InvokeModelWithBidirectionalStream"]
IN_REGION = "arn:aws:bedrock:us-east-1::foundation-model/"


def test_only_agentcore_of_this_account_takes_on_the_role(synthesize: Synthesize) -> None:
    (statement,) = _role(synthesize("dev").templates["agent"])["AssumeRolePolicyDocument"]["Statement"]
    assert readable(statement) == {
        "Effect": "Allow",
        "Action": "sts:AssumeRole",
        "Principal": {"Service": "bedrock-agentcore.amazonaws.com"},
        "Condition": {
            "StringEquals": {"aws:SourceAccount": "<AWS::AccountId>"},
            "ArnLike": {"aws:SourceArn": f"arn:aws:bedrock-agentcore:{ACCOUNT}:*"},
        },
    }


@pytest.mark.parametrize(
    ("overrides", "model_statements"),
    [
        ({}, {}),
        (
            {"agent.pipeline": "cascaded"},
            {"Think": (CONVERSE, f"{IN_REGION}amazon.nova-lite-v1:0"), "Hear": HEAR, "Speak": SPEAK},
        ),
        (
            {"agent.pipeline": "cascaded", "agent.model_id": "us.amazon.nova-lite-v1:0"},
            {
                "Think": (
                    CONVERSE,
                    [
                        "arn:aws:bedrock:*::foundation-model/amazon.nova-lite-v1:0",
                        f"arn:aws:bedrock:{ACCOUNT}:inference-profile/us.amazon.nova-lite-v1:0",
                    ],
                ),
                "Hear": HEAR,
                "Speak": SPEAK,
            },
        ),
        (
            {"agent.pipeline": "speech_to_speech", "agent.model_id": "amazon.nova-2-5-sonic"},
            {"Think": (SONIC, f"{IN_REGION}amazon.nova-2-5-sonic")},
        ),
    ],
)
def test_the_role_may_do_what_agentcore_and_the_pipeline_need_and_no_more(
    synthesize: Synthesize, overrides: dict[str, str], model_statements: dict[str, tuple[Any, Any]]
) -> None:
    role = _role(synthesize("dev", **overrides).templates["agent"])
    (policy,) = role["Policies"]
    found = readable(policy["PolicyDocument"]["Statement"])
    assert all(statement["Effect"] == "Allow" for statement in found)
    granted = {statement["Sid"]: (statement["Action"], statement["Resource"]) for statement in found}
    assert granted == BASE_STATEMENTS | model_statements
    assert {statement["Sid"]: statement["Condition"] for statement in found if "Condition" in statement} == {
        "Metrics": {"StringEquals": {"cloudwatch:namespace": "bedrock-agentcore"}}
    }


@pytest.mark.parametrize("name", VARIANTS)
def test_the_role_is_complete_before_the_runtime_exists(synthesize: Synthesize, name: str) -> None:
    template = synthesize("dev", **VARIANTS[name]).templates["agent"]
    assert readable(_runtime(template)["RoleArn"]) == "<Role.Arn>"
    assert "ManagedPolicyArns" not in _role(template)
    later = resources(template, "AWS::IAM::Policy") | resources(template, "AWS::IAM::ManagedPolicy")
    attached = [role["Ref"] for policy in later.values() for role in policy["Properties"]["Roles"]]
    assert not [role for role in attached if role in _agent_roles(template)]


def test_the_runtime_is_what_the_parameters_say(synthesize: Synthesize) -> None:
    overrides = {"agent.idle_timeout_seconds": "90", "agent.max_lifetime_seconds": "7200"}
    runtime = readable(_runtime(synthesize("dev", **overrides).templates["agent"]))
    assert runtime["AgentRuntimeName"] == "switchboard_dev"
    assert runtime["ProtocolConfiguration"] == "HTTP"
    assert runtime["LifecycleConfiguration"] == {"IdleRuntimeSessionTimeout": 90, "MaxLifetime": 7200}
    assert runtime["EnvironmentVariables"] == {
        "AWS_REGION": "us-east-1",
        "SWITCHBOARD_LOG_LEVEL": "INFO",
        "SWITCHBOARD_PIPELINE": "offline",
        "SWITCHBOARD_PLATFORM_VERSION": "V2",
    }
    network = runtime["NetworkConfiguration"]
    assert network["NetworkMode"] == "VPC"
    assert len(network["NetworkModeConfig"]["Subnets"]) == 2
    assert all("PrivateSubnet" in subnet for subnet in network["NetworkModeConfig"]["Subnets"])
    assert "AgentSecurityGroup" in "".join(network["NetworkModeConfig"]["SecurityGroups"])


def test_the_pipeline_and_its_model_are_told_to_the_agent(synthesize: Synthesize) -> None:
    runtime = _runtime(synthesize("dev", **VARIANTS["speech to speech"]).templates["agent"])
    default = AgentParameters(pipeline="speech_to_speech").resolved_model_id
    assert runtime["EnvironmentVariables"]["SWITCHBOARD_PIPELINE"] == "speech_to_speech"
    assert runtime["EnvironmentVariables"]["SWITCHBOARD_MODEL_ID"] == default


@pytest.mark.parametrize("version", ["V1", "V2"])
def test_the_platform_version_is_explicit(synthesize: Synthesize, version: str) -> None:
    template = synthesize("dev", **{"agent.platform_version": version}).templates["agent"]
    assert _runtime(template)["PlatformVersion"] == version


def test_live_follows_the_version_of_each_deploy(synthesize: Synthesize) -> None:
    endpoint = readable(only(synthesize("dev").templates["agent"], "AWS::BedrockAgentCore::RuntimeEndpoint"))
    assert endpoint["Name"] == "live"
    assert endpoint["AgentRuntimeId"] == "<Runtime.AgentRuntimeId>"
    assert endpoint["AgentRuntimeVersion"] == "<Runtime.AgentRuntimeVersion>"


def test_the_log_group_of_live_exists_before_the_service_would_make_it(synthesize: Synthesize) -> None:
    template = synthesize("dev").templates["agent"]
    ((logical_id, log_group),) = resources(template, "AWS::Logs::LogGroup").items()
    (endpoint,) = resources(template, "AWS::BedrockAgentCore::RuntimeEndpoint").values()
    name = readable(log_group["Properties"]["LogGroupName"])
    assert name == "/aws/bedrock-agentcore/runtimes/<Runtime.AgentRuntimeId>-live"
    assert endpoint["DependsOn"] == [logical_id]


def test_the_image_is_built_for_arm64_with_the_pipeline(synthesize: Synthesize) -> None:
    deployment = synthesize("dev", **VARIANTS["cascaded"])
    ((digest, image),) = deployment.asset_manifest("agent")["dockerImages"].items()
    assert image["source"]["platform"] == "linux/arm64"
    assert image["source"]["dockerBuildArgs"] == {"PIPELINE": "cascaded"}
    assert _image_uri(deployment.templates["agent"]).endswith(f":{digest}")


def test_an_image_in_ecr_is_named_by_its_digest_and_nothing_else_may_be_pulled(synthesize: Synthesize) -> None:
    deployment = synthesize("dev", **VARIANTS["image in ECR"])
    uri = _image_uri(deployment.templates["agent"])
    assert uri == f"<AWS::AccountId>.dkr.ecr.us-east-1.<AWS::URLSuffix>/voice/agent@sha256:{'0a' * 32}"
    assert _pulled(deployment.templates["agent"]) == f"arn:aws:ecr:{ACCOUNT}:repository/voice/agent"
    assert not deployment.asset_manifest("agent")["dockerImages"]


def test_codebuild_builds_for_arm64_in_the_account(synthesize: Synthesize) -> None:
    deployment = synthesize("dev", **VARIANTS["image from CodeBuild"])
    template = deployment.templates["agent"]
    command = only(template, "Custom::CDKContainerImageBuild")["buildCommand"]
    assert "--platform linux/arm64" in command
    assert "--build-arg PIPELINE=offline" in command
    assert only(template, "AWS::CodeBuild::Project")["Environment"]["Type"] == "ARM_CONTAINER"
    assert _image_uri(template).endswith("/<ImageCodeBuildRepository>:<ImageCodeBuild.ImageTag>")
    assert _pulled(template) == "<ImageCodeBuildRepository.Arn>"
    assert not deployment.asset_manifest("agent")["dockerImages"]


def _agent_roles(template: Json) -> dict[str, Json]:
    return {
        name: role["Properties"]
        for name, role in resources(template, "AWS::IAM::Role").items()
        if "bedrock-agentcore.amazonaws.com" in str(role)
    }


def _role(template: Json) -> Json:
    (role,) = _agent_roles(template).values()
    return role


def _runtime(template: Json) -> Json:
    return only(template, "AWS::BedrockAgentCore::Runtime")


def _image_uri(template: Json) -> str:
    uri = readable(_runtime(template)["AgentRuntimeArtifact"]["ContainerConfiguration"]["ContainerUri"])
    return str(uri)


def _pulled(template: Json) -> object:
    (policy,) = _role(template)["Policies"]
    (statement,) = (found for found in policy["PolicyDocument"]["Statement"] if found["Sid"] == "PullImage")
    return readable(statement["Resource"])
