"""The agent: what its role may do, what its runtime is told, and the endpoint that callers get."""

from typing import Any, Final

import pytest
from pydantic import ValidationError

from settings import load_settings
from stacks.components.agent_environment import agent_environment
from stacks.parameters import Parameters
from tests.stacks.synthesis import (
    ENVIRONMENTS,
    SPEECH_SECRET,
    VARIANTS,
    Json,
    Synthesize,
    only,
    readable,
    resources,
    statements,
)

ACCOUNT = "us-east-1:<AWS::AccountId>"
LOG_GROUPS = f"arn:aws:logs:{ACCOUNT}:log-group:/aws/bedrock-agentcore/runtimes/switchboard_dev-*"
DIRECTORY = f"arn:aws:bedrock-agentcore:{ACCOUNT}:workload-identity-directory/default"
ASSETS = f"arn:aws:ecr:{ACCOUNT}:repository/cdk-hnb659fds-container-assets-<AWS::AccountId>-us-east-1"

BASE_STATEMENTS = {
    "PullImage": (["ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"], ASSETS),
    "SignInToRegistry": ("ecr:GetAuthorizationToken", "*"),
    "LogGroups": (["logs:CreateLogGroup", "logs:DescribeLogStreams"], LOG_GROUPS),
    "LogStreams": (["logs:CreateLogStream", "logs:PutLogEvents"], f"{LOG_GROUPS}:log-stream:*"),
    "FindLogGroups": ("logs:DescribeLogGroups", f"arn:aws:logs:{ACCOUNT}:log-group:*"),
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
TRACING = {
    "SpansInLogGroups": ("logs:PutResourcePolicy", LOG_GROUPS),
    "Traces": (
        [
            "xray:GetSamplingRules",
            "xray:GetSamplingTargets",
            "xray:PutTelemetryRecords",
            "xray:PutTraceSegments",
        ],
        "*",
    ),
}
ROOMS = ("lambda:InvokeFunction", f"arn:aws:lambda:{ACCOUNT}:function:switchboard-dev-rooms")
REMEMBER = (
    ["bedrock-agentcore:CreateEvent", "bedrock-agentcore:ListEvents", "bedrock-agentcore:ListSessions"],
    "<CallerMemory.MemoryArn>",
)
HEAR = ("transcribe:StartStreamTranscriptionWebSocket", "*")
SPEAK = ("polly:SynthesizeSpeech", "*")
SPEECH_KEYS = ("secretsmanager:GetSecretValue", SPEECH_SECRET)
CONVERSE = ["bedrock:InvokeModel", "bedrock:InvokeModelWithResponseStream"]
SONIC = ["bedrock:InvokeModel", "bedrock:InvokeModelWithBidirectionalStream"]
IN_REGION = "arn:aws:bedrock:us-east-1::foundation-model/"
NOVA_LITE = (CONVERSE, f"{IN_REGION}amazon.nova-lite-v1:0")
# https://docs.aws.amazon.com/bedrock-agentcore/latest/devguide/runtime-v2-optimize.html: 2.5 KB
V2_VARIABLES_BYTES: Final = 2_500


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
    ("overrides", "chosen"),
    [
        ({}, TRACING),
        (VARIANTS["memory"], {"Remember": REMEMBER}),
        ({"transports": "websocket,daily"}, {**TRACING, "Rooms": ROOMS}),
        (VARIANTS["cascaded"], {**TRACING, "Think": NOVA_LITE, "Hear": HEAR, "Speak": SPEAK}),
        (VARIANTS["keyed speech"], {**TRACING, "Think": NOVA_LITE, "SpeechKeys": SPEECH_KEYS}),
        (
            {**VARIANTS["cascaded"], "agent.speech_to_text": "deepgram", "agent.speech_secret_arn": SPEECH_SECRET},
            {**TRACING, "Think": NOVA_LITE, "SpeechKeys": SPEECH_KEYS, "Speak": SPEAK},
        ),
        (
            {**VARIANTS["cascaded"], "agent.text_to_speech": "cartesia", "agent.speech_secret_arn": SPEECH_SECRET},
            {**TRACING, "Think": NOVA_LITE, "Hear": HEAR, "SpeechKeys": SPEECH_KEYS},
        ),
        (
            {"agent.pipeline": "cascaded", "agent.model_id": "us.amazon.nova-lite-v1:0"},
            {
                **TRACING,
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
            {**VARIANTS["speech to speech"], "agent.model_id": "amazon.nova-2-sonic-v1:0"},
            {**TRACING, "Think": (SONIC, f"{IN_REGION}amazon.nova-2-sonic-v1:0")},
        ),
    ],
)
def test_the_role_may_do_what_agentcore_and_the_pipeline_need_and_no_more(
    synthesize: Synthesize, overrides: dict[str, str], chosen: dict[str, tuple[Any, Any]]
) -> None:
    role = _role(synthesize("dev", **overrides).templates["agent"])
    (policy,) = role["Policies"]
    found = readable(policy["PolicyDocument"]["Statement"])
    assert all(statement["Effect"] == "Allow" for statement in found)
    granted = {statement["Sid"]: (statement["Action"], statement["Resource"]) for statement in found}
    assert granted == BASE_STATEMENTS | chosen
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
    assert runtime["RequestHeaderConfiguration"]["RequestHeaderAllowlist"] == [
        f"X-Amzn-Bedrock-AgentCore-Runtime-Custom-{name}" for name in ("Body", "Caller", "Phone", "Resume")
    ]
    network = runtime["NetworkConfiguration"]
    assert network["NetworkMode"] == "VPC"
    assert len(network["NetworkModeConfig"]["Subnets"]) == 2
    assert all("PrivateSubnet" in subnet for subnet in network["NetworkModeConfig"]["Subnets"])
    assert "AgentSecurityGroup" in "".join(network["NetworkModeConfig"]["SecurityGroups"])


@pytest.mark.parametrize(
    ("overrides", "told"),
    [
        ({}, {}),
        (
            {"agent.reconnect_grace_seconds": "60", "operations.log_transcripts": "true"},
            {"SWITCHBOARD_RECONNECT_GRACE_SECONDS": "60", "SWITCHBOARD_LOG_TRANSCRIPTS": "on"},
        ),
        (VARIANTS["memory"], {"SWITCHBOARD_TRACING": "off", "SWITCHBOARD_MEMORY_ID": "<CallerMemory.MemoryId>"}),
        ({"transports": "websocket,daily"}, {"SWITCHBOARD_ROOMS_FUNCTION": "switchboard-dev-rooms"}),
        (
            VARIANTS["cascaded"],
            {
                "SWITCHBOARD_PIPELINE": "cascaded",
                "SWITCHBOARD_MODEL_ID": "amazon.nova-lite-v1:0",
                "SWITCHBOARD_SPEECH_TO_TEXT": "transcribe",
                "SWITCHBOARD_TEXT_TO_SPEECH": "polly",
            },
        ),
        (
            VARIANTS["keyed speech"],
            {
                "SWITCHBOARD_PIPELINE": "cascaded",
                "SWITCHBOARD_MODEL_ID": "amazon.nova-lite-v1:0",
                "SWITCHBOARD_SPEECH_TO_TEXT": "deepgram",
                "SWITCHBOARD_TEXT_TO_SPEECH": "cartesia",
                "SWITCHBOARD_SPEECH_SECRET_ARN": SPEECH_SECRET,
            },
        ),
        (
            {**VARIANTS["speech to speech"], "agent.model_session_seconds": "240"},
            {
                "SWITCHBOARD_PIPELINE": "speech_to_speech",
                "SWITCHBOARD_MODEL_ID": "amazon.nova-2-5-sonic",
                "SWITCHBOARD_MODEL_SESSION_SECONDS": "240",
            },
        ),
    ],
)
def test_the_agent_is_told_what_its_pipeline_needs_and_understands_it(
    synthesize: Synthesize, overrides: dict[str, str], told: dict[str, str]
) -> None:
    environment = readable(_runtime(synthesize("dev", **overrides).templates["agent"])["EnvironmentVariables"])
    assert environment == {
        "AWS_REGION": "us-east-1",
        "SWITCHBOARD_LOG_LEVEL": "INFO",
        "SWITCHBOARD_LOG_TRANSCRIPTS": "off",
        "SWITCHBOARD_PIPELINE": "offline",
        "SWITCHBOARD_PLATFORM_VERSION": "V2",
        "SWITCHBOARD_RECONNECT_GRACE_SECONDS": "30",
        "SWITCHBOARD_TRACING": "on",
        **told,
    }
    settings = load_settings(environ=environment)
    assert settings.memory_id == environment.get("SWITCHBOARD_MEMORY_ID", "")
    assert (settings.pipeline, settings.model_id) == (told.get("SWITCHBOARD_PIPELINE", "offline"), settings.model_id)


def _longest(*, model_id: int = 256, secret_name: int = 512) -> Parameters:
    """Parameters whose values fill the agent's environment; the lengths are the longest that are allowed."""
    prefix = "arn:aws-us-gov:secretsmanager:us-gov-west-1:123456789012:secret:"
    agent = {
        "pipeline": "cascaded",
        "platform_version": "V1",
        "model_id": "m" * model_id,
        "speech_to_text": "deepgram",
        "text_to_speech": "cartesia",
        "speech_secret_arn": f"{prefix}{'s' * secret_name}-AbC123",
        "reconnect_grace_seconds": 300,
    }
    return Parameters.model_validate(
        {
            "project": "p" * 31,
            "environment": "e" * 16,
            "region": "us-gov-west-1",
            "transports": ["daily"],
            "agent": agent,
            "memory": {"enabled": True},
            "web": {"enabled": False},
        }
    )


def test_the_longest_values_fit_into_what_v2_takes() -> None:
    # A memory's name has at most 48 characters, and its id a hyphen and ten more.
    variables = agent_environment(_longest(), memory_id="m" * 59)
    assert sum(len(name) + len(value) for name, value in variables.items()) <= V2_VARIABLES_BYTES
    for longer in ({"model_id": 257}, {"secret_name": 513}):
        with pytest.raises(ValidationError):
            _longest(**longer)


@pytest.mark.parametrize("days", ["7", "365"])
def test_the_memory_forgets_when_it_was_told_to(synthesize: Synthesize, days: str) -> None:
    overrides = {"memory.enabled": "true", "memory.retention_days": days}
    template = synthesize("dev", **overrides).templates["agent"]
    memory = only(template, "AWS::BedrockAgentCore::Memory")
    assert (memory["Name"], memory["EventExpiryDuration"]) == ("switchboard_dev", int(days))
    # Short-term events alone: nothing is extracted, so no role has to read them.
    assert {"MemoryStrategies", "MemoryExecutionRoleArn", "EncryptionKeyArn"}.isdisjoint(memory)
    assert readable(template["Outputs"]["MemoryId"]["Value"]) == "<CallerMemory.MemoryId>"


def test_nothing_is_remembered_unless_the_parameters_say_so(synthesize: Synthesize) -> None:
    template = synthesize("dev").templates["agent"]
    assert not resources(template, "AWS::BedrockAgentCore::Memory")
    assert "MemoryId" not in template["Outputs"]


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
    (endpoint,) = resources(template, "AWS::BedrockAgentCore::RuntimeEndpoint").values()
    (logical_id,) = endpoint["DependsOn"]
    log_group = resources(template, "AWS::Logs::LogGroup")[logical_id]
    name = readable(log_group["Properties"]["LogGroupName"])
    assert name == "/aws/bedrock-agentcore/runtimes/<Runtime.AgentRuntimeId>-live"


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_the_log_group_that_agentcore_makes_is_kept_like_the_others(synthesize: Synthesize, environment: str) -> None:
    deployment = synthesize(environment)
    template, operations = deployment.templates["agent"], deployment.parameters.operations
    group = readable(only(template, "Custom::LogGroup"))
    assert group["ServiceToken"] == "<DefaultLogGroupFunction.Arn>"
    assert group["LogGroupName"] == "/aws/bedrock-agentcore/runtimes/<Runtime.AgentRuntimeId>-DEFAULT"
    assert int(group["ServiceTimeout"]) > only(template, "AWS::Lambda::Function")["Timeout"]
    assert group["RetentionInDays"] == operations.log_retention_days
    assert ("KmsKeyArn" in group) == (operations.log_encryption == "customer_key")


@pytest.mark.parametrize("environment", ["dev", "prod"])
def test_the_function_may_keep_that_group_and_deletes_it_only_where_logs_are_destroyed(
    synthesize: Synthesize, environment: str
) -> None:
    template = synthesize(environment).templates["agent"]
    keep, write = (
        readable(found) for found in statements(template) if found.get("Sid") in ("KeepLogGroup", "WriteOwnLog")
    )
    group = f"arn:aws:logs:{ACCOUNT}:log-group:/aws/bedrock-agentcore/runtimes/<Runtime.AgentRuntimeId>-DEFAULT"
    assert keep["Resource"] == [group, f"{group}:*"]
    assert ("logs:DeleteLogGroup" in keep["Action"]) == (environment == "dev")
    assert sorted(set(keep["Action"]) - {"logs:DeleteLogGroup"}) == [
        "logs:AssociateKmsKey",
        "logs:CreateLogGroup",
        "logs:DisassociateKmsKey",
        "logs:PutRetentionPolicy",
    ]
    assert write["Resource"] == "<DefaultLogGroupFunctionLogGroup.Arn>"
    # Complete before the function can be called.
    assert only(template, "AWS::Lambda::Function")["Role"] == {"Fn::GetAtt": ["DefaultLogGroupRole44CAB3BA", "Arn"]}


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
