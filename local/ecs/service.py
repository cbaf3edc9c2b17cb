"""One service: it keeps as many tasks as it should, and brings in a new revision without losing a connection."""

import asyncio
import logging
import secrets
from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from uuid import uuid4

from local.ecs.task import Deployment, Task, TaskFailedError, TaskStatus
from local.ecs.task_definition import TaskDefinition
from local.ecs.task_launcher import TaskLauncher
from local.load_balancing.target_group import TargetGroup

FAILURES = 3
"""After so many failed tasks a deployment is given up: the least at which ECS's circuit breaker opens."""
FIRST_PAUSE_SECONDS = 1.0
LONGEST_PAUSE_SECONDS = 60.0
EVENTS_KEPT = 100
CLOSING_SECONDS = 2.0
events = logging.getLogger("local.ecs")


class DeploymentError(Exception):
    """Why a deployment was given up: the reason of its last failed task."""


@dataclass(frozen=True, kw_only=True)
class ServiceSettings:
    """What a template says of a service besides its revision."""

    name: str
    cluster: str
    desired_count: int
    container_name: str
    container_port: int
    group_arn: str
    grace_seconds: float


@dataclass(frozen=True, kw_only=True)
class ServiceEvent:
    """One sentence of DescribeServices."""

    message: str
    id: str = field(default_factory=lambda: str(uuid4()))
    created_at: datetime = field(default_factory=lambda: datetime.now(UTC))


class Service:
    """It belongs to one event loop. One change is made at a time; the next one waits."""

    def __init__(self, *, settings: ServiceSettings, launcher: TaskLauncher, group: Callable[[], TargetGroup]) -> None:
        self.settings = settings
        self.deployments: list[Deployment] = []
        self.tasks: list[Task] = []
        self.events: deque[ServiceEvent] = deque(maxlen=EVENTS_KEPT)
        self.is_rolling = False
        self._launcher = launcher
        self._group = group
        self._changing = asyncio.Lock()
        self._watches: dict[Task, asyncio.Task[None]] = {}
        self._endings: dict[Task, asyncio.Task[None]] = {}
        self._mending: asyncio.Task[None] | None = None
        self._closed = False

    async def deploy(self, definition_arn: str, definition: TaskDefinition, settings: ServiceSettings) -> None:
        """Start the tasks of a revision, then end all others; return when these are gone.

        DeploymentError when too many of the new tasks fail: the tasks that were there before then stay.
        """
        async with self._changing:
            deployment = Deployment(
                id=f"ecs-svc/{secrets.token_hex(10)}", definition_arn=definition_arn, definition=definition
            )
            self.deployments.insert(0, deployment)
            self.is_rolling = True
            try:
                await self._fill(deployment, settings.desired_count)
                self.settings = settings
                await self._end(task for task in self._living() if task.deployment is not deployment)
            except BaseException:
                self.deployments.remove(deployment)
                await self._end(task for task in self._living() if task.deployment is deployment)
                raise
            finally:
                self.is_rolling = False
            self.deployments = [deployment]
            self._note("has reached a steady state.")

    async def scale(self, desired_count: int) -> None:
        """Start or end tasks, the newest first, until there are so many; DeploymentError when too many fail."""
        async with self._changing:
            try:
                await self._fill(self.deployments[0], desired_count)
                self.settings = replace(self.settings, desired_count=desired_count)
            finally:
                await self._end(self._living()[self.settings.desired_count :])
            self._note("has reached a steady state.")

    async def remove(self) -> None:
        """End all tasks, connections first."""
        self._closed = True
        if self._mending:
            self._mending.cancel()
        async with self._changing:
            await self._end(self._living())
            await asyncio.gather(*self._endings.values())

    async def aclose(self) -> None:
        """End all tasks at once."""
        self._closed = True
        for work in (self._mending, *self._watches.values(), *self._endings.values()):
            if work:
                work.cancel()
        await asyncio.gather(*(task.process.terminate(grace_seconds=CLOSING_SECONDS) for task in self.tasks))

    def _living(self) -> list[Task]:
        return [task for task in self.tasks if task not in self._endings]

    async def _fill(self, deployment: Deployment, count: int) -> None:
        failures = 0
        while missing := max(0, count - sum(task.deployment is deployment for task in self._living())):
            launches = (self._launch(deployment) for _ in range(missing))
            results = await asyncio.gather(*launches, return_exceptions=True)
            for error in (result for result in results if isinstance(result, BaseException)):
                if not isinstance(error, TaskFailedError):
                    raise error
                failures += 1
                if failures >= FAILURES:
                    raise DeploymentError(str(error)) from error

    async def _launch(self, deployment: Deployment) -> None:
        """Add one healthy task; TaskFailedError when it doesn't become so."""
        try:
            task = await self._launcher.start(deployment, service=self.settings.name, cluster=self.settings.cluster)
        except TaskFailedError as error:
            self._note(f"was unable to start a task: {error}")
            raise
        self.tasks.append(task)
        try:
            await task.becomes_healthy(self._group(), grace_seconds=self.settings.grace_seconds)
        except BaseException as error:
            await self._end_one(task)
            self._note(f"has stopped a task: {error}")
            raise
        self._watches[task] = asyncio.create_task(self._watch(task))
        self._note(f"registered 1 targets: {task.arn}, log {task.log_file.name}")

    async def _watch(self, task: Task) -> None:
        reason = await task.fails()
        self._note(f"has stopped a task: {reason}")
        del self._watches[task]
        await self._end_one(task)
        if not self._closed and (self._mending is None or self._mending.done()):
            self._mending = asyncio.create_task(self._mend())

    async def _mend(self) -> None:
        """Replace what has failed, with longer and longer pauses while that fails too."""
        pause = FIRST_PAUSE_SECONDS
        while not self._closed and len(self._living()) < self.settings.desired_count:
            try:
                async with self._changing:
                    if len(self._living()) < self.settings.desired_count:
                        await self._launch(self.deployments[0])
            except TaskFailedError:
                await asyncio.sleep(pause)
                pause = min(2 * pause, LONGEST_PAUSE_SECONDS)

    async def _end(self, tasks: Iterable[Task]) -> None:
        await asyncio.gather(*map(self._end_one, tasks))

    async def _end_one(self, task: Task) -> None:
        if watch := self._watches.pop(task, None):
            watch.cancel()
        if task not in self._endings:
            self._endings[task] = asyncio.create_task(self._let_go(task))
        await asyncio.wait([self._endings[task]])

    async def _let_go(self, task: Task) -> None:
        if task.status is TaskStatus.RUNNING:
            self._note(f"has begun draining connections on 1 tasks: {task.arn}")
        await task.end(self._group())
        self._launcher.release(task)
        self.tasks.remove(task)
        del self._endings[task]

    def _note(self, what: str) -> None:
        self.events.appendleft(ServiceEvent(message=f"(service {self.settings.name}) {what}"))
        events.info("service %s %s", self.settings.name, what)
