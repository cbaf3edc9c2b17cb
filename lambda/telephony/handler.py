"""The Lambda entry point: carriers' webhooks, and the operations of the calls API."""

import functools
import os
import time
from dataclasses import dataclass, field
from typing import Any

from aws_lambda_powertools.metrics import Metrics, MetricUnit

from shared.api import Route, later, serve
from shared.credentials import CredentialsError, load_credentials
from shared.errors import ApiError
from shared.safe_log import create_logger
from shared.session_label import session_label
from telephony.carrier import Document, Kind, MalformedWebhookError
from telephony.carriers import load
from telephony.incoming import UnusableRequestError, webhook_request, webhook_route
from telephony.phone_call import PhoneCall, Reply
from telephony.settings import Settings, SettingsError, load_settings
from telephony.webhook import RefusedError, serve_webhook

logger = create_logger()
metrics = Metrics()

ROUTES: dict[str, dict[str, Route[Settings]]] = {
    "/calls": {"POST": later("telephony.calls.place", "place")},
    "/calls/{call_id}": {
        "GET": later("telephony.calls.status", "status"),
        "DELETE": later("telephony.calls.end", "end"),
    },
}


@dataclass(frozen=True, kw_only=True)
class _Outcome:
    """An answer to a carrier; `metrics` are counters to add one to, by `dimensions`, and `said` goes to the log."""

    status: int
    metrics: tuple[str, ...]
    document: Document | None = None
    level: str = "info"
    dimensions: dict[str, str] = field(default_factory=dict)
    said: dict[str, str | None] = field(default_factory=dict)


@functools.cache
def cached_settings() -> Settings:
    """This process's settings; a mistake is found again, and told again, by every request."""
    return load_settings(environ=os.environ)


@logger.inject_lambda_context(log_event=False, clear_state=True)
@metrics.log_metrics(capture_cold_start_metric=True)
def handler(event: dict[str, Any], context: object) -> dict[str, Any]:
    """Answer one request: a webhook with a document, or with a status alone; the calls API as `serve` does."""
    route = webhook_route(route_key=event["routeKey"])
    if route is None:
        return serve(event=event, routes=ROUTES, settings=cached_settings, logger=logger, metrics=metrics)
    return _webhook(event=event, carrier=route[0], kind=route[1])


def _webhook(*, event: dict[str, Any], carrier: str, kind: Kind) -> dict[str, Any]:
    began = time.perf_counter()
    logger.set_correlation_id(event["requestContext"]["requestId"])
    outcome = _outcome(event=event, carrier=carrier, kind=kind)
    for name, value in {"carrier": carrier, **outcome.dimensions}.items():
        metrics.add_dimension(name=name, value=value)
    for name in outcome.metrics:
        metrics.add_metric(name=name, unit=MetricUnit.Count, value=1)
    getattr(logger, outcome.level)(
        "webhook",
        extra={
            "carrier": carrier,
            "kind": kind,
            "status": outcome.status,
            "duration_ms": round((time.perf_counter() - began) * 1000, 1),
            **outcome.said,
        },
    )
    return _response(outcome=outcome)


def _outcome(*, event: dict[str, Any], carrier: str, kind: Kind) -> _Outcome:
    try:
        settings = cached_settings()
        if carrier not in settings.carriers:
            return _refused(reason="unknown carrier")
        call, reply = serve_webhook(
            request=webhook_request(event=event, kind=kind, settings=settings),
            carrier=load(carrier),
            settings=settings,
            credentials=load_credentials(environ=os.environ),
        )
    except RefusedError as error:
        return _refused(reason=error.reason)
    except UnusableRequestError as error:
        return _refused(reason=str(error))
    except MalformedWebhookError as error:
        return _failed(status=400, code="malformed_webhook", note=str(error))
    except ApiError as error:
        return _failed(status=error.status, code=error.code, note=error.note)
    except (SettingsError, CredentialsError) as error:
        return _failed(status=500, code="wrong_setup", note=str(error))
    except Exception:
        logger.exception("unexpected error")
        return _failed(status=500, code="internal_error", note="")
    return _served(call=call, reply=reply)


def _served(*, call: PhoneCall | None, reply: Reply) -> _Outcome:
    said = {}
    if call is not None:
        said = {"session": session_label(call.session_id), "direction": call.direction, "caller": call.party}
    return _Outcome(
        status=204 if reply.document is None else 200,
        document=reply.document,
        metrics=("WebhooksServed", *((reply.metric,) if reply.metric else ())),
        said={**said, "note": reply.note or None},
    )


def _refused(*, reason: str) -> _Outcome:
    """403 and nothing else: whoever did not sign rightly learns nothing, and nothing of theirs is written down."""
    return _Outcome(
        status=403,
        metrics=("WebhooksRefused",),
        level="warning",
        dimensions={"reason": reason},
        said={"reason": reason},
    )


def _failed(*, status: int, code: str, note: str) -> _Outcome:
    return _Outcome(
        status=status,
        metrics=("WebhooksFailed",),
        level="error",
        dimensions={"code": code},
        said={"code": code, "note": note or None},
    )


def _response(*, outcome: _Outcome) -> dict[str, Any]:
    headers = {"cache-control": "no-store"}
    if outcome.document is None:
        return {"statusCode": outcome.status, "headers": headers, "body": ""}
    headers["content-type"] = outcome.document.content_type
    return {"statusCode": outcome.status, "headers": headers, "body": outcome.document.body}
