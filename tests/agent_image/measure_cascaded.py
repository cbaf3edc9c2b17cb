"""Measures how long a caller waits for the cascaded pipeline, with instant stand-ins for its services.

`PYTHONPATH=.:agent_image python -m tests.agent_image.measure_cascaded [IMAGE]` prints, for each turn and as medians,
seconds after the end of the caller's voice: Transcribe's final result, which the stand-in gives after half a second of
silence, the request to Bedrock, and the first audio of the bot.
"""

import asyncio
import sys
import tempfile
from pathlib import Path
from statistics import median

from tests.agent_image.agent_process import IMAGE, run_agent
from tests.agent_image.caller import SocketCaller
from tests.agent_image.four_turns import silent
from tests.models.cascaded import CascadedModels, run_cascaded_models

_SENTENCES = (
    "I like music very much.",
    "Please count to twenty.",
    "I want to go to the market.",
    "My brother has a new bicycle.",
    "What is the weather like?",
    "Thank you for the nice flowers.",
)


async def _turn(caller: SocketCaller, models: CascadedModels, text: str) -> tuple[float, float, float]:
    models.transcribe.ear = lambda *_, **__: text
    ended = await caller.say(text)
    asked = await models.converse.request_after(ended)
    heard = await caller.bot_audio(after=asked, within=20)
    await silent(caller, since=asked)
    return models.transcribe.finals_sent[-1] - ended, asked - ended, heard - ended


async def _measure(image: Path) -> None:
    with tempfile.TemporaryDirectory() as folder:
        async with run_cascaded_models() as models:
            environment = models.environment()
            async with run_agent(log=Path(folder) / "log", image=image, **environment) as agent:
                await agent.answers()
                await agent.ready()
                async with SocketCaller.connect(agent.url) as caller:
                    await silent(caller, since=caller.connected_at)
                    turns = [await _turn(caller, models, text) for text in _SENTENCES]
    lines = [" ".join(f"{seconds:6.2f}" for seconds in turn) for turn in turns]
    medians = " ".join(f"{median(column):6.2f}" for column in zip(*turns, strict=True))
    sys.stdout.write("\n".join([" final  Bedrock audio", *lines, f"{medians}  median", ""]))


if __name__ == "__main__":
    asyncio.run(_measure(Path(sys.argv[1]) if len(sys.argv) > 1 else IMAGE))
