"""The metrics of the calls, kept until a batch of them goes to CloudWatch: nothing of a call ever waits for that."""

import asyncio
import logging
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Literal

from settings import current_settings

type Unit = Literal["Count", "Seconds", "Milliseconds"]

_FLUSH_SECONDS = 60.0
_SEND_SECONDS = 5.0
# PutMetricData takes 150 different values of a metric in a request, and 1,000 metrics; a call has some 20.
_MAX_VALUES = 150
_MAX_METRICS = 300

# RFC 6455, 7.4.1
_REASONS = {"1000": "normal", "1001": "going away", "1008": "policy violation", "1011": "internal error"}

_logger = logging.getLogger("switchboard.telemetry")


@dataclass(frozen=True, kw_only=True)
class Metric:
    """What CloudWatch tells metrics apart by: name, unit, and pairs of a dimension's name and value."""

    name: str
    unit: Unit
    dimensions: tuple[tuple[str, str], ...]


type Batch = Mapping[Metric, Mapping[float, int]]
"""How often each value of each metric was seen."""


class Metrics:
    """Collects values, and hands them to `send` every minute; what can't be sent waits for the next time."""

    def __init__(self, *, send: Callable[[Batch], Awaitable[None]]) -> None:
        self._send = send
        self._values: dict[Metric, Counter[float]] = {}
        self._dropped = 0
        self._failures = 0
        self._sending: asyncio.Task[None] | None = None
        self._flushing: set[asyncio.Task[None]] = set()

    def add(self, metric: Metric, value: float, *, count: int = 1) -> None:
        """Note a value. The memory for them is bounded: what is too much is counted, and otherwise forgotten."""
        if metric not in self._values and len(self._values) >= _MAX_METRICS:
            self._dropped += count
            return
        values = self._values.setdefault(metric, Counter())
        if value not in values and len(values) >= _MAX_VALUES:
            self._dropped += count
            return
        values[value] += count

    def start_sending(self) -> None:
        """Send every minute from now on, on the loop that runs; a second time changes nothing."""
        if self._sending is None or self._sending.done():
            self._sending = asyncio.get_running_loop().create_task(self._send_every_minute())

    def send_soon(self) -> None:
        """Send in the background."""
        if self._sending:
            flushing = asyncio.get_running_loop().create_task(self.flush())
            self._flushing.add(flushing)
            flushing.add_done_callback(self._flushing.discard)

    async def flush(self) -> None:
        """Send what there is, within seconds. A failure is logged once until sending works again, and counted."""
        batch, self._values = self._values, {}
        if not batch:
            return
        try:
            async with asyncio.timeout(_SEND_SECONDS):
                await self._send(batch)
        except Exception as error:  # noqa: BLE001 - whatever keeps metrics from being sent, the call goes on
            self._keep(batch)
            self._failures += 1
            if self._failures == 1:
                _logger.warning("metrics can't be sent, and are tried again every minute: %s", _kind(error))
        else:
            self._report_failures()

    async def stop(self) -> None:
        """Send what there still is, and wait for what is being sent."""
        await self.flush()
        if self._flushing:
            await asyncio.wait(self._flushing)

    async def _send_every_minute(self) -> None:
        while True:
            await asyncio.sleep(_FLUSH_SECONDS)
            await self.flush()

    def _keep(self, batch: Batch) -> None:
        for metric, values in batch.items():
            for value, count in values.items():
                self.add(metric, value, count=count)

    def _report_failures(self) -> None:
        for name, count in (("MetricsFailures", self._failures), ("MetricsDropped", self._dropped)):
            if count:
                self.add(Metric(name=name, unit="Count", dimensions=()), count)
        self._failures = self._dropped = 0


def record(name: str, value: float, *, unit: Unit, **dimensions: str) -> None:
    """Note one value of a metric; it is sent in the background.

    The dimension `pipeline` is added. Cheap, and raises for nothing that has to do with the network; without a region
    there is no CloudWatch, and the value is forgotten.
    """
    settings = current_settings()
    if settings.region:
        pairs = {"pipeline": settings.pipeline, **dimensions}
        _metrics.add(Metric(name=name, unit=unit, dimensions=tuple(sorted(pairs.items()))), value)
        _metrics.start_sending()


def record_end(end: str, *, seconds: float) -> None:
    """Note that a call of this length ended, and send what is known of it: the session may end with it.

    `end` begins with a WebSocket's close code, as `Connection.end` does.
    """
    record("CallSeconds", round(seconds, 1), unit="Seconds")
    record("CallsEnded", 1, unit="Count", reason=_REASONS.get(end[:4], "other"))
    _metrics.send_soon()


async def stop_sending() -> None:
    """Send what there still is, within seconds."""
    await _metrics.stop()


async def _put(batch: Batch) -> None:
    from telemetry.cloudwatch import put_metric_data  # its AWS libraries take long to import

    await put_metric_data(batch, region=current_settings().region)


def _kind(error: Exception) -> str:
    """The error's own words only where they are of this agent's making: others may quote a URL."""
    from telemetry.cloudwatch import CloudWatchError

    return str(error) if isinstance(error, CloudWatchError) else type(error).__name__


_metrics = Metrics(send=_put)
