"""Targets of a load balancer: whether each is well, what it is busy with, and how it is let go."""

import asyncio
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from enum import Enum
from http import HTTPStatus

import httpx

FIRST_CHECK_SECONDS = 0.05
"""Between the checks of a target that hasn't answered yet; AWS keeps to the interval from the beginning."""
USER_AGENT = "ELB-HealthChecker/2.0"


class TargetState(Enum):
    """The states of DescribeTargetHealth."""

    INITIAL = "initial"
    HEALTHY = "healthy"
    UNHEALTHY = "unhealthy"
    DRAINING = "draining"


@dataclass(frozen=True, kw_only=True)
class TargetGroupSettings:
    """How targets are checked and let go; times are in seconds, `matcher` as in `200`, `200,204` or `200-299`."""

    path: str = "/"
    matcher: str = "200"
    interval: float = 30
    timeout: float = 5
    healthy_threshold: int = 5
    unhealthy_threshold: int = 2
    deregistration_delay: float = 300

    @property
    def statuses(self) -> frozenset[int]:
        """The HTTP statuses of a healthy target."""
        ranges = (part.partition("-") for part in self.matcher.split(","))
        return frozenset(status for low, _, high in ranges for status in range(int(low), int(high or low) + 1))


class Target:
    """One address; `open_requests` counts requests and WebSockets."""

    def __init__(self, *, host: str, port: int) -> None:
        self.host = host
        self.port = port
        self.state = TargetState.INITIAL
        self._changed = asyncio.Event()
        self._connections: set[asyncio.StreamWriter] = set()
        self._unused = asyncio.Event()
        self._unused.set()

    @property
    def open_requests(self) -> int:
        """How many requests, WebSockets among them, it serves now."""
        return len(self._connections)

    @contextmanager
    def serving(self, connection: asyncio.StreamWriter) -> Iterator[None]:
        """Count one request as long as it lasts."""
        self._connections.add(connection)
        self._unused.clear()
        try:
            yield
        finally:
            self._connections.discard(connection)
            if not self._connections:
                self._unused.set()

    async def drained(self, *, seconds: float) -> None:
        """Wait until nothing is open; what is still open after so many seconds is cut."""
        try:
            await asyncio.wait_for(self._unused.wait(), seconds)
        except TimeoutError:
            for connection in self._connections:
                connection.transport.abort()

    def turn(self, state: TargetState) -> None:
        """Take on a state."""
        self.state = state
        self._changed.set()

    async def becomes(self, *states: TargetState) -> TargetState:
        """Wait until it has one of these states."""
        while self.state not in states:
            self._changed.clear()
            await self._changed.wait()
        return self.state


class TargetGroup:
    """Registered targets, checked in the background as long as they are registered."""

    def __init__(self, settings: TargetGroupSettings) -> None:
        self.settings = settings
        self.targets: list[Target] = []
        self._checks: dict[Target, asyncio.Task[None]] = {}
        self._http = httpx.AsyncClient(headers={"User-Agent": USER_AGENT}, trust_env=False)

    def register(self, target: Target, *, grace_seconds: float = 0) -> None:
        """Take a target in: it gets requests once it has answered a health check.

        It is unhealthy when it hasn't after as many intervals as make a target unhealthy, or after `grace_seconds`.
        """
        self.targets.append(target)
        self._checks[target] = asyncio.create_task(self._check(target, grace_seconds=grace_seconds))

    async def deregister(self, target: Target) -> None:
        """Give a target no new requests, and return when its open ones are done or their time is over."""
        if target not in self.targets:
            return
        self._checks.pop(target).cancel()
        target.turn(TargetState.DRAINING)
        await target.drained(seconds=self.settings.deregistration_delay)
        self.targets.remove(target)

    def choose(self) -> Target | None:
        """Return the healthy target with the fewest open requests, or None."""
        healthy = (target for target in self.targets if target.state is TargetState.HEALTHY)
        return min(healthy, key=lambda target: target.open_requests, default=None)

    async def aclose(self) -> None:
        """Check nothing any more."""
        for check in self._checks.values():
            check.cancel()
        await self._http.aclose()

    async def _check(self, target: Target, *, grace_seconds: float) -> None:
        await self._wait_for_first_success(target, grace_seconds=grace_seconds)
        successes = failures = 0
        while True:
            await asyncio.sleep(self.settings.interval)
            passed = await self._passes(target)
            successes, failures = (successes + 1, 0) if passed else (0, failures + 1)
            if failures >= self.settings.unhealthy_threshold and target.state is TargetState.HEALTHY:
                target.turn(TargetState.UNHEALTHY)
            elif successes >= self.settings.healthy_threshold and target.state is TargetState.UNHEALTHY:
                target.turn(TargetState.HEALTHY)

    async def _wait_for_first_success(self, target: Target, *, grace_seconds: float) -> None:
        settings = self.settings
        deadline = time.monotonic() + max(grace_seconds, settings.interval * settings.unhealthy_threshold)
        while not await self._passes(target):
            if time.monotonic() > deadline:
                target.turn(TargetState.UNHEALTHY)
                return
            await asyncio.sleep(FIRST_CHECK_SECONDS)
        target.turn(TargetState.HEALTHY)

    async def _passes(self, target: Target) -> bool:
        url = f"http://{target.host}:{target.port}{self.settings.path}"
        status: int = HTTPStatus.SERVICE_UNAVAILABLE
        with suppress(httpx.HTTPError):
            status = (await self._http.get(url, timeout=self.settings.timeout)).status_code
        return status in self.settings.statuses
