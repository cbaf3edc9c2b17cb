"""One request to a service outside AWS: TLS verified, one try, a bounded answer."""

from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass, field

from botocore.awsrequest import AWSRequest
from botocore.exceptions import (
    BotoCoreError,
    ConnectTimeoutError,
    EndpointConnectionError,
    ProxyConnectionError,
)
from botocore.httpsession import URLLib3Session
from urllib3.exceptions import HTTPError

MAX_RESPONSE_BYTES = 64 * 1024

_NEVER_SENT = (ConnectTimeoutError, EndpointConnectionError, ProxyConnectionError)


class UnreachableError(Exception):
    """No usable answer came; the message is the cause's class, since its text may hold the URL.

    `sent` is False only where no connection was made, so that the request can't have been carried out.
    """

    def __init__(self, cause: str, *, sent: bool = True) -> None:
        super().__init__(cause)
        self.sent = sent


@dataclass(frozen=True, kw_only=True)
class HttpResponse:
    """An answer of any HTTP status; its body may hold a credential, so it stays out of `repr`.

    `headers` have names in lower case.
    """

    status: int
    body: bytes = field(repr=False)
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)


def post(*, url: str, headers: Mapping[str, str], body: bytes, timeout_seconds: float) -> HttpResponse:
    """POST `body`, as `request` does."""
    return request(method="POST", url=url, headers=headers, body=body, timeout_seconds=timeout_seconds)


def request(
    *,
    method: str,
    url: str,
    headers: Mapping[str, str],
    body: bytes,
    timeout_seconds: float,
    max_response_bytes: int = MAX_RESPONSE_BYTES,
) -> HttpResponse:
    """Send `body`, which may be empty; `timeout_seconds` is for connecting, and again for each read.

    Follows no redirect, which could carry the authorization to another host. Raises `UnreachableError`.
    """
    # An AWSRequest that nobody signs is a plain request; botocore's session verifies TLS with certificates of its own.
    plain = AWSRequest(method=method, url=url, headers=headers, data=body, stream_output=True)
    with closing(URLLib3Session(timeout=timeout_seconds)) as session:  # type: ignore[arg-type]  # its stubs know no float
        try:
            response = session.send(plain.prepare())
            content: bytes = response.raw.read(max_response_bytes + 1)
        except _NEVER_SENT as error:
            raise UnreachableError(type(error).__name__, sent=False) from None
        except (BotoCoreError, HTTPError) as error:
            raise UnreachableError(type(error).__name__) from None
    if len(content) > max_response_bytes:
        raise UnreachableError("ResponseTooLarge")
    answered = {name.lower(): value for name, value in response.headers.items()}
    return HttpResponse(status=response.status_code, body=content, headers=answered)
