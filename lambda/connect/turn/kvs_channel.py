"""What Kinesis Video Streams answers about one signaling channel: its endpoint, and its ICE servers."""

import json
import re
import time
from collections.abc import Mapping
from typing import Any

from connect.turn.ice import IceAnswer, IceServer, is_ice_url, udp_first
from connect.turn_settings import KvsTurn
from shared.aws_request import AwsUnreachableError, send_signed
from shared.credentials import Credentials

_ENDPOINT = re.compile(r"https?://[A-Za-z0-9.-]+(:[0-9]{1,5})?")


class ChannelError(Exception):
    """A channel gave no ICE servers; the message is fit for a log: an error's name, an HTTP status, what is malformed.

    `is_endpoint_stale` where the endpoint we remember for it may be the cause.
    """

    def __init__(self, cause: str, *, is_endpoint_stale: bool = False) -> None:
        super().__init__(cause)
        self.is_endpoint_stale = is_endpoint_stale


def signaling_endpoint(*, turn: KvsTurn, arn: str, credentials: Credentials, timeout_seconds: float) -> str:
    """The channel's HTTPS endpoint, which is its own and lasts
    (https://docs.aws.amazon.com/kinesisvideostreams/latest/dg/API_GetSignalingChannelEndpoint.html).

    Raises `ChannelError`.
    """
    fields = _ask(
        url=f"{turn.endpoint_url}/getSignalingChannelEndpoint",
        region=turn.region,
        body={
            "ChannelARN": arn,
            "SingleMasterChannelEndpointConfiguration": {"Protocols": ["HTTPS"], "Role": "MASTER"},
        },
        credentials=credentials,
        timeout_seconds=timeout_seconds,
    )
    for item in _objects(fields.get("ResourceEndpointList"), name="ResourceEndpointList"):
        endpoint = item.get("ResourceEndpoint")
        if item.get("Protocol") == "HTTPS" and isinstance(endpoint, str) and _is_endpoint(endpoint, turn=turn):
            return endpoint
    raise ChannelError("malformed answer: no HTTPS endpoint in ResourceEndpointList")


def ice_server_config(
    *, endpoint: str, turn: KvsTurn, arn: str, credentials: Credentials, timeout_seconds: float
) -> IceAnswer:
    """The channel's ICE servers
    (https://docs.aws.amazon.com/kinesisvideostreams/latest/dg/API_AWSAcuitySignalingService_GetIceServerConfig.html).

    Their life is counted from before the request, so it never seems longer than it is. Raises `ChannelError`.
    """
    asked_at = time.time()
    fields = _ask(
        url=f"{endpoint}/v1/get-ice-server-config",
        region=turn.region,
        body={"ChannelARN": arn, "Service": "TURN"},
        credentials=credentials,
        timeout_seconds=timeout_seconds,
    )
    servers = _objects(fields.get("IceServerList"), name="IceServerList")
    return IceAnswer(
        servers=tuple(_ice_server(server) for server in servers),
        expires_at=asked_at + min(_lifetime_seconds(server) for server in servers),
    )


def _is_endpoint(url: str, *, turn: KvsTurn) -> bool:
    """Whether our signature may go there: in clear only where the deployment's own endpoint is so, on loopback."""
    return bool(_ENDPOINT.fullmatch(url)) and (url.startswith("https:") or turn.endpoint_url.startswith("http:"))


def _ask(
    *, url: str, region: str, body: Mapping[str, object], credentials: Credentials, timeout_seconds: float
) -> Mapping[str, Any]:
    try:
        response = send_signed(
            url=url,
            service="kinesisvideo",
            region=region,
            credentials=credentials,
            headers={"Content-Type": "application/json"},
            body=json.dumps(body).encode(),
            timeout_seconds=timeout_seconds,
        )
    except AwsUnreachableError as error:
        raise ChannelError(str(error), is_endpoint_stale=True) from None
    if response.status != 200:
        raise ChannelError(
            response.error_type or f"HTTP {response.status}",
            is_endpoint_stale=response.status == 404,
        )
    try:
        fields = json.loads(response.body)
    except (ValueError, RecursionError):
        fields = None
    if not isinstance(fields, dict):
        raise ChannelError("malformed answer: no JSON object")
    return fields


def _objects(value: object, *, name: str) -> list[dict[str, Any]]:
    if not isinstance(value, list) or not value or not all(isinstance(item, dict) for item in value):
        raise ChannelError(f"malformed answer: {name} is no list of objects, or empty")
    return value


def _ice_server(fields: Mapping[str, Any]) -> IceServer:
    uris, username, password = fields.get("Uris"), fields.get("Username"), fields.get("Password")
    if not isinstance(uris, list) or not uris or not all(is_ice_url(uri) for uri in uris):
        raise ChannelError("malformed answer: Uris is no list of STUN and TURN URIs")
    if not isinstance(username, str) or not isinstance(password, str) or not username or not password:
        raise ChannelError("malformed answer: Username or Password is no text, or empty")
    return IceServer(urls=udp_first(uris), username=username, credential=password)


def _lifetime_seconds(fields: Mapping[str, Any]) -> int:
    """Ttl; the service's model says 30 to 86,400."""
    lifetime = fields.get("Ttl")
    if not isinstance(lifetime, int) or isinstance(lifetime, bool) or not 30 <= lifetime <= 86_400:
        raise ChannelError("malformed answer: Ttl is no whole number from 30 to 86400")
    return lifetime
