"""AWS for many sessions at once, on one port: it reads secrets out, hands messages to agents, and stops sessions.

Most agents are doubles, which do in a room what an agent does there and nothing else; some are processes of the image.
What it doesn't prove: signatures and permissions (`tests/connect` and `tests/end_to_end` do), AgentCore's quotas, and
Lambda's own concurrency: the functions' code runs in threads of this process.
"""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, Final, Protocol

from aiohttp import web

from local.daily.participant import Participant
from tests.agent_image.agent_process import AgentProcess

SESSION_HEADER: Final = "X-Amzn-Bedrock-AgentCore-Runtime-Session-Id"
NOBODY_COMES: Final = {"double": "stays away"}
"""A body for the agent: the double in that session is one that crashed before it joined."""
REAL: Final = {"brain": "echo"}
"""A body for the agent: the session is one of a process of the image."""

_CALL_SECONDS = 120.0


class Agent(Protocol):
    """What runs in a session."""

    async def join(self, message: dict[str, Any]) -> dict[str, Any]:
        """Answer a join message."""

    async def kill(self) -> None:
        """End without a word, as by SIGKILL."""

    async def stop(self) -> None:
        """End as AgentCore ends a session."""


@dataclass(kw_only=True)
class Double:
    """Joins with the agent's token, stays until somebody has come and gone, and tells the rooms function."""

    session_id: str
    daily_url: str
    tell: Callable[[Mapping[str, Any]], Awaitable[None]]
    participant: Participant | None = None
    call: asyncio.Task[None] | None = None
    over: bool = False

    async def join(self, message: dict[str, Any]) -> dict[str, Any]:
        """Answer at once: an agent joins the room afterwards, too."""
        if message["body"] != NOBODY_COMES:
            self.call = asyncio.create_task(self._stay(message))
        return {}

    async def kill(self) -> None:
        """Lose the connection, and forget all."""
        if self.participant is not None:
            await self.participant.drop()
        await self.stop()

    async def stop(self) -> None:
        """Leave. Nobody is told: whoever stops a session deletes its room."""
        if self.call is not None and not self.over:
            self.call.cancel()
            await asyncio.wait([self.call])

    async def _stay(self, message: dict[str, Any]) -> None:
        join = Participant.join(self.daily_url, room_url=message["roomUrl"], token=message["token"], user_name="Agent")
        async with join as self.participant:
            await self.participant.event("participant-left", within=_CALL_SECONDS)
        self.over = True
        await self.tell({"type": "session-ended", "sessionId": self.session_id})


@dataclass(kw_only=True)
class Real:
    """A process of the image, which calls the rooms function as it does on AWS."""

    process: AgentProcess
    session_id: str = ""

    async def join(self, message: dict[str, Any]) -> dict[str, Any]:
        """Hand the message on."""
        headers = {SESSION_HEADER: self.session_id}
        answer = await self.process.http.post("/invocations", json=message, headers=headers, timeout=30)
        body: dict[str, Any] = answer.json()
        return body

    async def kill(self) -> None:
        """SIGKILL."""
        self.process.process.kill()
        await self.process.process.wait()

    async def stop(self) -> None:
        """SIGTERM."""
        await self.process.terminated()


@dataclass(kw_only=True)
class Fleet:
    """The services. `spare` are processes for the sessions whose body asks for one; `told` counts events of agents."""

    daily_url: str
    secrets: Mapping[str, str] = field(repr=False)
    rooms_function: Callable[[Mapping[str, Any]], object]
    spare: list[Real] = field(default_factory=list)
    agents: dict[str, Agent] = field(default_factory=dict)
    stopped: set[str] = field(default_factory=set)
    told: int = 0
    failed_events: list[str] = field(default_factory=list)
    url: str = ""
    _events: set[asyncio.Task[None]] = field(default_factory=set)

    @asynccontextmanager
    async def serving(self) -> AsyncIterator[None]:
        """Serve on a free port of loopback while the block runs."""
        app = web.Application()
        app.router.add_post("/{path:.*}", self._post)
        runner = web.AppRunner(app, access_log=None)
        await runner.setup()
        try:
            await web.TCPSite(runner, "127.0.0.1", 0, backlog=1024).start()
            self.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
            yield
        finally:
            await asyncio.gather(*(agent.stop() for agent in self.agents.values() if isinstance(agent, Double)))
            if self._events:
                await asyncio.wait(self._events)
            await runner.cleanup()

    async def tell(self, event: Mapping[str, Any]) -> None:
        """Carry an event to the rooms function, which is another thread's affair."""
        try:
            await asyncio.to_thread(self.rooms_function, event)
        except Exception as error:  # noqa: BLE001 - whatever it is, the run reports it
            self.failed_events.append(repr(error))
        self.told += 1

    async def _post(self, request: web.Request) -> web.Response:
        body = json.loads(await request.read() or b"{}")
        if request.headers.get("x-amz-target") == "secretsmanager.GetSecretValue":
            return web.json_response({"SecretString": self.secrets[body["SecretId"]]})
        if "/functions/" in request.path:
            # As Lambda does with an event: it is accepted now, and carried out later.
            event = asyncio.create_task(self.tell(body))
            self._events.add(event)
            event.add_done_callback(self._events.discard)
            return web.json_response({}, status=202)
        session_id = request.headers.get(SESSION_HEADER)
        if session_id is None:
            return web.json_response({})  # CloudWatch, for the metrics of a real agent
        if request.path.endswith("/stopruntimesession"):
            return web.json_response({}, status=await self._stop(session_id))
        return web.json_response(await self._agent(session_id, body).join(body))

    def _agent(self, session_id: str, message: Mapping[str, Any]) -> Agent:
        if session_id not in self.agents:
            if message["body"] == REAL:
                self.agents[session_id] = real = self.spare.pop()
                real.session_id = session_id
            else:
                double = Double(session_id=session_id, daily_url=self.daily_url, tell=self.tell)
                self.agents[session_id] = double
        return self.agents[session_id]

    async def _stop(self, session_id: str) -> int:
        """Once; a session that has ended is not there."""
        if session_id in self.stopped:
            return 404
        self.stopped.add(session_id)
        await self.agents[session_id].stop()
        return 200
