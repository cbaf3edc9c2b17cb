"""The ASGI application: who may pass is handed to the session's agent, who may not is told why."""

import asyncio
import logging
import uuid
from collections.abc import Mapping
from pathlib import Path

from local.agentcore.control_plane import ControlPlane, RuntimeVersion
from local.agentcore.gate import Gate, is_runtime_path
from local.agentcore.invocation_proxy import InvocationProxy
from local.agentcore.launcher import Launcher, events
from local.agentcore.limits import Limits
from local.agentcore.runtime_request import SESSION_HEADER, Operation
from local.agentcore.session_table import SessionTable
from local.agentcore.warm_pool import WarmPool
from local.agentcore.websocket_proxy import WebSocketProxy
from local.aws_http.asgi import ClientGoneError, Exchange, Receive, Scope, Send
from local.aws_http.errors import CommonCode, ServiceError
from local.aws_http.http_request import HttpRequest
from local.container_credentials import ContainerCredentials

_AGENT_REQUEST_HEADER = "X-Amzn-Bedrock-AgentCore-Runtime-Request-Id"
_REQUEST_HEADER = "X-Amzn-RequestId"
_CREDENTIALS_PATH = "/_agentcore/credentials/"


class DataPlane:
    """The stand-in for AgentCore Runtime's data plane; `create_data_plane` makes one.

    It belongs to one event loop: whatever waits must be awaited there.
    """

    def __init__(
        self,
        *,
        control_plane: ControlPlane,
        log_dir: Path,
        base_url: str,
        ca_bundle: Path | None,
        environment: Mapping[str, str],
        limits: Limits,
    ) -> None:
        self._limits = limits
        self._gate = Gate(control_plane=control_plane, limits=limits)
        self._credentials = ContainerCredentials(
            role_credentials=control_plane.role_credentials, base_url=base_url, path=_CREDENTIALS_PATH
        )
        self._launcher = Launcher(
            control_plane=control_plane,
            credentials=self._credentials,
            log_dir=log_dir,
            base_url=base_url,
            ca_bundle=ca_bundle,
            environment=environment,
            limits=limits,
        )
        self._pool = WarmPool(launcher=self._launcher, limits=limits)
        self._sessions = SessionTable(launcher=self._launcher, pool=self._pool, limits=limits)

    def handles(self, path: str) -> bool:
        """Whether a path, raw or decoded, is the data plane's."""
        return self._credentials.handles(path) or is_runtime_path(path)

    async def warm(self, version: RuntimeVersion) -> None:
        """Start one process ahead; return when it is healthy, or another version has taken its place.

        Raise `ServiceError` (`RuntimeClientError`), which names the log, when the process doesn't become healthy.
        """
        start = self._pool.prepare(version)
        await asyncio.wait([start])
        if not start.cancelled():
            start.result()

    async def aclose(self) -> None:
        """End every session and every process; return when none is left, and none can start any more."""
        self._launcher.close()
        await self._sessions.aclose()
        await self._pool.aclose()

    async def asgi(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve an `http` or `websocket` scope; a refused handshake is answered over HTTP."""
        exchange = Exchange(scope=scope, receive=receive, send=send)
        request_id = exchange.request_id
        try:
            http = await exchange.read(max_body_bytes=self._limits.max_payload_bytes)
            if self._credentials.handles(http.raw_path):
                await exchange.respond(self._credentials.answer(http), headers={})
            else:
                await self._serve_runtime(http, exchange)
        except ServiceError as error:
            events.warning("request refused: request=%s code=%s: %s", request_id, error.code.code, error.message)
            headers = {"X-Amzn-ErrorType": error.code.code, _REQUEST_HEADER: request_id}
            await exchange.respond(_error_body(error), status=error.code.status, headers=headers)
        except ClientGoneError:
            events.info("request dropped by its caller or cut short: request=%s", request_id)

    async def _serve_runtime(self, http: HttpRequest, exchange: Exchange) -> None:
        admission = self._gate.admit(http, websocket=exchange.websocket)
        request, version = admission.request, admission.version
        session_id = request.session_id or str(uuid.uuid4())
        to_caller = {SESSION_HEADER: session_id, _REQUEST_HEADER: exchange.request_id}
        if request.operation is Operation.STOP:
            await self._sessions.stop(runtime_arn=version.runtime_arn, session_id=session_id)
            await exchange.respond({}, headers=to_caller)
            return
        session = await self._sessions.acquire(version=version, session_id=session_id)
        session.touch()
        to_agent = {
            **admission.agent_headers,
            SESSION_HEADER: session_id,
            _AGENT_REQUEST_HEADER: exchange.request_id,
        }
        if request.operation is Operation.CONNECT:
            connection = WebSocketProxy(session=session, exchange=exchange, limits=self._limits)
            close = await connection.run(agent_headers=to_agent, client_headers=to_caller)
            events.info("connection closed: session=%s code=%d %s", session_id, close.code, close.reason)
        else:
            invocation = InvocationProxy(session=session, exchange=exchange, limits=self._limits)
            await invocation.run(body=http.body, agent_headers=to_agent, caller_headers=to_caller)


def _error_body(error: ServiceError) -> dict[str, str]:
    """A validation error must give a reason too."""
    reason = {"reason": "FieldValidationFailed"} if error.code is CommonCode.VALIDATION else {}
    return {"message": error.message} | reason


def create_data_plane(
    *,
    control_plane: ControlPlane,
    log_dir: Path,
    base_url: str,
    ca_bundle: Path | None = None,
    environment: Mapping[str, str] | None = None,
    limits: Limits | None = None,
) -> DataPlane:
    """Make a data plane whose agents reach it, and AWS's other services, at `base_url` (`http://127.0.0.1:PORT`).

    `log_dir` gets a log for each process, and holds its home folder while it lives. `ca_bundle` is whom agents trust,
    where that is not whom this machine trusts. `environment` is what agents get besides: how to reach what of the world
    this cloud has a stand-in for.
    """
    log_dir.mkdir(parents=True, exist_ok=True)
    # One line for every /ping would bury the events.
    logging.getLogger("httpx").setLevel(logging.WARNING)
    return DataPlane(
        control_plane=control_plane,
        log_dir=log_dir,
        base_url=base_url,
        ca_bundle=ca_bundle,
        environment=environment or {},
        limits=limits or Limits(),
    )
