"""The product's own image, built for arm64 and run under emulation: slow, and what AgentCore's machines will run."""

import asyncio
import shutil
import signal
import socket
import subprocess
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path

import httpx
import pytest
from pipecat.frames.frames import OutputAudioRawFrame

from tests.agent_image.agent_process import AgentProcess, until
from tests.agent_image.caller import FRAME_SECONDS, SAMPLE_RATE, SocketCaller

ROOT = Path(__file__).parents[2]
DIRECTORY = ROOT / ".switchboard" / "arm64"
LOG = DIRECTORY / "arm64.log"
LARGEST_MEGABYTES = 375
PATIENCE_SECONDS = 600
# Of this machine it sees /proc and nothing else, as ONNX Runtime stumbles over its /sys; the mount ends with it.
ENTER = """mount -t proc proc "$0/proc" \\
    && exec chroot --userspec=10001:10001 "$0" env --chdir=/opt/agent/app python server.py"""

pytestmark = pytest.mark.timeout(3600)


@contextmanager
def built(pipeline: str) -> Iterator[Path]:
    """The files of the image."""
    DIRECTORY.mkdir(parents=True, exist_ok=True)
    with LOG.open("ab") as log:
        subprocess.run([ROOT / "scripts" / "arm64-image", DIRECTORY, pipeline], stdout=log, stderr=log, check=True)
    try:
        yield DIRECTORY / pipeline
    finally:
        shutil.rmtree(DIRECTORY / pipeline)


@asynccontextmanager
async def started(files: Path) -> AsyncIterator[AgentProcess]:
    """The image's own command, as its own user, with its own environment."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    environment = {
        "PATH": "/opt/agent/bin:/usr/bin:/bin:/usr/sbin",
        "PYTHONUNBUFFERED": "1",
        "SWITCHBOARD_PIPELINE": "offline",
        "SWITCHBOARD_PLATFORM_VERSION": "V2",
        "PORT": str(port),
    }

    with LOG.open("ab") as log:
        process = await asyncio.create_subprocess_exec(
            *("unshare", "--mount", "sh", "-c", ENTER, files), env=environment, stdout=log, stderr=log
        )
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", timeout=60, trust_env=False) as http:
        try:
            yield AgentProcess(process=process, port=port, log=LOG, http=http)
        finally:
            if process.returncode is None:
                process.kill()
                await process.wait()


class SlowCaller(SocketCaller):
    """Speaks at a sixteenth of the pace, as emulation can't keep up, and is mute until the greeting is over.

    The agent counts time in the audio that it hears, but for a pause within a sentence: say none with a comma.
    """

    async def _stream(self) -> None:
        await self.message("bot-stopped-speaking", within=PATIENCE_SECONDS)
        async for pcm in self.microphone():
            await self._send(OutputAudioRawFrame(pcm, SAMPLE_RATE, 1))
            await asyncio.sleep(16 * FRAME_SECONDS)


async def first_answer(agent: AgentProcess) -> httpx.Response:
    """What /ping says as soon as it says something."""
    while agent.process.returncode is None:
        try:
            return await agent.http.get("/ping")
        except httpx.ConnectError:
            await asyncio.sleep(0.1)
    raise AssertionError(f"the agent ended with {agent.process.returncode}: {LOG} says why")


async def test_the_offline_image_answers_ping_and_a_spoken_call_and_ends_cleanly() -> None:
    with built("offline") as files:
        async with started(files) as agent:
            loading = await first_answer(agent)

            async def healthy() -> bool:
                return (await agent.http.get("/ping")).status_code == httpx.codes.OK

            await until(healthy, within=PATIENCE_SECONDS)
            async with SlowCaller.connect(agent.url) as caller:
                await caller.message("bot-ready", within=PATIENCE_SECONDS)
                greeting = await caller.message("bot-tts-text", within=PATIENCE_SECONDS)
                await caller.message("bot-stopped-speaking", within=PATIENCE_SECONDS)
                spoken = await caller.say("I like music very much.")
                answer = await caller.message("bot-llm-text", after=spoken, within=PATIENCE_SECONDS)
                await caller.bot_audio(after=spoken, within=PATIENCE_SECONDS)
            agent.process.send_signal(signal.SIGTERM)
            code = await asyncio.wait_for(agent.process.wait(), PATIENCE_SECONDS)

    assert loading.status_code == httpx.codes.SERVICE_UNAVAILABLE
    assert greeting.data["text"] == "Welcome. How can I help you?"
    assert "music" in answer.data["text"]
    assert code == 0


def test_the_image_for_aws_is_small_enough() -> None:
    with built("cascaded") as files:
        (packages,) = files.glob("opt/agent/lib/python3*/site-packages")
        size = sum(file.stat().st_size for file in packages.rglob("*") if file.is_file() and file.suffix != ".pyc")
        machine = (packages / "_awscrt.abi3.so").read_bytes()[18]

    assert size < LARGEST_MEGABYTES * 1e6
    assert machine == 183  # EM_AARCH64, elf(5)
