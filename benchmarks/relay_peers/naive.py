"""The pipe that one writes first: `websockets` on both sides, a message read here and sent there."""

import asyncio
import os
import ssl
import sys

from websockets.asyncio.client import ClientConnection, connect
from websockets.asyncio.server import ServerConnection, serve
from websockets.exceptions import ConnectionClosed


async def copy(source: ClientConnection | ServerConnection, sink: ClientConnection | ServerConnection) -> None:
    """Send every message on."""
    async for message in source:
        await sink.send(message)


async def answer(carrier: ServerConnection) -> None:
    """Connect to the agent, and copy both ways."""
    # Compression, which is on by default, would cost it several times as much, and the load answers no pings.
    async with connect(
        os.environ["AGENT_URL"],
        ssl=ssl.create_default_context(),
        compression=None,
        ping_interval=None,
        open_timeout=None,
        proxy=None,
    ) as agent:
        try:
            await asyncio.gather(copy(carrier, agent), copy(agent, carrier))
        except ConnectionClosed:
            return


async def main() -> None:
    """Serve for ever; the first line that is printed says the port."""
    async with serve(answer, "127.0.0.1", 0, compression=None, ping_interval=None) as server:
        sys.stdout.write(f"{next(iter(server.sockets)).getsockname()[1]}\n")
        sys.stdout.flush()
        await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main())
