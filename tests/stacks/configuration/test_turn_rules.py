"""The parameters of TURN: each source takes its own, needs some, and stays within the limits of AWS."""

from collections.abc import Mapping
from typing import Any

import pytest
from pydantic import TypeAdapter, ValidationError

from stacks.channel_pool import MAX_CHANNELS, REQUESTS_PER_SECOND_PER_CHANNEL, SESSIONS_PER_CHANNEL
from stacks.configuration import values
from stacks.configuration.turn_rules import OF_COTURN, OF_KVS, OF_STATIC
from stacks.parameters import ParameterError, Parameters, TurnParameters

SECRET = "arn:aws:secretsmanager:us-east-1:123456789012:secret:voice/turn-AbC123"
ELSEWHERE = SECRET.replace("us-east-1", "eu-west-1")
URLS = ["turn:turn.example.com", "turns:turn.example.com:443?transport=tcp"]
FIXED = {"source": "static", "ice_server_urls": URLS, "secret_arn": SECRET}
COTURN = {"source": "coturn", "domain_name": "turn.example.com", "certificate_secret_arn": SECRET}
EXISTING = {
    "mode": "existing",
    "vpc_id": "vpc-0123456789abcdef0",
    "private_subnet_ids": ["subnet-0123456789abcdef0", "subnet-0123456789abcdef1"],
}
MOST_NEW = MAX_CHANNELS * REQUESTS_PER_SECOND_PER_CHANNEL
MOST_CONCURRENT = MAX_CHANNELS * SESSIONS_PER_CHANNEL

GIVEN: Mapping[str, Any] = {
    "peak_new_sessions_per_second": 5,
    "peak_concurrent_relayed_sessions": 25,
    "kvs_requests_per_second": 100,
    "reuse_seconds": 20,
    "credentials": "fixed",
    "ice_server_urls": URLS,
    "secret_arn": SECRET,
    "domain_name": "turn.example.com",
    "hosted_zone_id": "Z0123456789",
    "certificate_secret_arn": SECRET,
    "server_count": 2,
    "instance_type": "t4g.small",
}
BEST: Mapping[str, dict[str, Any]] = {
    "kvs": {"source": "kvs"},
    "static": FIXED,
    "coturn": COTURN,
    "none": {"source": "none"},
}
OWN = {"kvs": OF_KVS, "static": OF_STATIC, "coturn": OF_COTURN, "none": ()}

# What is refused: the values under turn and elsewhere, and of the mistakes the path, value got, allowed, what to do.
REFUSED: list[tuple[Mapping[str, Any], Mapping[str, Any], list[tuple[str, object, str, str]]]] = [
    (
        {"source": "static"},
        {},
        [
            ("turn.secret_arn", None, "turn.source is static", "set turn.secret_arn"),
            ("turn.ice_server_urls", (), "at least one turn: URL", "to cloudflare or twilio"),
        ],
    ),
    (
        FIXED | {"ice_server_urls": ["stun:stun.example.com", "turns:turn.example.com?transport=udp"]},
        {},
        [
            (
                "turn.ice_server_urls",
                ("stun:stun.example.com", "turns:turn.example.com?transport=udp"),
                "not over DTLS",
                "set turn.ice_server_urls to your servers",
            )
        ],
    ),
    (
        {"source": "static", "credentials": "twilio"},
        {},
        [("turn.secret_arn", None, "the key that mints it", "set turn.secret_arn")],
    ),
    (
        FIXED | {"credentials": "cloudflare"},
        {},
        [("turn.ice_server_urls", tuple(URLS), "cloudflare names its servers", "set turn.credentials to fixed")],
    ),
    (
        {"source": "coturn"},
        {},
        [
            ("turn.domain_name", None, "turn.source is coturn", "set turn.domain_name"),
            ("turn.certificate_secret_arn", None, "turn.source is coturn", "set turn.certificate_secret_arn"),
        ],
    ),
    (
        COTURN,
        {"network": EXISTING},
        [
            (
                "turn.source",
                "coturn",
                "public subnets of a created VPC and network.mode is existing",
                "network.mode to vpc",
            )
        ],
    ),
    (
        {"source": "none"},
        {"environment": "staging"},
        [("turn.source", "none", "only where the network is flat", "set turn.source to one of these")],
    ),
    (
        FIXED | {"secret_arn": ELSEWHERE},
        {},
        [("turn.secret_arn", ELSEWHERE, "a secret in us-east-1", "replicate the secret")],
    ),
    (
        COTURN | {"certificate_secret_arn": ELSEWHERE},
        {},
        [("turn.certificate_secret_arn", ELSEWHERE, "a secret in us-east-1", "replicate the secret")],
    ),
    (
        {"peak_new_sessions_per_second": 101},
        {},
        [("turn.peak_new_sessions_per_second", 101, "which is 100: a call costs one", "have AWS raise the quota")],
    ),
    (
        {"kvs_requests_per_second": 4},
        {},
        [("turn.peak_new_sessions_per_second", 5, "which is 4", "set turn.kvs_requests_per_second")],
    ),
    (
        {"peak_new_sessions_per_second": MOST_NEW + 1, "kvs_requests_per_second": 1_000},
        {},
        [("turn.peak_new_sessions_per_second", MOST_NEW + 1, f"at most {MOST_NEW}", "lower it")],
    ),
    (
        {"peak_concurrent_relayed_sessions": MOST_CONCURRENT + 1},
        {},
        [
            (
                "turn.peak_concurrent_relayed_sessions",
                MOST_CONCURRENT + 1,
                "5 GetIceServerConfig requests a second and holds 50 TURN allocations",
                "set turn.source to static or coturn",
            )
        ],
    ),
    (
        {"source": "kvs"},
        {"region": "eu-north-1", "agent": {"platform_version": "V1"}},
        [
            (
                "turn.source",
                "kvs",
                "eu-north-1 lacks AWS::KinesisVideo::SignalingChannel, of which kvs needs a pool: a channel answers "
                "5 GetIceServerConfig requests a second and holds 50 TURN allocations",
                "set turn.source to static (your servers, Cloudflare, Twilio) or coturn",
            )
        ],
    ),
]

