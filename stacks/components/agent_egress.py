"""The ways out that the chosen transports and models need, and no other."""

from collections.abc import Iterable, Iterator
from typing import Final

from aws_cdk import aws_ec2 as ec2

from stacks.components.coturn.configuration import LISTENING_PORT, TLS_PORT
from stacks.parameters import Parameters, TurnParameters
from stacks.turn_url import Endpoint, agent_endpoint

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


def agent_egress(parameters: Parameters) -> Iterator[tuple[ec2.Port, str]]:
    """Yield each port with its purpose. DNS is not among them: security groups don't filter the VPC's resolver."""
    yield ec2.Port.tcp(443), "HTTPS: AWS APIs, image layers, TURN over TLS"
    if parameters.agent.pipeline == "cascaded" and parameters.agent.speech_to_text == "transcribe":
        yield ec2.Port.tcp(8443), "Amazon Transcribe streaming over WebSocket"
    if parameters.turn_source == "none":
        yield ec2.Port.udp_range(1024, 65535), "WebRTC media straight to callers"
    yield from _turn_egress(_turn_endpoints(parameters))
    if "daily" in parameters.transports:
        yield from _daily_egress()


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


def _turn_egress(endpoints: Iterable[Endpoint]) -> Iterator[tuple[ec2.Port, str]]:
    for transport, port in sorted(set(endpoints), reverse=True):
        yield (ec2.Port.udp if transport == "udp" else ec2.Port.tcp)(port), f"TURN over {transport.upper()}"


def _daily_egress() -> Iterator[tuple[ec2.Port, str]]:
    """https://docs.daily.co/guides/privacy-and-security/corporate-firewalls-nats-allowed-ip-list."""
    yield ec2.Port.udp(3478), "STUN and TURN of Daily"
    yield ec2.Port.udp_range(23000, 26999), "Daily media servers"
    yield ec2.Port.udp_range(40000, 49999), "Daily media servers"
