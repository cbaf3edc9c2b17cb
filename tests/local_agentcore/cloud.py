"""What the tests of the data plane stand on: a control plane in memory, a server, signers and clients."""

import asyncio
import json
import os
import socket
import sys
import time
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode

import boto3
import uvicorn
from botocore.auth import SigV4QueryAuth
from botocore.awsrequest import AWSRequest
from botocore.config import Config
from botocore.credentials import Credentials
from websockets.asyncio.client import connect

from local.agentcore import AgentCommand, DataPlane, Limits, RuntimeVersion, create_data_plane
from local.aws_http.identity import Credential

REGION = "us-east-1"
ACCOUNT = "123456789012"
RUNTIME_ARN = f"arn:aws:bedrock-agentcore:{REGION}:{ACCOUNT}:runtime/voice-0123456789"
SESSION_ID = "session-" + "x" * 30
SESSION_PARAMETER = "X-Amzn-Bedrock-AgentCore-Runtime-Session-Id"
CUSTOM_PARAMETER = "X-Amzn-Bedrock-AgentCore-Runtime-Custom-Body"
CALLER = Credential(
    access_key_id="ASIACALLER",
    secret_access_key="the caller's secret",
    session_token="the/caller's+token==",
    principal_arn=f"arn:aws:sts::{ACCOUNT}:assumed-role/presigner/lambda",
    account_id=ACCOUNT,
)
KEYS = Credentials(CALLER.access_key_id, CALLER.secret_access_key, CALLER.session_token)
ACTIONS = ("InvokeAgentRuntime", "InvokeAgentRuntimeWithWebSocketStream", "StopRuntimeSession")
VERSION = RuntimeVersion(
    allowed_headers=frozenset({CUSTOM_PARAMETER.lower(), CUSTOM_PARAMETER.lower() + "-2"}),
    runtime_arn=RUNTIME_ARN,
    runtime_id="voice-0123456789",
    version="1",
    image_uri="repository@sha256:1",
    role_arn=f"arn:aws:iam::{ACCOUNT}:role/agent",
    environment={"AGENT_VERSION": "1"},
    idle_timeout_seconds=900,
    max_lifetime_seconds=28_800,
)
FAST = Limits(ping_interval_seconds=0.05, termination_seconds=5, handshake_seconds=1, refill_seconds=600)


def version(number: str, *, idle: float = 900, lifetime: float = 28_800, **environment: str) -> RuntimeVersion:
    return replace(
        VERSION,
        version=number,
        environment={"AGENT_VERSION": number, **environment},
        idle_timeout_seconds=idle,
        max_lifetime_seconds=lifetime,
    )


class ControlPlaneInMemory:
    """Keys, permissions and endpoints that a test may change at any time."""

    def __init__(self) -> None:
        self.reset()

    def reset(self) -> None:
        self.credentials = {CALLER.access_key_id: CALLER}
        self.endpoints = {"DEFAULT": VERSION, "live": VERSION}
        self.fetched: list[tuple[str, str]] = []
        self.permissions: set[tuple[str, str]] = set()
        for action in ACTIONS:
            self.permissions.add((f"bedrock-agentcore:{action}", RUNTIME_ARN))
            for qualifier in ("DEFAULT", "live", "other"):
                self.permissions.add((f"bedrock-agentcore:{action}", f"{RUNTIME_ARN}/runtime-endpoint/{qualifier}"))

    def credential(self, access_key_id: str) -> Credential | None:
        return self.credentials.get(access_key_id)

    def allowed(self, *, credential: Credential, action: str, resources: Sequence[str]) -> bool:
        assert credential in self.credentials.values()
        return all((action, resource) in self.permissions for resource in resources)

    def resolve(self, *, runtime_arn: str, qualifier: str) -> RuntimeVersion | None:
        return self.endpoints.get(qualifier) if runtime_arn == RUNTIME_ARN else None

    def endpoint_arn(self, *, runtime_arn: str, qualifier: str) -> str:
        return f"{runtime_arn}/runtime-endpoint/{qualifier}"

    def role_credentials(self, role_arn: str, *, session_name: str) -> dict[str, str]:
        self.fetched.append((role_arn, session_name))
        return {
            "AccessKeyId": "ASIAAGENT",
            "SecretAccessKey": "the agent's secret",
            "Token": "the agent's token",
            "Expiration": "2099-01-01T00:00:00Z",
            "RoleArn": role_arn,
        }

    def agent_command(self, version: RuntimeVersion) -> AgentCommand:
        return AgentCommand(argv=[sys.executable, "agent.py"], cwd=Path(__file__).parent)


