"""Where the connect function gets ICE servers from: one form for all sources of TURN."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import batched
from typing import Final

from aws_cdk import aws_iam as iam

from stacks.parameters import TurnParameters

# CDK moves statements that don't fit into the role's inline policy to managed ones, 6,144 characters each, but it
# doesn't divide a statement. A channel's ARN has 132 characters at most.
# https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html
ARNS_IN_A_STATEMENT: Final = 25


@dataclass(frozen=True, kw_only=True)
class IceSource:
    """What the connect function is told about its source, and what it may do for it: nothing without webrtc."""

    environment: Mapping[str, str] = field(default_factory=dict)
    permissions: Sequence[iam.PolicyStatement] = ()


def kvs_ice_source(*, arn_prefix: str, creation_times: str, arns: Sequence[str], reuse_seconds: int) -> IceSource:
    """A pool of KVS signaling channels: the ARN of channel `i` is `{arn_prefix}{i}/{its creation time}`.

    `creation_times` is one text with commas; 150 whole ARNs would not fit into a function's environment.
    """
    return IceSource(
        environment={
            "SWITCHBOARD_TURN_SOURCE": "kvs",
            "SWITCHBOARD_KVS_CHANNEL_PREFIX": arn_prefix,
            "SWITCHBOARD_KVS_CHANNEL_CREATION_TIMES": creation_times,
            "SWITCHBOARD_ICE_REUSE_SECONDS": str(reuse_seconds),
        },
        permissions=[*_channel_access(arns)],
    )


def coturn_ice_source(*, urls: Iterable[str], shared_secret_arn: str) -> IceSource:
    """coturn servers: the function makes credentials from the secret that it shares with them."""
    return IceSource(
        environment={
            "SWITCHBOARD_TURN_SOURCE": "coturn",
            "SWITCHBOARD_TURN_SECRET_ARN": shared_secret_arn,
            "ICE_SERVER_URLS": ",".join(urls),
        },
        permissions=[_secret_access(shared_secret_arn)],
    )


def static_ice_source(turn: TurnParameters, *, secret_arn: str) -> IceSource:
    """Servers elsewhere: the secret holds their credential, or the key of a broker that mints one and names them."""
    urls = {"ICE_SERVER_URLS": ",".join(turn.ice_server_urls)} if turn.credentials == "fixed" else {}
    return IceSource(
        environment={
            "SWITCHBOARD_TURN_SOURCE": "static",
            "SWITCHBOARD_TURN_CREDENTIALS": turn.credentials,
            "SWITCHBOARD_TURN_SECRET_ARN": secret_arn,
            **urls,
        },
        permissions=[_secret_access(secret_arn)],
    )


def flat_network() -> IceSource:
    """No ICE servers: callers reach the agent's own address."""
    return IceSource(environment={"SWITCHBOARD_TURN_SOURCE": "none"})


def _channel_access(arns: Sequence[str]) -> Iterator[iam.PolicyStatement]:
    for number, some in enumerate(batched(arns, ARNS_IN_A_STATEMENT)):
        yield iam.PolicyStatement(
            sid=f"IceServers{number}",
            actions=["kinesisvideo:GetSignalingChannelEndpoint", "kinesisvideo:GetIceServerConfig"],
            resources=list(some),
        )


def _secret_access(arn: str) -> iam.PolicyStatement:
    return iam.PolicyStatement(sid="TurnSecret", actions=["secretsmanager:GetSecretValue"], resources=[arn])
