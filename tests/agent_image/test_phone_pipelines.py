"""What only a telephone has, its keys and answering machines, with the stand-ins of the models."""

import time
from pathlib import Path
from typing import Any

from tests.agent_image.agent_process import IMAGE, AgentProcess, run_agent, until
from tests.agent_image.phone_line import PhoneLine, Telnyx, Vonage, phone_header, session
from tests.models.cascaded import run_cascaded_models
from tests.models.nova_sonic_agent import run_place

_KEYS = "I pressed on my keypad: 12#"
_MACHINE = "An answering machine has taken this call"
_WITHIN_SECONDS = 60.0


def headers(carrier: str) -> dict[str, str]:
    return {**session(carrier), **phone_header(carrier, direction="outbound")}


async def tell_of_a_machine(agent: AgentProcess, carrier: str) -> None:
    message = {"type": "answering-machine", "result": "machine"}
    answer = await agent.http.post("/invocations", json=message, headers=session(carrier))
    assert answer.json() == {}


async def press(line: PhoneLine) -> None:
    """Press keys while the bot speaks, which interrupts it."""
    await line.speaking(after=0.0, within=_WITHIN_SECONDS)
    cleared = len(line.clears)
    await line.press("1", "2", "#")

    async def interrupted() -> bool:
        return len(line.clears) > cleared

    await until(interrupted, within=_WITHIN_SECONDS)


def user_texts(body: dict[str, Any]) -> list[str]:
    return [block["text"] for message in body["messages"] if message["role"] == "user" for block in message["content"]]


async def test_keys_and_an_answering_machine_reach_the_model_of_the_cascaded_pipeline(tmp_path: Path) -> None:
    async with (
        run_cascaded_models(lifetime_seconds=60) as models,
        run_agent(log=tmp_path / "log", image=IMAGE, **models.environment()) as agent,
    ):

        async def read(words: str) -> bool:
            return any(words in user_texts(body)[-1] for body in models.converse.bodies)

        await agent.answers()
        await agent.ready()
        async with PhoneLine.connect(agent.url, carrier=Telnyx(), headers=headers("telnyx")) as line:
            await press(line)
            await until(lambda: read(_KEYS), within=_WITHIN_SECONDS)
            await tell_of_a_machine(agent, "telnyx")
            await until(lambda: read(_MACHINE), within=_WITHIN_SECONDS)
        await agent.idle()

    assert user_texts(models.converse.bodies[0]) == [_KEYS]
    assert "Traceback" not in (tmp_path / "log").read_text()


async def test_keys_and_an_answering_machine_reach_a_model_that_hears_for_itself(tmp_path: Path) -> None:
    async with run_place(tmp_path) as place:

        async def answered(words: str) -> bool:
            return any(words in said for said in place.model.said)

        async with PhoneLine.connect(place.agent.url, carrier=Vonage(), headers=headers("vonage")) as line:
            await press(line)
            await until(lambda: answered(_KEYS), within=_WITHIN_SECONDS)
            await tell_of_a_machine(place.agent, "vonage")
            await until(lambda: answered(_MACHINE), within=_WITHIN_SECONDS)
            told = time.monotonic()
            await line.speaking(after=told, within=_WITHIN_SECONDS)
        await place.agent.idle()

    assert place.model.violations == []
    assert "Traceback" not in (tmp_path / "log").read_text()
