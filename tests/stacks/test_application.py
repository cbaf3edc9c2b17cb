"""What holds for every stack: names, tags, outputs, retention, protection, and permissions that exist."""

import fnmatch
import re
from pathlib import Path

import aws_cdk as cdk
import pytest
from policy_sentry.querying.actions import get_actions_for_service

from stacks.application import build_application
from stacks.parameters import Parameters
from tests.stacks.synthesis import (
    CONTEXT,
    DEPLOYMENTS,
    ENVIRONMENTS,
    PARTS,
    Json,
    Synthesize,
    listed,
    only,
    read_json,
    readable,
    resources,
    statements,
)

OUTPUTS = {
    "network": {"VpcId", "AgentSecurityGroupId"},
    "signaling": {"ChannelCreationTimes"},
    "agent": {"RuntimeArn", "RuntimeId", "RuntimeVersion", "RuntimeEndpointName"},
    "web": {"PageUrl", "BucketName", "DistributionId", "DistributionDomainName"},
    "telephony": {
        "TelephonyUrl",
        "TwilioSecretArn",
        "VonageSecretArn",
        "TelnyxSecretArn",
        "PlivoSecretArn",
        "CallsClientId",
        "CallsTokenUrl",
        "RelayDomainName",
        "RelayLoadBalancerName",
    },
    "rooms": {"RoomsFunctionName"},
    "connect": {"ApiUrl", "UserPoolId", "UserPoolClientId", "PageClientId", "SignInUrl", "Issuer", "Region"},
}
# AWS demands these names. Those of runtimes are unique in a region, so they come from project and environment.
LITERAL_NAMES = {
    ("AWS::ApiGatewayV2::Api", "Name"),
    ("AWS::ApiGatewayV2::Authorizer", "Name"),
    ("AWS::ApiGatewayV2::Stage", "StageName"),
    ("AWS::BedrockAgentCore::Runtime", "AgentRuntimeName"),
    ("AWS::BedrockAgentCore::RuntimeEndpoint", "Name"),
    ("AWS::IAM::Policy", "PolicyName"),
    ("AWS::KinesisVideo::SignalingChannel", "Name"),
}
# Replacing one of these loses users, keys or logs, or changes what callers and firewalls know. Never change an id.
FROZEN = {
    "network": {
        "AgentVpcA6796801": "AWS::EC2::VPC",
        "AgentVpcPublicSubnet1EIP52394B60": "AWS::EC2::EIP",
        "AgentVpcFlowLogGroup9800E4B6": "AWS::Logs::LogGroup",
    },
    # A channel under another id would have the name of one that is still there.
    "signaling": {"Channel0": "AWS::KinesisVideo::SignalingChannel"},
    "agent": {
        "DefaultLogGroup696834B2": "Custom::LogGroup",
        "Runtime99E3DDFA": "AWS::BedrockAgentCore::Runtime",
        "Live848578DF": "AWS::BedrockAgentCore::RuntimeEndpoint",
        "LiveLogGroupEF57DD4D": "AWS::Logs::LogGroup",
    },
    # The distribution's name is the page's URL, which callers know and sign-in returns to.
    "web": {
        "Bucket83908E77": "AWS::S3::Bucket",
        "PageDistributionFBB4E0B8": "AWS::CloudFront::Distribution",
        "PageLog170FD382": "AWS::S3::Bucket",
    },
    # The agent and the operator know the function by a name of its own.
    "rooms": {
        "RoomsFunction96E7925D": "AWS::Lambda::Function",
        "RoomsLogGroupE84564FE": "AWS::Logs::LogGroup",
    },
    "connect": {
        "SessionKey0FE01E29": "AWS::SecretsManager::Secret",
        "CallersPoolUserPool5D6CAD75": "AWS::Cognito::UserPool",
        "CallersPoolUserPoolClientDB9CE05C": "AWS::Cognito::UserPoolClient",
        "CallersPoolUserPoolDomain1DF718EE": "AWS::Cognito::UserPoolDomain",
        "CallersPoolUserPoolPage25859197": "AWS::Cognito::UserPoolClient",
        "ApiHttpApi4C294DC0": "AWS::ApiGatewayV2::Api",
        "ApiAccessLogGroupE5C79101": "AWS::Logs::LogGroup",
        "ConnectLogGroup211EE86F": "AWS::Logs::LogGroup",
    },
    # Accounts at carriers were put in by hand; carriers and programs know the load balancer's name and the client.
    "telephony": {
        "CallTable51C054B6": "AWS::DynamoDB::Table",
        "SecretsTwilio9D01B6F3": "AWS::SecretsManager::Secret",
        "SecretsVonageCDE84FD8": "AWS::SecretsManager::Secret",
        "SecretsTelnyxB3780FFC": "AWS::SecretsManager::Secret",
        "SecretsPlivo6A5AEC51": "AWS::SecretsManager::Secret",
        "RelayKey60E57E8B": "AWS::SecretsManager::Secret",
        "CallsClient0AE7BE6C": "AWS::Cognito::UserPoolClient",
        "RelayPublicLoadBalancer227513EE": "AWS::ElasticLoadBalancingV2::LoadBalancer",
        "RelayTasksServiceAEE59D65": "AWS::ECS::Service",
        "TelephonyLogGroupB8B0311A": "AWS::Logs::LogGroup",
        "RelayLogGroupD2A8E2E0": "AWS::Logs::LogGroup",
    },
}
KEPT_TYPES = (
    "AWS::Logs::LogGroup",
    "Custom::LogGroup",
    "AWS::KMS::Key",
    "AWS::BedrockAgentCore::Memory",
    "AWS::DynamoDB::Table",
    "AWS::Cognito::UserPool",
    "AWS::SecretsManager::Secret",
)
# Where a service makes a log group of its own, which never expires.
DEFAULT_LOG_PLACES = {"AWS::Lambda::Function": "/aws/lambda/", "AWS::CodeBuild::Project": "/aws/codebuild/"}
# https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazonbedrock.html does not list it;
# AWS's Nova Sonic samples grant it, and roles without it have been refused.
UNLISTED_ACTIONS = {"bedrock:InvokeModelWithBidirectionalStream"}


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_stateful_resources_keep_their_logical_ids(synthesize: Synthesize, environment: str) -> None:
    templates = synthesize(environment).templates
    for part, frozen in FROZEN.items():
        if part not in templates and part not in PARTS:
            continue
        found = {name: resource["Type"] for name, resource in templates[part]["Resources"].items()}
        assert frozen.items() <= found.items()


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_outputs_are_described_and_never_exported(synthesize: Synthesize, environment: str) -> None:
    templates = synthesize(environment).templates
    for part in templates.keys() - {"encryption"}:
        outputs = templates[part].get("Outputs", {})
        rooms = {"DailySecretArn"} if part == "connect" and "rooms" in templates else set()
        names = OUTPUTS.get(part, set()) | rooms
        assert {name for name, output in outputs.items() if "Description" in output} == names
        assert not [name for name, output in outputs.items() if "Export" in output]
        assert "Fn::ImportValue" not in str(templates[part])
    assert readable(templates["connect"]["Outputs"]["ApiUrl"]["Value"]) == "<ApiHttpApi.ApiEndpoint>"


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_stacks_say_what_they_are_and_depend_on_each_other_in_order(synthesize: Synthesize, environment: str) -> None:
    deployment = synthesize(environment)
    artifacts = deployment.manifest()["artifacts"]
    network, signaling, agent, web, connect, page = (f"switchboard-{environment}-{part}" for part in PARTS)
    assert {network, signaling, agent, web, connect, page} <= set(artifacts)
    assert network in artifacts[agent]["dependencies"]
    assert {signaling, agent, web} <= set(artifacts[connect]["dependencies"])
    assert {web, connect} <= set(artifacts[page]["dependencies"])
    if telephony := artifacts.get(f"switchboard-{environment}-telephony"):
        assert {network, agent, connect} <= set(telephony["dependencies"])
    if rooms := artifacts.get(f"switchboard-{environment}-rooms"):
        assert {agent, connect, f"switchboard-{environment}-telephony"} <= set(rooms["dependencies"])
    assert all(template["Description"] for template in deployment.templates.values())


