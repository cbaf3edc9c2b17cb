"""What the values under `turn` must agree on: with their source, with the deployment, and with the limits of KVS."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Final

from stacks.channel_pool import LIMITS, MAX_CHANNELS, REQUESTS_PER_SECOND_PER_CHANNEL, SESSIONS_PER_CHANNEL
from stacks.configuration.errors import Mistake
from stacks.configuration.presence import missing_values, superfluous_values
from stacks.configuration.values import TRIAL_ENVIRONMENTS
from stacks.turn_url import agent_endpoint

if TYPE_CHECKING:
    from stacks.parameters import Parameters

SERVED_BY_A_CHANNEL: Final = {
    "peak_new_sessions_per_second": REQUESTS_PER_SECOND_PER_CHANNEL,
    "peak_concurrent_relayed_sessions": SESSIONS_PER_CHANNEL,
}
OF_KVS: Final = (*SERVED_BY_A_CHANNEL, "kvs_requests_per_second", "reuse_seconds")
OF_STATIC: Final = ("credentials", "ice_server_urls", "secret_arn")
OF_COTURN: Final = ("domain_name", "hosted_zone_id", "certificate_secret_arn", "server_count", "instance_type")
FOREIGN_TO_SOURCE: Final = {
    "kvs": (OF_STATIC + OF_COTURN, "turn.source is kvs"),
    "static": (OF_KVS + OF_COTURN, "turn.source is static"),
    "coturn": (OF_KVS + OF_STATIC, "turn.source is coturn"),
    "none": (OF_KVS + OF_STATIC + OF_COTURN, "turn.source is none"),
    None: (OF_KVS + OF_STATIC + OF_COTURN, "only webrtc uses TURN"),
}
CHOICE: Final = ("turn.source", "transports")


def _turn_fields_suit_source(parameters: "Parameters") -> Iterator[Mistake]:
    """`turn` holds nothing that its `source` has no use for, and only its `source` without webrtc."""
    foreign, reason = FOREIGN_TO_SOURCE[parameters.turn_source]
    remedy = "choose another turn.source" if parameters.turn_source else "add webrtc to transports"
    yield from superfluous_values(
        parameters.turn, path="turn", superfluous=foreign, reason=reason, remedy=remedy, depends_on=CHOICE
    )


def _static_servers_are_named(parameters: "Parameters") -> Iterator[Mistake]:
    """`turn.source` static needs `turn.secret_arn`; with fixed `turn.credentials`, `turn.ice_server_urls` with TURN."""
    if parameters.turn_source != "static":
        return
    turn, broker, depends_on = parameters.turn, parameters.turn.credentials, (*CHOICE, "turn.credentials")
    needed = {"secret_arn": "the ARN of the secret with the credential, or with the key that mints it"}
    yield from missing_values(turn, path="turn", needed=needed, reason="turn.source is static", depends_on=depends_on)
    if broker != "fixed":
        yield from superfluous_values(
            turn,
            path="turn",
            superfluous=["ice_server_urls"],
            reason=f"{broker} names its servers with each credential",
            remedy="set turn.credentials to fixed",
            depends_on=depends_on,
        )
    elif not any(map(agent_endpoint, turn.ice_server_urls)):
        yield Mistake(
            path="turn.ice_server_urls",
            got=turn.ice_server_urls,
            allowed="at least one turn: URL, or turns: over TCP: the agent relays everything, and not over DTLS",
            remedy="set turn.ice_server_urls to your servers, or turn.credentials to cloudflare or twilio",
            depends_on=depends_on,
        )


def _coturn_can_be_found(parameters: "Parameters") -> Iterator[Mistake]:
    """`turn.source` coturn needs `turn.domain_name`, `turn.certificate_secret_arn` and `network.mode` vpc."""
    if parameters.turn_source != "coturn":
        return
    needed = {
        "domain_name": "the name that callers find the servers under",
        "certificate_secret_arn": "the ARN of the secret with that name's certificate",
    }
    yield from missing_values(
        parameters.turn, path="turn", needed=needed, reason="turn.source is coturn", depends_on=CHOICE
    )
    if parameters.network.mode != "vpc":
        yield Mistake(
            path="turn.source",
            got="coturn",
            allowed="kvs or static, as coturn's servers need the public subnets of a created VPC and "
            f"network.mode is {parameters.network.mode}",
            remedy="set network.mode to vpc, or turn.source to kvs or static",
            depends_on=("network.mode", "transports"),
        )


def _relay_is_left_out_in_trials_only(parameters: "Parameters") -> Iterator[Mistake]:
    """`turn.source` none is for the environments dev and local, where the network may be flat."""
    if parameters.turn_source == "none" and parameters.environment not in TRIAL_ENVIRONMENTS:
        yield Mistake(
            path="turn.source",
            got="none",
            allowed=f"kvs, static or coturn in {parameters.environment}; none only where the network is flat, "
            "in dev and local",
            remedy="set turn.source to one of these: through a NAT gateway nobody reaches the agent without TURN",
            depends_on=("transports",),
        )


def _peak_is_within_the_quota(parameters: "Parameters") -> Iterator[Mistake]:
    """`turn.peak_new_sessions_per_second` is at most `turn.kvs_requests_per_second`."""
    peak, quota = parameters.turn.peak_new_sessions_per_second, parameters.turn.kvs_requests_per_second
    if parameters.turn_source == "kvs" and peak > quota:
        yield Mistake(
            path="turn.peak_new_sessions_per_second",
            got=peak,
            allowed=f"at most turn.kvs_requests_per_second, which is {quota}: a call costs one GetIceServerConfig, "
            "and the account's quota is for all channels together",
            remedy="have AWS raise the quota and set turn.kvs_requests_per_second to it, or choose another turn.source",
            depends_on=(*CHOICE, "turn.kvs_requests_per_second"),
        )


def _pool_is_bounded(parameters: "Parameters") -> Iterator[Mistake]:
    """The peaks under `turn` need no more signaling channels than the connect function's environment can name."""
    if parameters.turn_source != "kvs":
        return
    for name, served in SERVED_BY_A_CHANNEL.items():
        peak, most = getattr(parameters.turn, name), served * MAX_CHANNELS
        if peak > most:
            yield Mistake(
                path=f"turn.{name}",
                got=peak,
                allowed=f"at most {most}, for which {MAX_CHANNELS} channels suffice: {LIMITS}",
                remedy="lower it, spread the callers over deployments, or set turn.source to static or coturn",
                depends_on=CHOICE,
            )


TURN_RULES: Final = (
    _turn_fields_suit_source,
    _static_servers_are_named,
    _coturn_can_be_found,
    _relay_is_left_out_in_trials_only,
    _peak_is_within_the_quota,
    _pool_is_bounded,
)
