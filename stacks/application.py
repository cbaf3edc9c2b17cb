"""The whole system on one page: which stacks a deployment has, and what each takes from another."""

import aws_cdk as cdk
from constructs import Construct

from stacks.agent import ENDPOINT_NAME, AgentStack
from stacks.components.ice_source import IceSource, coturn_ice_source, flat_network, static_ice_source
from stacks.connect import ConnectStack
from stacks.encryption import EncryptionStack
from stacks.network import NetworkStack
from stacks.page import PageStack
from stacks.parameters import Parameters
from stacks.rooms import RoomsStack
from stacks.signaling import SignalingStack
from stacks.telephony import TelephonyStack
from stacks.turn import TurnStack
from stacks.web import WebStack


def build_application(scope: Construct, parameters: Parameters) -> list[cdk.Stack]:
    """Add one deployment to an app. Pure: the parameters alone decide what is built."""
    own_key = parameters.operations.log_encryption == "customer_key"
    encryption = EncryptionStack(scope, parameters=parameters) if own_key else None
    network = NetworkStack(scope, parameters=parameters) if parameters.network.mode != "public" else None
    relay, ice_source = _relay(scope, parameters, network)
    agent = AgentStack(
        scope,
        parameters=parameters,
        network=network.agent_network if network else None,
        log_key=encryption.key if encryption else None,
    )
    web = WebStack(scope, parameters=parameters) if parameters.web.enabled else None
    connect = ConnectStack(
        scope,
        parameters=parameters,
        runtime=agent.runtime,
        endpoint_name=ENDPOINT_NAME,
        ice_source=ice_source,
        page_url=web.page_url if web else None,
    )
    telephony = _telephony(scope, parameters, agent, connect, network) if parameters.telephony.carriers else None
    rooms = _rooms(scope, parameters, agent, connect, telephony)
    page = _page(scope, parameters, web, connect) if web else None
    built = [stack for stack in (encryption, network, relay, agent, web, connect, telephony, rooms, page) if stack]
    if encryption:
        for stack in built:
            encryption.encrypt_log_groups(stack)
    return built


def _relay(
    scope: Construct, parameters: Parameters, network: NetworkStack | None
) -> tuple[cdk.Stack | None, IceSource]:
    """The stack of what relays WebRTC media, if it is deployed here, and where ICE servers come from."""
    match parameters.turn_source:
        case "kvs":
            signaling = SignalingStack(scope, parameters=parameters)
            return signaling, signaling.ice_source
        case "coturn" if network:
            turn = TurnStack(scope, parameters=parameters, vpc=network.agent_network.vpc)
            return turn, coturn_ice_source(urls=turn.ice_server_urls, shared_secret_arn=turn.shared_secret.secret_arn)
        case "static" if secret_arn := parameters.turn.secret_arn:
            return None, static_ice_source(parameters.turn, secret_arn=secret_arn)
        case "none":
            return None, flat_network()
        case _:
            return None, IceSource()


def _telephony(
    scope: Construct, parameters: Parameters, agent: AgentStack, connect: ConnectStack, network: NetworkStack | None
) -> TelephonyStack:
    """The stack of phone calls: it adds its routes to the connect stack's API."""
    return TelephonyStack(
        scope,
        parameters=parameters,
        runtime=agent.runtime,
        endpoint_name=ENDPOINT_NAME,
        connect=connect,
        network=network.agent_network if network else None,
    )


def _rooms(
    scope: Construct,
    parameters: Parameters,
    agent: AgentStack,
    connect: ConnectStack,
    telephony: TelephonyStack | None,
) -> RoomsStack | None:
    """The stack that ends rooms at Daily; the agent knows its function by name, so that it can come late."""
    if connect.daily_secret is None:
        return None
    through_daily = telephony if "daily" in parameters.telephony.carriers else None
    return RoomsStack(
        scope,
        parameters=parameters,
        runtime=agent.runtime,
        endpoint_name=ENDPOINT_NAME,
        secret=connect.daily_secret,
        call_table=through_daily.call_table if through_daily else None,
    )


def _page(scope: Construct, parameters: Parameters, web: WebStack, connect: ConnectStack) -> PageStack:
    """The stack of what is in the bucket: it comes last, as the page is told where the API is."""
    return PageStack(scope, parameters=parameters, web=web, api_url=connect.api_url, sign_in=connect.page_sign_in)
