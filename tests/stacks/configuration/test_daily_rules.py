"""The parameters of rooms at Daily: what each way to the media servers needs, and what the rooms must fit into."""

from collections.abc import Mapping
from typing import Any

import pytest
from pydantic import TypeAdapter, ValidationError

from stacks.aws_services import services_of_agent
from stacks.configuration import values
from stacks.parameters import DailyParameters, ParameterError, Parameters
from tests.stacks.synthesis import ALARM_TOPIC, DAILY_SERVICE, SPEECH_SECRET

GIVEN: Mapping[str, Any] = {
    "connectivity": "public",
    "privatelink_service_name": DAILY_SERVICE,
    "media_hosts": ["sfu.example.com"],
    "media_cidrs": ["192.0.2.0/24"],
    "media_ports": ["udp:40000-49999"],
    "api_url": "https://daily.example.com/v1",
    "geo": "eu-central-1",
    "max_participants": 3,
    "recording": "cloud",
    "session_seconds": 600,
}
ROOMS = {"transports": ["daily"]}
NEEDED = ("ecr.api", "ecr.dkr", "s3", "logs", "monitoring", "xray", "lambda")
ENDPOINTS = {"network": {"interface_endpoints": NEEDED}}
PRIVATELINK = {"connectivity": "privatelink", "privatelink_service_name": DAILY_SERVICE}
CUSTOMER_VPC = {"connectivity": "customer_vpc", "media_cidrs": ["192.0.2.0/24"], "media_hosts": ["*.example.com"]}
EXISTING = {
    "mode": "existing",
    "vpc_id": "vpc-0123456789abcdef0",
    "private_subnet_ids": ["subnet-0123456789abcdef0", "subnet-0123456789abcdef1"],
}
GROUPS = ["sg-0123456789abcdef0"]
NUMBER = "0a1b2c3d-0000-4000-8000-0123456789ab"
PHONE = {"transports": ["daily"], "telephony": {"carriers": ["daily"]}}