ACCEPTED: list[tuple[Mapping[str, Any], Mapping[str, Any]]] = [
    *((values, {}) for values in BEST.values()),
    (FIXED, {"network": EXISTING, "environment": "prod"}),
    (FIXED | {"secret_arn": ELSEWHERE}, {"region": "eu-west-1"}),
    ({"source": "static", "credentials": "cloudflare", "secret_arn": SECRET}, {}),
    ({"source": "static", "credentials": "twilio", "secret_arn": SECRET, "ice_server_urls": []}, {}),
    (COTURN | {"hosted_zone_id": "Z0123456789", "server_count": 3}, {"environment": "prod"}),
    ({"source": "none"}, {"environment": "local"}),
    ({"peak_new_sessions_per_second": 100}, {}),
    ({"peak_new_sessions_per_second": MOST_NEW, "kvs_requests_per_second": MOST_NEW}, {}),
    ({"peak_concurrent_relayed_sessions": MOST_CONCURRENT}, {}),
    # Without webrtc the source alone may stay, whatever the region and the environment.
    ({"source": "kvs"}, {"transports": ["websocket"], "region": "eu-north-1", "agent": {"platform_version": "V1"}}),
    ({"source": "none"}, {"transports": ["websocket", "daily"], "environment": "prod"}),
    ({"source": "coturn"}, {"transports": ["websocket"], "network": {"mode": "public"}}),
]


def _parameters(turn: Mapping[str, Any], others: Mapping[str, Any]) -> Parameters:
    return Parameters.model_validate({"transports": ["websocket", "webrtc"], "turn": turn} | dict(others))


@pytest.mark.parametrize(("turn", "others", "mistakes"), REFUSED)
def test_a_contradiction_is_refused(
    turn: Mapping[str, Any], others: Mapping[str, Any], mistakes: list[tuple[str, object, str, str]]
) -> None:
    with pytest.raises(ParameterError) as refusal:
        _parameters(turn, others)

    assert [(mistake.path, mistake.got) for mistake in refusal.value.mistakes] == [told[:2] for told in mistakes]
    for mistake, (_, _, allowed, remedy) in zip(refusal.value.mistakes, mistakes, strict=True):
        assert allowed in mistake.allowed
        assert remedy in mistake.remedy


@pytest.mark.parametrize(("turn", "others"), ACCEPTED)
def test_what_fits_together_is_accepted(turn: Mapping[str, Any], others: Mapping[str, Any]) -> None:
    assert _parameters(turn, others)


def test_every_value_belongs_to_one_source() -> None:
    assert sorted((*OF_KVS, *OF_STATIC, *OF_COTURN)) == sorted({*TurnParameters.model_fields} - {"source"})


@pytest.mark.parametrize("name", GIVEN)
@pytest.mark.parametrize("source", BEST)
def test_a_source_refuses_the_values_of_others(source: str, name: str) -> None:
    turn = BEST[source] | {name: GIVEN[name]}
    if name in OWN[source]:
        assert _parameters(turn, {})
        return
    with pytest.raises(ParameterError) as refusal:
        _parameters(turn, {})
    [mistake] = refusal.value.mistakes
    assert (mistake.path, mistake.allowed) == (f"turn.{name}", f"nothing, as turn.source is {source}")
    assert mistake.remedy == "remove it, or choose another turn.source"


@pytest.mark.parametrize("name", GIVEN)
def test_a_deployment_without_webrtc_refuses_all_but_the_source(name: str) -> None:
    with pytest.raises(ParameterError) as refusal:
        _parameters({name: GIVEN[name]}, {"transports": ["websocket"]})
    [mistake] = refusal.value.mistakes
    assert (mistake.path, mistake.allowed) == (f"turn.{name}", "nothing, as only webrtc uses TURN")
    assert mistake.remedy == "remove it, or add webrtc to transports"


@pytest.mark.parametrize(
    "url",
    [
        "turn:turn.example.com:0",
        "turn:turn.example.com:65536",
        "turn:turn.example.com?transport=sctp",
        "stun:stun.example.com?transport=udp",
        "turn://turn.example.com",
        "https://turn.example.com",
        "turn:user@turn.example.com",
    ],
)
def test_a_url_that_no_browser_takes_is_refused(url: str) -> None:
    with pytest.raises(ValidationError):
        TypeAdapter(values.IceServerUrl).validate_python(url)


@pytest.mark.parametrize(
    "arn",
    [
        SECRET.removesuffix("-AbC123"),
        "voice/turn-AbC123",
        SECRET.replace("secretsmanager", "ssm"),
        f"{SECRET}:password",
        f"{SECRET}*",
    ],
)
def test_a_secret_that_permissions_cannot_name_exactly_is_refused(arn: str) -> None:
    with pytest.raises(ValidationError):
        TypeAdapter(values.SecretArn).validate_python(arn)
