"""One load balancer: its port, its listener's TLS, and the connections that it serves."""

import asyncio
import socket
import ssl

from local.load_balancing.client_connection import ClientConnection
from local.load_balancing.target_group import TargetGroup

HANDSHAKE_SECONDS = 5.0
GOODBYE_SECONDS = 0.5


class LoadBalancer:
    """Holds a loopback port from its beginning, and listens on it once it has a listener."""

    def __init__(self, *, idle_seconds: float) -> None:
        self.idle_seconds = idle_seconds
        self.target_group: TargetGroup | None = None
        self._socket = socket.create_server(("127.0.0.1", 0))
        self._server: asyncio.Server | None = None
        self._connections: set[asyncio.Task[None]] = set()

    @property
    def port(self) -> int:
        """The port on 127.0.0.1."""
        port: int = self._socket.getsockname()[1]
        return port

    async def listen(self, tls: ssl.SSLContext, target_group: TargetGroup) -> None:
        """Serve clients over TLS from now on; a listener that changes keeps its connections."""
        self.target_group = target_group
        if self._server is None:
            self._server = await asyncio.start_server(
                self._accept,
                sock=self._socket.dup(),
                ssl=tls,
                ssl_handshake_timeout=HANDSHAKE_SECONDS,
                ssl_shutdown_timeout=GOODBYE_SECONDS,
            )

    async def close_listener(self) -> None:
        """End the listener and, as AWS does, all its connections."""
        self.target_group = None
        if self._server is None:
            return
        self._server.close()
        self._server = None
        for connection in self._connections:
            connection.cancel()
        if self._connections:
            await asyncio.wait(self._connections)

    async def aclose(self) -> None:
        """End the load balancer."""
        await self.close_listener()
        self._socket.close()

    def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connection = ClientConnection(
            reader=reader,
            writer=writer,
            choose=lambda: self.target_group.choose() if self.target_group else None,
            idle_seconds=self.idle_seconds,
        )
        task = asyncio.create_task(connection.run())
        self._connections.add(task)
        task.add_done_callback(self._connections.discard)
