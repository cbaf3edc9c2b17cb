"""How a relay ends: no byte is lost, nobody new is taken, and a replacement goes unheard."""

import asyncio
import itertools
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from tests.relay.agentcore import AgentEnd
from tests.relay.caller import CarrierEnd, status_of
from tests.relay.process import Cloud, RelayProcess, run_cloud, run_relay, until
from tests.relay.tokens import mint, new_session_id

_FRAME_SECONDS = 0.02
_STREAMS = 10


@pytest.fixture
async def own_cloud(tmp_path: Path) -> AsyncIterator[Cloud]:
    async with run_cloud(tmp_path) as running:
        yield running


class Talk:
    """A stream on which both ends send numbered words all the time, and count what they hear."""

    def __init__(self, carrier: CarrierEnd, agent: AgentEnd) -> None:
        self._ends = (carrier, agent)
        self.heard = [0, 0]
        self._hanging_up = asyncio.Event()
        self._tasks = [asyncio.create_task(self._send(number)) for number in (0, 1)]
        self._tasks += [asyncio.create_task(self._hear(number)) for number in (0, 1)]

    async def finished(self) -> None:
        """Hang up, once everything that was sent was heard; raises for a word that is missing or changed."""
        self._hanging_up.set()
        async with asyncio.timeout(30):
            await asyncio.gather(*self._tasks)
        self._ends[0].close()

    async def _send(self, number: int) -> None:
        for word in itertools.count():
            await self._ends[number].send(f"word {word:06}".encode())
            if self._hanging_up.is_set():
                await self._ends[number].send(b"last word  ")
                return
            await asyncio.sleep(_FRAME_SECONDS)

    async def _hear(self, number: int) -> None:
        for word in itertools.count():
            heard = await self._ends[number].reader.readexactly(11)
            if heard == b"last word  ":
                return
            assert heard == f"word {word:06}".encode()
            self.heard[number] = word


async def talk(relay: RelayProcess) -> Talk:
    return Talk(*await relay.stream())


async def heard_more(talks: list[Talk]) -> None:
    """Wait until both ends of all talks have heard ten more words."""
    before = [[*each.heard] for each in talks]
    await until(
        lambda: all(
            now >= then + 10
            for each, thens in zip(talks, before, strict=True)
            for now, then in zip(each.heard, thens, strict=True)
        )
    )


async def test_sigterm_under_traffic_loses_nothing(own_cloud: Cloud, tmp_path: Path) -> None:
    async with run_relay(own_cloud, log=tmp_path / "log") as relay:
        talks = list(await asyncio.gather(*(talk(relay) for _ in range(_STREAMS))))
        await heard_more(talks)
        relay.terminate()
        await until(lambda: relay.messages("draining"))
        with pytest.raises(ConnectionRefusedError):
            await status_of(port=relay.port, path="/health")
        await heard_more(talks)
        assert relay.process.returncode is None
        for each in talks[1:]:
            await each.finished()
        await heard_more(talks[:1])
        assert relay.process.returncode is None
        await talks[0].finished()
        assert await relay.ended() == 0
        assert relay.messages("ending")[0]["streams"] == 0


async def test_a_stream_that_is_being_opened_is_still_opened(own_cloud: Cloud, tmp_path: Path) -> None:
    async with run_relay(own_cloud, log=tmp_path / "log") as relay:
        own_cloud.agentcore.refusals = [409, 409]
        opening = asyncio.create_task(relay.stream())
        await until(lambda: own_cloud.agentcore.handshakes == 1)
        relay.terminate()
        each = Talk(*await opening)
        await heard_more([each])
        await each.finished()
        assert await relay.ended() == 0


async def test_without_streams_it_ends_at_once(own_cloud: Cloud, tmp_path: Path) -> None:
    async with run_relay(own_cloud, log=tmp_path / "log") as relay:
        relay.terminate()
        assert await relay.ended(within=5) == 0


async def test_streams_may_go_on_for_a_bounded_time(own_cloud: Cloud, tmp_path: Path) -> None:
    async with run_relay(own_cloud, log=tmp_path / "log", shorten="relay.server.DRAIN_SECONDS = 1") as relay:
        carrier, agent = await relay.stream()
        relay.terminate()
        assert await relay.ended(within=20) == 0
        async with asyncio.timeout(20):
            assert await carrier.reader.read() == b""
            assert await agent.reader.read() == b""
        assert relay.messages("ending")[0]["streams"] == 1


class Balancer:
    """A load balancer for TCP with one target for new connections; old ones stay where they are."""

    def __init__(self, target: int) -> None:
        self.target = target
        self.port = 0

    @asynccontextmanager
    async def serve(self) -> AsyncIterator[None]:
        server = await asyncio.start_server(self._accept, "127.0.0.1", 0)
        self.port = server.sockets[0].getsockname()[1]
        try:
            yield
        finally:
            server.close()

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there, back = await asyncio.open_connection("127.0.0.1", self.target)
        await asyncio.gather(self._copy(reader, back), self._copy(there, writer))

    @staticmethod
    async def _copy(source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
        while data := await source.read(65_536):
            sink.write(data)
            await sink.drain()
        sink.close()


async def test_a_rolling_replacement_loses_no_word(own_cloud: Cloud, tmp_path: Path) -> None:
    async with run_relay(own_cloud, log=tmp_path / "old") as old, run_relay(own_cloud, log=tmp_path / "new") as new:
        balancer = Balancer(old.port)

        async def call() -> Talk:
            session_id = new_session_id()
            carrier = await CarrierEnd.connect(port=balancer.port, path=f"/streams/{mint(session_id=session_id)}")
            return Talk(carrier, await own_cloud.agentcore.end_of(session_id))

        async with balancer.serve():
            before = list(await asyncio.gather(*(call() for _ in range(_STREAMS))))
            await heard_more(before)
            balancer.target = new.port
            old.terminate()
            after = []
            for _ in range(_STREAMS):  # calls come all the time
                after.append(await call())
            await heard_more(before + after)
            for each in before:
                await each.finished()
            assert await old.ended() == 0
            await heard_more(after)
            for each in after:
                await each.finished()
    assert len(old.messages("stream started")) == len(new.messages("stream started")) == _STREAMS
