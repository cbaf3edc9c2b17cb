"""All task definitions and services of this cloud, and what ECS's API tells and changes of them."""

import asyncio
import logging
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from local.ecs.service import DeploymentError, Service, ServiceSettings
from local.ecs.task import Deployment, Task, TaskStatus
from local.ecs.task_definition import TaskDefinition
from local.ecs.task_launcher import TaskLauncher
from local.load_balancing.load_balancers import LoadBalancers
from local.state import ACCOUNT_ID, REGION

events = logging.getLogger("local.ecs")

type Members = Mapping[str, Any]


class Services:
    """It belongs to one event loop."""

    def __init__(self, *, launcher: TaskLauncher, balancers: LoadBalancers) -> None:
        self._launcher = launcher
        self._balancers = balancers
        self._definitions: dict[str, TaskDefinition] = {}
        self._services: dict[str, Service] = {}
        self._changes: set[asyncio.Task[None]] = set()

    def add_definition(self, arn: str, definition: TaskDefinition) -> None:
        """Know a revision of a task definition."""
        self._definitions[arn] = definition

    async def create(self, settings: ServiceSettings, *, definition_arn: str) -> str:
        """Make a service and return its ARN once it is steady; DeploymentError when its tasks fail, LookupError."""
        definition = self._fitting(definition_arn, settings)
        self._balancers.group(settings.group_arn)
        service = Service(
            settings=settings,
            launcher=self._launcher,
            group=lambda: self._balancers.group(service.settings.group_arn),
        )
        arn = f"arn:aws:ecs:{REGION}:{ACCOUNT_ID}:service/{settings.cluster}/{settings.name}"
        self._services[arn] = service
        try:
            await service.deploy(definition_arn, definition, settings)
        except BaseException:
            del self._services[arn]
            raise
        return arn

    async def update(self, arn: str, settings: ServiceSettings, *, definition_arn: str) -> None:
        """Bring a service to a revision and a number of tasks; return once it is steady."""
        service = self.find(arn)
        definition = self._fitting(definition_arn, settings)
        if service.deployments[0].definition_arn == definition_arn:
            service.settings = replace(settings, desired_count=service.settings.desired_count)
            await service.scale(settings.desired_count)
        else:
            await service.deploy(definition_arn, definition, settings)

    async def remove(self, arn: str) -> None:
        """End a service, if it is there, and return when its last connection is over."""
        if service := self._services.get(arn):
            await service.remove()
            del self._services[arn]

    def find(self, reference: str) -> Service:
        """Return a service by its ARN or its name; LookupError when there is none."""
        for arn, service in self._services.items():
            if reference in (arn, service.settings.name):
                return service
        raise LookupError("Service not found.")

    async def aclose(self) -> None:
        """End everything at once."""
        for change in self._changes:
            change.cancel()
        await asyncio.gather(*(service.aclose() for service in self._services.values()))

    def describe_services(self, request: Members) -> Members:
        """Answer DescribeServices."""
        found, failures = [], []
        for reference in request.get("services", []):
            try:
                found.append(_description(self.find(reference)))
            except LookupError:
                failures.append({"arn": reference, "reason": "MISSING"})
        return {"services": found, "failures": failures}

    def list_services(self, _request: Members) -> Members:
        """Answer ListServices, of all clusters."""
        return {"serviceArns": [*self._services]}

    def update_service(self, request: Members) -> Members:
        """Answer UpdateService, which this cloud has for the number of tasks and for a deployment anew."""
        if unknown := sorted(request.keys() - {"service", "cluster", "desiredCount", "forceNewDeployment"}):
            raise ValueError(f"UpdateService: {', '.join(unknown)} is not supported by the embedded cloud.")
        service = self.find(request["service"])
        settings = service.settings
        if "desiredCount" in request:
            settings = replace(settings, desired_count=int(request["desiredCount"]))
        deployment = service.deployments[0]
        if request.get("forceNewDeployment"):
            change = service.deploy(deployment.definition_arn, deployment.definition, settings)
        else:
            change = service.scale(settings.desired_count)

        async def until_done() -> None:
            try:
                await change
            except DeploymentError as error:
                events.warning("deployment of %s failed: %s", settings.name, error)

        task = asyncio.create_task(until_done())
        self._changes.add(task)
        task.add_done_callback(self._changes.discard)
        return {"service": _description(service)}

    def list_tasks(self, request: Members) -> Members:
        """Answer ListTasks, of a service or of all."""
        services = [self.find(request["serviceName"])] if "serviceName" in request else [*self._services.values()]
        return {"taskArns": [task.arn for service in services for task in service.tasks]}

    def describe_tasks(self, request: Members) -> Members:
        """Answer DescribeTasks."""
        tasks = {task.arn: (service, task) for service in self._services.values() for task in service.tasks}
        found = [_task_description(*tasks[arn]) for arn in request["tasks"] if arn in tasks]
        return {
            "tasks": found,
            "failures": [{"arn": arn, "reason": "MISSING"} for arn in request["tasks"] if arn not in tasks],
        }

    def _fitting(self, definition_arn: str, settings: ServiceSettings) -> TaskDefinition:
        if definition_arn not in self._definitions:
            raise LookupError(f"Unable to find task definition: {definition_arn}")
        definition = self._definitions[definition_arn]
        named = (settings.container_name, settings.container_port)
        if named != (definition.container_name, definition.container_port):
            raise ValueError(
                f"The container {named[0]} does not exist in the task definition, or has no port {named[1]}."
            )
        return definition


