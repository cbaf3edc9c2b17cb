"""The span of a whole call: the parent of Pipecat's conversation, and what log lines of the call are found by."""

from typing import Self

from opentelemetry import context, trace
from opentelemetry.trace import Span, SpanKind
from pipecat.observers.base_observer import BaseObserver

from logs import session_label
from phone import PhoneCall


class CallSpan(BaseObserver):
    """Ends with the pipeline."""

    def __init__(self, span: Span) -> None:
        super().__init__(observe_every_push=False)
        self._span = span

    @classmethod
    def begin(cls, *, session_id: str | None, pipeline: str, transport: str, phone: PhoneCall | None) -> Self:
        """Begin the span in this task, and in those that it starts."""
        label = session_label(session_id) if session_id else ""
        attributes = {
            "switchboard.pipeline": pipeline,
            "switchboard.transport": transport,
            "switchboard.session": label,
        }
        if phone:
            attributes |= {"switchboard.carrier": phone.carrier, "switchboard.direction": phone.direction}
        span = trace.get_tracer("switchboard.calls").start_span("call", kind=SpanKind.SERVER, attributes=attributes)
        context.attach(trace.set_span_in_context(span))
        return cls(span)

    async def cleanup(self) -> None:
        """End it."""
        self._span.end()
        await super().cleanup()  # type: ignore[no-untyped-call]
