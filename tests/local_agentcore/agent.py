"""A small agent that keeps the HTTP contract of AgentCore and does as it is told, for the tests of the data plane."""

import asyncio
import json
import logging
import os
import signal
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route, WebSocketRoute
from starlette.websockets import WebSocket

log = logging.getLogger("agent")
logging.basicConfig(level=logging.INFO, format="%(message)s")
ping: dict[str, Any] = {"status": os.environ.get("AGENT_STATUS", "Healthy")}

calls: list[asyncio.Task[None]] = []


def describe(headers: Any) -> dict[str, Any]:
    return {
        "pid": os.getpid(),
        "version": os.environ["AGENT_VERSION"],
        "headers": dict(headers),
        "env": dict(os.environ),
    }


async def answer_ping(_: Request) -> Response:
    answer = ping | ({"time_of_last_update": time.time()} if ping.get("time_of_last_update") == "now" else {})
    return JSONResponse(answer)


async def invoke(request: Request) -> Response:
    order = json.loads(await request.body())
    match order.get("do"):
        case "fail":
            return JSONResponse({"secret": "of the agent"}, status_code=500)
        case "exit":
            os._exit(7)
        case "wait":
            await asyncio.sleep(order["seconds"])
        case "call":
            calls.append(asyncio.create_task(call(order["seconds"])))
        case "ping":
            ping.clear()
            ping.update(order["answer"])
        case "stream":
            return StreamingResponse(events(order["count"]), media_type="text/event-stream")
    return JSONResponse(describe(request.headers))


async def call(seconds: float) -> None:
    """Work on while no request is in flight, as an agent that answered an offer; the time is that of the change."""
    ping.update(status="HealthyBusy", time_of_last_update=time.time())
    await asyncio.sleep(seconds)
    ping.update(status="Healthy", time_of_last_update=time.time())


async def events(count: int) -> AsyncIterator[str]:
    try:
        for number in range(count):
            yield f"data: {number}\n\n"
            await asyncio.sleep(0.2)
    except asyncio.CancelledError:
        log.info("stream cut")
        raise


async def talk(websocket: WebSocket) -> None:
    await websocket.accept()
    await websocket.send_json(describe(websocket.headers))
    while (message := await websocket.receive())["type"] == "websocket.receive":
        match (message.get("text") or "echo").split():
            case ["close", code]:
                await websocket.close(int(code), "as told")
                return
            case ["exit"]:
                os._exit(7)
            case ["send", size]:
                await websocket.send_bytes(bytes(int(size)))
            case _:
                await websocket.send({**message, "type": "websocket.send"})
    log.info("closed by the client: %s %s", message["code"], message.get("reason"))


@asynccontextmanager
async def lifespan(_: Starlette) -> AsyncIterator[None]:
    log.info("pid %d", os.getpid())
    if os.environ.get("AGENT_STUBBORN"):
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
    yield


if __name__ == "__main__":
    if os.environ.get("AGENT_BROKEN"):
        raise SystemExit("secret of the log")
    routes = [
        Route("/ping", answer_ping),
        Route("/invocations", invoke, methods=["POST"]),
        WebSocketRoute("/ws", talk),
    ]
    app = Starlette(routes=routes, lifespan=lifespan)
    uvicorn.run(app, host="127.0.0.1", port=int(os.environ["PORT"]), log_level="warning")
