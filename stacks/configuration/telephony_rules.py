"""What the values under `telephony` must agree on: with the carriers, with the network, and with whom they may call."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Final, get_args

from stacks.configuration.errors import Mistake
from stacks.configuration.presence import missing_values, superfluous_values
from stacks.configuration.values import TRIAL_ENVIRONMENTS, Carrier

if TYPE_CHECKING:
    from stacks.parameters import Parameters, TelephonyParameters

CARRIERS: Final[tuple[str, ...]] = get_args(Carrier)
NUMBERS: Final = tuple(f"{carrier}_number" for carrier in CARRIERS)
OF_OUTBOUND: Final = (
    "machine_detection",
    "allowed_countries",
    "calls_per_minute",
    "calls_per_minute_per_caller",
    "quiet_hours",
    "calls_scope",
)
OF_ITS_IMAGE: Final = ("relay_image_repository_name", "relay_image_digest")
OF_THE_RELAY: Final = (
    "relay_domain_name",
    "relay_certificate_arn",
    "relay_hosted_zone_id",
    *OF_ITS_IMAGE,
    "relay_min_tasks",
    "relay_max_tasks",
    "relay_streams_per_task",
)
CHOICE: Final = ("telephony.carriers",)
CALLS_GO_OUT: Final = (*CHOICE, *(f"telephony.{name}" for name in NUMBERS))
TASKS_IN_PRODUCTION: Final = 2
# https://docs.aws.amazon.com/elasticloadbalancing/latest/application/application-load-balancers.html
LONGEST_PREFIX_OF_A_LOAD_BALANCER: Final = 27


def _fields_of(carrier: str, telephony: "TelephonyParameters") -> list[str]:
    """A carrier's own values; Daily's API is `daily.api_url`."""
    return [name for name in (f"{carrier}_number", f"{carrier}_api_url") if name in type(telephony).model_fields]


def _values_belong_to_a_carrier(parameters: "Parameters") -> Iterator[Mistake]:
    """`telephony` holds nothing where `telephony.carriers` has none; a carrier's number and API need the carrier."""
    telephony = parameters.telephony
    if telephony.carriers:
        for carrier in CARRIERS:
            if carrier not in telephony.carriers:
                yield from superfluous_values(
                    telephony,
                    path="telephony",
                    superfluous=_fields_of(carrier, telephony),
                    reason=f"{carrier} is not among telephony.carriers",
                    remedy=f"add {carrier} to telephony.carriers",
                    depends_on=CHOICE,
                )
        return
    yield from superfluous_values(
        telephony,
        path="telephony",
        superfluous=[name for name in type(telephony).model_fields if name != "carriers"],
        reason="telephony.carriers is empty",
        remedy="name a carrier",
        depends_on=CHOICE,
    )


def _calls_go_out_by_permission(parameters: "Parameters") -> Iterator[Mistake]:
    """Calls go out with `telephony.allowed_countries` only, and with a `connect.authorizer` other than none."""
    telephony, authorizer = parameters.telephony, parameters.connect.authorizer
    if not telephony.carriers:
        return
    if not telephony.numbers:
        yield from superfluous_values(
            telephony,
            path="telephony",
            superfluous=OF_OUTBOUND,
            reason="no call goes out",
            remedy=f"set telephony.{telephony.carriers[0]}_number",
            depends_on=CALLS_GO_OUT,
        )
        return
    yield from missing_values(
        telephony,
        path="telephony",
        needed={"allowed_countries": "the countries that may be called"},
        reason="calls go out",
        depends_on=CALLS_GO_OUT,
    )
    if authorizer == "none":
        yield from superfluous_values(
            telephony,
            path="telephony",
            superfluous=NUMBERS,
            reason="connect.authorizer is none: anybody could place calls at your expense",
            remedy="set connect.authorizer to cognito or oidc",
            depends_on=(*CALLS_GO_OUT, "connect.authorizer"),
        )


def _calls_have_a_scope(parameters: "Parameters") -> Iterator[Mistake]:
    """Where calls go out with `connect.authorizer` oidc, `telephony.calls_scope` is needed; others refuse it."""
    telephony, authorizer = parameters.telephony, parameters.connect.authorizer
    if not telephony.numbers:
        return
    depends_on = (*CALLS_GO_OUT, "connect.authorizer")
    if authorizer == "oidc":
        yield from missing_values(
            telephony,
            path="telephony",
            needed={"calls_scope": "a scope of your issuer's for placing calls, other than the page's"},
            reason="connect.authorizer is oidc",
            depends_on=depends_on,
        )
    else:
        yield from superfluous_values(
            telephony,
            path="telephony",
            superfluous=["calls_scope"],
            reason=f"connect.authorizer is {authorizer}",
            remedy="set connect.authorizer to oidc",
            depends_on=depends_on,
        )


