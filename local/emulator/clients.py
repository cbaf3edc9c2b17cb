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

from local.emulator.application import emulator


def client(service: str) -> Any:
    """Return the root user's client in the region of the stack that is being worked on."""
    return _client(service, region())


def region() -> str:
    """Return the region of the stack that is being worked on."""
    return str(get_region())


@cache
def _client(service: str, region: str) -> Any:
    session: Any = boto3.Session(region_name=region)
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
    if not isinstance(body, str | bytes):
        raise TypeError(f"A request's body has to be text or bytes, not {type(body).__name__}.")
    scope = {
        "type": "http",
        "method": request.method,
        "path": unquote(url.path),
        "raw_path": url.path.encode(),
        "query_string": url.query.encode(),
        "headers": [(name.lower().encode(), _encoded(value)) for name, value in request.headers.items()],
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
