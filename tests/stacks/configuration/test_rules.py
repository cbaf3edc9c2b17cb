from collections.abc import Mapping
from ipaddress import IPv4Network
from typing import Any

import aws_cdk as cdk
import pytest
from aws_cdk.assertions import Template
from hypothesis import given, settings
from hypothesis import strategies as st

from stacks.configuration.rules import addresses_needed
from stacks.network import NetworkStack
from stacks.parameters import ParameterError, Parameters

IMAGE = {"image_repository_name": "voice/agent", "image_digest": "sha256:" + "0f" * 32}
SUBNETS = ["subnet-0123456789abcdef0", "subnet-0123456789abcdef1"]
EXISTING = {"mode": "existing", "vpc_id": "vpc-0123456789abcdef0", "private_subnet_ids": SUBNETS}
SPEECH_SECRET = "arn:aws:secretsmanager:us-east-1:123456789012:secret:voice/speech-AbC123"
INDIAN = SPEECH_SECRET.replace("us-east-1", "ap-south-2")
KEYED = {
    "pipeline": "cascaded",
    "speech_to_text": "deepgram",
    "text_to_speech": "cartesia",
    "speech_secret_arn": SPEECH_SECRET,
}
OIDC = {"oidc_issuer_url": "https://id.example.com/tenant", "oidc_audiences": ["voice"]}

