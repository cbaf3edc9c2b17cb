"""The parameters of phone calls: carriers with what is theirs, who may be called, and what the relay needs."""

from collections.abc import Mapping
from typing import Any

import pytest
from pydantic import TypeAdapter, ValidationError

from stacks.configuration import values
from stacks.configuration.telephony_rules import CARRIERS, NUMBERS, OF_OUTBOUND, OF_THE_RELAY
from stacks.parameters import ParameterError, Parameters, TelephonyParameters
from tests.stacks.synthesis import RELAY_CERTIFICATE

RELAY = {"relay_domain_name": "relay.example.com", "relay_certificate_arn": RELAY_CERTIFICATE}
IMAGE = {"relay_image_repository_name": "voice/relay", "relay_image_digest": "sha256:" + "0f" * 32}
AGENT_IMAGE = {"image_source": "ecr", "image_repository_name": "voice/agent", "image_digest": "sha256:" + "0e" * 32}
TWILIO = {"carriers": ["twilio"], **RELAY}
OUT = {"carriers": ["vonage"], "vonage_number": "+12025550101", "allowed_countries": ["US"]}
OIDC = {
    "connect": {"authorizer": "oidc", "oidc_issuer_url": "https://id.example.com", "oidc_audiences": ["voice"]},
    "web": {"oidc_client_id": "page"},
}
EXISTING = {
    "mode": "existing",
    "vpc_id": "vpc-0123456789abcdef0",
    "private_subnet_ids": ["subnet-0123456789abcdef0", "subnet-0123456789abcdef1"],
}
PUBLIC = ["subnet-0123456789abcdef2", "subnet-0123456789abcdef3"]
GIVEN: Mapping[str, Any] = {
    **RELAY,
    **IMAGE,
    **dict.fromkeys(NUMBERS, "+12025550101"),
    "daily_number": "0a1b2c3d-0000-4000-8000-0123456789ab",
    **{f"{carrier}_api_url": "https://api.eu.example.com" for carrier in CARRIERS if carrier != "daily"},
    "transfer_to": "+12025550199",
    "announcement": "Hello.",
    "recording": "announced",
    "recording_sentence": "This call is recorded.",
    "language": "en-GB",
    "machine_detection": True,
    "allowed_countries": ["US"],
    "calls_per_minute": 5,
    "calls_per_minute_per_caller": 5,
    "quiet_hours": "off",
    "max_call_seconds": 600,
    "calls_scope": "calls:write",
    "relay_hosted_zone_id": "Z0123456789",
    "relay_min_tasks": 1,
    "relay_max_tasks": 4,
    "relay_streams_per_task": 100,
}

