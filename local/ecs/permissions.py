"""What the roles of a task have to let ECS do: take them on, fetch the image and the secrets, and log."""

from collections.abc import Iterator

from local.ecs.task import TaskFailedError
from local.ecs.task_definition import TaskDefinition
from local.emulator import container_services, identity
from local.emulator.clients import client
from local.state import ACCOUNT_ID, REGION


def task_credentials(role_arn: str, *, task_arn: str) -> identity.Session:
    """Assume a role as ECS does for a task; PermissionError when there is no such role or it doesn't trust ECS."""
    return identity.service_session(
        role_arn,
        session_name=task_arn.rpartition("/")[2],
        source_arn=task_arn,
        region=REGION,
        principal=identity.ECS_TASKS_PRINCIPAL,
    )


def check_roles(definition: TaskDefinition, *, task_arn: str) -> None:
    """Raise TaskFailedError, with ECS's own word for it, when the task couldn't even be started."""
    try:
        session = task_credentials(definition.execution_role_arn, task_arn=task_arn)
        if definition.task_role_arn:
            task_credentials(definition.task_role_arn, task_arn=task_arn)
    except PermissionError as error:
        raise TaskFailedError(f"ECS was unable to assume the role: {error}") from error
    for error_name, action, resource_arn in _needed(definition):
        allowed = identity.is_allowed(
            session.access_key_id, account_id=ACCOUNT_ID, region=REGION, action=action, resource_arn=resource_arn
        )
        if not allowed:
            role = definition.execution_role_arn
            raise TaskFailedError(f"{error_name}: {role} is not authorized to perform {action} on {resource_arn}")
    groups = client("logs").describe_log_groups(logGroupNamePrefix=definition.log_group)["logGroups"]
    if definition.log_group not in {group["logGroupName"] for group in groups}:
        raise TaskFailedError(f"ResourceInitializationError: The log group {definition.log_group} does not exist")


def _needed(definition: TaskDefinition) -> Iterator[tuple[str, str, str]]:
    repository = f"arn:aws:ecr:{REGION}:{ACCOUNT_ID}:repository/{definition.repository}"
    yield "CannotPullContainerError", "ecr:GetAuthorizationToken", "*"
    for action in ("ecr:BatchCheckLayerAvailability", "ecr:GetDownloadUrlForLayer", "ecr:BatchGetImage"):
        yield "CannotPullContainerError", action, repository
    stream = f"arn:aws:logs:{REGION}:{ACCOUNT_ID}:log-group:{definition.log_group}:log-stream:task"
    for action in ("logs:CreateLogStream", "logs:PutLogEvents"):
        yield "ResourceInitializationError", action, stream
    for value_from in definition.secrets.values():
        arn = container_services.secret_arn(value_from)
        yield "ResourceInitializationError", "secretsmanager:GetSecretValue", arn