# What is refused: the parameters, and of its mistakes the path, the value got, what is allowed and what to do.
REFUSED: list[tuple[Mapping[str, Any], list[tuple[str, object, str, str]]]] = [
    ({"region": "eu-mars-1"}, [("region", "eu-mars-1", "us-west-2", "set region")]),
    (
        {"region": "eu-central-1"},
        [("agent.platform_version", "V2", "V1 in eu-central-1", "set agent.platform_version to V1")],
    ),
    (
        {"region": "us-west-1", "agent": {"platform_version": "V1"}, "transports": ["websocket", "webrtc"]},
        [("turn.source", "kvs", "static or coturn", "set turn.source")],
    ),
    (
        {"region": "us-west-1", "agent": {"platform_version": "V1"}, "network": {"availability_zone_count": 3}},
        [("network.availability_zone_count", 3, "usw1-az1, usw1-az3", "set network.availability_zone_count to 2")],
    ),
    (
        {"region": "us-east-2", "agent": {"pipeline": "speech_to_speech"}},
        [("agent.model_id", None, "us-west-2", "another region")],
    ),
    (
        {"region": "us-west-2", "agent": {"pipeline": "cascaded", "model_id": "amazon.nova-lite-v1:0"}},
        [("agent.model_id", "amazon.nova-lite-v1:0", "us.amazon.nova-lite-v1:0 in us-west-2", "leave agent.model_id")],
    ),
    (
        {"region": "ca-central-1", "agent": {"pipeline": "cascaded", "platform_version": "V1"}},
        [("agent.model_id", None, "ca-central-1 does not offer Nova Lite", "set agent.model_id")],
    ),
    (
        {
            "region": "ap-south-2",
            "agent": {"pipeline": "cascaded", "platform_version": "V1", "model_id": "global.amazon.nova-2-lite-v1:0"},
        },
        [
            ("agent.speech_to_text", "transcribe", "deepgram in ap-south-2", "set agent.speech_to_text to deepgram"),
            ("agent.text_to_speech", "polly", "cartesia in ap-south-2", "set agent.text_to_speech to cartesia"),
        ],
    ),
    (
        {"region": "us-west-1", "agent": {"platform_version": "V1"}, "memory": {"enabled": True}},
        [("memory.enabled", True, "AgentCore Memory is offered in ap-northeast-1", "set memory.enabled to false")],
    ),
    (
        {"memory": {"enabled": True}, "connect": {"authorizer": "none"}},
        [("memory.enabled", True, "connect.authorizer is none", "set connect.authorizer to cognito or oidc")],
    ),
    (
        {"memory": {"retention_days": 90}},
        [("memory.retention_days", 90, "memory.enabled is false", "set memory.enabled to true")],
    ),
    (
        {"environment": "prod", "operations": {"log_transcripts": True}},
        [("operations.log_transcripts", True, "false in prod", "set operations.log_encryption to customer_key")],
    ),
    (
        {"agent": {"speech_to_text": "deepgram", "speech_secret_arn": SPEECH_SECRET, "model_session_seconds": 300}},
        [
            ("agent.speech_to_text", "deepgram", "agent.pipeline is offline", "another agent.pipeline"),
            ("agent.speech_secret_arn", SPEECH_SECRET, "agent.pipeline is offline", "another agent.pipeline"),
            ("agent.model_session_seconds", 300, "agent.pipeline is offline", "another agent.pipeline"),
        ],
    ),
    (
        {"agent": {"pipeline": "speech_to_speech", "text_to_speech": "polly"}},
        [("agent.text_to_speech", "polly", "agent.pipeline is speech_to_speech", "remove it")],
    ),
    (
        {"agent": {"pipeline": "cascaded", "model_session_seconds": 300}},
        [("agent.model_session_seconds", 300, "agent.pipeline is cascaded", "remove it")],
    ),
    (
        {"agent": {"pipeline": "cascaded", "speech_to_text": "deepgram", "text_to_speech": "cartesia"}},
        [
            (
                "agent.speech_secret_arn",
                None,
                "agent.speech_to_text is deepgram and agent.text_to_speech is cartesia",
                "set agent.speech_secret_arn",
            )
        ],
    ),
    (
        {"agent": {"pipeline": "cascaded", "speech_secret_arn": SPEECH_SECRET}},
        [("agent.speech_secret_arn", SPEECH_SECRET, "Transcribe and Polly", "set agent.speech_to_text to deepgram")],
    ),
    (
        {"region": "us-west-2", "account_id": "210987654321", "agent": KEYED},
        [
            ("agent.speech_secret_arn", SPEECH_SECRET, "a secret in us-west-2", "replicate the secret"),
            ("agent.speech_secret_arn", SPEECH_SECRET, "in account 210987654321", "make the secret in this account"),
        ],
    ),
    (
        {"region": "us-west-2", "agent": {"pipeline": "speech_to_speech", "model_id": "amazon.nova-2-5-sonic"}},
        [("agent.model_id", "amazon.nova-2-5-sonic", "eu-north-1, us-east-1", "us-west-2 offers")],
    ),
    (
        {"agent": {"pipeline": "speech_to_speech", "model_id": "amazon.nova-sonic-v1:0"}},
        [("agent.model_id", "amazon.nova-sonic-v1:0", "ended on 2026-09-14", "choose a model")],
    ),
    (
        {"agent": {"model_id": "amazon.nova-lite-v1:0"}},
        [("agent.model_id", "amazon.nova-lite-v1:0", "offline pipeline uses no model", "remove it")],
    ),
    (
        {"agent": {"pipeline": "cascaded", "model_id": "amazon.nova-2-sonic-v1:0"}},
        [("agent.model_id", "amazon.nova-2-sonic-v1:0", "a Converse model", "set agent.pipeline to speech_to_speech")],
    ),
    (
        {"agent": {"idle_timeout_seconds": 601, "max_lifetime_seconds": 600}},
        [("agent.idle_timeout_seconds", 601, "which is 600", "raise agent.max_lifetime_seconds")],
    ),
    (
        {"agent": {"image_source": "ecr"}},
        [
            ("agent.image_repository_name", None, "image_source is ecr", "set agent.image_repository_name"),
            ("agent.image_digest", None, "image_source is ecr", "set agent.image_digest"),
        ],
    ),
    (
        {"agent": {"image_source": "codebuild", **IMAGE}},
        [
            (
                "agent.image_repository_name",
                "voice/agent",
                "codebuild builds the image",
                "set agent.image_source to ecr",
            ),
            (
                "agent.image_digest",
                IMAGE["image_digest"],
                "codebuild builds the image",
                "set agent.image_source to ecr",
            ),
        ],
    ),
    (
        {"network": {"vpc_id": "vpc-01234567", "private_subnet_ids": SUBNETS}},
        [
            ("network.vpc_id", "vpc-01234567", "creates its own VPC", "another network.mode"),
            ("network.private_subnet_ids", tuple(SUBNETS), "creates its own VPC", "another network.mode"),
        ],
    ),
    (
        {"network": {"mode": "existing", "private_subnet_ids": SUBNETS[:1]}},
        [
            ("network.vpc_id", None, "the id of the VPC", "set network.vpc_id"),
            ("network.private_subnet_ids", tuple(SUBNETS[:1]), "2 to 16 subnets", "default route is a NAT gateway"),
        ],
    ),
    (
        {"network": EXISTING | {"cidr": "10.60.0.0/16", "nat_gateways": "one", "flow_logs": False}},
        [
            ("network.cidr", "10.60.0.0/16", "leaves the VPC as it is", "remove it"),
            ("network.nat_gateways", "one", "leaves the VPC as it is", "remove it"),
            ("network.flow_logs", False, "leaves the VPC as it is", "remove it"),
        ],
    ),
    (
        {"network": {"mode": "public", "interface_endpoints": ["logs"], "vpc_id": "vpc-01234567"}},
        [
            ("network.interface_endpoints", ("logs",), "no private resources", "another network.mode"),
            ("network.vpc_id", "vpc-01234567", "no private resources", "another network.mode"),
        ],
    ),
    (
        {"network": {"mode": "public"}, "transports": ["websocket", "daily"]},
        [("transports", ("websocket", "daily"), "no outbound UDP", "network.mode to vpc or existing")],
    ),
    (
        {"network": {"cidr": "10.60.0.0/21"}},
        [("network.cidr", "10.60.0.0/21", "3072 addresses for 2 public /26 and 2 private /22", "up to /16")],
    ),
    (
        {"environment": "staging", "connect": {"authorizer": "none", "allowed_origins": ["*"]}},
        [
            ("connect.authorizer", "none", "cognito or oidc in staging", "set connect.authorizer"),
            ("connect.allowed_origins", ("*",), "only in dev and local", "list the pages' origins"),
        ],
    ),
    (
        {"connect": {"authorizer": "oidc"}, "web": {"enabled": False}},
        [
            ("connect.oidc_issuer_url", None, "an https:// URL", "set connect.oidc_issuer_url"),
            ("connect.oidc_audiences", (), "at least one audience", "set connect.oidc_audiences"),
        ],
    ),
    (
        {"connect": OIDC},
        [
            ("connect.oidc_issuer_url", OIDC["oidc_issuer_url"], "authorizer is cognito", "remove it"),
            ("connect.oidc_audiences", ("voice",), "authorizer is cognito", "remove it"),
        ],
    ),
    (
        {"environment": "prod", "operations": {"removal": "destroy"}},
        [("operations.removal", "destroy", "retain in prod", "set operations.removal to retain")],
    ),
]