def _description(service: Service) -> Members:
    settings = service.settings
    running = [task for task in service.tasks if task.status is TaskStatus.RUNNING]
    return {
        "serviceArn": f"arn:aws:ecs:{REGION}:{ACCOUNT_ID}:service/{settings.cluster}/{settings.name}",
        "serviceName": settings.name,
        "clusterArn": f"arn:aws:ecs:{REGION}:{ACCOUNT_ID}:cluster/{settings.cluster}",
        "status": "ACTIVE",
        "launchType": "FARGATE",
        "desiredCount": settings.desired_count,
        "runningCount": len(running),
        "pendingCount": sum(task.status is TaskStatus.ACTIVATING for task in service.tasks),
        "taskDefinition": service.deployments[0].definition_arn if service.deployments else "",
        "deployments": [_deployment(service, deployment) for deployment in service.deployments],
        "events": [
            {"id": event.id, "createdAt": event.created_at.timestamp(), "message": event.message}
            for event in service.events
        ],
    }


def _deployment(service: Service, deployment: Deployment) -> Members:
    is_primary = deployment is service.deployments[0]
    own = [task for task in service.tasks if task.deployment is deployment]
    return {
        "id": deployment.id,
        "status": "PRIMARY" if is_primary else "ACTIVE",
        "taskDefinition": deployment.definition_arn,
        "desiredCount": service.settings.desired_count if is_primary else 0,
        "runningCount": sum(task.status is TaskStatus.RUNNING for task in own),
        "pendingCount": sum(task.status is TaskStatus.ACTIVATING for task in own),
        "rolloutState": "IN_PROGRESS" if is_primary and service.is_rolling else "COMPLETED",
        "createdAt": deployment.created_at.timestamp(),
    }


def _task_description(service: Service, task: Task) -> Members:
    ending = task.status in (TaskStatus.DEACTIVATING, TaskStatus.STOPPING)
    return {
        "taskArn": task.arn,
        "clusterArn": f"arn:aws:ecs:{REGION}:{ACCOUNT_ID}:cluster/{service.settings.cluster}",
        "taskDefinitionArn": task.deployment.definition_arn,
        "group": f"service:{service.settings.name}",
        "launchType": "FARGATE",
        "lastStatus": task.status.value,
        "desiredStatus": "STOPPED" if ending else "RUNNING",
        "startedAt": task.started_at.timestamp(),
    }
