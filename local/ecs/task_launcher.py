"""Starts tasks: what each process is given, where it logs, and that nothing of it is left."""

import secrets
import tempfile
from collections.abc import Mapping
from pathlib import Path

from local.child_process import ChildProcess, free_port
from local.container_credentials import ContainerCredentials
from local.ecs.container_image import ContainerImage
from local.ecs.permissions import check_roles
from local.ecs.task import Deployment, Task, TaskFailedError
from local.emulator.container_services import secret_value
from local.images import ImageStore
from local.load_balancing.target_group import Target
from local.state import ACCOUNT_ID, REGION

HOST = "127.0.0.1"


class TaskLauncher:
    """Makes tasks of task definitions, each with a home folder and a grant of its role's credentials."""

    def __init__(
        self,
        *,
        images: ImageStore,
        python: Path,
        directory: Path,
        credentials: ContainerCredentials,
        base_url: str,
        ca_bundle: Path,
    ) -> None:
        self._images = images
        self._python = python
        self._directory = directory
        self._credentials = credentials
        self._of_the_platform = {
            "AWS_REGION": REGION,
            "AWS_DEFAULT_REGION": REGION,
            "AWS_EXECUTION_ENV": "AWS_ECS_FARGATE",
            "AWS_ENDPOINT_URL": base_url,
            "SSL_CERT_FILE": str(ca_bundle),
        }
        self._homes: dict[str, tempfile.TemporaryDirectory[str]] = {}

    async def start(self, deployment: Deployment, *, service: str, cluster: str) -> Task:
        """Return a started task, which nobody has found healthy yet; TaskFailedError when it can't start."""
        task_id = secrets.token_hex(16)
        task_arn = f"arn:aws:ecs:{REGION}:{ACCOUNT_ID}:task/{cluster}/{task_id}"
        definition = deployment.definition
        check_roles(definition, task_arn=task_arn)
        target = Target(host=HOST, port=free_port())
        log_file = self._directory / f"{service}-{task_id[:8]}.log"
        try:
            image = self._image(definition.image_uri)
            process = await ChildProcess.start(
                argv=image.argv(python=self._python, entry_point=definition.entry_point, command=definition.command),
                cwd=image.working_directory,
                environment={
                    **self._of_the_platform,
                    **image.environment,
                    **definition.environment,
                    **_secret_values(definition.secrets),
                    **self._of_the_task(task_id, definition.task_role_arn),
                    "HOST": HOST,
                    "PORT": str(target.port),
                },
                log_path=log_file,
            )
        except (LookupError, OSError, ValueError) as error:
            self._release(task_id)
            raise TaskFailedError(f"CannotStartContainerError: {error}") from error
        return Task(arn=task_arn, deployment=deployment, process=process, target=target, log_file=log_file)

    def release(self, task: Task) -> None:
        """Take back what an ended task was given; its log stays."""
        self._release(task.arn.rpartition("/")[2])

    def _image(self, uri: str) -> ContainerImage:
        """Return the image's files, which all of its tasks share."""
        image = self._images.find(uri)
        if image.platform != "linux/arm64":
            raise ValueError(f"the image {uri} is for {image.platform}, the task for linux/arm64")
        return ContainerImage.of(image, folder=image.context.parent / "stages")

    def _of_the_task(self, task_id: str, role_arn: str | None) -> dict[str, str]:
        home = tempfile.TemporaryDirectory(dir=self._directory, prefix="home-", ignore_cleanup_errors=True)
        self._homes[task_id] = home
        grant = self._credentials.grant(process_id=task_id, role_arn=role_arn) if role_arn else {}
        return {"HOME": home.name, **grant}

    def _release(self, task_id: str) -> None:
        self._credentials.revoke(task_id)
        if home := self._homes.pop(task_id, None):
            home.cleanup()


def _secret_values(given: Mapping[str, str]) -> dict[str, str]:
    values = {}
    for name, value_from in given.items():
        value = secret_value(value_from)
        if value is None:
            raise ValueError(f"the secret for the variable {name} has no such value: {value_from}")
        values[name] = value
    return values
