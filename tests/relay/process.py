"""The relay as it runs in its image: a process of `python -m relay`, on a free port, with its stand-ins around it."""

import asyncio
import json
import os
import re
import signal
import socket
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.models.certificates import Certificates
from tests.models.credentials import ContainerCredentialsEndpoint
from tests.models.stand_in import REGION
from tests.relay.agentcore import ENDPOINT, RUNTIME_ARN, AgentCoreStandIn, AgentEnd
from tests.relay.aws import KEY_SECRET_ARN, TABLE, KeyStandIn, TableStandIn
from tests.relay.caller import CarrierEnd
from tests.relay.tokens import mint, new_session_id

ROOT = Path(__file__).parents[2]


@dataclass(frozen=True, kw_only=True)
class Cloud:
    """Everything that the relay talks to."""

    agentcore: AgentCoreStandIn
    keys: KeyStandIn
    table: TableStandIn
    certificates: Certificates
    credentials: ContainerCredentialsEndpoint

    def environment(self) -> dict[str, str]:
        return {
            **self.credentials.environment(),
            **self.certificates.environment(),
            "AWS_REGION": REGION,
            "AWS_ENDPOINT_URL_BEDROCK_AGENTCORE": self.agentcore.url,
            "AWS_ENDPOINT_URL_DYNAMODB": self.table.url,
            "AWS_ENDPOINT_URL_SECRETS_MANAGER": self.keys.url,
            "SWITCHBOARD_RUNTIME_ARN": RUNTIME_ARN,
            "SWITCHBOARD_ENDPOINT_NAME": ENDPOINT,
            "SWITCHBOARD_RELAY_KEY_SECRET_ARN": KEY_SECRET_ARN,
            "SWITCHBOARD_CALL_TABLE_NAME": TABLE,
            "HOST": "127.0.0.1",
        }


@dataclass(frozen=True, kw_only=True)
class RelayProcess:
    process: asyncio.subprocess.Process
    port: int
    log: Path
    cloud: Cloud

    async def stream(self, *, early: bytes = b"", body: str = "") -> tuple[CarrierEnd, AgentEnd]:
        """Both ends of a new stream."""
        session_id = new_session_id()
        token = mint(session_id=session_id, body=body)
        carrier = await CarrierEnd.connect(port=self.port, path=f"/streams/{token}", early=early)
        return carrier, await self.cloud.agentcore.end_of(session_id)

    def lines(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.log.read_text().splitlines()]

    def messages(self, message: str) -> list[dict[str, Any]]:
        return [line for line in self.lines() if line.get("message") == message]

    def resident_kilobytes(self) -> int:
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        return int(re.findall(r"VmRSS:\s+(\d+) kB", status)[0])

    def terminate(self) -> None:
        self.process.send_signal(signal.SIGTERM)

    async def ended(self, *, within: float = 20) -> int:
        async with asyncio.timeout(within):
            return await self.process.wait()


@asynccontextmanager
async def run_cloud(folder: Path) -> AsyncIterator[Cloud]:
    certificates = Certificates.make(folder)
    with ContainerCredentialsEndpoint.run(lifetime_seconds=3_600) as credentials:
        async with (
            AgentCoreStandIn(credentials=credentials).serve(certificates=certificates) as agentcore,
            KeyStandIn(credentials=credentials).serve(certificates=certificates) as keys,
            TableStandIn(credentials=credentials).serve(certificates=certificates) as table,
        ):
            yield Cloud(agentcore=agentcore, keys=keys, table=table, certificates=certificates, credentials=credentials)


@asynccontextmanager
async def run_relay(cloud: Cloud, *, log: Path, shorten: str = "", **environment: str) -> AsyncIterator[RelayProcess]:
    """Start a process with nothing of this one's environment but PATH; `shorten` is code that cuts waits short."""
    imports = "import sys, relay.__main__, relay.agentcore, relay.pump, relay.server"
    shortened = f"{imports}\n{shorten}\nsys.exit(relay.__main__.main())"
    program = ["-c", shortened] if shorten else ["-m", "relay"]
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with log.open("wb") as output:
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            *program,
            cwd=ROOT,
            env={"PATH": os.environ["PATH"], "PORT": str(port), **cloud.environment(), **environment},
            stdout=output,
            stderr=output,
        )
    try:
        await until(lambda: _listening(process, log))
        yield RelayProcess(process=process, port=port, log=log, cloud=cloud)
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


def _listening(process: asyncio.subprocess.Process, log: Path) -> bool:
    assert process.returncode is None, log.read_text()
    return '"listening"' in log.read_text()


async def until[T](condition: Callable[[], T], *, within: float = 20) -> T:
    """Wait for a condition to hold; what it holds."""
    async with asyncio.timeout(within):
        while True:
            if held := condition():
                return held
            await asyncio.sleep(0.01)
