"""Services of containers in this cloud: ECS, the load balancers before it, and the credentials of its tasks."""

from pathlib import Path

from local.aws_http.asgi import Exchange, Receive, Scope, Send
from local.aws_http.errors import CommonCode, ServiceError
from local.container_credentials import ContainerCredentials
from local.ecs.permissions import task_credentials
from local.ecs.services import Services
from local.ecs.task_launcher import TaskLauncher
from local.emulator.container_services import serve_services
from local.emulator.load_balancers import tell_health
from local.images import ImageStore
from local.load_balancing.load_balancers import LoadBalancers
from local.state import ACCOUNT_ID, REGION, CloudDirectory

_CREDENTIALS_PATH = "/_ecs/credentials/"
_NO_BODY = 0


class ContainerServices:
    """Made once, in the event loop that it belongs to; it takes ECS's services and targets over from ministack."""

    def __init__(
        self,
        *,
        directory: CloudDirectory,
        images: ImageStore,
        python: Path,
        certificate: Path,
        key: Path,
        base_url: str,
    ) -> None:
        self._credentials = ContainerCredentials(
            role_credentials=_role_credentials, base_url=base_url, path=_CREDENTIALS_PATH
        )
        self.balancers = LoadBalancers(certificate=certificate, key=key)
        launcher = TaskLauncher(
            images=images,
            python=python,
            directory=directory.tasks,
            credentials=self._credentials,
            base_url=base_url,
            ca_bundle=directory.ca_bundle,
        )
        self.services = Services(launcher=launcher, balancers=self.balancers)
        serve_services(
            {
                "DescribeServices": self.services.describe_services,
                "DescribeTasks": self.services.describe_tasks,
                "ListServices": self.services.list_services,
                "ListTasks": self.services.list_tasks,
                "UpdateService": self.services.update_service,
            }
        )
        tell_health(
            lambda arn: [(each.host, each.port, each.state.value) for each in self.balancers.group(arn).targets]
        )

    def handles(self, path: str) -> bool:
        """Whether a path is asked for by tasks."""
        return self._credentials.handles(path)

    async def asgi(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Hand out credentials."""
        exchange = Exchange(scope=scope, receive=receive, send=send)
        try:
            http = await exchange.read(max_body_bytes=_NO_BODY)
            await exchange.respond(self._credentials.answer(http), headers={})
        except ServiceError as error:
            await exchange.respond({"message": error.message}, status=error.code.status, headers={})

    async def aclose(self) -> None:
        """End every task and every connection at once."""
        await self.services.aclose()
        await self.balancers.aclose()


def _role_credentials(role_arn: str, *, session_name: str) -> dict[str, str]:
    task_arn = f"arn:aws:ecs:{REGION}:{ACCOUNT_ID}:task/{session_name}"
    try:
        return task_credentials(role_arn, task_arn=task_arn).for_container()
    except PermissionError as error:
        raise ServiceError(CommonCode.ACCESS_DENIED, str(error)) from error