@dataclass(kw_only=True)
class Cloud:
    """A data plane that is being served, with its control plane and the way to sign for it."""

    data_plane: DataPlane
    control_plane: ControlPlaneInMemory
    base_url: str
    log_dir: Path

    def client(self) -> Any:
        """The AWS SDK's client of the data plane."""
        return boto3.client(
            "bedrock-agentcore",
            endpoint_url=self.base_url,
            region_name=REGION,
            aws_access_key_id=CALLER.access_key_id,
            aws_secret_access_key=CALLER.secret_access_key,
            aws_session_token=CALLER.session_token,
            config=Config(retries={"total_max_attempts": 1}),
        )

    async def invoke(self, payload: Mapping[str, Any], *, session_id: str = SESSION_ID) -> Any:
        """Invoke the runtime through the AWS SDK; return the agent's answer."""
        answer = await asyncio.to_thread(
            self.client().invoke_agent_runtime,
            agentRuntimeArn=RUNTIME_ARN,
            qualifier="live",
            runtimeSessionId=session_id,
            contentType="application/json",
            payload=json.dumps(payload).encode(),
        )
        return json.loads(await asyncio.to_thread(answer["response"].read))

    async def stop(self, *, session_id: str = SESSION_ID) -> None:
        """Stop a session through the AWS SDK."""
        await asyncio.to_thread(
            self.client().stop_runtime_session,
            agentRuntimeArn=RUNTIME_ARN,
            qualifier="live",
            runtimeSessionId=session_id,
        )

    def url(self, query: Mapping[str, str], *, arn: str = RUNTIME_ARN, operation: str = "ws") -> str:
        return f"{self.base_url}/runtimes/{quote(arn, safe='')}/{operation}?{urlencode(query)}"

    def presign(
        self,
        *,
        arn: str = RUNTIME_ARN,
        qualifier: str | None = "live",
        session_id: str | None = SESSION_ID,
        extra: Mapping[str, str] | None = None,
        keys: Credentials | None = None,
        expires: int = 60,
        region: str = REGION,
        service: str = "bedrock-agentcore",
        signer: type[SigV4QueryAuth] = SigV4QueryAuth,
    ) -> str:
        """A `ws://` URL, signed by botocore as the pre-signer does it."""
        query = {"qualifier": qualifier, SESSION_PARAMETER: session_id, **(extra or {})}
        given = {name: value for name, value in query.items() if value is not None}
        request = AWSRequest(method="GET", url=self.url(given, arn=arn))
        signer(keys or KEYS, service, region, expires=expires).add_auth(request)
        return str(request.url).replace("http://", "ws://", 1)

    def logs(self) -> str:
        """What all agents have written."""
        return read_logs(self.log_dir)

    def agent_pids(self) -> set[int]:
        """The process ids of all agents that were ever started, from their logs."""
        return agent_pids(self.log_dir)

    def running(self) -> set[int]:
        return {pid for pid in self.agent_pids() if alive(pid)}


async def hello(url: str, *, headers: Mapping[str, str] | None = None) -> Any:
    """Connect, and return the agent's first words: its pid, version, headers and environment."""
    async with connect(url, proxy=None, additional_headers=headers) as websocket:
        return json.loads(await websocket.recv())


def read_logs(log_dir: Path) -> str:
    return "".join(path.read_text() for path in sorted(log_dir.glob("*.log")))


def agent_pids(log_dir: Path) -> set[int]:
    return {int(line.split()[1]) for line in read_logs(log_dir).splitlines() if line.startswith("pid ")}


def alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


async def eventually(condition: Callable[[], bool], *, seconds: float = 10) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"not so within {seconds} s"
        await asyncio.sleep(0.02)


@asynccontextmanager
async def serve(log_dir: Path, *, limits: Limits = FAST, ca_bundle: Path | None = None) -> AsyncIterator[Cloud]:
    control_plane = ControlPlaneInMemory()
    with socket.create_server(("127.0.0.1", 0)) as listener:
        base_url = f"http://127.0.0.1:{listener.getsockname()[1]}"
        data_plane = create_data_plane(
            control_plane=control_plane, log_dir=log_dir, base_url=base_url, ca_bundle=ca_bundle, limits=limits
        )
        config = uvicorn.Config(
            data_plane.asgi, interface="asgi3", lifespan="off", log_level="warning", timeout_graceful_shutdown=1
        )
        server = uvicorn.Server(config)
        serving = asyncio.create_task(server.serve([listener]))
        try:
            yield Cloud(data_plane=data_plane, control_plane=control_plane, base_url=base_url, log_dir=log_dir)
        finally:
            await data_plane.aclose()
            server.should_exit = True
            await serving


async def serve_forever() -> None:
    """Serve from a process of its own, with one agent started, logging into the folder that is its first argument."""
    async with serve(Path(sys.argv[1])) as cloud:
        await cloud.data_plane.warm(VERSION)
        await asyncio.Event().wait()