def test_carriers_and_rooms_bring_a_stack_each(synthesize: Synthesize) -> None:
    for environment in ENVIRONMENTS:
        more = {"telephony", "rooms"} if environment == "local" else set()
        parts = {*PARTS, "encryption"} if environment == "prod" else {*PARTS}
        assert set(synthesize(environment).templates) == parts | more


@pytest.mark.parametrize(
    ("name", "parts"),
    [
        ("dev", {"network", "signaling"}),
        ("all transports", {"network", "signaling", "rooms"}),
        ("coturn", {"network", "turn"}),
        ("fixed", {"network"}),
        ("cloudflare", {"network"}),
        ("twilio", {"network"}),
        ("none", {"network"}),
        ("WebSocket alone", {"network"}),
        ("public", set()),
    ],
)
def test_a_source_of_turn_brings_its_own_stack_and_no_other(synthesize: Synthesize, name: str, parts: set[str]) -> None:
    environment, overrides = DEPLOYMENTS[name]
    assert set(synthesize(environment, **overrides).templates) == parts | {"agent", "web", "connect", "page"}


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_what_is_kept_and_protected_follows_the_environment(synthesize: Synthesize, environment: str) -> None:
    deployment = synthesize(environment)
    operations = deployment.parameters.operations
    policy = {"retain": "Retain", "destroy": "Delete"}[operations.removal]
    for part, template in deployment.templates.items():
        assert deployment.stack_properties(part).get("terminationProtection", False) is (environment == "prod")
        kept = [resource for kind in KEPT_TYPES for resource in resources(template, kind).values()]
        policies = set() if part == "signaling" else {policy}  # a channel holds nothing
        assert {resource["DeletionPolicy"] for resource in kept} == policies
        assert {resource["UpdateReplacePolicy"] for resource in kept} == policies
    protection = only(deployment.templates["connect"], "AWS::Cognito::UserPool")["DeletionProtection"]
    assert protection == ("ACTIVE" if operations.removal == "retain" else "INACTIVE")


