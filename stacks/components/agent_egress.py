"""The ways out that the chosen transports and models need, and no other."""

from collections.abc import Iterator

from aws_cdk import aws_ec2 as ec2

from stacks.parameters import Parameters


def agent_egress(parameters: Parameters) -> Iterator[tuple[ec2.Port, str]]:
    """Yield each port with its purpose. DNS is not among them: security groups don't filter the VPC's resolver."""
    yield ec2.Port.tcp(443), "HTTPS: AWS APIs, image layers, TURN over TLS"
    if parameters.agent.pipeline == "cascaded":
        yield ec2.Port.tcp(8443), "Amazon Transcribe streaming over WebSocket"
    if "webrtc" in parameters.transports:
        yield from _turn_egress(parameters.turn.source)
    if "daily" in parameters.transports:
        yield from _daily_egress()


def _turn_egress(source: str) -> Iterator[tuple[ec2.Port, str]]:
    match source:
        case "kvs":
            yield ec2.Port.udp(443), "TURN of Kinesis Video Streams"
        case "static" | "coturn":
            yield ec2.Port.udp(3478), "STUN and TURN"
            yield ec2.Port.tcp(3478), "TURN over TCP"
            yield ec2.Port.tcp(5349), "TURN over TLS"
            yield ec2.Port.udp(5349), "TURN over DTLS"
        case "none":
            yield ec2.Port.udp_range(1024, 65535), "WebRTC media straight to callers"


def _daily_egress() -> Iterator[tuple[ec2.Port, str]]:
    """https://docs.daily.co/guides/privacy-and-security/corporate-firewalls-nats-allowed-ip-list."""
    yield ec2.Port.udp(3478), "STUN and TURN of Daily"
    yield ec2.Port.udp_range(23000, 26999), "Daily media servers"
    yield ec2.Port.udp_range(40000, 49999), "Daily media servers"
