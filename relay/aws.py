"""Signed requests to AWS: no botocore client, whose service models weigh more than the relay, but all of its signer."""

import json
import logging
from collections.abc import Mapping
from typing import Any, NamedTuple

from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import ReadOnlyCredentials
from botocore.exceptions import BotoCoreError
from botocore.httpsession import URLLib3Session
from botocore.session import get_session

from relay.settings import Settings

_TRIES = 2
_TIMEOUT_SECONDS = 3
_POOLED_CONNECTIONS = 8

_logger = logging.getLogger("switchboard.relay")


class AwsUnavailableError(Exception):
    """No usable answer came; the message is a cause fit for a log (a class or an error's name, or an HTTP status)."""


class Answer(NamedTuple):
    """`error` is AWS's short name of what went wrong, such as ResourceNotFoundException; empty where nothing did."""

    error: str
    body: Mapping[str, Any]


class Aws:
    """The relay's credentials, and the services that it asks. All of it may block, and be used from any thread."""

    def __init__(self, *, settings: Settings) -> None:
        self._settings = settings
        self._session = get_session()
        self._http = URLLib3Session(
            verify=settings.ca_file or True,  # type: ignore[arg-type]  # its stubs know no file
            timeout=_TIMEOUT_SECONDS,
            max_pool_connections=_POOLED_CONNECTIONS,
        )

    def credentials(self) -> ReadOnlyCredentials:
        """The keys of the task's role, renewed by botocore in good time; raises `AwsUnavailableError`."""
        try:
            found = self._session.get_credentials()
            if found is None:
                raise AwsUnavailableError("NoCredentials")
            return found.get_frozen_credentials()
        except BotoCoreError as error:
            raise AwsUnavailableError(type(error).__name__) from None

    def sign(self, request: AWSRequest, *, service: str, credentials: ReadOnlyCredentials) -> None:
        """Add the headers of SigV4."""
        SigV4Auth(credentials, service, self._settings.region).add_auth(request)

    def call(self, *, service: str, target: str, version: str, body: Mapping[str, object]) -> Answer:
        """Ask a service that speaks JSON `version`; again where that may help, so operations must bear being repeated.

        Raises `AwsUnavailableError`.
        """
        cause = ""
        for _ in range(_TRIES):
            try:
                status, answer = self._send(service=service, target=target, version=version, body=body)
            except (BotoCoreError, ValueError) as error:
                cause = type(error).__name__
                continue
            if status == 200:
                return answer
            if (
                status < 500
                and "Throttl" not in answer.error
                and answer.error != "ProvisionedThroughputExceededException"
            ):
                return answer
            cause = answer.error
        raise AwsUnavailableError(cause)

    def _send(self, *, service: str, target: str, version: str, body: Mapping[str, object]) -> tuple[int, Answer]:
        request = AWSRequest(
            method="POST",
            url=f"{self._settings.endpoints[service]}/",
            headers={"Content-Type": f"application/x-amz-json-{version}", "X-Amz-Target": target},
            data=json.dumps(body).encode(),
        )
        self.sign(request, service=service, credentials=self.credentials())
        response = self._http.send(request.prepare())
        if response.status_code == 200:
            return 200, Answer("", json.loads(response.content))
        return response.status_code, Answer(_error_name(response.content) or f"HTTP {response.status_code}", {})


def _error_name(body: bytes) -> str:
    """The name without its namespace: https://smithy.io/2.0/aws/protocols/aws-json-1_0-protocol.html."""
    try:
        fields = json.loads(body)
    except ValueError:
        return ""
    name = fields.get("__type", "") if isinstance(fields, dict) else ""
    return str(name).rpartition("#")[2] if str(name).rpartition("#")[2].isalnum() else ""