# What is refused: the values under telephony and elsewhere, and of the mistakes the path, value got, allowed, remedy.
REFUSED: list[tuple[Mapping[str, Any], Mapping[str, Any], list[tuple[str, object, str, str]]]] = [
    (
        {**OUT, "allowed_countries": []},
        {},
        [("telephony.allowed_countries", (), "may be called, as calls go out", "set telephony.allowed_countries")],
    ),
    (
        OUT,
        {"connect": {"authorizer": "none"}},
        [("telephony.vonage_number", "+12025550101", "anybody could place calls", "cognito or oidc")],
    ),
    (OUT, OIDC, [("telephony.calls_scope", None, "as connect.authorizer is oidc", "set telephony.calls_scope")]),
    (
        {**OUT, "calls_scope": "calls:write"},
        {},
        [("telephony.calls_scope", "calls:write", "as connect.authorizer is cognito", "connect.authorizer to oidc")],
    ),
    (
        {**OUT, "calls_scope": "openid"},
        OIDC,
        [("telephony.calls_scope", "openid", "every user of the page", "at your issuer")],
    ),
    (
        {"carriers": ["twilio"]},
        {},
        [
            ("telephony.relay_domain_name", None, "as twilio is among", "set telephony.relay_domain_name"),
            ("telephony.relay_certificate_arn", None, "as twilio is among", "set telephony.relay_certificate_arn"),
        ],
    ),
    (
        TWILIO,
        {"network": {"mode": "public"}},
        [("network.mode", "public", "vpc or existing", "take twilio out of telephony.carriers")],
    ),
    (
        TWILIO,
        {"network": EXISTING},
        [("network.public_subnet_ids", (), "2 to 16 subnets", "set network.public_subnet_ids")],
    ),
    (
        TWILIO,
        {"network": {**EXISTING, "public_subnet_ids": PUBLIC[:1]}},
        [("network.public_subnet_ids", tuple(PUBLIC[:1]), "2 to 16 subnets", "set network.public_subnet_ids")],
    ),
    (
        {"carriers": ["plivo"]},
        {"network": {**EXISTING, "public_subnet_ids": PUBLIC}},
        [("network.public_subnet_ids", tuple(PUBLIC), "twilio is not among", "add twilio")],
    ),
    (
        TWILIO,
        {"network": {"public_subnet_ids": PUBLIC}},
        [("network.public_subnet_ids", tuple(PUBLIC), "creates its own VPC", "another network.mode")],
    ),
    (
        TWILIO,
        {"network": {"public_subnet_prefix_length": 28}},
        [("network.public_subnet_prefix_length", 28, "at most 27", "lower it")],
    ),
    (
        TWILIO,
        {"agent": AGENT_IMAGE},
        [
            ("telephony.relay_image_repository_name", None, "agent.image_source is ecr", "relay_image_repository_name"),
            ("telephony.relay_image_digest", None, "agent.image_source is ecr", "set telephony.relay_image_digest"),
        ],
    ),
    (
        {**TWILIO, **IMAGE},
        {},
        [
            ("telephony.relay_image_repository_name", "voice/relay", "asset builds the image", "to ecr"),
            ("telephony.relay_image_digest", IMAGE["relay_image_digest"], "asset builds the image", "to ecr"),
        ],
    ),
    (
        TWILIO,
        {"region": "us-east-2"},
        [("telephony.relay_certificate_arn", RELAY_CERTIFICATE, "one in us-east-2: a load balancer", "make one there")],
    ),
    (
        TWILIO,
        {"account_id": "210987654321"},
        [("telephony.relay_certificate_arn", RELAY_CERTIFICATE, "us-east-1, account 210987654321", "make one there")],
    ),
    (
        {**TWILIO, "relay_min_tasks": 3, "relay_max_tasks": 2},
        {},
        [("telephony.relay_max_tasks", 2, "at least telephony.relay_min_tasks, which is 3", "raise")],
    ),
    (
        {**TWILIO, "relay_max_tasks": 1},
        {"environment": "prod"},
        [("telephony.relay_max_tasks", 1, "at least telephony.relay_min_tasks, which is 2", "raise")],
    ),
    (
        {**TWILIO, "relay_min_tasks": 1},
        {"environment": "prod"},
        [("telephony.relay_min_tasks", 1, "at least 2 in prod, so that a zone may fail", "remove it for the default")],
    ),
    (
        {"carriers": ["plivo"], "recording": "consent"},
        {},
        [("telephony.recording_sentence", None, "as telephony.recording is consent", "recording_sentence")],
    ),
    (
        {"carriers": ["plivo"], "recording_sentence": "This call is recorded."},
        {},
        [("telephony.recording_sentence", "This call is recorded.", "recording is off", "announced or consent")],
    ),
    (
        {"carriers": ["plivo"]},
        {"agent": {"max_lifetime_seconds": 1_800}},
        [("telephony.max_call_seconds", 3_600, "agent.max_lifetime_seconds, which is 1800", "lower")],
    ),
    (
        {"carriers": ["plivo"], "plivo_api_url": "http://api.plivo.com"},
        {"environment": "staging"},
        [("telephony.plivo_api_url", "http://api.plivo.com", "an https:// URL in staging", "use https://")],
    ),
]

