"""The agent as it runs in its image: a process of server.py, on a free port."""

import asyncio
import os
import re
import signal
import socket
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

IMAGE = Path(__file__).parents[2] / "agent_image"


@dataclass(frozen=True, kw_only=True)
class AgentProcess:
    process: asyncio.subprocess.Process
    port: int
    log: Path
    http: httpx.AsyncClient

    @property
    def url(self) -> str:
        return f"ws://127.0.0.1:{self.port}/ws"

    async def ping(self) -> dict[str, Any]:
        answer = await self.http.get("/ping")
        assert answer.status_code == httpx.codes.OK
        body: dict[str, Any] = answer.json()
        return body

    async def status(self) -> dict[str, Any]:
        answer = await self.http.post("/invocations", json={"type": "status"})
        body: dict[str, Any] = answer.json()
        return body

    async def answers(self) -> None:
        """Wait for the first answer on /ping."""

        async def answered() -> bool:
            try:
                await self.http.get("/ping")
            except httpx.TransportError:
                assert self.process.returncode is None, self.log.read_text()
                return False
            return True

        await until(answered)

    async def ready(self) -> None:
        """Wait until the bot is loaded."""

        async def loaded() -> bool:
            return bool((await self.status())["ready"])

        await until(loaded)

    async def idle(self) -> dict[str, Any]:
        """Wait for the end of all calls; the answer on /ping."""

        async def healthy() -> bool:
            return bool((await self.ping())["status"] == "Healthy")

        await until(healthy)
        return await self.ping()

    async def terminated(self) -> int:
        """Send SIGTERM, as AgentCore does at the end of a session; the exit code, which must come within 15 s."""
        self.process.send_signal(signal.SIGTERM)
        async with asyncio.timeout(15):
            return await self.process.wait()


async def until(condition: Callable[[], Awaitable[bool]], *, within: float = 30.0) -> None:
    """Wait for a condition to hold."""
    async with asyncio.timeout(within):
        while True:
            if await condition():
                return
            await asyncio.sleep(0.02)


@asynccontextmanager
async def run_agent(*, log: Path, image: Path = IMAGE, **environment: str) -> AsyncIterator[AgentProcess]:
    """Start a process with nothing of this one's environment but PATH, and end it at the end."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with log.open("wb") as output:
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            str(image / "server.py"),
            env={"PATH": os.environ["PATH"], "PORT": str(port), **environment},
            stdout=output,
            stderr=output,
        )
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", trust_env=False) as http:
        try:
            yield AgentProcess(process=process, port=port, log=log, http=http)
        finally:
            if process.returncode is None:
                process.kill()
                await process.wait()


def ended(agent: AgentProcess) -> str:
    """How the last call ended."""
    return str(re.findall(r"call ended after \S+ s: ([^\"\n]*)", agent.log.read_text())[-1])


@asynccontextmanager
async def without_errors(agent: AgentProcess) -> AsyncIterator[None]:
    """A test that begins and ends without a call, and leaves no error in the log."""
    before = len(agent.log.read_text())
    yield
    await agent.idle()
    log = agent.log.read_text()[before:]
    assert "Traceback" not in log
    assert "never retrieved" not in log
    assert "dangling" not in log.lower()
