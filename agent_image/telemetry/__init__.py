"""What the operator sees of a call: its spans and its metrics. docs/observability.md says where."""

import os
from collections.abc import Mapping
from typing import TYPE_CHECKING

from phone import PhoneCall
from settings import Settings
from telemetry.metrics import stop_sending

if TYPE_CHECKING:
    from pipecat.observers.base_observer import BaseObserver

__all__ = ["continue_trace", "observers", "start_telemetry", "stop_telemetry"]


def start_telemetry(*, settings: Settings) -> None:
    """Set up what the settings ask for, before Pipecat is imported. Nothing is connected, and no id is made."""
    os.environ["ORT_DISABLE_TELEMETRY"] = "1"  # else ONNX Runtime makes a device's id, and sends events to Microsoft
    if settings.tracing:
        from telemetry.tracing import start_tracing

        start_tracing(transcripts=settings.log_transcripts)
    if settings.region:
        import telemetry.cloudwatch  # noqa: F401 - the first metrics would hold up a call for its imports


def continue_trace(headers: Mapping[str, str], *, settings: Settings) -> None:
    """Let the spans of this task go on the trace that the caller's request came with (`traceparent` or X-Ray's)."""
    if settings.tracing:
        from telemetry.tracing import attach_trace

        attach_trace(headers)


def observers(
    *, session_id: str | None, settings: Settings, transport: str, phone: PhoneCall | None = None
) -> "list[BaseObserver]":
    """What watches the pipeline of one call; to be made in the task that runs it."""
    from telemetry.call import call_observers

    return call_observers(session_id=session_id, settings=settings, transport=transport, phone=phone)


async def stop_telemetry() -> None:
    """Send what there still is, within seconds."""
    await stop_sending()