ACCEPTED: list[Mapping[str, Any]] = [
    {"region": "eu-central-1", "agent": {"platform_version": "V1"}},
    {"region": "ap-northeast-1", "transports": ["websocket", "webrtc"]},
    {"region": "us-west-1", "agent": {"platform_version": "V1"}, "turn": {"source": "kvs"}},
    {
        "region": "us-west-1",
        "agent": {"platform_version": "V1"},
        "transports": ["webrtc"],
        "turn": {
            "source": "coturn",
            "domain_name": "turn.example.com",
            "certificate_secret_arn": "arn:aws:secretsmanager:us-west-1:123456789012:secret:turn-AbC123",
        },
    },
    {"network": {"availability_zone_count": 3}},
    {"region": "us-west-2", "agent": {"pipeline": "speech_to_speech", "model_session_seconds": 300}},
    {
        "region": "ap-south-2",
        "agent": KEYED | {"platform_version": "V1", "model_id": "m.n", "speech_secret_arn": INDIAN},
    },
    {"account_id": "123456789012", "agent": KEYED},
    {"region": "eu-west-1", "agent": {"pipeline": "cascaded", "model_id": "eu.amazon.nova-lite-v1:0"}},
    {"agent": {"reconnect_grace_seconds": 300, "idle_timeout_seconds": 60}},
    {"memory": {"enabled": True, "retention_days": 7}},
    {"environment": "dev", "operations": {"log_transcripts": True}},
    {"environment": "prod", "operations": {"log_transcripts": True, "log_encryption": "customer_key"}},
    {"agent": {"pipeline": "speech_to_speech", "model_id": "amazon.nova-2-5-sonic"}},
    {"region": "us-east-2", "agent": {"pipeline": "cascaded", "model_id": "us.amazon.nova-lite-v1:0"}},
    {"agent": {"pipeline": "cascaded"}},
    {"agent": {"idle_timeout_seconds": 600, "max_lifetime_seconds": 600}},
    {"agent": {"image_source": "ecr", **IMAGE}},
    {"agent": {"image_source": "codebuild"}},
    {"network": EXISTING, "transports": ["websocket", "webrtc", "daily"]},
    {"network": {"mode": "public"}},
    {"network": {"mode": "vpc", "vpc_id": None, "private_subnet_ids": []}},
    {"network": {"cidr": "10.60.0.0/20"}},
    {"environment": "local", "connect": {"authorizer": "none", "allowed_origins": ["*"]}},
    {
        "environment": "prod",
        "connect": {"authorizer": "oidc", **OIDC, "allowed_origins": ["https://voice.example.com"]},
        "web": {"enabled": False},
    },
    {"environment": "prod", "operations": {"removal": "retain", "termination_protection": False}},
]