def _page_does_not_place_calls(parameters: "Parameters") -> Iterator[Mistake]:
    """`telephony.calls_scope` is none of `web.oidc_scopes`."""
    scope = parameters.telephony.calls_scope
    if parameters.web.enabled and scope in parameters.web.oidc_scopes:
        yield Mistake(
            path="telephony.calls_scope",
            got=scope,
            allowed="a scope that web.oidc_scopes doesn't have: every user of the page could place calls with it",
            remedy="make a scope of its own at your issuer",
            depends_on=("web.enabled", "web.oidc_scopes"),
        )


def _relay_comes_with_twilio(parameters: "Parameters") -> Iterator[Mistake]:
    """Carrier twilio needs `telephony.relay_domain_name` and `telephony.relay_certificate_arn`; others have none."""
    telephony = parameters.telephony
    if "twilio" in telephony.carriers:
        yield from missing_values(
            telephony,
            path="telephony",
            needed={
                "relay_domain_name": "the name that Twilio connects its streams to",
                "relay_certificate_arn": "the ARN of that name's certificate, in the deployment's region",
            },
            reason="twilio is among telephony.carriers",
            depends_on=CHOICE,
        )
    elif telephony.carriers:
        yield from superfluous_values(
            telephony,
            path="telephony",
            superfluous=OF_THE_RELAY,
            reason="the other carriers connect to AgentCore itself",
            remedy="add twilio to telephony.carriers",
            depends_on=CHOICE,
        )


def _relay_has_a_network(parameters: "Parameters") -> Iterator[Mistake]:
    """Carrier twilio needs public subnets, /27 or larger: of `network.mode` vpc, or `network.public_subnet_ids`."""
    network, deployed = parameters.network, "twilio" in parameters.telephony.carriers
    depends_on = (*CHOICE, "network.mode")
    if deployed and network.mode == "public":
        yield Mistake(
            path="network.mode",
            got="public",
            allowed="vpc or existing, as twilio is among telephony.carriers: its relay is a container in a VPC",
            remedy="set network.mode to vpc or existing, or take twilio out of telephony.carriers",
            depends_on=depends_on,
        )
    elif deployed and network.mode == "existing" and len(network.public_subnet_ids) < 2:
        yield Mistake(
            path="network.public_subnet_ids",
            got=network.public_subnet_ids,
            allowed="2 to 16 subnets in different zones, for the load balancer that Twilio connects to",
            remedy="set network.public_subnet_ids to subnets whose default route is an internet gateway",
            depends_on=depends_on,
        )
    elif deployed and network.mode == "vpc" and network.public_subnet_prefix_length > LONGEST_PREFIX_OF_A_LOAD_BALANCER:
        yield Mistake(
            path="network.public_subnet_prefix_length",
            got=network.public_subnet_prefix_length,
            allowed=f"at most {LONGEST_PREFIX_OF_A_LOAD_BALANCER}, for the load balancer that Twilio connects to",
            remedy="lower it, or take twilio out of telephony.carriers",
            depends_on=depends_on,
        )
    elif not deployed and network.mode == "existing":
        yield from superfluous_values(
            network,
            path="network",
            superfluous=["public_subnet_ids"],
            reason="twilio is not among telephony.carriers",
            remedy="add twilio to telephony.carriers",
            depends_on=depends_on,
        )


def _relay_image_is_named_once(parameters: "Parameters") -> Iterator[Mistake]:
    """With `agent.image_source` ecr the relay's image is named too; others refuse its name."""
    telephony, source = parameters.telephony, parameters.agent.image_source
    if "twilio" not in telephony.carriers:
        return
    depends_on = (*CHOICE, "agent.image_source")
    if source == "ecr":
        yield from missing_values(
            telephony,
            path="telephony",
            needed=dict.fromkeys(OF_ITS_IMAGE, "the relay's existing image"),
            reason="agent.image_source is ecr",
            depends_on=depends_on,
        )
    else:
        yield from superfluous_values(
            telephony,
            path="telephony",
            superfluous=OF_ITS_IMAGE,
            reason=f"agent.image_source {source} builds the image",
            remedy="set agent.image_source to ecr",
            depends_on=depends_on,
        )


