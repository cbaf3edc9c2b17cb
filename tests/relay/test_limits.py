"""Dead streams end, memory stays within its bound, and the metrics count."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.relay.caller import status_of
from tests.relay.process import Cloud, RelayProcess, run_cloud, run_relay, until

_STREAMS = 300
_KILOBYTES_A_STREAM = 100


@pytest.fixture
async def own_cloud(tmp_path: Path) -> AsyncIterator[Cloud]:
    async with run_cloud(tmp_path) as running:
        yield running


async def test_a_stream_holds_less_than_a_hundred_kilobytes(own_cloud: Cloud, tmp_path: Path) -> None:
    async def open_and_talk(relay: RelayProcess) -> None:
        carrier, agent = await relay.stream()
        for _ in range(3):
            await carrier.send(bytes(340))
            await agent.reader.readexactly(340)
            await agent.send(bytes(340))
            await carrier.reader.readexactly(340)

    async def open_many(relay: RelayProcess, count: int) -> None:
        async with asyncio.timeout(60), asyncio.TaskGroup() as group:
            for _ in range(count):
                group.create_task(open_and_talk(relay))

    async with run_relay(own_cloud, log=tmp_path / "log") as relay:
        await open_many(relay, 10)
        before = relay.resident_kilobytes()
        await open_many(relay, _STREAMS)
        assert (relay.resident_kilobytes() - before) / _STREAMS < _KILOBYTES_A_STREAM


async def test_a_stream_on_which_nothing_moves_is_ended(own_cloud: Cloud, tmp_path: Path) -> None:
    shorten = "relay.pump.QUIET_SECONDS, relay.server._SWEEP_SECONDS = 0.6, 0.1"
    async with run_relay(own_cloud, log=tmp_path / "log", shorten=shorten) as relay:
        carrier, agent = await relay.stream()
        quiet_carrier, quiet_agent = await relay.stream()
        async with asyncio.timeout(20):
            ended = asyncio.gather(quiet_carrier.reader.read(), quiet_agent.reader.read())
            while not ended.done():  # one direction is enough to be alive
                await carrier.send(b"audio")
                assert await agent.reader.readexactly(5) == b"audio"
                await asyncio.sleep(0.05)
            assert list(await ended) == [b"", b""]
        assert [line["reason"] for line in relay.messages("stream ended")] == ["quiet"]
        carrier.close()


async def test_one_side_does_not_keep_the_other_s_end_waiting(own_cloud: Cloud, tmp_path: Path) -> None:
    shorten = "relay.pump.LINGER_SECONDS, relay.server._SWEEP_SECONDS = 0.5, 0.1"
    async with run_relay(own_cloud, log=tmp_path / "log", shorten=shorten) as relay:
        carrier, agent = await relay.stream()
        agent.close()
        async with asyncio.timeout(20):
            while not relay.messages("stream ended"):  # the carrier hears of the end, and talks on
                await carrier.send(b"audio")
                await asyncio.sleep(0.05)
        carrier.abort()


async def test_the_metrics_count_what_is_open_started_and_refused(own_cloud: Cloud, tmp_path: Path) -> None:
    async with run_relay(
        own_cloud,
        log=tmp_path / "log",
        shorten="relay.server._METRICS_SECONDS = 0.2",
        SWITCHBOARD_METRICS_SERVICE="voice-dev-relay",
    ) as relay:
        ends = [await relay.stream() for _ in range(3)]
        for _ in range(2):
            assert await status_of(port=relay.port, path="/streams/none") == 403
        await until(lambda: total(relay, "StreamsRefused") == 2)
        await until(lambda: relay.lines()[-1].get("OpenStreams") == 3)
        for carrier, agent in ends:
            carrier.close()
            agent.close()
        await until(lambda: relay.lines()[-1].get("OpenStreams") == 0)
        relay.terminate()
        assert await relay.ended() == 0
    assert (total(relay, "StreamsStarted"), total(relay, "StreamsRefused")) == (3, 2)
    line = next(line for line in relay.lines() if "_aws" in line)
    (directive,) = line["_aws"]["CloudWatchMetrics"]
    assert (directive["Namespace"], directive["Dimensions"], line["Service"]) == (
        "Switchboard",
        [["Service"]],
        "voice-dev-relay",
    )
    assert {metric["Name"] for metric in directive["Metrics"]} == {"OpenStreams", "StreamsStarted", "StreamsRefused"}
    assert isinstance(line["_aws"]["Timestamp"], int)


def total(relay: RelayProcess, metric: str) -> int:
    return sum(line.get(metric, 0) for line in relay.lines())
