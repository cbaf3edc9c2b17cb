"""An HTTP API (payload format 2.0) behind one function: finds the operation, answers, logs a line and counts."""

import importlib
import json
import os
import time
from collections.abc import Callable, Mapping
from typing import Any, Protocol

from aws_lambda_powertools.logging import Logger
from aws_lambda_powertools.metrics import Metrics, MetricUnit

from shared.answer import Answer
from shared.credentials import Credentials, CredentialsError, load_credentials
from shared.environment import SettingsError
from shared.errors import ApiError, wrong_setup
from shared.session_label import session_label
from shared.subject import caller_subject


class AnySettings(Protocol):
    """What an API needs to know of its function's settings itself."""

    @property
    def authenticated(self) -> bool:
        """Whether API Gateway lets in only who is signed in."""


class Route[S: AnySettings](Protocol):
    """One operation of an API."""

    def __call__(self, *, event: Mapping[str, Any], subject: str, settings: S, credentials: Credentials) -> Answer:
        """Do it; raises `ApiError` for every answer but success."""


type Routes[S: AnySettings] = Mapping[str, Mapping[str, Route[S]]]
"""Operations by path, as API Gateway writes it, and by method."""


def later(module: str, name: str) -> Route[Any]:
    """The operation `name` of a module that is imported with its first request: a start must not wait for it."""

    def operation(**request: Any) -> Answer:
        answer: Answer = getattr(importlib.import_module(module), name)(**request)
        return answer

    return operation


def serve[S: AnySettings](
    *, event: Mapping[str, Any], routes: Routes[S], settings: Callable[[], S], logger: Logger, metrics: Metrics
) -> dict[str, Any]:
    """Answer one request; errors are `{"error": {"code", "message", "requestId"}, "info"}`.

    `info` repeats the message where `@pipecat-ai/client-js` looks for it (`startBot` reads `info`, then `detail`).
    """
    began = time.perf_counter()
    request_id = event["requestContext"]["requestId"]
    logger.set_correlation_id(request_id)
    outcome = _outcome(event=event, routes=routes, settings=settings, logger=logger)
    if isinstance(outcome, Answer):
        metrics.add_metric(name=outcome.metric, unit=MetricUnit.Count, value=1)
        said = {"session": session_label(outcome.session_id)} if outcome.session_id else {}
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


def _outcome[S: AnySettings](
    *, event: Mapping[str, Any], routes: Routes[S], settings: Callable[[], S], logger: Logger
) -> Answer | ApiError:
    try:
        route = _route(event=event, routes=routes)
        known = settings()
        return route(
            event=event,
            subject=caller_subject(event=event, authenticated=known.authenticated),
            settings=known,
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


def _route[S: AnySettings](*, event: Mapping[str, Any], routes: Routes[S]) -> Route[S]:
    """The operation for the API's route (`routeKey`) and the request's own method, which differ on an ANY route."""
    methods = routes.get(event["routeKey"].partition(" ")[2])
    if methods is None:
        known = ", ".join(f"{method} {path}" for path, operations in routes.items() for method in operations)
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
