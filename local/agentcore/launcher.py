"""Starts and ends agent processes: what each is given, where it logs, and that nothing of it is left."""

import logging
import secrets
import tempfile
from collections.abc import Mapping
from pathlib import Path

from local.agentcore.agent_process import AgentProcess
from local.agentcore.control_plane import ControlPlane, RuntimeVersion
from local.agentcore.errors import AgentCoreCode
from local.agentcore.limits import Limits
from local.agentcore.runtime_request import RuntimeArn
from local.aws_http.errors import ServiceError
from local.container_credentials import ContainerCredentials

events = logging.getLogger("local.agentcore")


class Launcher:
    """Makes processes of runtime versions, each with a home folder and a grant of its role's credentials."""

    def __init__(
        self,
        *,
        control_plane: ControlPlane,
        credentials: ContainerCredentials,
        log_dir: Path,
        base_url: str,
        ca_bundle: Path | None,
        environment: Mapping[str, str],
        limits: Limits,
    ) -> None:
        self._control_plane = control_plane
        self._credentials = credentials
        self._log_dir = log_dir
        self._base_url = base_url
        self._given = {**environment, **({"SSL_CERT_FILE": str(ca_bundle)} if ca_bundle else {})}
        self._limits = limits
        self._closed = False
        self._homes: dict[str, tempfile.TemporaryDirectory[str]] = {}

    async def start(self, version: RuntimeVersion) -> AgentProcess:
        """Return a healthy process; raise `RuntimeClientError`, which names its log, when it doesn't become so."""
        if self._closed:
            raise ServiceError(AgentCoreCode.INTERNAL_SERVER, "the data plane is closing")
        process_id = secrets.token_hex(8)
        try:
            agent = await AgentProcess.start(
                process_id=process_id,
                version=version,
                command=self._control_plane.agent_command(version),
                environment=self._environment(process_id, version),
                log_path=self._log_dir / f"{version.runtime_id}-v{version.version}-{process_id}.log",
                limits=self._limits,
            )
        except BaseException:
            self._release(process_id)
            raise
        events.info(
            "process started: runtime=%s version=%s log=%s", version.runtime_id, version.version, agent.log_name
        )
        return agent

    def close(self) -> None:
        """Start nothing more."""
        self._closed = True

    async def end(self, agent: AgentProcess) -> None:
        """Terminate a process and take back what it was given."""
        await agent.terminate()
        self._release(agent.process_id)
        events.info("process ended: code=%s log=%s", agent.exit_code, agent.log_name)

    def deleted(self, version: RuntimeVersion) -> bool:
        """Whether the runtime is gone, and with it the reason for its processes."""
        return self._control_plane.resolve(runtime_arn=version.runtime_arn, qualifier="DEFAULT") is None

    def _environment(self, process_id: str, version: RuntimeVersion) -> dict[str, str]:
        home = tempfile.TemporaryDirectory(dir=self._log_dir, prefix="home-", ignore_cleanup_errors=True)
        self._homes[process_id] = home
        return {
            "HOME": home.name,
            "AWS_REGION": RuntimeArn.parse(version.runtime_arn).region,
            "AWS_ENDPOINT_URL": self._base_url,
            **self._given,
            **self._credentials.grant(process_id=process_id, role_arn=version.role_arn),
        }

    def _release(self, process_id: str) -> None:
        self._credentials.revoke(process_id)
        if home := self._homes.pop(process_id, None):
            home.cleanup()
