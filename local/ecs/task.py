"""One task of a service: its process, and its place behind the load balancer."""

import asyncio
from collections.abc import Coroutine
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import Enum
from pathlib import Path
from typing import Any

from local.child_process import ChildProcess
from local.ecs.task_definition import TaskDefinition
from local.load_balancing.target_group import Target, TargetGroup, TargetState


class TaskFailedError(Exception):
    """Why a task didn't start or didn't last; it names the task's log where there is one."""


class TaskStatus(Enum):
    """What DescribeTasks gives for `lastStatus`, as far as a process has such a state."""

    ACTIVATING = "ACTIVATING"
    RUNNING = "RUNNING"
    DEACTIVATING = "DEACTIVATING"
    STOPPING = "STOPPING"


@dataclass(frozen=True, kw_only=True)
class Deployment:
    """One revision on its way into a service, or in it."""

    id: str
    definition_arn: str
    definition: TaskDefinition
    created_at: datetime = field(default_factory=lambda: datetime.now(UTC))


@dataclass(kw_only=True, eq=False)
class Task:
    """A started task; it is healthy only after `becomes_healthy`."""

    arn: str
    deployment: Deployment
    process: ChildProcess
    target: Target
    log_file: Path
    status: TaskStatus = TaskStatus.ACTIVATING
    started_at: datetime = field(default_factory=lambda: datetime.now(UTC))

    async def becomes_healthy(self, group: TargetGroup, *, grace_seconds: float) -> None:
        """Register the task and wait until the load balancer finds it well; TaskFailedError when it doesn't."""
        group.register(self.target, grace_seconds=grace_seconds)
        state = await self._unless_ended(self.target.becomes(TargetState.HEALTHY, TargetState.UNHEALTHY))
        if state is TargetState.UNHEALTHY:
            raise TaskFailedError(
                f"Task failed ELB health checks at {group.settings.path}: see its log {self.log_file}"
            )
        self.status = TaskStatus.RUNNING

    async def fails(self) -> str:
        """Wait until the task ends by itself or becomes unhealthy, and return the reason."""
        try:
            await self._unless_ended(self.target.becomes(TargetState.UNHEALTHY))
        except TaskFailedError as error:
            return str(error)
        return f"Task failed ELB health checks: see its log {self.log_file}"

    async def end(self, group: TargetGroup) -> None:
        """Deregister the task, let its connections come to their end, and stop its process."""
        self.status = TaskStatus.DEACTIVATING
        await group.deregister(self.target)
        self.status = TaskStatus.STOPPING
        await self.process.terminate(grace_seconds=self.deployment.definition.stop_seconds)

    async def _unless_ended(self, state: Coroutine[Any, Any, TargetState]) -> TargetState:
        waits = [asyncio.create_task(state), asyncio.create_task(self.process.exited_within(None))]
        try:
            await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for wait in waits:
                wait.cancel()
        if self.process.exit_code is not None:
            raise TaskFailedError(
                f"Essential container in task exited with code {self.process.exit_code}: see its log {self.log_file}"
            )
        return self.target.state
