"""The WebSocket of a call, over connections that come and go: no network, and time of its own."""

import asyncio
import gc
import logging
import time
import weakref
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from starlette.websockets import WebSocket

import call_socket
from call_socket import CallSocket
from calls import GOING_AWAY, Calls
from tests.agent_image.agent_process import until

CLOSED_NORMALLY = {"type": "websocket.disconnect", "code": 1000, "reason": ""}
CLOSED_WITHOUT_CODE = {"type": "websocket.disconnect", "code": 1005, "reason": ""}
TAB_CLOSED = {"type": "websocket.disconnect", "code": 1001, "reason": ""}
KEEPALIVE_FAILED = {"type": "websocket.disconnect", "code": 1011, "reason": "keepalive ping timeout"}
LOST = {"type": "websocket.disconnect", "code": 1005}  # Uvicorn's words for a connection without a Close frame


class Network:
    """A WebSocket as Uvicorn gives it to an application."""

    def __init__(self) -> None:
        self.incoming: asyncio.Queue[Any] = asyncio.Queue()
        self.outgoing: list[Any] = []
        self.blocked = asyncio.Event()
        self.blocked.set()

    async def accepted(self) -> WebSocket:
        self.incoming.put_nowait({"type": "websocket.connect"})
        websocket = WebSocket({"type": "websocket", "headers": []}, receive=self.incoming.get, send=self._send)
        await websocket.accept()
        self.outgoing.clear()
        return websocket

    def says(self, text: str) -> None:
        self.incoming.put_nowait({"type": "websocket.receive", "text": text})

    async def _send(self, message: Any) -> None:
        await self.blocked.wait()
        self.outgoing.append(message)
        if message["type"] == "websocket.close":
            self.incoming.put_nowait({**message, "type": "websocket.disconnect"})


@asynccontextmanager
async def carried(socket: CallSocket, network: Network) -> AsyncIterator[asyncio.Task[None]]:
    """The server's task for a WebSocket that belongs to the call."""
    task = asyncio.create_task(socket.carry(await network.accepted()))
    await asyncio.sleep(0)
    try:
        yield task
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def new_socket(*, grace_seconds: float = 30.0) -> CallSocket:
    return CallSocket(await Network().accepted(), grace_seconds=grace_seconds)


async def ends(socket: CallSocket, *, within: float = 5.0) -> str:
    """Receive until the caller is gone for good; how the call ended."""
    async with asyncio.timeout(within):
        while (await socket.receive())["type"] != "websocket.disconnect":
            pass
    return socket.end


async def lost(socket: CallSocket, network: Network) -> None:
    async def noticed() -> bool:
        return not socket._connected.is_set()

    network.incoming.put_nowait(LOST)
    await until(noticed, within=5)


@pytest.mark.parametrize("message", [CLOSED_NORMALLY, CLOSED_WITHOUT_CODE])
async def test_a_caller_who_hangs_up_is_not_waited_for(message: dict[str, Any]) -> None:
    socket, network = await new_socket(), Network()

    async def gone() -> bool:
        return not socket.alive

    async with carried(socket, network):
        network.incoming.put_nowait(message)
        await until(gone, within=5)  # for the server, and before the pipeline knows
        assert await ends(socket) == "1000 the caller hung up"


