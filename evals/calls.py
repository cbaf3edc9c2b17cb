"""How the calls of evaluations are placed: on an agent that listens here, or through the connect API."""

import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import cast

from websockets.asyncio.client import ClientConnection, connect

from evals.bridge import OpenCall
from switchboard.connect_api import ConnectApi, StartedWebSocket, Transport

_SESSION_HEADER = "X-Amzn-Bedrock-AgentCore-Runtime-Session-Id"


def calls_to_agent(url: str) -> OpenCall:
    """Calls to an agent's own /ws, each a session of its own."""

    @asynccontextmanager
    async def open_call() -> AsyncIterator[ClientConnection]:
        headers = {_SESSION_HEADER: str(uuid.uuid4())}
        async with connect(url, additional_headers=headers, compression=None) as connection:
            yield connection

    return open_call


def calls_to_deployment(api: ConnectApi) -> OpenCall:
    """Calls as any client places them; each session is given back after its call."""

    @asynccontextmanager
    async def open_call() -> AsyncIterator[ClientConnection]:
        started = cast(StartedWebSocket, await api.start(transport=Transport.WEBSOCKET))
        try:
            async with connect(started.url, compression=None) as connection:
                yield connection
        finally:
            await api.stop(started.session_id)

    return open_call
