"""Stands at the edge as an ASGI application: which distribution is asked, and in what encoding it answers."""

import asyncio
from collections.abc import Iterator, Mapping
from http import HTTPStatus

from local.aws_http.asgi import Receive, Scope, Send
from local.aws_http.http_request import join_headers
from local.cloudfront.compression import Headers, accepts_gzip, compress, is_compressible
from local.emulator.distributions import Answer, Distribution, ViewerRequest, refusal

METHODS = ("GET", "HEAD")


class Front:
    """Serves viewers; what a request has for a body is not looked at, as no method that is allowed has one."""

    async def asgi(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve an `http` scope; others are the server's own business."""
        if scope["type"] != "http":
            return
        while (await receive()).get("more_body", False):
            pass
        status, headers, body = await _respond(scope)
        length = {} if status == HTTPStatus.NOT_MODIFIED else {"content-length": str(len(body))}
        await send({"type": "http.response.start", "status": status, "headers": list(_encoded({**headers, **length}))})
        await send({"type": "http.response.body", "body": body})


async def _respond(scope: Scope) -> Answer:
    """Answer a HEAD like a GET, so that its headers are the same to the last; the server leaves the body out."""
    headers = join_headers(scope["headers"])
    distribution = Distribution.named(headers.get("host", ""))
    if distribution is None:
        return refusal("Bad request. There is no enabled distribution of this name.")
    if scope["method"] not in METHODS:
        return refusal(f"This distribution is not configured to allow any method but {' and '.join(METHODS)}.")
    path = scope["path"]
    request = ViewerRequest(
        path=path,
        raw_path=scope["raw_path"].decode("latin-1"),
        query=scope["query_string"].decode("latin-1"),
        headers=headers,
    )
    status, answered, body = await distribution.answer(request)
    return await _encode(distribution, path, headers, (status, _lower_case(answered), body))


async def _encode(distribution: Distribution, path: str, asked: Mapping[str, str], answer: Answer) -> Answer:
    """Compress an answer where its behavior, its kind and the viewer allow it."""
    status, headers, body = answer
    if not distribution.compresses(path) or not accepts_gzip(asked.get("accept-encoding", "")):
        return answer
    if not is_compressible(status, headers, body):
        return answer
    headers, body = await asyncio.to_thread(compress, headers, body)
    return status, headers, body


def _lower_case(headers: Headers) -> Headers:
    return {name.lower(): value for name, value in headers.items()}


def _encoded(headers: Headers) -> Iterator[tuple[bytes, bytes]]:
    for name, value in headers.items():
        for each in value if isinstance(value, list) else [value]:
            yield name.lower().encode("ascii"), each.encode("latin-1")
