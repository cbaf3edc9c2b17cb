"""boto3 clients on the embedded cloud from inside its own process: what resource types are made of.

They go through no network, so a stack is done before the event loop turns to the next request, and the CDK CLI, which
waits five seconds between two looks at a stack, finds it done at the first.
"""

import contextvars
import io
from collections.abc import Coroutine, Mapping
from functools import cache
from typing import Any
from urllib.parse import unquote, urlsplit

import boto3
from botocore.awsrequest import AWSPreparedRequest, AWSResponse
from botocore.compat import HTTPHeaders
from ministack.core.responses import get_region
from urllib3 import HTTPResponse

from local.emulator import identity
from local.emulator.application import emulator


def client(service: str) -> Any:
    """Return the root user's client in the region of the stack that is being worked on."""
    return _client(service, region())


def region() -> str:
    """Return the region of the stack that is being worked on."""
    return str(get_region())


def function_client(service: str, *, function_arn: str) -> Any:
    """Return a client with the role of a Lambda function, for what is done in the function's place.

    Raises PermissionError when the role's trust policy refuses Lambda.
    """
    function = client("lambda").get_function_configuration(FunctionName=function_arn)
    session = identity.service_session(
        function["Role"],
        session_name=function["FunctionName"],
        source_arn=function_arn,
        region=region(),
        principal=identity.LAMBDA_PRINCIPAL,
    )
    return _made(service, boto3.Session(session.access_key_id, session.secret_access_key, session.token, region()))


@cache
def _client(service: str, region: str) -> Any:
    return _made(service, boto3.Session(region_name=region))


def _made(service: str, session: Any) -> Any:
    made = session.client(service)
    made.meta.events.register("before-send", _answer)  # what a handler of this event returns is taken for the answer
    return made


def _answer(request: AWSPreparedRequest, **_: Any) -> AWSResponse:
    """Let ministack answer at once, in a context of its own: it keeps a request's account and region there."""
    start, *rest = contextvars.copy_context().run(_run, _respond(request))
    headers = HTTPHeaders.from_dict({name.decode(): value.decode() for name, value in start["headers"]})
    body = b"".join(message.get("body", b"") for message in rest)
    raw = HTTPResponse(io.BytesIO(body), preload_content=False)
    return AWSResponse(request.url, start["status"], headers, raw)


async def _respond(request: AWSPreparedRequest) -> list[Mapping[str, Any]]:
    url, body = urlsplit(request.url), request.body or b""
    if isinstance(body, io.BytesIO):  # what botocore makes of S3's bytes
        body = body.getvalue()
    if not isinstance(body, str | bytes):
        raise TypeError(f"A request's body has to be text or bytes, not {type(body).__name__}.")
    scope = {
        "type": "http",
        "method": request.method,
        "path": unquote(url.path),
        "raw_path": url.path.encode(),
        "query_string": url.query.encode(),
        "headers": [
            (b"host", url.netloc.encode()),  # which is signed, though it is http.client that adds it
            *((name.lower().encode(), _encoded(value)) for name, value in request.headers.items()),
        ],
    }
    sent: list[Mapping[str, Any]] = []

    async def receive() -> Mapping[str, Any]:
        return {"type": "http.request", "body": _encoded(body)}

    async def send(message: Mapping[str, Any]) -> None:
        sent.append(message)

    await emulator(scope, receive, send)
    return sent


def _encoded(value: str | bytes) -> bytes:
    return value if isinstance(value, bytes) else value.encode()


def _run(answer: Coroutine[Any, Any, list[Mapping[str, Any]]]) -> list[Mapping[str, Any]]:
    """Run a coroutine that never waits; RuntimeError when it does: that service can't be asked from here."""
    try:
        answer.send(None)
    except StopIteration as done:
        sent: list[Mapping[str, Any]] = done.value
        return sent
    answer.close()
    raise RuntimeError("ministack waited for something while it worked on a stack.")
