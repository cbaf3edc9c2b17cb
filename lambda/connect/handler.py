"""The Lambda entry point: the operations of the connect API, and the settings and log that they share."""

import functools
import os
from typing import Any

from aws_lambda_powertools.metrics import Metrics

from connect.settings import Settings, load_settings
from connect.start import start
from shared.api import Route, later, serve
from shared.safe_log import create_logger

logger = create_logger()
metrics = Metrics()

ROUTES: dict[str, dict[str, Route[Settings]]] = {
    "/start": {"POST": start},
    "/sessions/{session_id}": {"DELETE": later("connect.stop", "stop")},
    "/sessions/{session_id}/participants": {"POST": later("connect.participants", "participants")},
    "/sessions/{session_id}/url": {"POST": later("connect.url", "url")},
    "/sessions/{session_id}/api/offer": {
        "POST": later("connect.offer", "offer"),
        "PATCH": later("connect.candidates", "candidates"),
    },
    "/sessions/{session_id}/api/ice-servers": {"POST": later("connect.renew", "renew")},
}


@functools.cache
def cached_settings() -> Settings:
    """This process's settings; a mistake is found again, and told again, by every request."""
    return load_settings(environ=os.environ)


@logger.inject_lambda_context(log_event=False, clear_state=True)
@metrics.log_metrics(capture_cold_start_metric=True)
def handler(event: dict[str, Any], context: object) -> dict[str, Any]:
    """Answer one request, as `shared.api.serve` does."""
    return serve(event=event, routes=ROUTES, settings=cached_settings, logger=logger, metrics=metrics)
