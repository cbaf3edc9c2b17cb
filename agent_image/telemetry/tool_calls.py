"""Times the tools of a call, and makes each call of one a span."""

import json

from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.trace import StatusCode
from pipecat.observers.base_observer import FramePushed
from pipecat.observers.function_call_observer import (
    FunctionCallEvent,
    FunctionCallEventKind,
    FunctionCallObserver,
)

from telemetry.metrics import record

_OUTCOMES = {
    FunctionCallEventKind.COMPLETED: "completed",
    FunctionCallEventKind.FAILED: "failed",
    FunctionCallEventKind.TIMED_OUT: "timed out",
    FunctionCallEventKind.CANCELLED: "cancelled",
}


class ToolCalls(FunctionCallObserver):
    """Records ToolTime. A span has the tool's name and outcome; with transcripts also its arguments and result."""

    def __init__(self, *, tracing: bool, transcripts: bool) -> None:
        super().__init__(include_arguments=transcripts, include_results=True)
        self._transcripts = transcripts
        self._turn: Context | None = None
        self._spans: dict[str, trace.Span] = {}
        self._tracer = trace.get_tracer("switchboard.tools") if tracing else trace.NoOpTracer()
        self.add_event_handler("on_function_call_event", self._on_event)

    async def on_push_frame(self, data: FramePushed) -> None:
        """Notice which turn the service is in, which Pipecat keeps to its services."""
        context = getattr(data.source, "_tracing_context", None)
        if context:
            self._turn = context.get_turn_context() or context.get_conversation_context()
        await super().on_push_frame(data)

    async def _on_event(self, _: FunctionCallObserver, event: FunctionCallEvent) -> None:
        if event.kind is FunctionCallEventKind.IN_PROGRESS:
            self._begin(event)
        elif event.kind in _OUTCOMES:
            self._end(event)

    def _begin(self, event: FunctionCallEvent) -> None:
        span = self._tracer.start_span(
            f"execute_tool {event.function_name}",
            context=self._turn,
            start_time=_nanoseconds(event.timestamp),
            attributes={
                "gen_ai.operation.name": "execute_tool",
                "gen_ai.tool.name": event.function_name,
                "gen_ai.tool.call.id": event.tool_call_id,
            },
        )
        if self._transcripts:
            span.set_attribute("gen_ai.tool.call.arguments", json.dumps(event.arguments, default=str))
        self._spans[event.tool_call_id] = span

    def _end(self, event: FunctionCallEvent) -> None:
        outcome = _outcome(event)
        if event.in_progress_at is not None:
            milliseconds = round((event.timestamp - event.in_progress_at) * 1000)
            record("ToolTime", milliseconds, unit="Milliseconds", tool=event.function_name)
        if span := self._spans.pop(event.tool_call_id, None):
            span.set_attribute("tool.outcome", outcome)
            if outcome in ("failed", "timed out"):
                span.set_status(StatusCode.ERROR)
            if self._transcripts:
                span.set_attribute("gen_ai.tool.call.result", json.dumps(event.result, default=str))
            span.end(end_time=_nanoseconds(event.timestamp))


def _outcome(event: FunctionCallEvent) -> str:
    """A tool that failed answers the model with an `error`, and to Pipecat that is an answer like any other."""
    if isinstance(event.result, dict) and "error" in event.result:
        return "failed"
    return _OUTCOMES[event.kind]


def _nanoseconds(timestamp: float) -> int:
    return int(timestamp * 1_000_000_000)
