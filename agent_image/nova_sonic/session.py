"""One stream of Bedrock, from its begin to its end, told of by callbacks."""

import asyncio
import json
import time
from collections.abc import Callable
from typing import Any

from aws_sdk_bedrock_runtime.models import (
    BidirectionalInputPayloadPart,
    InvokeModelWithBidirectionalStreamInputChunk,
    InvokeModelWithBidirectionalStreamOutputChunk,
)

from nova_sonic.bedrock import BedrockStream
from telemetry.metrics import record

# A network that takes nothing for so long is taken for broken.
_SEND_SECONDS = 3
_CLOSE_SECONDS = 3

_open: set["Session"] = set()


class Session:
    """Sends without waiting, and tells `on_event` what the model sends and `on_end`, once, why the stream ended."""

    def __init__(
        self,
        stream: BedrockStream,
        *,
        on_event: Callable[["Session", dict[str, Any]], None],
        on_end: Callable[["Session", BaseException], None],
    ) -> None:
        self.began = time.monotonic()
        self.ended: BaseException | None = None
        self._stream = stream
        self._on_event = on_event
        self._on_end = on_end
        self._events: asyncio.Queue[str] = asyncio.Queue()
        self._tasks = [asyncio.create_task(self._run(self._write())), asyncio.create_task(self._run(self._read()))]
        _open.add(self)
        record("ModelStreams", len(_open), unit="Count")

    def send(self, *events: str) -> None:
        """Send events, in JSON, in this order."""
        for event in events:
            self._events.put_nowait(event)

    async def accepted(self, *, within: float) -> None:
        """Wait until Bedrock accepts the stream. Raises its refusal; silence for so many seconds is no refusal."""
        done, _ = await asyncio.wait([asyncio.create_task(self._stream.await_output())], timeout=within)
        for task in done:
            task.result()

    async def close(self, *farewell: str) -> None:
        """End the stream properly, with these last events; a stream that is broken already is let go."""
        _, reader = self._tasks
        try:
            async with asyncio.timeout(_CLOSE_SECONDS):
                self.send(*farewell)
                await self._sent()
                await self._stream.input_stream.close()
                # Left to end by itself: to cancel what the SDK's own thread is about to answer makes that thread fail.
                await asyncio.wait([reader])
        except (TimeoutError, OSError):
            pass
        finally:
            for task in self._tasks:
                task.cancel()
            _open.discard(self)

    async def _sent(self) -> None:
        writer, _ = self._tasks
        sent = asyncio.create_task(self._events.join())
        await asyncio.wait([sent, writer], return_when=asyncio.FIRST_COMPLETED)
        sent.cancel()

    async def _run(self, work: Any) -> None:
        try:
            await work
        except Exception as error:  # noqa: BLE001 - the SDK's errors have no common class; all of them end the stream
            if self.ended is None:
                self.ended = error
                _open.discard(self)
                self._on_end(self, error)

    async def _write(self) -> None:
        while True:
            event = await self._events.get()
            part = BidirectionalInputPayloadPart(bytes_=event.encode())
            async with asyncio.timeout(_SEND_SECONDS):
                await self._stream.input_stream.send(InvokeModelWithBidirectionalStreamInputChunk(value=part))
            self._events.task_done()

    async def _read(self) -> None:
        _, output = await self._stream.await_output()
        while (part := await output.receive()) is not None:
            if not isinstance(part, InvokeModelWithBidirectionalStreamOutputChunk):
                raise ConnectionError(f"Bedrock sent an event of an unknown kind: {type(part).__name__}")
            if part.value.bytes_:
                self._on_event(self, json.loads(part.value.bytes_)["event"])
        raise ConnectionError("Bedrock ended the stream")