@pytest.mark.parametrize("name", DEPLOYMENTS)
def test_logs_end_when_the_environment_says(synthesize: Synthesize, name: str) -> None:
    environment, overrides = DEPLOYMENTS[name]
    deployment = synthesize(environment, **overrides)
    for template in deployment.templates.values():
        groups = resources(template, "AWS::Logs::LogGroup")
        every_group = (groups | resources(template, "Custom::LogGroup")).values()
        retention = {group["Properties"]["RetentionInDays"] for group in every_group}
        assert retention <= {deployment.parameters.operations.log_retention_days}
        for resource_type, default_place in DEFAULT_LOG_PLACES.items():
            for logical_id, writer in resources(template, resource_type).items():
                default_name = {"Fn::Join": ["", [default_place, {"Ref": logical_id}]]}
                chosen = writer["Properties"].get("LoggingConfig", {}).get("LogGroup", {}).get("Ref")
                names = [group["Properties"].get("LogGroupName") for group in groups.values()]
                assert chosen in groups or default_name in names


@pytest.mark.parametrize("name", ["dev", "prod", "image from CodeBuild", "relay from CodeBuild"])
def test_one_key_encrypts_all_logs_where_the_parameters_ask_for_it(synthesize: Synthesize, name: str) -> None:
    environment, overrides = DEPLOYMENTS[name]
    deployment = synthesize(environment, **overrides)
    keys = {
        readable(group["Properties"].get(key_name))
        for template in deployment.templates.values()
        for kind, key_name in (("AWS::Logs::LogGroup", "KmsKeyId"), ("Custom::LogGroup", "KmsKeyArn"))
        for group in resources(template, kind).values()
    }
    if deployment.parameters.operations.log_encryption == "service_key":
        assert keys == {None}
        assert "encryption" not in deployment.templates
        return
    assert keys == {f"<switchboard-{environment}-encryption!PublishOutputFnGetAttLogKeyArn>"}
    artifacts = deployment.manifest()["artifacts"]
    for part in ("network", "agent", "web", "connect", "page"):
        assert f"switchboard-{environment}-encryption" in artifacts[f"switchboard-{environment}-{part}"]["dependencies"]