ACCEPTED: list[tuple[Mapping[str, Any], Mapping[str, Any]]] = [
    ({}, {}),
    ({"carriers": ["plivo"], "plivo_api_url": "http://127.0.0.1:8001"}, {"environment": "local"}),
    ({"carriers": ["plivo"]}, {"connect": {"authorizer": "none"}, "network": {"mode": "public"}}),
    ({"carriers": ["telnyx"], "max_call_seconds": 600}, {"agent": {"max_lifetime_seconds": 600}}),
    (OUT, {}),
    (OUT, {"web": {"enabled": False, "sign_in_domain_prefix": "talk-to-us"}}),
    ({**OUT, "calls_scope": "calls:write"}, OIDC),
    ({**OUT, "calls_scope": "openid"}, {**OIDC, "web": {"enabled": False}}),
    (TWILIO, {"network": {**EXISTING, "public_subnet_ids": PUBLIC}}),
    (TWILIO, {"environment": "prod", "account_id": "123456789012"}),
    ({**TWILIO, "relay_min_tasks": 2, "relay_max_tasks": 2}, {"environment": "prod"}),
    ({**TWILIO, **IMAGE}, {"agent": AGENT_IMAGE}),
]


def _parameters(telephony: Mapping[str, Any], others: Mapping[str, Any]) -> Parameters:
    return Parameters.model_validate({"telephony": telephony} | dict(others))


@pytest.mark.parametrize(("telephony", "others", "mistakes"), REFUSED)
def test_a_contradiction_is_refused(
    telephony: Mapping[str, Any], others: Mapping[str, Any], mistakes: list[tuple[str, object, str, str]]
) -> None:
    with pytest.raises(ParameterError) as refusal:
        _parameters(telephony, others)

    assert [(mistake.path, mistake.got) for mistake in refusal.value.mistakes] == [told[:2] for told in mistakes]
    for mistake, (_, _, allowed, remedy) in zip(refusal.value.mistakes, mistakes, strict=True):
        assert allowed in mistake.allowed
        assert remedy in mistake.remedy


@pytest.mark.parametrize(("telephony", "others"), ACCEPTED)
def test_what_fits_together_is_accepted(telephony: Mapping[str, Any], others: Mapping[str, Any]) -> None:
    assert _parameters(telephony, others)


def test_every_value_is_tried() -> None:
    assert {*GIVEN, "carriers"} == {*TelephonyParameters.model_fields}


@pytest.mark.parametrize("name", GIVEN)
def test_without_a_carrier_nothing_else_is_taken(name: str) -> None:
    with pytest.raises(ParameterError) as refusal:
        _parameters({name: GIVEN[name]}, {})
    paths = [mistake.path for mistake in refusal.value.mistakes]
    assert paths == [f"telephony.{name}"]
    assert refusal.value.mistakes[0].allowed == "nothing, as telephony.carriers is empty"


@pytest.mark.parametrize("name", [name for name in GIVEN if name.partition("_")[0] in CARRIERS])
def test_a_carriers_own_values_need_the_carrier(name: str) -> None:
    carrier = name.partition("_")[0]
    other = "telnyx" if carrier != "telnyx" else "plivo"
    with pytest.raises(ParameterError) as refusal:
        _parameters({"carriers": [other], name: GIVEN[name]}, {})
    [mistake] = refusal.value.mistakes
    assert (mistake.path, mistake.allowed) == (
        f"telephony.{name}",
        f"nothing, as {carrier} is not among telephony.carriers",
    )


@pytest.mark.parametrize("name", OF_OUTBOUND)
def test_what_is_about_placing_calls_needs_a_number(name: str) -> None:
    with pytest.raises(ParameterError) as refusal:
        _parameters({"carriers": ["plivo"], name: GIVEN[name]}, {})
    [mistake] = refusal.value.mistakes
    assert (mistake.path, mistake.allowed) == (f"telephony.{name}", "nothing, as no call goes out")
    assert mistake.remedy == "remove it, or set telephony.plivo_number"


