"""What parameters must agree on between them: a small rule for each way in which they can contradict each other."""

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Final

from stacks.configuration.agent_rules import AGENT_RULES
from stacks.configuration.daily_phone_rules import DAILY_PHONE_RULES
from stacks.configuration.daily_rules import DAILY_RULES
from stacks.configuration.errors import Mistake
from stacks.configuration.presence import superfluous_values
from stacks.configuration.privacy_rules import PRIVACY_RULES
from stacks.configuration.region_rules import region_lacks
from stacks.configuration.telephony_rules import TELEPHONY_RULES
from stacks.configuration.turn_rules import TURN_RULES
from stacks.configuration.web_rules import WEB_RULES

if TYPE_CHECKING:
    from stacks.parameters import Parameters

OF_A_CREATED_VPC: Final = (
    "cidr",
    "availability_zone_count",
    "nat_gateways",
    "public_subnet_prefix_length",
    "private_subnet_prefix_length",
    "interface_endpoints",
    "flow_logs",
)
OF_AN_EXISTING_VPC: Final = ("vpc_id", "private_subnet_ids", "public_subnet_ids", "endpoint_security_group_ids")
FOREIGN_TO_MODE: Final = {
    "vpc": (OF_AN_EXISTING_VPC, "network.mode vpc creates its own VPC"),
    "existing": (OF_A_CREATED_VPC, "network.mode existing leaves the VPC as it is"),
    "public": (OF_A_CREATED_VPC + OF_AN_EXISTING_VPC, "network.mode public has no VPC, so no private resources"),
}


def broken_rules(parameters: "Parameters") -> tuple[Mistake, ...]:
    """Every contradiction between the parameters."""
    return tuple(mistake for rule in RULES for mistake in rule(parameters))


def addresses_needed(prefix_lengths: Iterable[int]) -> int:
    """Addresses taken from the start of a VPC by subnets in this order, each aligned to its own size."""
    end = 0
    for prefix_length in prefix_lengths:
        size = 2 ** (32 - prefix_length)
        end = (-(-end // size) + 1) * size
    return end


def _network_fields_suit_mode(parameters: "Parameters") -> Iterator[Mistake]:
    """`network` holds nothing that its `mode` has no use for."""
    foreign, reason = FOREIGN_TO_MODE[parameters.network.mode]
    yield from superfluous_values(
        parameters.network,
        path="network",
        superfluous=foreign,
        reason=reason,
        remedy="choose another network.mode",
        depends_on=("network.mode",),
    )


def _existing_vpc_is_named(parameters: "Parameters") -> Iterator[Mistake]:
    """`network.mode` existing needs `network.vpc_id` and two `network.private_subnet_ids`."""
    network = parameters.network
    if network.mode != "existing":
        return
    if network.vpc_id is None:
        yield Mistake(
            path="network.vpc_id",
            got=None,
            allowed="the id of the VPC, as network.mode is existing",
            remedy="set network.vpc_id, or network.mode to vpc",
            depends_on=("network.mode",),
        )
    if len(network.private_subnet_ids) < 2:
        yield Mistake(
            path="network.private_subnet_ids",
            got=network.private_subnet_ids,
            allowed="2 to 16 subnets in different zones that AgentCore accepts, so that a zone may fail",
            remedy="set network.private_subnet_ids to subnets whose default route is a NAT gateway",
            depends_on=("network.mode",),
        )


def _public_mode_has_no_udp(parameters: "Parameters") -> Iterator[Mistake]:
    """`network.mode` public allows the websocket transport only, as it has no outbound UDP."""
    if parameters.network.mode == "public" and set(parameters.transports) != {"websocket"}:
        yield Mistake(
            path="transports",
            got=parameters.transports,
            allowed="websocket, as webrtc and daily need UDP and network.mode public has no outbound UDP",
            remedy="set transports to websocket, or network.mode to vpc or existing",
            depends_on=("network.mode",),
        )


def _subnets_fit(parameters: "Parameters") -> Iterator[Mistake]:
    """The public and then the private subnets, one of each a zone, fit into `network.cidr`."""
    network, count = parameters.network, parameters.network.availability_zone_count
    public, private = network.public_subnet_prefix_length, network.private_subnet_prefix_length
    needed = addresses_needed([public] * count + [private] * count)
    available = 2 ** (32 - int(network.cidr.rpartition("/")[2]))
    if network.mode == "vpc" and needed > available:
        yield Mistake(
            path="network.cidr",
            got=network.cidr,
            allowed=f"{needed} addresses for {count} public /{public} and {count} private /{private} subnets; "
            f"this has {available}",
            remedy="set a larger network.cidr (up to /16), longer prefix lengths, or fewer zones",
            depends_on=(
                "network.mode",
                "network.availability_zone_count",
                "network.public_subnet_prefix_length",
                "network.private_subnet_prefix_length",
            ),
        )


def _issuer_suits_authorizer(parameters: "Parameters") -> Iterator[Mistake]:
    """`connect.authorizer` oidc needs `connect.oidc_issuer_url` and `connect.oidc_audiences`; others refuse them."""
    connect = parameters.connect
    for name, needed in (("oidc_issuer_url", "an https:// URL"), ("oidc_audiences", "at least one audience")):
        value = getattr(connect, name)
        if connect.authorizer == "oidc" and not value:
            allowed, remedy = f"{needed}, as connect.authorizer is oidc", f"set connect.{name}"
        elif connect.authorizer != "oidc" and value:
            allowed = f"nothing, as connect.authorizer is {connect.authorizer}"
            remedy = "remove it, or set connect.authorizer to oidc"
        else:
            continue
        yield Mistake(
            path=f"connect.{name}", got=value, allowed=allowed, remedy=remedy, depends_on=("connect.authorizer",)
        )


RULES: Final = (
    *AGENT_RULES,
    _network_fields_suit_mode,
    _existing_vpc_is_named,
    _public_mode_has_no_udp,
    _subnets_fit,
    _issuer_suits_authorizer,
    *DAILY_RULES,
    *PRIVACY_RULES,
    *TELEPHONY_RULES,
    *DAILY_PHONE_RULES,
    *TURN_RULES,
    *WEB_RULES,
    region_lacks,
)
