"""One POST to a service outside AWS: TLS verified, one try, a bounded answer."""

from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass, field

from botocore.awsrequest import AWSRequest
from botocore.exceptions import BotoCoreError
from botocore.httpsession import URLLib3Session
from urllib3.exceptions import HTTPError

MAX_RESPONSE_BYTES = 64 * 1024


class UnreachableError(Exception):
    """No usable answer came; the message is the cause's class, since its text may hold the URL."""


@dataclass(frozen=True, kw_only=True)
class HttpResponse:
    """An answer of any HTTP status; its body may hold a credential, so it stays out of `repr`."""

    status: int
    body: bytes = field(repr=False)


def post(*, url: str, headers: Mapping[str, str], body: bytes, timeout_seconds: float) -> HttpResponse:
    """POST `body`; `timeout_seconds` is for connecting, and again for each read.

    Follows no redirect, which could carry the authorization to another host. Raises `UnreachableError`.
    """
    # An AWSRequest that nobody signs is a plain request; botocore's session verifies TLS with certificates of its own.
    request = AWSRequest(method="POST", url=url, headers=headers, data=body, stream_output=True)
    with closing(URLLib3Session(timeout=timeout_seconds)) as session:  # type: ignore[arg-type]  # its stubs know no float
        try:
            response = session.send(request.prepare())
            content: bytes = response.raw.read(MAX_RESPONSE_BYTES + 1)
        except (BotoCoreError, HTTPError) as error:
            raise UnreachableError(type(error).__name__) from None
    if len(content) > MAX_RESPONSE_BYTES:
        raise UnreachableError("ResponseTooLarge")
    return HttpResponse(status=response.status_code, body=content)
