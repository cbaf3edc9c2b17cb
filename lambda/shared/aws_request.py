"""One signed HTTPS request to AWS without a botocore client, whose service models cost more than the call itself."""

import re
from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass

from botocore import exceptions as botocore_errors
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.httpsession import URLLib3Session
from urllib3 import exceptions as urllib3_errors

from shared.credentials import Credentials

TIMEOUT_SECONDS = 5
"""For connecting, and again for each read. The caller of the API waits meanwhile, and API Gateway gives up at 30 s."""

MAX_RESPONSE_BYTES = 256 * 1024
"""Above the largest answer we ask for: a secret of 64 KB, JSON-escaped."""


class AwsUnreachableError(Exception):
    """No usable answer came; the message is the cause's class, since its text may hold the URL."""


class AwsTooLateError(AwsUnreachableError):
    """A connection was made, and the answer did not come in time: the request may have been carried out."""


@dataclass(frozen=True, kw_only=True)
class AwsResponse:
    """An answer of any HTTP status; `error_type` is AWS's short name of an error, such as ThrottlingException."""

    status: int
    error_type: str
    body: bytes


def send_signed(
    *,
    url: str,
    service: str,
    region: str,
    credentials: Credentials,
    headers: Mapping[str, str],
    body: bytes,
    timeout_seconds: float | None = None,
) -> AwsResponse:
    """POST `body`, signed with SigV4 in the headers for `service` (its signing name).

    `timeout_seconds` is for each read, where TIMEOUT_SECONDS isn't right, and for connecting where it is shorter. Tries
    once and follows no redirect: whoever asked decides what an answer means. Raises `AwsUnreachableError`.
    """
    request = AWSRequest(method="POST", url=url, headers=headers, data=body, stream_output=True)
    SigV4Auth(credentials.for_botocore(), service, region).add_auth(request)
    # A connection kept across invocations may have died while the function was frozen: each request opens its own.
    read_seconds = TIMEOUT_SECONDS if timeout_seconds is None else timeout_seconds
    timeouts = (min(read_seconds, TIMEOUT_SECONDS), read_seconds)
    with closing(URLLib3Session(timeout=timeouts)) as session:  # type: ignore[arg-type]  # its stubs know no pair
        try:
            response = session.send(request.prepare())
            content: bytes = response.raw.read(MAX_RESPONSE_BYTES + 1)
        except (botocore_errors.ReadTimeoutError, urllib3_errors.ReadTimeoutError) as error:
            raise AwsTooLateError(type(error).__name__) from None
        except (botocore_errors.BotoCoreError, urllib3_errors.HTTPError) as error:
            raise AwsUnreachableError(type(error).__name__) from None
    if len(content) > MAX_RESPONSE_BYTES:
        raise AwsUnreachableError("ResponseTooLarge")
    return AwsResponse(
        status=response.status_code,
        error_type=_error_type(headers=response.headers, body=content),
        body=content,
    )


def _error_type(*, headers: Mapping[str, str], body: bytes) -> str:
    """The name of an error: in a header of REST services, in the body of JSON ones.

    It may carry a namespace before `#` and a URL after `:` (https://smithy.io/2.0/aws/protocols/aws-restjson1-protocol.html).
    """
    in_body = re.search(rb'"__type"\s*:\s*"([^"]+)"', body)
    text = headers.get("x-amzn-errortype") or (in_body[1].decode(errors="replace") if in_body else "")
    name = text.partition(":")[0].rpartition("#")[2]
    return name if re.fullmatch(r"[A-Za-z]{1,64}", name) else ""
