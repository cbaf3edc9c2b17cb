"""One process kept started ahead for each runtime, so that the next new session doesn't wait for a start."""

import asyncio
from collections.abc import Coroutine

from local.agentcore.agent_process import AgentProcess
from local.agentcore.control_plane import RuntimeVersion
from local.agentcore.launcher import Launcher, events
from local.agentcore.limits import Limits

type _Start = asyncio.Task[AgentProcess]


class WarmPool:
    """At most one process a runtime, of the version that was asked for last; those of other versions are ended."""

    def __init__(self, *, launcher: Launcher, limits: Limits) -> None:
        self._launcher = launcher
        self._limits = limits
        self._warm: dict[str, tuple[RuntimeVersion, _Start]] = {}
        self._refills: dict[str, asyncio.TimerHandle] = {}
        self._chores: set[asyncio.Task[None]] = set()

    def prepare(self, version: RuntimeVersion) -> _Start:
        """Start a process of this version, unless there is one already."""
        warm = self._warm.get(version.runtime_arn)
        if warm is not None and warm[0].version == version.version and not _failed(warm[1]):
            return warm[1]
        self.discard(version.runtime_arn)
        start = asyncio.create_task(self._launcher.start(version))
        self._warm[version.runtime_arn] = (version, start)
        self._do(self._watch(version, start))
        return start

    async def take(self, version: RuntimeVersion) -> AgentProcess:
        """Return a process of this version, started ahead or else now, and have the next one started after it."""
        agent = await self._take_warm(version)
        if agent is None:
            agent = await self._launcher.start(version)
        self._cancel_refill(version.runtime_arn)
        refill = asyncio.get_running_loop().call_later(self._limits.refill_seconds, self._refill, version)
        self._refills[version.runtime_arn] = refill
        return agent

    async def _take_warm(self, version: RuntimeVersion) -> AgentProcess | None:
        warm = self._warm.get(version.runtime_arn)
        if warm is None or warm[0].version != version.version:
            return None
        del self._warm[version.runtime_arn]
        agent = await warm[1]
        if agent.exit_code is None:
            return agent
        await self._launcher.end(agent)
        return None

    def discard(self, runtime_arn: str) -> None:
        """End a runtime's warm process in the background, and start no further one."""
        self._cancel_refill(runtime_arn)
        if warm := self._warm.pop(runtime_arn, None):
            self._do(self._dispose(warm[1]))

    async def aclose(self) -> None:
        """End every warm process, and wait for it."""
        for runtime_arn in [*self._warm, *self._refills]:
            self.discard(runtime_arn)
        await asyncio.gather(*self._chores)

    async def _watch(self, version: RuntimeVersion, start: _Start) -> None:
        """Give up a warm process that has ended, or whose runtime was deleted."""
        await asyncio.wait([start])
        ended = _failed(start)
        if ended and not start.cancelled():
            events.warning("warm start failed: %s", start.exception())
        while self._warm.get(version.runtime_arn) == (version, start):
            if ended or self._launcher.deleted(version):
                self.discard(version.runtime_arn)
            else:
                ended = await start.result().exited_within(self._limits.ping_interval_seconds)

    async def _dispose(self, start: _Start) -> None:
        start.cancel()
        await asyncio.wait([start])
        if not _failed(start):
            await self._launcher.end(start.result())

    def _do(self, chore: Coroutine[None, None, None]) -> None:
        task = asyncio.create_task(chore)
        self._chores.add(task)
        task.add_done_callback(self._chores.discard)

    def _cancel_refill(self, runtime_arn: str) -> None:
        if refill := self._refills.pop(runtime_arn, None):
            refill.cancel()

    def _refill(self, version: RuntimeVersion) -> None:
        del self._refills[version.runtime_arn]
        self.prepare(version)


def _failed(start: _Start) -> bool:
    return start.done() and (start.cancelled() or start.exception() is not None)
