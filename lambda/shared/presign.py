"""The way into a session's WebSocket: a SigV4 pre-signed URL, the same that bedrock_agentcore's own client makes."""

from collections.abc import Mapping
from urllib.parse import quote, urlencode

from botocore.auth import SigV4QueryAuth
from botocore.awsrequest import AWSRequest

from shared.credentials import Credentials
from shared.runtime import RuntimeTarget

_HEADER = "X-Amzn-Bedrock-AgentCore-Runtime"


def presigned_websocket_url(
    *,
    runtime: RuntimeTarget,
    credentials: Credentials,
    session_id: str,
    custom: Mapping[str, str],
    lifetime_seconds: int,
) -> str:
    """A `wss://` URL (`ws://` where the endpoint is plain HTTP) that opens exactly this session until it expires.

    Everything in the query is signed: endpoint, session id and `custom`, whose names and values reach the container as
    headers X-Amzn-Bedrock-AgentCore-Runtime-Custom-NAME; empty ones are left out.
    https://docs.aws.amazon.com/bedrock-agentcore/latest/devguide/runtime-get-started-websocket.html
    """
    query = {"qualifier": runtime.endpoint_name, f"{_HEADER}-Session-Id": session_id}
    query |= {f"{_HEADER}-Custom-{name}": value for name, value in custom.items() if value}
    path = f"/runtimes/{quote(runtime.arn, safe='')}/ws"
    request = AWSRequest(method="GET", url=f"{runtime.base_url}{path}?{urlencode(query)}")
    signer = SigV4QueryAuth(credentials.for_botocore(), "bedrock-agentcore", runtime.region, expires=lifetime_seconds)
    signer.add_auth(request)
    return "ws" + str(request.url).removeprefix("http")
