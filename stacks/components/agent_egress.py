"""The ways out that the chosen transports and models need, and no other."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final

from aws_cdk import aws_ec2 as ec2

from stacks.components.coturn.configuration import LISTENING_PORT, TLS_PORT
from stacks.parameters import Parameters, TurnParameters
from stacks.turn_url import Endpoint, agent_endpoint

ANYWHERE: Final = "0.0.0.0/0"
# Leads nowhere. A group is made with a rule for everywhere unless it has one of its own, and rules that lead to another
# group are made after it: that they take the first one away, AWS's documentation doesn't say.
# https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-ec2-securitygroup.html
ITSELF: Final = "127.0.0.1/32"
# https://docs.aws.amazon.com/kinesisvideostreams-webrtc-dg/latest/devguide/kvswebrtc-requirements.html
KVS: Final = (("udp", 443), ("tcp", 443))
COTURN: Final = (("udp", LISTENING_PORT), ("tcp", LISTENING_PORT), ("tcp", TLS_PORT))
BROKERS: Final = {
    # Its alternatives, UDP 53 and TCP 80, are for firewalls that let nothing else out.
    # https://developers.cloudflare.com/realtime/turn/
    "cloudflare": (("udp", 3478), ("tcp", 3478), ("tcp", 5349), ("tcp", 443)),
    # https://www.twilio.com/docs/stun-turn/api
    "twilio": (("udp", 3478), ("tcp", 3478), ("tcp", 443)),
}
# TURN and STUN, and the media servers themselves. Signaling, and TURN over TLS where nothing else gets through, are TCP
# 443; what else TURN listens on is for firewalls that are closed to all of these.
# https://docs.daily.co/guides/privacy-and-security/corporate-firewalls-nats-allowed-ip-list
DAILY_TURN: Final = "udp:3478"
DAILY_MEDIA: Final = (DAILY_TURN, "udp:23000-26999", "udp:40000-49999", "tcp:40000-49999")
TRANSCRIBE_PORT: Final = 8443


@dataclass(frozen=True, kw_only=True)
class WayOut:
    """Ports of a network, and what they are for."""

    port: ec2.Port
    purpose: str
    cidr: str = ANYWHERE


def agent_egress(parameters: Parameters) -> Iterator[WayOut]:
    """Yield the ways out by address, at least one.

    The ways of a closed agent are endpoints, which are no addresses. DNS is not among them: security groups don't
    filter the VPC's resolver.
    """
    if parameters.is_closed:
        yield WayOut(port=ec2.Port.tcp(443), purpose="In place of the default rule for everywhere", cidr=ITSELF)
        return
    yield WayOut(port=ec2.Port.tcp(443), purpose="HTTPS: AWS APIs, image layers, TURN over TLS")
    if parameters.agent.pipeline == "cascaded" and parameters.agent.speech_to_text == "transcribe":
        yield WayOut(port=ec2.Port.tcp(TRANSCRIBE_PORT), purpose="Amazon Transcribe streaming over WebSocket")
    if parameters.turn_source == "none":
        yield WayOut(port=ec2.Port.udp_range(1024, 65535), purpose="WebRTC media straight to callers")
    yield from _turn_egress(_turn_endpoints(parameters))
    if parameters.has_rooms:
        yield from _daily_egress(parameters)


def port_of(ports: str) -> ec2.Port:
    """The ports of `udp:40000-49999` or `tcp:443`."""
    transport, _, numbers = ports.partition(":")
    first, _, last = numbers.partition("-")
    port_range = ec2.Port.udp_range if transport == "udp" else ec2.Port.tcp_range
    return port_range(int(first), int(last or first))


def _turn_endpoints(parameters: Parameters) -> Iterable[Endpoint]:
    match parameters.turn_source, parameters.turn:
        case "kvs", _:
            return KVS
        case "coturn", _:
            return COTURN
        case "static", TurnParameters(credentials="fixed", ice_server_urls=urls):
            return filter(None, map(agent_endpoint, urls))
        case "static", TurnParameters(credentials=broker):
            return BROKERS[broker]
    return ()


def _turn_egress(endpoints: Iterable[Endpoint]) -> Iterator[WayOut]:
    for transport, port in sorted(set(endpoints), reverse=True):
        yield WayOut(port=port_of(f"{transport}:{port}"), purpose=f"TURN over {transport.upper()}")


def _daily_egress(parameters: Parameters) -> Iterator[WayOut]:
    """Daily's media servers and TURN, wherever they are, or in the customer's networks."""
    daily = parameters.daily
    for cidr in daily.media_cidrs or [ANYWHERE]:
        for ports in daily.media_ports or DAILY_MEDIA:
            yield WayOut(port=port_of(ports), purpose="TURN and media servers of Daily", cidr=cidr)
