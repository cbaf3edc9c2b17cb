"""AWS's OpenTelemetry distribution, as `opentelemetry-instrument` starts it, but after the server answers /ping.

docs/decisions/0022-telemetry.md has the measurements behind that, and behind what is left out here.
"""

import os
from collections.abc import Mapping

from amazon.opentelemetry.distro.exporter.otlp.aws.common import aws_auth_session  # type: ignore[import-untyped]
from botocore.auth import SigV4Auth
from botocore.credentials import Credentials
from opentelemetry import baggage, context, propagate, trace
from opentelemetry.instrumentation.auto_instrumentation import initialize
from opentelemetry.sdk.trace import TracerProvider

from telemetry.span_content import SpanContentFilter

# Only spans: logs go to stdout and metrics to CloudWatch without OpenTelemetry, whose exporters of both would connect
# before the first session. No instrumentor: Pipecat traces what a call does, and one of Starlette each /ping too.
# Sampled always: a caller without active tracing says Sampled=0, and the spans of its calls would be lost.
_FIXED = {
    "AGENT_OBSERVABILITY_ENABLED": "true",
    "AWS_GENAI_CONTENT_EXTRACTION_OPT_OUT": "true",
    "OTEL_LOGS_EXPORTER": "none",
    "OTEL_METRICS_EXPORTER": "none",
    "OTEL_PYTHON_DISABLED_INSTRUMENTATIONS": "*",
    "OTEL_PYTHON_LOG_CORRELATION": "false",
    "OTEL_PYTHON_LOGGING_AUTO_INSTRUMENTATION_ENABLED": "false",
    "OTEL_TRACES_SAMPLER": "always_on",
}
# AgentCore's own come after these. Without an instance's id the SDK makes a random one, and all sessions of a V2
# snapshot would share that.
_RESOURCE = "OTEL_RESOURCE_ATTRIBUTES"
_RESOURCE_DEFAULTS = "service.name=switchboard-agent,service.instance.id=agent"
_SESSION, _REQUEST = "session.id", "request.id"
_DEFAULTS = {
    "OTEL_BAGGAGE_SPAN_ATTRIBUTE_KEYS": f"{_SESSION},{_REQUEST}",
    "OTEL_EXPORTER_OTLP_TRACES_TIMEOUT": "5",
}


def start_tracing(*, transcripts: bool) -> None:
    """Export spans to where OTEL_* says, or to X-Ray's OTLP endpoint in AWS_REGION, signed with the role's keys."""
    os.environ.update(_FIXED)
    for name, value in _DEFAULTS.items():
        os.environ.setdefault(name, value)
    os.environ[_RESOURCE] = f"{_RESOURCE_DEFAULTS},{os.environ.get(_RESOURCE, '')}".strip(",")
    aws_auth_session.SigV4Auth = _SigV4Auth
    initialize()
    provider = trace.get_tracer_provider()
    if isinstance(provider, TracerProvider) and not transcripts:
        # The SDK has no public way to put a processor before those that its configurator has added.
        filtered = SpanContentFilter(provider._active_span_processor)
        provider._active_span_processor = filtered  # type: ignore[assignment]


class _SigV4Auth(SigV4Auth):
    """Signs with one set of keys: ADOT's session asks for each of its parts apart, and a refresh may come between."""

    def __init__(self, credentials: Credentials, service_name: str, region_name: str) -> None:
        super().__init__(credentials.get_frozen_credentials(), service_name, region_name)


def attach_trace(headers: Mapping[str, str]) -> None:
    """Make the caller's span the parent of all spans of this task, and of the tasks that it starts."""
    context.attach(propagate.extract(headers))


def attach_ids(*, session_id: str | None, request_id: str | None) -> None:
    """Give all spans of this task these ids, by baggage: CloudWatch groups the traces of a session by `session.id`."""
    current = context.get_current()
    for name, value in ((_SESSION, session_id), (_REQUEST, request_id)):
        if value:
            current = baggage.set_baggage(name, value, current)
    context.attach(current)