@pytest.mark.parametrize(("values", "mistakes"), REFUSED)
def test_a_contradiction_is_refused(values: Mapping[str, Any], mistakes: list[tuple[str, object, str, str]]) -> None:
    with pytest.raises(ParameterError) as refusal:
        Parameters.model_validate(values)

    assert [(mistake.path, mistake.got) for mistake in refusal.value.mistakes] == [told[:2] for told in mistakes]
    for mistake, (path, _, allowed, remedy) in zip(refusal.value.mistakes, mistakes, strict=True):
        assert allowed in mistake.allowed
        assert remedy in mistake.remedy
        assert f"{path}\n" in str(refusal.value)


@pytest.mark.parametrize("values", ACCEPTED)
def test_what_fits_together_is_accepted(values: Mapping[str, Any]) -> None:
    assert Parameters.model_validate(values)


@settings(deadline=None)
@given(prefix_lengths=st.lists(st.integers(20, 28), min_size=1, max_size=6))
def test_addresses_needed_are_those_of_the_first_free_aligned_networks(prefix_lengths: list[int]) -> None:
    placed: list[IPv4Network] = []
    for prefix_length in prefix_lengths:
        after = placed[-1].broadcast_address if placed else None
        candidates = IPv4Network("10.0.0.0/16").subnets(new_prefix=prefix_length)
        placed.append(next(network for network in candidates if after is None or network.network_address > after))

    assert (
        addresses_needed(prefix_lengths) == int(placed[-1].broadcast_address) - int(IPv4Network("10.0.0.0/16")[0]) + 1
    )


@pytest.mark.parametrize(
    ("zones", "public", "private", "cidr"), [(2, 28, 26, "10.1.2.0/24"), (3, 24, 28, "10.1.4.0/22")]
)
def test_cdk_places_subnets_as_the_rule_counts_them(zones: int, public: int, private: int, cidr: str) -> None:
    network = {
        "cidr": cidr,
        "availability_zone_count": zones,
        "public_subnet_prefix_length": public,
        "private_subnet_prefix_length": private,
    }
    stack = NetworkStack(cdk.App(), parameters=Parameters.model_validate({"network": network}))
    subnets = Template.from_stack(stack).find_resources("AWS::EC2::Subnet").values()
    last = max(IPv4Network(subnet["Properties"]["CidrBlock"]).broadcast_address for subnet in subnets)

    assert int(last) + 1 - int(IPv4Network(cidr)[0]) == addresses_needed([public] * zones + [private] * zones)
