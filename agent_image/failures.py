"""Ends a call whose model or service fails: with a spoken sentence, a metric, a line in the log, and a reason."""

import asyncio
import logging
import re
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from typing import Literal

from pipecat.frames.frames import (
    CancelFrame,
    ClientConnectedFrame,
    EndFrame,
    ErrorFrame,
    InterruptionFrame,
    StopFrame,
)
from pipecat.observers.base_observer import BaseObserver, FramePushed
from pipecat.pipeline.worker import PipelineWorker
from pipecat.processors.frame_processor import FrameProcessor
from pipecat.utils.errors import ErrorCategory, classify_http_exception

from calls import INTERNAL_ERROR, Connection
from recordings import recorded_speech
from telemetry.call import service_kind
from telemetry.metrics import record

type Kind = Literal["throttled", "refused", "expired", "broken"]

_REASONS: dict[Kind, str] = {
    "throttled": "a service of the agent is at its limit; try again later",
    "refused": "a service refused the agent; the agent's log says which",
    "expired": "the agent's credentials have expired; start a new session",
    "broken": "a service of the agent failed; start a new session",
}
# Parts of the names that AWS's services give their refusals, in the order in which they are looked for.
_CODES: tuple[tuple[Kind, re.Pattern[str]], ...] = (
    (
        "throttled",
        re.compile(r"Throttl|TooManyRequests|LimitExceeded|QuotaExceeded|SlowDown|ModelNotReady", re.IGNORECASE),
    ),
    (
        "expired",
        re.compile(r"Expired|UnrecognizedClient|Signature|AuthenticationToken|NoCredentials|Credential", re.IGNORECASE),
    ),
    (
        "refused",
        re.compile(
            r"AccessDenied|NotAuthorized|Forbidden|ValidationException|ResourceNotFound|BadRequest", re.IGNORECASE
        ),
    ),
)
_CATEGORIES: dict[ErrorCategory, Kind] = {
    ErrorCategory.RATE_LIMIT: "throttled",
    ErrorCategory.QUOTA: "throttled",
    ErrorCategory.AUTHENTICATION: "expired",
    ErrorCategory.AUTHORIZATION: "refused",
    ErrorCategory.INVALID_REQUEST: "refused",
}
# A lost connection of speech to text, or one sentence that isn't spoken, the service may mend itself; when a model
# fails, the caller waits for an answer that won't come.
_PASSING = (None, ErrorCategory.CONNECTIVITY, ErrorCategory.SERVER, ErrorCategory.UNKNOWN)
_ERRORS = {"stt": 2, "tts": 2}
# Over WebRTC a pipeline runs before its caller hears it.
_CONNECT_SECONDS = 10.0
# How long a call may go on after its last sentence was handed over; the sentence itself takes some 4 s.
_END_SECONDS = 12.0
_NAME = re.compile(r"[A-Za-z][\w.]*")

_logger = logging.getLogger("switchboard.agent")


def end_on_failure(worker: PipelineWorker, *, connection: Connection) -> None:
    """End the call of this worker when one of its services can't do its job: never for a failing tool or a warning.

    The caller hears the recorded apology to its end, and the connection is closed with 1011 and a reason.
    """
    worker.add_observer(_Failures(worker, connection=connection))


def kind_of(error: ErrorFrame) -> Kind:
    """How a service failed, by an exception's code in AWS's SDKs, or else by Pipecat's category or HTTP's status."""
    for name in _names(error.exception):
        for kind, pattern in _CODES:
            if pattern.search(name):
                return kind
    category = error.category
    if error.exception and category in _PASSING:
        category = classify_http_exception(error.exception)
    return _CATEGORIES.get(category or ErrorCategory.UNKNOWN, "broken")


def _names(error: BaseException | None) -> Iterator[str]:
    """The codes and the class names of an exception and of its causes."""
    while error is not None:
        response = getattr(error, "response", None)
        if isinstance(response, dict):
            yield str(response.get("Error", {}).get("Code", ""))
        yield type(error).__name__
        error = error.__cause__ or error.__context__


class _Failures(BaseObserver):
    """Reads each error where it is raised, and ends the call once."""

    def __init__(self, worker: PipelineWorker, *, connection: Connection) -> None:
        super().__init__(observe_every_push=False)
        self._worker = worker
        self._connection = connection
        self._errors: Counter[str] = Counter()
        self._connected = asyncio.Event()
        self._finished = asyncio.Event()
        self._over = False
        self._ending: asyncio.Task[None] | None = None
        worker.add_event_handler("on_pipeline_finished", self._finish)

    async def on_push_frame(self, data: FramePushed) -> None:
        """Take notice of errors, and of what makes them unimportant."""
        match data.frame:
            case ErrorFrame():
                self._weigh(data.frame, processor=data.frame.processor or data.source)
            case ClientConnectedFrame():
                self._connected.set()
            case EndFrame() | CancelFrame() | StopFrame():
                self._over = True

    async def cleanup(self) -> None:
        """The pipeline is done."""
        self._finished.set()
        await super().cleanup()  # type: ignore[no-untyped-call]

    async def _finish(self, *_: object) -> None:
        self._finished.set()

    def _weigh(self, error: ErrorFrame, *, processor: FrameProcessor) -> None:
        service = service_kind(processor)
        if self._over or not service or error.category is ErrorCategory.APPLICATION:
            return
        kind = kind_of(error)
        self._errors[service] += 1
        passing = processor.is_usable and error.category in _PASSING
        if passing and self._errors[service] < _ERRORS.get(service, 1):
            return
        self._over = True
        record("ModelFailures", 1, unit="Count", kind=kind, service=service)
        name = next((name for name in _names(error.exception) if _NAME.fullmatch(name)), "no exception")
        _logger.error("the call ends as its %s is %s: %s of %s", service, kind, name, type(processor).__name__)
        self._connection.end_with(code=INTERNAL_ERROR, reason=_REASONS[kind])
        self._ending = asyncio.create_task(self._end())

    async def _end(self) -> None:
        """Say sorry, which nothing may cut short, and end; what a hung service holds up is cancelled."""
        with suppress(TimeoutError):
            async with asyncio.timeout(_CONNECT_SECONDS):
                await self._connected.wait()
        await self._worker.queue_frame(InterruptionFrame())
        for frame in recorded_speech("apology", sample_rate=self._worker.params.audio_out_sample_rate):
            frame.interruptible = False
            await self._worker.queue_frame(frame)
        await self._worker.queue_frame(EndFrame())
        try:
            async with asyncio.timeout(_END_SECONDS):
                await self._finished.wait()
        except TimeoutError:
            # Past the worker's queue, where a `cancel` would wait behind the EndFrame for ever.
            await self._worker.pipeline.queue_frame(CancelFrame(reason="a failed service holds up the end of the call"))
