"""The control plane's way into the agent's network: a UNIX socket, because an IP path would be one for ICE as well."""

import asyncio
import sys

_CHUNK_BYTES = 65_536


async def main() -> None:
    """Connect each caller of the socket to the port on this machine; both are on the command line."""
    path, port = sys.argv[1], int(sys.argv[2])

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            agent_reader, agent_writer = await asyncio.open_connection("127.0.0.1", port)
        except ConnectionRefusedError:
            writer.close()
            return
        await asyncio.gather(copy(reader, agent_writer), copy(agent_reader, writer))

    async with await asyncio.start_unix_server(serve, path) as server:
        await server.serve_forever()


async def copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Pass on what comes until it ends."""
    while data := await reader.read(_CHUNK_BYTES):
        writer.write(data)
        await writer.drain()
    writer.close()


if __name__ == "__main__":
    asyncio.run(main())