# What is refused: the parameters, and of the mistakes the path, value got, allowed, remedy.
REFUSED: list[tuple[Mapping[str, Any], list[tuple[str, object, str, str]]]] = [
    (
        {"operations": {"alarm_topic_arn": ALARM_TOPIC}},
        [("operations.alarm_topic_arn", ALARM_TOPIC, "nothing, as daily is not among transports", "add daily")],
    ),
    (
        {**ROOMS, "network": {"mode": "public"}},
        [("transports", ("daily",), "network.mode public has no outbound UDP", "network.mode to vpc or existing")],
    ),
    (
        {**ROOMS, **ENDPOINTS, "daily": {"connectivity": "privatelink"}},
        [("daily.privatelink_service_name", None, "as daily.connectivity is privatelink", "set daily.privatelink")],
    ),
    (
        {**ROOMS, **ENDPOINTS, "region": "us-east-2", "daily": PRIVATELINK},
        [("daily.privatelink_service_name", DAILY_SERVICE, "a service in us-east-2", "choose the service's region")],
    ),
    (
        {**ROOMS, "daily": PRIVATELINK},
        [("network.interface_endpoints", (), "ecr.api, ecr.dkr, s3, logs, monitoring, xray, lambda", "add ecr.api")],
    ),
    (
        {
            **ROOMS,
            "network": {"interface_endpoints": [*NEEDED, "polly"]},
            "agent": {"pipeline": "cascaded"},
            "memory": {"enabled": True},
            "daily": PRIVATELINK,
        },
        [
            (
                "network.interface_endpoints",
                (*NEEDED, "polly"),
                "no other way to AWS",
                "add bedrock-agentcore, bedrock-runtime, transcribestreaming",
            )
        ],
    ),
    (
        {**ROOMS, "network": EXISTING, "daily": PRIVATELINK},
        [
            (
                "network.endpoint_security_group_ids",
                (),
                "endpoints for ecr.api, ecr.dkr, s3, logs, monitoring, xray, lambda",
                "set network.endpoint_security_group_ids",
            )
        ],
    ),
    (
        {**ROOMS, "network": {**EXISTING, "endpoint_security_group_ids": GROUPS}},
        [
            (
                "network.endpoint_security_group_ids",
                tuple(GROUPS),
                "by HTTPS to anywhere",
                "daily.connectivity to privatelink",
            )
        ],
    ),
    (
        {"network": {"endpoint_security_group_ids": GROUPS}},
        [("network.endpoint_security_group_ids", tuple(GROUPS), "creates its own VPC", "another network.mode")],
    ),
    (
        {**ENDPOINTS, "transports": ["webrtc", "daily"], "daily": PRIVATELINK},
        [("transports", ("webrtc", "daily"), "no way to a TURN server", "take webrtc out of transports")],
    ),
    (
        {
            **ROOMS,
            "network": {"interface_endpoints": [*NEEDED, "bedrock-runtime", "secretsmanager"]},
            "agent": {
                "pipeline": "cascaded",
                "speech_to_text": "deepgram",
                "text_to_speech": "cartesia",
                "speech_secret_arn": SPEECH_SECRET,
            },
            "daily": PRIVATELINK,
        },
        [
            ("agent.speech_to_text", "deepgram", "transcribe, as daily.connectivity", "to transcribe"),
            ("agent.text_to_speech", "cartesia", "polly, as daily.connectivity", "to polly"),
        ],
    ),
    (
        {**ROOMS, "daily": {"connectivity": "customer_vpc"}},
        [
            ("daily.media_cidrs", (), "as daily.connectivity is customer_vpc", "set daily.media_cidrs"),
            ("daily.media_hosts", (), "that the page connects to", "set daily.media_hosts"),
        ],
    ),
    (
        {**ROOMS, "daily": CUSTOMER_VPC, "web": {"enabled": False}},
        [("daily.media_hosts", ("*.example.com",), "web.enabled is false", "set web.enabled to true")],
    ),
    (
        {**ROOMS, "agent": {"max_lifetime_seconds": 1_800}},
        [("daily.session_seconds", 3_600, "agent.max_lifetime_seconds, which is 1800", "lower daily.session_seconds")],
    ),
    (
        {**ROOMS, "environment": "staging", "daily": {"api_url": "http://api.daily.co/v1"}},
        [("daily.api_url", "http://api.daily.co/v1", "an https:// URL in staging", "use https://")],
    ),
    (
        {**ROOMS, "region": "us-east-2", "operations": {"alarm_topic_arn": ALARM_TOPIC}},
        [("operations.alarm_topic_arn", ALARM_TOPIC, "a topic in us-east-2, where", "make one there")],
    ),
    (
        {**ROOMS, "account_id": "210987654321", "operations": {"alarm_topic_arn": ALARM_TOPIC}},
        [("operations.alarm_topic_arn", ALARM_TOPIC, "in us-east-1, account 210987654321", "make one there")],
    ),
    (
        {"telephony": {"carriers": ["plivo", "daily"]}},
        [("telephony.carriers", ("plivo", "daily"), "twilio, vonage, telnyx, plivo, as daily is not", "add daily to")],
    ),
    (
        {
            "transports": ["daily"],
            "daily": {"recording": "cloud"},
            "telephony": {
                "carriers": ["plivo", "daily"],
                "announcement": "Hello.",
                "recording": "consent",
                "recording_sentence": "Press 1.",
            },
        },
        [
            ("telephony.announcement", "Hello.", "says no sentence before the bot", "remove it"),
            ("telephony.recording", "consent", "off, as daily is among telephony.carriers", "set it to off"),
            ("daily.recording", "cloud", "off, as daily is among telephony.carriers", "set it to off"),
        ],
    ),
    (
        {
            **ROOMS,
            "telephony": {
                "carriers": ["daily"],
                "daily_number": NUMBER,
                "allowed_countries": ["US"],
                "machine_detection": True,
            },
        },
        [
            (
                "telephony.machine_detection",
                True,
                "false, as calls go out through Daily",
                "remove telephony.daily_number",
            )
        ],
    ),
    (
        {**PHONE, "daily": {"session_seconds": 1_800}},
        [("telephony.max_call_seconds", 3_600, "daily.session_seconds, which is 1800", "lower")],
    ),
]

ACCEPTED: list[Mapping[str, Any]] = [
    ROOMS,
    {**ROOMS, "daily": {"session_seconds": 600}, "agent": {"max_lifetime_seconds": 600}},
    {**ROOMS, "daily": {"api_url": "http://127.0.0.1:8001/v1"}, "environment": "local"},
    {**ROOMS, "account_id": "123456789012", "operations": {"alarm_topic_arn": ALARM_TOPIC}},
    {**ROOMS, **ENDPOINTS, "daily": {**PRIVATELINK, "media_ports": ["udp:443", "udp:3478"]}},
    {
        **ROOMS,
        "network": {"interface_endpoints": [name for name in NEEDED if name != "xray"]},
        "daily": PRIVATELINK,
        "operations": {"tracing": False},
    },
    {**ENDPOINTS, "transports": ["websocket", "daily"], "daily": PRIVATELINK},
    {**ROOMS, "network": {**EXISTING, "endpoint_security_group_ids": GROUPS}, "daily": PRIVATELINK},
    {**ROOMS, "network": EXISTING, "daily": CUSTOMER_VPC},
    {**ROOMS, "daily": {**CUSTOMER_VPC, "media_hosts": []}, "web": {"enabled": False}},
    {"transports": ["webrtc", "daily"], "daily": {**CUSTOMER_VPC, "media_ports": ["tcp:443"]}},
    {**PHONE, "daily": {"session_seconds": 1_800}, "telephony": {"carriers": ["daily"], "max_call_seconds": 1_800}},
    {**PHONE, "telephony": {"carriers": ["daily"], "daily_number": NUMBER, "allowed_countries": ["US"]}},
]


