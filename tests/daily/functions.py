"""The code of the connect and the rooms function for many threads: each call is what one environment of Lambda does."""

import json
from collections.abc import Mapping
from typing import Any, cast

from aws_lambda_powertools.logging import Logger
from aws_lambda_powertools.metrics import Metrics

from connect.settings import Settings as ConnectSettings
from connect.settings import load_settings as connect_settings
from connect.start import start
from connect.stop import stop
from rooms.session_ended import session_ended
from rooms.settings import load_settings as rooms_settings
from rooms.sweep import sweep
from shared.api import Route, serve
from shared.credentials import load_credentials
from shared.daily.key import daily_key
from shared.session_key import session_key

SESSION_KEY_ARN = "arn:aws:secretsmanager:us-east-1:123456789012:secret:session-key-AbCdEf"
ROOM_PREFIX = "switchboard-load"
ENVIRONMENT = {
    "AWS_REGION": "us-east-1",
    "AWS_ACCESS_KEY_ID": "AKIDEXAMPLE",
    "AWS_SECRET_ACCESS_KEY": "secret",
    "POWERTOOLS_METRICS_NAMESPACE": "Switchboard",
    "POWERTOOLS_SERVICE_NAME": "load",
}
"""What has to be in the process's own environment, where the functions look for it at every request."""
_VARIABLES = {
    **ENVIRONMENT,
    "SWITCHBOARD_RUNTIME_ARN": "arn:aws:bedrock-agentcore:us-east-1:123456789012:runtime/switchboard_dev-a1b2C3d4E5",
    "SWITCHBOARD_ENDPOINT_NAME": "live",
    "SWITCHBOARD_SESSION_KEY_SECRET_ARN": SESSION_KEY_ARN,
    "SWITCHBOARD_PRESIGNED_URL_LIFETIME_SECONDS": "60",
    "SWITCHBOARD_TRANSPORTS": "daily",
    "SWITCHBOARD_MAX_BODY_BYTES": "4096",
    "SWITCHBOARD_DAILY_ROOM_PREFIX": ROOM_PREFIX,
    "SWITCHBOARD_DAILY_SESSION_SECONDS": "3600",
    "SWITCHBOARD_DAILY_MAX_PARTICIPANTS": "4",
}


# Those of connect.handler, which a process loads once: with the environment that Powertools reads then.
_ROUTES: dict[str, dict[str, Route[ConnectSettings]]] = {
    "/start": {"POST": start},
    "/sessions/{session_id}": {"DELETE": stop},
}


class Functions:
    """Both functions of one deployment; `aws_url` and `daily_url` are where it finds its services.

    Their environments are warm: they have read the secrets already.
    """

    def __init__(self, *, aws_url: str, daily_url: str, daily_key_arn: str) -> None:
        environ = {
            **_VARIABLES,
            "SWITCHBOARD_DAILY_SECRET_ARN": daily_key_arn,
            "AWS_ENDPOINT_URL": aws_url,
            "DAILY_API_URL": daily_url,
        }
        self._connect = connect_settings(environ=environ)
        self._rooms = rooms_settings(environ=environ)
        self._credentials = load_credentials(environ=environ)
        self._logger = Logger(service="load", level="CRITICAL")

    def warm(self) -> None:
        """Read the secrets."""
        session_key(secret=self._connect.session_key, credentials=self._credentials)
        daily_key(daily=self._rooms.daily, credentials=self._credentials)

    def start(self, agent_body: Mapping[str, object]) -> tuple[int, str, dict[str, Any]]:
        """POST /start over Daily: status, session id, answer."""
        answer = self._api("POST /start", body=json.dumps({"transport": "daily", "body": agent_body}))
        return answer["statusCode"], answer["headers"].get("switchboard-session-id", ""), json.loads(answer["body"])

    def delete(self, session_id: str) -> int:
        """DELETE /sessions/{session_id}: the status."""
        answer = self._api("DELETE /sessions/{session_id}", pathParameters={"session_id": session_id})
        return int(answer["statusCode"])

    def session_ended(self, event: Mapping[str, Any]) -> str:
        """What an agent tells at its end."""
        assert event["type"] == "session-ended"
        return session_ended(event=event, settings=self._rooms, credentials=self._credentials)

    def sweep(self) -> str:
        """What the schedule asks for every minute."""
        return sweep(event={"type": "sweep"}, settings=self._rooms, credentials=self._credentials)

    def _api(self, route: str, **more: object) -> dict[str, Any]:
        method, _, path = route.partition(" ")
        context = {
            "requestId": "load",
            "http": {"method": method, "path": path},
            "authorizer": {"jwt": {"claims": {"sub": "ann"}, "scopes": []}},
        }
        event = {"version": "2.0", "routeKey": route, "rawPath": path, "headers": {}, "requestContext": context}
        return serve(
            event=event | {"isBase64Encoded": False} | more,
            routes=_ROUTES,
            settings=lambda: self._connect,
            logger=self._logger,
            metrics=cast("Metrics", _Uncounted()),
        )


class _Uncounted:
    """In place of Powertools' metrics, which are of one request at a time."""

    def add_metric(self, **_: object) -> None:
        """Nothing."""

    def add_dimension(self, **_: object) -> None:
        """Nothing."""
