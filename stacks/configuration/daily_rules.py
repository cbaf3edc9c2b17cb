"""What the values under `daily` must agree on: with the way to the media servers, with AWS and with sessions."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Final

from stacks.aws_services import services_of_agent
from stacks.configuration.errors import Mistake
from stacks.configuration.presence import missing_values, superfluous_values
from stacks.configuration.values import TRIAL_ENVIRONMENTS

if TYPE_CHECKING:
    from stacks.parameters import Parameters

TRANSPORTS: Final = ("transports",)
CONNECTIVITY: Final = (*TRANSPORTS, "daily.connectivity")
OF_PRIVATELINK: Final = ("privatelink_service_name",)
OF_CUSTOMER_VPC: Final = ("media_hosts", "media_cidrs")
FOREIGN_TO_CONNECTIVITY: Final = {
    "public": (*OF_PRIVATELINK, *OF_CUSTOMER_VPC, "media_ports"),
    "privatelink": OF_CUSTOMER_VPC,
    "customer_vpc": OF_PRIVATELINK,
}
ON_THE_INTERNET: Final = {"speech_to_text": ("deepgram", "transcribe"), "text_to_speech": ("cartesia", "polly")}


def _values_belong_to_a_room(parameters: "Parameters") -> Iterator[Mistake]:
    """Without transport daily, `daily` holds nothing, and `operations.alarm_topic_arn` neither."""
    if parameters.has_rooms:
        return
    for section, path, names in (
        (parameters.daily, "daily", list(type(parameters.daily).model_fields)),
        (parameters.operations, "operations", ["alarm_topic_arn"]),
    ):
        yield from superfluous_values(
            section,
            path=path,
            superfluous=names,
            reason="daily is not among transports",
            remedy="add daily to transports",
            depends_on=TRANSPORTS,
        )


def _values_suit_connectivity(parameters: "Parameters") -> Iterator[Mistake]:
    """`daily` holds nothing that its `connectivity` has no use for."""
    connectivity = parameters.daily.connectivity
    if parameters.has_rooms:
        yield from superfluous_values(
            parameters.daily,
            path="daily",
            superfluous=FOREIGN_TO_CONNECTIVITY[connectivity],
            reason=f"daily.connectivity is {connectivity}",
            remedy="choose another daily.connectivity",
            depends_on=CONNECTIVITY,
        )


def _private_service_is_named(parameters: "Parameters") -> Iterator[Mistake]:
    """`daily.connectivity` privatelink needs a `daily.privatelink_service_name` in `region`."""
    daily = parameters.daily
    if not parameters.is_closed:
        return
    yield from missing_values(
        daily,
        path="daily",
        needed={"privatelink_service_name": "the endpoint service that Daily shares with your account"},
        reason="daily.connectivity is privatelink",
        depends_on=CONNECTIVITY,
    )
    if daily.privatelink_service_name and daily.privatelink_service_name.split(".")[3] != parameters.region:
        yield Mistake(
            path="daily.privatelink_service_name",
            got=daily.privatelink_service_name,
            allowed=f"a service in {parameters.region}: an interface endpoint is where its service is",
            remedy="ask Daily for a service in this region, or choose the service's region",
            depends_on=(*CONNECTIVITY, "region"),
        )


def _media_servers_are_named(parameters: "Parameters") -> Iterator[Mistake]:
    """`daily.connectivity` customer_vpc needs `daily.media_cidrs` and, with `web.enabled`, `daily.media_hosts`."""
    daily = parameters.daily
    if not parameters.has_rooms or daily.connectivity != "customer_vpc":
        return
    of_the_page = {"media_hosts": "the hosts that the page connects to"} if parameters.web.enabled else {}
    yield from missing_values(
        daily,
        path="daily",
        needed={"media_cidrs": "the networks that the agent connects to", **of_the_page},
        reason="daily.connectivity is customer_vpc",
        depends_on=(*CONNECTIVITY, "web.enabled"),
    )
    if not parameters.web.enabled:
        yield from superfluous_values(
            daily,
            path="daily",
            superfluous=["media_hosts"],
            reason="only the page's policy names hosts, and web.enabled is false",
            remedy="set web.enabled to true",
            depends_on=(*CONNECTIVITY, "web.enabled"),
        )


def _closed_agent_has_endpoints(parameters: "Parameters") -> Iterator[Mistake]:
    """With privatelink all of AWS that the agent needs is in `network.interface_endpoints` (`network.mode` vpc)."""
    network = parameters.network
    needed = services_of_agent(parameters)
    missing = [name for name in needed if name not in network.interface_endpoints]
    if parameters.is_closed and network.mode == "vpc" and missing:
        yield Mistake(
            path="network.interface_endpoints",
            got=network.interface_endpoints,
            allowed=f"at least {', '.join(needed)}: with daily.connectivity privatelink the agent has no other way to "
            "AWS",
            remedy=f"add {', '.join(missing)}",
            depends_on=(
                *CONNECTIVITY,
                "network.mode",
                "agent.pipeline",
                "agent.speech_to_text",
                "agent.text_to_speech",
                "agent.speech_secret_arn",
                "memory.enabled",
                "operations.tracing",
            ),
        )


def _closed_agent_finds_endpoints(parameters: "Parameters") -> Iterator[Mistake]:
    """With privatelink, `network.mode` existing needs `network.endpoint_security_group_ids`; others refuse them."""
    network = parameters.network
    if parameters.is_closed and network.mode == "existing":
        services = ", ".join(services_of_agent(parameters))
        yield from missing_values(
            network,
            path="network",
            needed={"endpoint_security_group_ids": f"the security groups of the VPC's endpoints for {services}"},
            reason="with daily.connectivity privatelink the agent has no other way to AWS",
            depends_on=(*CONNECTIVITY, "network.mode"),
        )
    elif network.mode == "existing":
        yield from superfluous_values(
            network,
            path="network",
            superfluous=["endpoint_security_group_ids"],
            reason="the agent reaches AWS by HTTPS to anywhere",
            remedy="set daily.connectivity to privatelink",
            depends_on=(*CONNECTIVITY, "network.mode"),
        )


def _closed_agent_needs_no_internet(parameters: "Parameters") -> Iterator[Mistake]:
    """`daily.connectivity` privatelink refuses webrtc, deepgram and cartesia, which are reached over the internet."""
    agent = parameters.agent
    if not parameters.is_closed:
        return
    if "webrtc" in parameters.transports:
        yield Mistake(
            path="transports",
            got=parameters.transports,
            allowed="daily and websocket, as daily.connectivity privatelink leaves the agent no way to a TURN server",
            remedy="take webrtc out of transports, or choose another daily.connectivity",
            depends_on=("daily.connectivity",),
        )
    for name, (service, alternative) in ON_THE_INTERNET.items():
        if agent.pipeline == "cascaded" and getattr(agent, name) == service:
            yield Mistake(
                path=f"agent.{name}",
                got=service,
                allowed=f"{alternative}, as daily.connectivity privatelink leaves the agent no way to the internet",
                remedy=f"set agent.{name} to {alternative}, or choose another daily.connectivity",
                depends_on=(*CONNECTIVITY, "agent.pipeline"),
            )


def _rooms_end_within_a_session(parameters: "Parameters") -> Iterator[Mistake]:
    """`daily.session_seconds` is at most `agent.max_lifetime_seconds`."""
    longest, lifetime = parameters.daily.session_seconds, parameters.agent.max_lifetime_seconds
    if parameters.has_rooms and longest > lifetime:
        yield Mistake(
            path="daily.session_seconds",
            got=longest,
            allowed=f"at most agent.max_lifetime_seconds, which is {lifetime}: the bot is gone after that",
            remedy="lower daily.session_seconds or raise agent.max_lifetime_seconds",
            depends_on=(*TRANSPORTS, "agent.max_lifetime_seconds"),
        )


def _key_travels_by_tls(parameters: "Parameters") -> Iterator[Mistake]:
    """`daily.api_url` is an https:// URL, outside of dev and local."""
    url = parameters.daily.api_url
    if url and not url.startswith("https://") and parameters.environment not in TRIAL_ENVIRONMENTS:
        yield Mistake(
            path="daily.api_url",
            got=url,
            allowed=f"an https:// URL in {parameters.environment}: requests carry the account's key",
            remedy="use https://",
        )


def _topic_is_where_its_alarms_are(parameters: "Parameters") -> Iterator[Mistake]:
    """`operations.alarm_topic_arn` is in `region` and `account_id`."""
    arn = parameters.operations.alarm_topic_arn
    if not arn:
        return
    _, _, _, region, account_id, _ = arn.split(":")
    if region != parameters.region or account_id != (parameters.account_id or account_id):
        place = f"{parameters.region}, account {parameters.account_id}" if parameters.account_id else parameters.region
        yield Mistake(
            path="operations.alarm_topic_arn",
            got=arn,
            allowed=f"a topic in {place}, where the alarms are",
            remedy="make one there and name it",
            depends_on=("region", "account_id"),
        )


DAILY_RULES: Final = (
    _values_belong_to_a_room,
    _values_suit_connectivity,
    _private_service_is_named,
    _media_servers_are_named,
    _closed_agent_has_endpoints,
    _closed_agent_finds_endpoints,
    _closed_agent_needs_no_internet,
    _rooms_end_within_a_session,
    _key_travels_by_tls,
    _topic_is_where_its_alarms_are,
)