@pytest.mark.parametrize(("parameters", "mistakes"), REFUSED)
def test_a_contradiction_is_refused(
    parameters: Mapping[str, Any], mistakes: list[tuple[str, object, str, str]]
) -> None:
    with pytest.raises(ParameterError) as refusal:
        Parameters.model_validate(parameters)

    assert [(mistake.path, mistake.got) for mistake in refusal.value.mistakes] == [told[:2] for told in mistakes]
    for mistake, (_, _, allowed, remedy) in zip(refusal.value.mistakes, mistakes, strict=True):
        assert allowed in mistake.allowed
        assert remedy in mistake.remedy


@pytest.mark.parametrize("parameters", ACCEPTED)
def test_what_fits_together_is_accepted(parameters: Mapping[str, Any]) -> None:
    assert Parameters.model_validate(parameters)


def test_every_value_is_tried() -> None:
    assert {*GIVEN} == {*DailyParameters.model_fields}


@pytest.mark.parametrize("name", GIVEN)
def test_nothing_is_taken_where_no_call_is_in_a_room(name: str) -> None:
    with pytest.raises(ParameterError) as refusal:
        Parameters.model_validate({"daily": {name: GIVEN[name]}})
    [mistake] = refusal.value.mistakes
    assert (mistake.path, mistake.allowed) == (f"daily.{name}", "nothing, as daily is not among transports")


@pytest.mark.parametrize(
    ("connectivity", "foreign"),
    [
        ({}, ["privatelink_service_name", "media_hosts", "media_cidrs", "media_ports"]),
        (PRIVATELINK, ["media_hosts", "media_cidrs"]),
        (CUSTOMER_VPC, ["privatelink_service_name"]),
    ],
)
def test_a_connectivity_takes_what_is_its_own(connectivity: Mapping[str, Any], foreign: list[str]) -> None:
    others = {name: GIVEN[name] for name in foreign}
    with pytest.raises(ParameterError) as refusal:
        Parameters.model_validate({**ROOMS, **ENDPOINTS, "daily": {**connectivity, **others}})
    assert [mistake.path for mistake in refusal.value.mistakes] == [f"daily.{name}" for name in foreign]


def test_the_services_of_an_agent_follow_what_it_does() -> None:
    keyed = {"speech_to_text": "deepgram", "text_to_speech": "cartesia", "speech_secret_arn": SPEECH_SECRET}
    for parameters, services in (
        ({}, ["xray"]),
        ({"operations": {"tracing": False}, "memory": {"enabled": True}}, ["bedrock-agentcore"]),
        (ROOMS, ["xray", "lambda"]),
        ({"agent": {"pipeline": "speech_to_speech"}}, ["xray", "bedrock-runtime"]),
        ({"agent": {"pipeline": "cascaded"}}, ["xray", "bedrock-runtime", "transcribestreaming", "polly"]),
        ({"agent": {"pipeline": "cascaded", **keyed}}, ["xray", "bedrock-runtime", "secretsmanager"]),
    ):
        found = services_of_agent(Parameters.model_validate(parameters))
        assert found == ("ecr.api", "ecr.dkr", "s3", "logs", "monitoring", *services)


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        (values.EndpointServiceName, "com.amazonaws.us-east-1.lambda"),
        (values.EndpointServiceName, "vpce-svc-0123456789abcdef0"),
        (values.HostPattern, "https://sfu.example.com"),
        (values.HostPattern, "*"),
        (values.HostPattern, "*.com"),
        (values.HostPattern, "sfu.*.example.com"),
        (values.HostPattern, "10.0.0.1"),
        (values.Network, "0.0.0.0/0"),
        (values.Network, "10.0.0.1/8"),
        (values.Network, "2001:db8::/32"),
        (values.Ports, "40000-49999"),
        (values.Ports, "udp:0"),
        (values.Ports, "udp:65536"),
        (values.Ports, "udp:50000-40000"),
        (values.Ports, "sctp:5000"),
        (values.BaseUrl, "https://api.daily.co/v1/"),
        (values.BaseUrl, "https://api.daily.co/v1?x=1"),
        (values.BaseUrl, f"https://{'d' * 90}/v1"),
        (values.Geo, "Europe"),
        (values.DailyNumberId, "+12025550123"),
        (values.TopicArn, ALARM_TOPIC.replace("sns", "sqs")),
        (values.TopicArn, f"{ALARM_TOPIC}.fifo"),
        (values.SecurityGroupId, "default"),
    ],
)
def test_what_daily_or_aws_would_not_take_is_refused(kind: Any, value: str) -> None:
    with pytest.raises(ValidationError):
        TypeAdapter(kind).validate_python(value)


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        (values.HostPattern, "*.media.example.com"),
        (values.HostPattern, "sfu-1.example.com"),
        (values.Network, "10.90.0.0/16"),
        (values.Network, "192.0.2.7/32"),
        (values.Ports, "tcp:443"),
        (values.Ports, "udp:40000-49999"),
        (values.BaseUrl, "https://api.daily.co/v1"),
        (values.Geo, "ap-southeast-2"),
    ],
)
def test_what_they_take_is_accepted(kind: Any, value: str) -> None:
    assert TypeAdapter(kind).validate_python(value) == value