def _certificate_is_where_it_is_used(parameters: "Parameters") -> Iterator[Mistake]:
    """`telephony.relay_certificate_arn` is in `region` and `account_id`."""
    arn = parameters.telephony.relay_certificate_arn
    if not arn:
        return
    _, _, _, region, account_id, *_ = arn.split(":")
    if region != parameters.region or account_id != (parameters.account_id or account_id):
        place = f"{parameters.region}, account {parameters.account_id}" if parameters.account_id else parameters.region
        yield Mistake(
            path="telephony.relay_certificate_arn",
            got=arn,
            allowed=f"one in {place}: a load balancer takes no certificate from elsewhere",
            remedy="make one there and name it",
            depends_on=("region", "account_id"),
        )


def _relay_scales_upwards(parameters: "Parameters") -> Iterator[Mistake]:
    """`telephony.relay_min_tasks` is at most `telephony.relay_max_tasks`, and in prod at least 2."""
    telephony, least = parameters.telephony, parameters.relay_min_tasks
    if "twilio" not in telephony.carriers:
        return
    if least > telephony.relay_max_tasks:
        yield Mistake(
            path="telephony.relay_max_tasks",
            got=telephony.relay_max_tasks,
            allowed=f"at least telephony.relay_min_tasks, which is {least}",
            remedy="raise telephony.relay_max_tasks or lower telephony.relay_min_tasks",
            depends_on=(*CHOICE, "telephony.relay_min_tasks"),
        )
    if parameters.environment == "prod" and least < TASKS_IN_PRODUCTION:
        yield Mistake(
            path="telephony.relay_min_tasks",
            got=least,
            allowed=f"at least {TASKS_IN_PRODUCTION} in prod, so that a zone may fail",
            remedy="raise it, or remove it for the default",
            depends_on=CHOICE,
        )


def _recording_is_told(parameters: "Parameters") -> Iterator[Mistake]:
    """`telephony.recording` announced and consent need a `telephony.recording_sentence`; off refuses it."""
    telephony = parameters.telephony
    depends_on = (*CHOICE, "telephony.recording")
    if not telephony.carriers:
        return
    if telephony.recording == "off":
        yield from superfluous_values(
            telephony,
            path="telephony",
            superfluous=["recording_sentence"],
            reason="telephony.recording is off",
            remedy="set telephony.recording to announced or consent",
            depends_on=depends_on,
        )
    else:
        yield from missing_values(
            telephony,
            path="telephony",
            needed={"recording_sentence": "what the caller is told about it, in telephony.language"},
            reason=f"telephony.recording is {telephony.recording}",
            depends_on=depends_on,
        )


def _calls_end_within_a_session(parameters: "Parameters") -> Iterator[Mistake]:
    """`telephony.max_call_seconds` is at most `agent.max_lifetime_seconds`."""
    longest, lifetime = parameters.telephony.max_call_seconds, parameters.agent.max_lifetime_seconds
    if parameters.telephony.carriers and longest > lifetime:
        yield Mistake(
            path="telephony.max_call_seconds",
            got=longest,
            allowed=f"at most agent.max_lifetime_seconds, which is {lifetime}: the bot is gone after that",
            remedy="lower telephony.max_call_seconds or raise agent.max_lifetime_seconds",
            depends_on=(*CHOICE, "agent.max_lifetime_seconds"),
        )


def _keys_travel_by_tls(parameters: "Parameters") -> Iterator[Mistake]:
    """A carrier's API has an https:// URL, outside of dev and local."""
    if parameters.environment in TRIAL_ENVIRONMENTS:
        return
    for carrier in parameters.telephony.carriers:
        url = getattr(parameters.telephony, f"{carrier}_api_url", None)
        if url and not url.startswith("https://"):
            yield Mistake(
                path=f"telephony.{carrier}_api_url",
                got=url,
                allowed=f"an https:// URL in {parameters.environment}: requests carry the account's key",
                remedy="use https://",
                depends_on=CHOICE,
            )


TELEPHONY_RULES: Final = (
    _values_belong_to_a_carrier,
    _calls_go_out_by_permission,
    _calls_have_a_scope,
    _page_does_not_place_calls,
    _relay_comes_with_twilio,
    _relay_has_a_network,
    _relay_image_is_named_once,
    _certificate_is_where_it_is_used,
    _relay_scales_upwards,
    _recording_is_told,
    _calls_end_within_a_session,
    _keys_travel_by_tls,
)