def test_the_key_is_for_log_groups_of_this_account_and_changes_every_year(synthesize: Synthesize) -> None:
    key = readable(only(synthesize("prod").templates["encryption"], "AWS::KMS::Key"))
    account, log_groups = key["KeyPolicy"]["Statement"]
    assert key["EnableKeyRotation"] is True
    assert account["Principal"] == {"AWS": "arn:aws:iam::<AWS::AccountId>:root"}
    assert log_groups["Principal"] == {"Service": "logs.us-east-1.amazonaws.com"}
    assert log_groups["Condition"] == {
        "ArnLike": {"kms:EncryptionContext:aws:logs:arn": "arn:aws:logs:us-east-1:<AWS::AccountId>:log-group:*"}
    }
    assert not [action for action in log_groups["Action"] if action in ("kms:*", "kms:CreateGrant")]


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_everything_is_tagged(synthesize: Synthesize, environment: str) -> None:
    overrides = {"owner": "voice team", "cost_center": "4711"}
    deployment = synthesize(environment, **overrides)
    tags = {"project": "switchboard", "environment": environment, "owner": "voice team", "cost-center": "4711"}
    for part, template in deployment.templates.items():
        assert deployment.stack_properties(part)["tags"] == tags
        for resource in template["Resources"].values():
            properties = resource.get("Properties", {})
            found = properties.get("Tags", properties.get("UserPoolTags"))
            if found is not None:
                assert tags.items() <= _as_mapping(found).items()


def test_only_names_that_aws_demands_are_fixed(synthesize: Synthesize) -> None:
    names = {
        (resource["Type"], name)
        for template in synthesize("dev").templates.values()
        for resource in template["Resources"].values()
        for name, value in resource.get("Properties", {}).items()
        if name.endswith("Name") and isinstance(value, str)
    }
    assert names == LITERAL_NAMES


def test_two_copies_live_in_one_account(tmp_path: Path) -> None:
    app = cdk.App(context={**CONTEXT, "aws:cdk:bundling-stacks": []}, outdir=str(tmp_path))
    projects = ("switchboard", "second-line")
    for project in projects:
        build_application(app, Parameters(project=project, transports=("websocket", "webrtc")))
    templates = {stack.stack_name: read_json(Path(stack.template_full_path)) for stack in app.synth().stacks}
    first, second = (
        {name: text for name, text in templates.items() if name.startswith(project)} for project in projects
    )
    assert (len(first), len(second)) == (6, 6)
    assert "switchboard_dev" in str(first)
    assert "second_line_dev" in str(second)
    assert "second-line-dev-turn-0" in str(second)
    # Neither refers to the other's stacks, names or outputs.
    assert not re.search("second.line", str(first))
    assert not re.search("switchboard.dev", str(second))


@pytest.mark.parametrize("name", DEPLOYMENTS)
def test_granted_actions_exist_and_none_is_a_whole_service(synthesize: Synthesize, name: str) -> None:
    environment, overrides = DEPLOYMENTS[name]
    for template in synthesize(environment, **overrides).templates.values():
        actions = {action for statement in statements(template) for action in listed(statement["Action"])}
        assert not [action for action in actions if action.endswith(":*") or action == "*"]
        assert not [action for action in actions - UNLISTED_ACTIONS if not _exists(action)]


def _exists(action: str) -> bool:
    return bool(fnmatch.filter(get_actions_for_service(action.partition(":")[0]), action))


def _as_mapping(tags: Json | list[Json]) -> dict[str, str]:
    return tags if isinstance(tags, dict) else {tag["Key"]: tag["Value"] for tag in tags}