@pytest.mark.parametrize("name", OF_THE_RELAY)
def test_a_relay_is_twilios_alone(name: str) -> None:
    with pytest.raises(ParameterError) as refusal:
        _parameters({"carriers": ["vonage", "telnyx", "plivo"], name: GIVEN[name]}, {})
    [mistake] = refusal.value.mistakes
    assert (mistake.path, mistake.allowed) == (
        f"telephony.{name}",
        "nothing, as the other carriers connect to AgentCore itself",
    )


def test_the_relay_of_production_is_in_two_zones_unless_told_otherwise() -> None:
    assert _parameters(TWILIO, {"environment": "prod"}).relay_min_tasks == 2
    assert _parameters(TWILIO, {"environment": "staging"}).relay_min_tasks == 1
    assert _parameters({**TWILIO, "relay_min_tasks": 3}, {"environment": "prod"}).relay_min_tasks == 3


def test_a_domain_prefix_is_asked_for_where_programs_get_tokens_without_a_page() -> None:
    with pytest.raises(ParameterError) as refusal:
        _parameters(OUT, {"project": "voice-on-aws", "web": {"enabled": False}})
    assert [mistake.path for mistake in refusal.value.mistakes] == ["web.sign_in_domain_prefix"]
    inbound = {"carriers": ["vonage"]}
    assert _parameters(inbound, {"project": "voice-on-aws", "web": {"enabled": False}})
    with pytest.raises(ParameterError, match=r"web\.enabled is false"):
        _parameters(inbound, {"web": {"enabled": False, "sign_in_domain_prefix": "talk-to-us"}})


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        (values.PhoneNumber, "12025550123"),
        (values.PhoneNumber, "+02025550123"),
        (values.PhoneNumber, "+1202555012345678"),
        (values.PhoneNumber, "+1 202 555 0123"),
        (values.CallTarget, "desk@pbx.example.com"),
        (values.CallTarget, "sip:desk"),
        (values.CallTarget, "sip:desk@pbx.example.com?subject=x"),
        (values.CallTarget, 'sip:"desk"@pbx.example.com'),
        (values.CallTarget, f"sip:desk@{'a' * 200}"),
        (values.SpokenText, ""),
        (values.SpokenText, "   "),
        (values.SpokenText, "Hello.\nWho is there?"),
        (values.SpokenText, "<Hangup/>"),
        (values.SpokenText, "x" * 241),
        (values.Language, "EN-us"),
        (values.Language, "en_US"),
        (values.Country, "UK"),
        (values.Country, "us"),
        (values.QuietHours, "24:00-08:00"),
        (values.QuietHours, "21-08"),
        (values.QuietHours, "08:00-08:00"),
        (values.QuietHours, "on"),
        (values.RegionalCertificateArn, RELAY_CERTIFICATE.replace("acm", "iam")),
        (values.RegionalCertificateArn, RELAY_CERTIFICATE.rpartition("-")[0]),
    ],
)
def test_what_a_carrier_or_aws_would_not_take_is_refused(kind: Any, value: str) -> None:
    with pytest.raises(ValidationError):
        TypeAdapter(kind).validate_python(value)


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        (values.PhoneNumber, "+4930123456"),
        (values.CallTarget, "+12025550123"),
        (values.CallTarget, "sips:desk.7@pbx.example.com:5061;transport=tls"),
        (values.SpokenText, 'Grüß Gott & willkommen: 5 % "sicher".'),
        (values.Language, "cmn-Hans-CN"),
        (values.Country, "GB"),
        (values.QuietHours, "21:00-08:00"),
        (values.QuietHours, "off"),
    ],
)
def test_what_carriers_take_is_accepted(kind: Any, value: str) -> None:
    assert TypeAdapter(kind).validate_python(value) == value
