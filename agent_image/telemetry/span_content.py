"""Keeps what is said out of the spans: Pipecat's carry transcripts, prompts, tools and the model's words."""

from collections.abc import Mapping

from opentelemetry.context import Context
from opentelemetry.sdk.trace import Event, ReadableSpan, Span, SpanProcessor
from opentelemetry.trace import Status
from opentelemetry.util.types import AttributeValue

# What may pass is listed, so that no attribute of a later Pipecat passes unseen.
_ALLOWED = frozenset(
    {
        "conversation.id",
        "conversation.type",
        "error.type",
        "exception.type",
        "gen_ai.operation.name",
        "gen_ai.output.type",
        "gen_ai.provider.name",
        "gen_ai.tool.call.id",
        "gen_ai.tool.name",
        "is_final",
        "language",
        "request.id",
        "service.operation",
        "session.id",
        "settings.language",
        "settings.model",
        "settings.voice",
        "stream",
        "tool_count",
        "tools.count",
        "vad_enabled",
        "voice_id",
    }
)
_ALLOWED_PREFIXES = ("aws.", "gen_ai.request.", "gen_ai.usage.", "metrics.", "switchboard.", "tool.", "tts.", "turn.")


class SpanContentFilter(SpanProcessor):
    """Hands a span on without its content."""

    def __init__(self, processor: SpanProcessor) -> None:
        self._processor = processor

    def on_start(self, span: Span, parent_context: Context | None = None) -> None:
        """Hand it on."""
        self._processor.on_start(span, parent_context)

    def on_end(self, span: ReadableSpan) -> None:
        """Hand on a copy, as the original can't be changed any more."""
        self._processor.on_end(without_content(span))

    def shutdown(self) -> None:
        """Hand it on."""
        self._processor.shutdown()

    def force_flush(self, timeout_millis: int = 30_000) -> bool:
        """Hand it on."""
        return self._processor.force_flush(timeout_millis)


def without_content(span: ReadableSpan) -> ReadableSpan:
    """The same span, but only with the attributes that are known to be harmless, and no error's own words."""
    return ReadableSpan(
        name=span.name,
        context=span.context,
        parent=span.parent,
        resource=span.resource,
        attributes=_harmless(span.attributes),
        events=[Event(event.name, _harmless(event.attributes), event.timestamp) for event in span.events],
        links=span.links,
        kind=span.kind,
        status=Status(span.status.status_code),
        start_time=span.start_time,
        end_time=span.end_time,
        instrumentation_scope=span.instrumentation_scope,
    )


def _harmless(attributes: Mapping[str, AttributeValue] | None) -> dict[str, AttributeValue]:
    return {
        name: value
        for name, value in (attributes or {}).items()
        if name in _ALLOWED or name.startswith(_ALLOWED_PREFIXES)
    }
