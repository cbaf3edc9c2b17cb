"""One request to a carrier's REST API, and what its refusals mean: whether it may have been carried out."""

import base64
import json
from collections.abc import Mapping
from typing import Any

from shared.https_request import HttpResponse, UnreachableError
from telephony.carrier import CarrierError, Http

TIMEOUT_SECONDS = 10.0


def ask_carrier(
    *, http: Http, operation: str, method: str, url: str, headers: Mapping[str, str], body: bytes
) -> HttpResponse:
    """Any status is an answer; raises `CarrierError` where none came."""
    try:
        return http(method=method, url=url, headers=headers, body=body, timeout_seconds=TIMEOUT_SECONDS)
    except UnreachableError as error:
        raise CarrierError(status=0, carried_out=error.sent, note=f"{operation}: {error}") from None


def basic_authorization(*, user: str, password: str) -> str:
    """The value of an `Authorization` header, RFC 7617."""
    return f"Basic {base64.b64encode(f'{user}:{password}'.encode()).decode()}"


def json_object(response: HttpResponse) -> dict[str, Any]:
    """The object that an answer is; empty where it is anything else."""
    try:
        value = json.loads(response.body)
    except (ValueError, RecursionError):
        return {}
    return value if isinstance(value, dict) else {}


def refusal(*, operation: str, response: HttpResponse, code: object = None) -> CarrierError:
    """What a carrier says that did not do it; `code` is its own number for the reason.

    A client's error was refused before anything was done; after any other answer nobody knows.
    """
    refused = 400 <= response.status < 500 and response.status != 408
    own = f", code {code}" if isinstance(code, int) else ""
    note = f"{operation}: HTTP {response.status}{own}"
    return CarrierError(status=response.status, carried_out=not refused, note=note)
