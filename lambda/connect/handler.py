"""The Lambda entry point: routes a request of the HTTP API (payload format 2.0), answers it, logs it and counts it."""

import functools
import importlib
import json
import os
import time
from collections.abc import Mapping
from typing import Any, Protocol

from aws_lambda_powertools.metrics import Metrics, MetricUnit

from connect.answer import Answer
from connect.caller import caller_subject
from connect.errors import ApiError, wrong_setup
from connect.session_id import session_label
from connect.settings import Settings, SettingsError, load_settings
from connect.start import start
from shared.credentials import Credentials, CredentialsError, load_credentials
from shared.safe_log import create_logger

logger = create_logger()
metrics = Metrics()


class Route(Protocol):
    """One operation of the API."""

    def __call__(
        self, *, event: Mapping[str, Any], subject: str, settings: Settings, credentials: Credentials
    ) -> Answer:
        """Do it; raises `ApiError` for every answer but success."""


def _later(name: str) -> Route:
    """The operation `connect.<name>.<name>`, imported with its first request: a start must not wait for it."""

    def operation(**request: Any) -> Answer:
        answer: Answer = getattr(importlib.import_module(f"connect.{name}"), name)(**request)
        return answer

    return operation


ROUTES: dict[str, dict[str, Route]] = {
    "/start": {"POST": start},
    "/sessions/{session_id}": {"DELETE": _later("stop")},
    "/sessions/{session_id}/url": {"POST": _later("url")},
    "/sessions/{session_id}/api/offer": {"POST": _later("offer"), "PATCH": _later("candidates")},
    "/sessions/{session_id}/api/ice-servers": {"POST": _later("renew")},
}


@functools.cache
def cached_settings() -> Settings:
    """This process's settings; a mistake is found again, and told again, by every request."""
    return load_settings(environ=os.environ)


@logger.inject_lambda_context(log_event=False, clear_state=True)
@metrics.log_metrics(capture_cold_start_metric=True)
def handler(event: dict[str, Any], context: object) -> dict[str, Any]:
    """Answer one request; errors are `{"error": {"code", "message", "requestId"}, "info"}`.

    `info` repeats the message where `@pipecat-ai/client-js` looks for it (`startBot` reads `info`, then `detail`).
    """
    began = time.perf_counter()
    request_id = event["requestContext"]["requestId"]
    logger.set_correlation_id(request_id)
    outcome = _outcome(event=event)
    if isinstance(outcome, Answer):
        metrics.add_metric(name=outcome.metric, unit=MetricUnit.Count, value=1)
        said = {"session": session_label(outcome.session_id)}
        response = _response(status=outcome.status, payload=outcome.payload, headers=outcome.headers)
    else:
        metrics.add_dimension(name="code", value=outcome.code)
        metrics.add_metric(name="Refused", unit=MetricUnit.Count, value=1)
        said = {"code": outcome.code}
        response = _response(
            status=outcome.status, payload=_error(error=outcome, request_id=request_id), headers=outcome.headers
        )
    logger.info(
        "request",
        extra={
            "route": event["routeKey"],
            "status": outcome.status,
            "duration_ms": round((time.perf_counter() - began) * 1000, 1),
            "note": outcome.note or None,
            **said,
        },
    )
    return response


def _outcome(*, event: Mapping[str, Any]) -> Answer | ApiError:
    try:
        route = _route(event=event)
        settings = cached_settings()
        return route(
            event=event,
            subject=caller_subject(event=event, authenticated=settings.authenticated),
            settings=settings,
            credentials=load_credentials(environ=os.environ),
        )
    except ApiError as error:
        return error
    except (SettingsError, CredentialsError) as error:
        return wrong_setup(note=str(error))
    except Exception:
        logger.exception("unexpected error")
        return ApiError(
            status=500,
            code="internal_error",
            message="Something went wrong on our side. Tell the service's operator this request id.",
        )


def _route(*, event: Mapping[str, Any]) -> Route:
    """The operation for the API's route (`routeKey`) and the request's own method, which differ on an ANY route."""
    methods = ROUTES.get(event["routeKey"].partition(" ")[2])
    if methods is None:
        known = ", ".join(f"{method} {path}" for path, operations in ROUTES.items() for method in operations)
        raise ApiError(status=404, code="unknown_route", message=f"There is nothing here; known: {known}.")
    route = methods.get(event["requestContext"]["http"]["method"])
    if route is None:
        allowed = ", ".join(methods)
        raise ApiError(
            status=405,
            code="method_not_allowed",
            message=f"This path takes only {allowed}.",
            headers={"allow": allowed},
        )
    return route


def _error(*, error: ApiError, request_id: str) -> dict[str, object]:
    return {
        "error": {"code": error.code, "message": error.message, "requestId": request_id},
        "info": error.message,
    }


def _response(*, status: int, payload: dict[str, object] | None, headers: Mapping[str, str]) -> dict[str, Any]:
    response: dict[str, Any] = {"statusCode": status, "headers": {"cache-control": "no-store", **headers}}
    if payload is not None:
        response["headers"]["content-type"] = "application/json"
        response["body"] = json.dumps(payload)
    return response
