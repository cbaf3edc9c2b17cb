"""The events of a WebRTC call, as a bot sees them."""

import asyncio
from collections.abc import AsyncIterator
from types import SimpleNamespace
from typing import Any

import pytest
import pytest_asyncio
from pipecat.runner.types import RunnerArguments, SmallWebRTCRunnerArguments

import calls
from peer_connection import PeerConnection
from transports import PeerTransport, create_transport


@pytest_asyncio.fixture
async def connection() -> AsyncIterator[PeerConnection]:
    peer_connection = PeerConnection(relay=None, grace_seconds=20)
    yield peer_connection
    await peer_connection.close()


async def events(transport: PeerTransport) -> list[str]:
    """The names of the events that come."""
    names: list[str] = []
    for name in ("on_client_connected", "on_client_disconnected", "on_session_timeout"):
        transport.add_event_handler(name, lambda *_, name=name: names.append(name))
    return names


async def test_a_restart_is_no_event_and_the_end_is_one(connection: PeerConnection) -> None:
    transport = create_transport(SmallWebRTCRunnerArguments(webrtc_connection=connection))
    assert isinstance(transport, PeerTransport)
    names = await events(transport)
    pipeline: Any = SimpleNamespace(audio_in_sample_rate=16_000, audio_out_sample_rate=16_000)
    await transport._client.setup(transport._params, pipeline)
    for name in ("connected", "disconnected", "connected", "closed"):
        await connection._call_event_handler(name)
        await asyncio.sleep(0.05)

    assert names == ["on_client_connected", "on_client_disconnected"]


async def test_the_end_of_the_session_is_an_event(connection: PeerConnection) -> None:
    transport = create_transport(SmallWebRTCRunnerArguments(webrtc_connection=connection))
    assert isinstance(transport, PeerTransport)
    names = await events(transport)
    assert connection.on_session_end
    await connection.on_session_end()
    await asyncio.sleep(0.05)

    assert names == ["on_session_timeout"]


async def test_another_kind_of_call_is_refused() -> None:
    with pytest.raises(TypeError, match="no transport for RunnerArguments"):
        create_transport(RunnerArguments())


async def test_a_bot_that_does_not_notice_that_its_caller_left_is_cancelled(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(calls, "_LEAVE_SECONDS", 0.05)
    left, cancelled = asyncio.Event(), asyncio.Event()

    async def deaf_bot() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            cancelled.set()

    left.set()
    with pytest.raises(TimeoutError):
        await calls.converse(deaf_bot(), left=left)

    assert cancelled.is_set()