@pytest.mark.parametrize(
    "message", [LOST, TAB_CLOSED, KEEPALIVE_FAILED, {**LOST, "code": 1006}, {**LOST, "code": 1000}]
)
async def test_any_other_end_of_a_connection_is_a_loss(
    message: dict[str, Any], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    socket, network = await new_socket(grace_seconds=0.1), Network()
    async with carried(socket, network):
        began = time.monotonic()
        network.incoming.put_nowait(message)
        assert await ends(socket) == "1000 the caller was lost"

    assert time.monotonic() - began >= 0.1
    assert f"the caller is lost (code {message['code']}): waiting 0.1 s for a return" in caplog.text


async def test_a_close_at_the_age_of_agentcores_limit_is_a_loss(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(call_socket, "_LIMIT_SECONDS", 0.0)
    socket, network = await new_socket(grace_seconds=0.1), Network()
    async with carried(socket, network):
        network.incoming.put_nowait(CLOSED_NORMALLY)
        assert await ends(socket) == "1000 the caller was lost"


async def test_the_call_goes_on_over_the_next_connection() -> None:
    socket, first, second = await new_socket(), Network(), Network()
    async with carried(socket, first) as serving:
        first.says("one")
        assert await socket.receive_text() == "one"
        await lost(socket, first)
        await socket.send_text("to nobody")
        speech = asyncio.create_task(socket.connected())
        await asyncio.sleep(0.01)
        assert not speech.done()
        async with carried(socket, second):
            await asyncio.wait_for(serving, 5)
            await asyncio.wait_for(speech, 5)
            second.says("two")
            await socket.send_text("three")
            assert await socket.receive_text() == "two"

    assert [message["text"] for message in second.outgoing] == ["three"]
    assert first.outgoing[-1]["type"] == "websocket.close"  # to nobody, and no harm


async def test_the_next_connection_takes_over_from_one_that_lives() -> None:
    socket, first, second = await new_socket(), Network(), Network()
    async with carried(socket, first) as serving, carried(socket, second):
        await asyncio.wait_for(serving, 5)
        first.says("too late")
        second.says("here")
        assert await socket.receive_text() == "here"

    assert first.outgoing == [
        {"type": "websocket.close", "code": 1000, "reason": "another connection took this call over"}
    ]


async def test_a_write_into_a_network_that_is_gone_ends_with_the_take_over(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(call_socket, "_CLOSE_SECONDS", 0.05)
    socket, first, second = await new_socket(), Network(), Network()
    async with carried(socket, first) as serving:
        first.blocked.clear()
        writing = asyncio.create_task(socket.send_text("into the void"))
        await asyncio.sleep(0.01)
        assert not writing.done()
        async with carried(socket, second):
            await asyncio.wait_for(asyncio.gather(writing, serving), 5)
            await socket.send_text("back")

    assert [message["text"] for message in second.outgoing] == ["back"]


async def test_the_end_of_the_call_is_told_to_the_connection_in_use() -> None:
    socket, first, second = await new_socket(), Network(), Network()
    async with carried(socket, first), carried(socket, second) as serving:
        socket.end_with(code=1000, reason="transferred to a human")
        await socket.close()
        await asyncio.wait_for(serving, 5)

    assert second.outgoing == [{"type": "websocket.close", "code": 1000, "reason": "transferred to a human"}]
    assert not socket.alive


async def test_a_bot_that_ends_the_call_meanwhile_leaves_nothing_waiting() -> None:
    socket, network = await new_socket(), Network()
    async with carried(socket, network) as serving:
        await lost(socket, network)
        speech = asyncio.create_task(socket.connected())
        await socket.close()
        await asyncio.wait_for(asyncio.gather(serving, speech), 5)


async def test_an_agent_that_closes_the_call_takes_its_own_close_for_no_hang_up() -> None:
    socket, network = await new_socket(), Network()
    async with carried(socket, network) as serving:
        await socket.close()
        await asyncio.wait_for(serving, 5)

    assert socket.end == "1000"


async def test_a_process_that_must_end_waits_for_no_lost_caller() -> None:
    calls, socket, network = Calls(), await new_socket(), Network()

    async def conversation() -> None:
        await ends(socket)

    running = asyncio.create_task(calls.run(conversation(), connection=socket))
    async with carried(socket, network):
        await lost(socket, network)
        socket.on_session_end = asyncio.Event().wait  # type: ignore[assignment]  # a bot with much to say
        ending = asyncio.create_task(calls.end_all())
        await asyncio.wait_for(running, 5)
        ending.cancel()

    assert socket.end == f"{GOING_AWAY} the agent is stopping; start a new session"


async def test_a_caller_who_is_lost_during_the_last_words_is_not_waited_for(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    socket, network = await new_socket(), Network()
    async with carried(socket, network):
        socket.end_with(code=1000, reason="transferred to a human")
        network.incoming.put_nowait(LOST)
        assert await ends(socket) == "1000 transferred to a human"

    assert "waiting" not in caplog.text


async def test_twenty_losses_leave_no_task_and_no_connection_behind() -> None:
    socket, tasks = await new_socket(), asyncio.all_tasks()
    left: list[weakref.ref[Network]] = []
    for number in range(20):
        network = Network()
        left.append(weakref.ref(network))
        async with carried(socket, network) as serving:
            network.says(str(number))
            assert await socket.receive_text() == str(number)
            if number % 2:
                await lost(socket, network)
            async with carried(socket, Network()):
                await asyncio.wait_for(serving, 5)
        del network, serving
    await socket.close()
    gc.collect()

    assert asyncio.all_tasks() == tasks
    assert [reference() for reference in left[:-1]] == [None] * 19
