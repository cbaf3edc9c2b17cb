"""What tests of failing services look for: the recorded apology, and the agent's own word on what failed."""

import asyncio

from pipecat.frames.frames import TTSAudioRawFrame

from recordings import recorded_speech
from tests.agent_image.agent_process import AgentProcess, until
from tests.agent_image.caller import SAMPLE_RATE, SocketCaller


async def apology_heard(caller: SocketCaller) -> None:
    """Wait until the caller hears the recorded apology."""
    apology = _part_of_the_apology()

    async def heard() -> bool:
        return apology in b"".join(audio for _, audio in caller.audio)

    await until(heard)


async def leave_after_the_apology(caller: SocketCaller) -> None:
    """Wait until the caller hears the recorded apology, and hang up before its end: that saves a test some seconds."""
    await apology_heard(caller)
    caller.socket.transport.abort()


async def reported(agent: AgentProcess, *, service: str, kind: str) -> None:
    """Wait until the agent's log says that a call ends as this service is throttled, refused, expired or broken."""

    async def written() -> bool:
        text = await asyncio.to_thread(agent.log.read_text)
        return f"the call ends as its {service} is {kind}" in text

    await until(written)


def _part_of_the_apology() -> bytes:
    """Half a second that is loud: past the silence at its start."""
    _, audio, _ = recorded_speech("apology", sample_rate=SAMPLE_RATE)
    assert isinstance(audio, TTSAudioRawFrame)
    return audio.audio[SAMPLE_RATE : 2 * SAMPLE_RATE]
