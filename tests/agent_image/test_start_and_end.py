"""How the real process starts and ends."""

import asyncio
import shutil
import statistics
import time
from pathlib import Path

import httpx

from tests.agent_image.agent_process import IMAGE, run_agent, until
from tests.agent_image.caller import SocketCaller


async def test_a_call_that_comes_before_the_bot_is_loaded_waits_for_it_and_sigterm_ends_it_politely(
    tmp_path: Path,
) -> None:
    async with run_agent(log=tmp_path / "log") as process:
        await process.answers()
        async with SocketCaller.connect(process.url) as caller:
            early = await process.status()
            waits = []
            while not any(message.type == "bot-ready" for message in caller.messages):
                asked = time.monotonic()
                assert (await process.ping())["status"] == "HealthyBusy"
                waits.append(time.monotonic() - asked)
                await asyncio.sleep(0.02)
            terminated = time.monotonic()
            exit_code = await process.terminated()
            code, reason = await caller.closed()

    assert early == {"ready": False, "calls": 1, "pipeline": "offline"}
    assert statistics.median(waits) < 0.25
    assert "Thank you for calling. Bye bye." in caller.said(after=terminated)
    assert (code, reason) == (1001, "the agent is stopping; start a new session")
    assert exit_code == 0


async def test_sigterm_without_a_call_ends_at_once(tmp_path: Path) -> None:
    async with run_agent(log=tmp_path / "log") as process:
        await process.answers()
        assert await process.terminated() == 0


async def test_on_platform_v2_the_first_healthy_ping_comes_when_all_is_loaded(tmp_path: Path) -> None:
    async with run_agent(log=tmp_path / "log", SWITCHBOARD_PLATFORM_VERSION="V2") as process:
        await process.answers()
        early = await process.http.get("/ping")

        async def healthy() -> bool:
            return (await process.http.get("/ping")).is_success

        await until(healthy)
        status = await process.status()

    assert early.status_code == httpx.codes.SERVICE_UNAVAILABLE
    assert status["ready"] is True


async def test_a_wrong_environment_ends_the_process_with_a_sentence(tmp_path: Path) -> None:
    async with run_agent(log=tmp_path / "log", SWITCHBOARD_PIPELINE="cascaded") as process:
        assert await process.process.wait() == 2

    assert "SWITCHBOARD_MODEL_ID: the pipeline cascaded needs a model of Bedrock" in (tmp_path / "log").read_text()


async def test_a_bot_that_cannot_be_loaded_ends_the_process_with_its_error(tmp_path: Path) -> None:
    broken = shutil.copytree(IMAGE, tmp_path / "image", ignore=shutil.ignore_patterns("__pycache__"))
    (broken / "bot.py").write_text("import no_such_package\n")
    async with run_agent(log=tmp_path / "log", image=broken) as process:
        async with asyncio.timeout(15):
            assert await process.process.wait() == 1

    assert "No module named 'no_such_package'" in (tmp_path / "log").read_text()
