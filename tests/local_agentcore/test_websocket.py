"""The WebSocket between a client and its agent: messages, limits, and every way to end."""

import asyncio
import os
import signal
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import pytest
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidStatus

from local.agentcore import Limits
from tests.local_agentcore.cloud import FAST, SESSION_ID, Cloud, eventually, serve, version

pytestmark = pytest.mark.asyncio(loop_scope="module")


async def close_of(websocket: ClientConnection) -> tuple[int, str]:
    """Read until the server closes; return the code and the reason of its close frame."""
    async with asyncio.timeout(10):
        with suppress(ConnectionClosed):
            while True:
                await websocket.recv()
    return websocket.close_code or 0, websocket.close_reason or ""


async def test_text_and_binary_pass_unchanged_both_ways_up_to_the_limit(cloud: Cloud) -> None:
    async with connect(cloud.presign(), proxy=None) as websocket:
        await websocket.recv()
        for message in ("", "Grüße, 你好", b"", bytes(range(256)) * 256):
            await websocket.send(message)
            assert await websocket.recv() == message


async def test_many_messages_keep_their_order_against_a_slow_reader(tmp_path: Path) -> None:
    async with (
        serve(tmp_path, limits=replace(FAST, frames_per_second=10_000)) as cloud,
        connect(cloud.presign(), proxy=None) as websocket,
    ):
        await websocket.recv()
        sent = [bytes([number]) * 20_000 for number in range(200)]
        sending = asyncio.create_task(send_all(websocket, sent))
        assert [await websocket.recv() for _ in sent] == sent
        await sending


async def send_all(websocket: ClientConnection, messages: list[bytes]) -> None:
    for message in messages:
        await websocket.send(message)


async def test_the_agent_s_close_reaches_the_client(cloud: Cloud) -> None:
    async with connect(cloud.presign(), proxy=None) as websocket:
        await websocket.send("close 4001")
        assert await close_of(websocket) == (4001, "as told")


async def test_the_client_s_close_reaches_the_agent(cloud: Cloud) -> None:
    async with connect(cloud.presign(), proxy=None) as websocket:
        await websocket.recv()
        await websocket.close(4002, "enough")
    await eventually(lambda: "closed by the client: 4002 enough" in cloud.logs())


async def test_a_client_s_close_without_a_code_reaches_the_agent_as_a_normal_one(cloud: Cloud) -> None:
    async with connect(cloud.presign(), proxy=None) as websocket:
        await websocket.recv()
        websocket.protocol.send_close()  # as browsers do, when a page gives no code
        websocket.send_data()
        await eventually(lambda: "closed by the client: 1000" in cloud.logs())


async def test_a_client_that_vanishes_is_a_going_away_to_the_agent(cloud: Cloud) -> None:
    websocket = await connect(cloud.presign(), proxy=None)
    await websocket.recv()
    websocket.transport.abort()
    await eventually(lambda: "closed by the client: 1001" in cloud.logs())


async def test_an_agent_that_crashes_in_a_call_is_an_internal_error_to_the_client(cloud: Cloud) -> None:
    async with connect(cloud.presign(session_id="crashing-" + SESSION_ID), proxy=None) as websocket:
        await websocket.send("exit")
        assert (await close_of(websocket))[0] == 1011


async def test_a_session_stopped_in_a_call_is_a_going_away_to_the_client(tmp_path: Path) -> None:
    async with serve(tmp_path, limits=replace(FAST, termination_seconds=0.2)) as cloud:
        cloud.control_plane.endpoints["live"] = version("1", AGENT_STUBBORN="1")
        async with connect(cloud.presign(), proxy=None) as websocket:
            await websocket.recv()
            await cloud.stop()
            assert await close_of(websocket) == (1001, "the session has ended")


@pytest.mark.parametrize("text", ["x" * (64 * 1024 + 1), "ü" * (32 * 1024 + 1), b"x" * (64 * 1024 + 1)])
async def test_a_frame_of_the_client_over_64_kib_closes_with_1009(cloud: Cloud, text: str | bytes) -> None:
    async with connect(cloud.presign(), proxy=None) as websocket:
        await websocket.send(text)
        code, reason = await close_of(websocket)
        assert (code, reason.split(",")[0]) == (1009, "a frame may hold 65536 bytes")
    await eventually(lambda: "closed by the client: 1009" in cloud.logs())


async def test_a_frame_of_the_agent_over_64_kib_closes_with_1009(cloud: Cloud) -> None:
    async with connect(cloud.presign(), proxy=None) as websocket:
        await websocket.send(f"send {64 * 1024}")
        await websocket.recv()
        assert len(await websocket.recv()) == 64 * 1024
        await websocket.send(f"send {64 * 1024 + 1}")
        assert (await close_of(websocket))[0] == 1009


async def test_the_251st_frame_within_a_second_closes_with_1008(cloud: Cloud) -> None:
    async with connect(cloud.presign(), proxy=None) as websocket:
        await websocket.recv()
        for number in range(250):
            await websocket.send(bytes([number]))
        assert [await websocket.recv() for _ in range(250)] == [bytes([number]) for number in range(250)]
        await websocket.send(b"one too many")
        assert (await close_of(websocket))[0] == 1008


async def test_a_flood_is_cut(cloud: Cloud) -> None:
    async with connect(cloud.presign(), proxy=None, compression=None) as websocket:
        flood = asyncio.create_task(send_all(websocket, [b"x" * 1000] * 100_000))
        assert (await close_of(websocket))[0] == 1008
        with pytest.raises(ConnectionClosed):
            await flood


async def test_a_websocket_ends_at_its_maximum_duration_and_the_session_of_a_busy_agent_lives_on(
    tmp_path: Path,
) -> None:
    limits = replace(FAST, websocket_seconds=0.5)
    assert Limits().websocket_seconds == 3_600
    async with serve(tmp_path, limits=limits) as cloud:
        cloud.control_plane.endpoints["live"] = version("1", idle=1)
        async with connect(cloud.presign(), proxy=None) as websocket:
            await websocket.recv()
            assert await close_of(websocket) == (1008, "a WebSocket may last 0.5 s")
        await eventually(lambda: "closed by the client: 1008 a WebSocket may last" in cloud.logs())
        await cloud.invoke({"do": "call", "seconds": 3})
        await asyncio.sleep(2)  # longer than an idle session lasts
        async with connect(cloud.presign(), proxy=None) as websocket:
            await websocket.recv()
        assert len(cloud.agent_pids()) == 1


async def test_an_agent_that_refuses_the_websocket_fails_the_handshake(cloud: Cloud) -> None:
    session_id = "stopped-" + SESSION_ID
    pid = (await cloud.invoke({}, session_id=session_id))["pid"]
    os.kill(pid, signal.SIGSTOP)
    try:
        with pytest.raises(InvalidStatus) as caught:
            await connect(cloud.presign(session_id=session_id), proxy=None)
    finally:
        os.kill(pid, signal.SIGCONT)
    assert caught.value.response.status_code == 424
    assert caught.value.response.headers["x-amzn-errortype"] == "RuntimeClientError"
