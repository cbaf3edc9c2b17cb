"""Daily's stand-in on a port of its own, for tests that need no embedded cloud."""

import asyncio
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import uvicorn

from local.daily.admin_client import Admin
from local.daily.service import DailyService


@contextmanager
def serve() -> Iterator[Admin]:
    """Serve in a thread of its own while the block runs; yields what administers it and knows its addresses."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        base_url = f"http://127.0.0.1:{listener.getsockname()[1]}/daily"
        service = DailyService()
        config = uvicorn.Config(
            service.asgi,
            interface="asgi3",
            lifespan="off",
            log_level="warning",
            timeout_graceful_shutdown=1,
            ws_max_size=1024 * 1024,
        )
        server = uvicorn.Server(config)
        thread = threading.Thread(target=lambda: asyncio.run(_run(server, service, listener)), name="daily stand-in")
        thread.start()
        admin = Admin(base_url)
        try:
            yield admin
        finally:
            admin.close()
            server.should_exit = True
            thread.join()


async def _run(server: uvicorn.Server, service: DailyService, listener: socket.socket) -> None:
    await server.serve([listener])
    await service.aclose()
