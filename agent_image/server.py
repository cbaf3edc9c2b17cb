"""The agent's server: /ping, /invocations and /ws as AgentCore Runtime asks for them.

It answers before Pipecat is imported; a call that comes before the bot is loaded waits for it.
https://docs.aws.amazon.com/bedrock-agentcore/latest/devguide/runtime-http-protocol-contract.html
"""

import asyncio
import logging
import sys
from socket import socket
from types import FrameType

import uvicorn
from bedrock_agentcore.runtime import BedrockAgentCoreApp, RequestContext
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route
from starlette.websockets import WebSocket

from calls import Calls
from invocations import Invocations
from loading import BotLoader
from logs import configure_logs
from phone.sessions import PhoneSessions
from settings import Settings, SettingsError, current_settings
from socket_calls import SocketCalls
from startup import seconds_since_process_start, times
from status import Status
from telemetry import stop_telemetry

# https://docs.aws.amazon.com/bedrock-agentcore/latest/devguide/bedrock-agentcore-limits.html
_MAX_FRAME_BYTES = 65_536
_CLOSE_SECONDS = 2

_logger = logging.getLogger("switchboard.agent")


class Agent:
    """The three routes, and the calls and the bot that they share."""

    def __init__(self, *, settings: Settings) -> None:
        self.loader = BotLoader(settings=settings)
        self._settings = settings
        self._status = Status()
        self._calls = Calls()
        phones = PhoneSessions()
        self._invocations = Invocations(
            settings=settings, loader=self.loader, calls=self._calls, status=self._status, phones=phones
        )
        self._socket_calls = SocketCalls(
            loader=self.loader,
            calls=self._calls,
            status=self._status,
            phones=phones,
            grace_seconds=settings.reconnect_grace_seconds,
        )

    def app(self) -> BedrockAgentCoreApp:
        """The ASGI application."""
        app = BedrockAgentCoreApp()
        # Before the SDK's own /ping, which shares a pool of threads with everything else and sends its own time,
        # and its own /invocations.
        app.router.routes.insert(0, Route("/ping", self.ping))
        app.router.routes.insert(1, Route("/invocations", self._invocations.post, methods=["POST"]))
        app.websocket(self.answer)
        return app

    async def ping(self, _request: Request) -> JSONResponse:
        """Healthy or busy; on platform V2 only when loaded, as its snapshot is taken at the first healthy answer."""
        if self._settings.platform_version == "V2" and not self.loader.ready:
            return JSONResponse({"error": "the bot is being loaded"}, status_code=503)
        return JSONResponse(self._status.ping())

    async def answer(self, websocket: WebSocket, context: RequestContext) -> None:
        """Take a call, or a caller who comes back to one."""
        await self._socket_calls.answer(websocket, session_id=context.session_id)

    async def end_calls(self) -> None:
        """End every call with a last word, and take no new one."""
        await self._calls.end_all()
        await self._socket_calls.finished()
        await self._invocations.finished()


class AgentServer(uvicorn.Server):
    """Ends calls before it closes their connections: uvicorn alone would close those at once, with code 1012."""

    def __init__(self, config: uvicorn.Config, *, agent: Agent) -> None:
        super().__init__(config)
        self.exit_code = 0
        self._agent = agent
        self._loading: asyncio.Task[None] | None = None
        self._ending: asyncio.Task[None] | None = None

    async def startup(self, sockets: list[socket] | None = None) -> None:
        """Listen first, then load the bot."""
        await super().startup(sockets)
        times.ping_seconds = seconds_since_process_start()
        _logger.info("answering /ping after %.2f s", times.ping_seconds)
        self._loading = asyncio.create_task(self._load())

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """On SIGTERM or SIGINT: end the calls, then the process; it then exits with 0."""
        asyncio.get_running_loop().call_soon_threadsafe(self._start_ending)

    def _start_ending(self) -> None:
        self._ending = self._ending or asyncio.create_task(self._end())

    async def _end(self) -> None:
        try:
            await self._agent.end_calls()
            await stop_telemetry()
        finally:
            self.should_exit = True

    async def _load(self) -> None:
        try:
            await self._agent.loader.load()
        except Exception:
            _logger.exception("the bot can't be loaded")
            self.exit_code = 1
            self.should_exit = True
        else:
            _logger.info("ready for calls after %.2f s", times.startup_seconds)


def main() -> int:
    """Serve until SIGTERM; the answer is the exit code of the process."""
    try:
        settings = current_settings()
    except SettingsError as error:
        sys.stderr.write(f"{error}\n")
        return 2
    configure_logs(level=settings.log_level, transcripts=settings.log_transcripts)
    agent = Agent(settings=settings)
    config = uvicorn.Config(
        agent.app(),
        host=settings.host,
        port=settings.port,
        ws="websockets-sansio",  # `call_socket` tells a Close frame from a lost connection as this one reports them
        ws_max_size=_MAX_FRAME_BYTES,
        ws_per_message_deflate=False,
        log_config=None,
        log_level="warning",
        access_log=False,
        timeout_graceful_shutdown=_CLOSE_SECONDS,
    )
    server = AgentServer(config, agent=agent)
    server.run()
    return server.exit_code


if __name__ == "__main__":
    sys.exit(main())
