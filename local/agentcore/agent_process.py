"""One process of an agent's image: its environment, its port, its log, its health and its end."""

import asyncio
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Self

import httpx

from local.agentcore.control_plane import AgentCommand, RuntimeVersion
from local.agentcore.errors import AgentCoreCode
from local.agentcore.limits import Limits
from local.agentcore.ping import Ping
from local.aws_http.errors import ServiceError
from local.child_process import ChildProcess, free_port

_START_POLL_SECONDS = 0.05


class AgentProcess:
    """A started process; `start` is the only way to make one."""

    def __init__(
        self,
        *,
        process: ChildProcess,
        process_id: str,
        version: RuntimeVersion,
        port: int,
        log_name: str,
        limits: Limits,
    ) -> None:
        self.process_id = process_id
        self.version = version
        self.address = f"127.0.0.1:{port}"
        self.log_name = log_name
        self.http = httpx.AsyncClient(
            base_url=f"http://{self.address}", headers={"Accept-Encoding": "identity"}, trust_env=False
        )
        self._process = process
        self._limits = limits

    @classmethod
    async def start(
        cls,
        *,
        process_id: str,
        version: RuntimeVersion,
        command: AgentCommand,
        environment: Mapping[str, str],
        log_path: Path,
        limits: Limits,
    ) -> Self:
        """Start a process and wait for its first healthy /ping; raise `RuntimeClientError` when there is none.

        `environment` is added to the template's variables, and wins.
        """
        port = free_port()
        # A microVM has no neighbours; this machine may, and only this data plane checks who calls.
        listen = {"HOST": "127.0.0.1", "PORT": str(port)}
        variables = {**version.environment, **environment, **listen}
        try:
            process = await ChildProcess.start(
                argv=command.argv, cwd=command.cwd, environment=variables, log_path=log_path
            )
        except OSError as error:
            raise ServiceError(
                AgentCoreCode.RUNTIME_CLIENT, f"the agent's process can't start: {error.strerror}"
            ) from error
        agent = cls(
            process=process,
            process_id=process_id,
            version=version,
            port=port,
            log_name=log_path.name,
            limits=limits,
        )
        try:
            await agent._wait_until_healthy()
        except BaseException:
            await agent.terminate()
            raise
        return agent

    @property
    def exit_code(self) -> int | None:
        """None while the process runs; negative for the signal that ended it."""
        return self._process.exit_code

    async def exited_within(self, seconds: float) -> bool:
        """Wait for the process to end, no longer than so many seconds."""
        return await self._process.exited_within(seconds)

    async def ping(self) -> Ping | None:
        """Ask for the agent's health; None when it doesn't answer 200 with a well-formed body in time."""
        try:
            answer = await self.http.get("/ping", timeout=self._limits.ping_timeout_seconds)
        except httpx.HTTPError:
            return None
        return Ping.parse(answer.content, now=time.time()) if answer.status_code == httpx.codes.OK else None

    async def terminate(self) -> None:
        """End the process: SIGTERM, then SIGKILL when it takes longer than it may."""
        await self._process.terminate(grace_seconds=self._limits.termination_seconds)
        await self.http.aclose()

    async def _wait_until_healthy(self) -> None:
        deadline = time.monotonic() + self._limits.start_seconds
        while await self.ping() is None:
            if self.exit_code is not None:
                raise self._start_error(f"ended with code {self.exit_code} before it answered /ping")
            if time.monotonic() > deadline:
                raise self._start_error(f"gave no healthy /ping within {self._limits.start_seconds:g} s")
            await asyncio.sleep(_START_POLL_SECONDS)

    def _start_error(self, what: str) -> ServiceError:
        return ServiceError(AgentCoreCode.RUNTIME_CLIENT, f"the agent's process {what}: see its log {self.log_name}")
