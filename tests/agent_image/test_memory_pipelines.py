"""The memory of a caller with the pipelines whose models are on Bedrock: what these are told of the last call."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path

import pytest

from tests.agent_image.agent_process import IMAGE, run_agent
from tests.agent_image.remembered_calls import ANNA, ask, session_id
from tests.models.cascaded import run_cascaded_models
from tests.models.certificates import Certificates
from tests.models.credentials import ContainerCredentialsEndpoint
from tests.models.memory import MemoryService
from tests.models.nova_sonic import NovaSonic

type Place = tuple[ContainerCredentialsEndpoint, dict[str, str], Callable[[], str]]


@asynccontextmanager
async def cascaded(_folder: Path) -> AsyncIterator[Place]:
    async with run_cascaded_models(lifetime_seconds=3600) as models:
        yield models.credentials, models.environment(), lambda: str(models.converse.bodies[-1]["messages"])


@asynccontextmanager
async def speech_to_speech(folder: Path) -> AsyncIterator[Place]:
    certificates = await asyncio.to_thread(Certificates.make, folder)
    with ContainerCredentialsEndpoint.run(lifetime_seconds=3600) as credentials:
        async with NovaSonic.run(certificates=certificates, find_credential=credentials.find) as model:
            pipeline = {
                "SWITCHBOARD_PIPELINE": "speech_to_speech",
                "SWITCHBOARD_MODEL_ID": "amazon.nova-2-sonic-v1:0",
            }
            yield credentials, {**pipeline, **model.environment()}, lambda: str(model.histories[-1])
            assert model.violations == []


@pytest.mark.parametrize("pipeline", [cascaded, speech_to_speech], ids=["cascaded", "speech_to_speech"])
async def test_a_model_is_told_of_the_last_call(
    pipeline: Callable[[Path], AbstractAsyncContextManager[Place]], tmp_path: Path
) -> None:
    async with pipeline(tmp_path) as (credentials, environment, told):
        with MemoryService.run(credentials=credentials) as service:
            environment |= service.environment()
            async with run_agent(log=tmp_path / "log", image=IMAGE, **environment) as agent:
                await agent.answers()
                await agent.ready()
                answer = await ask(agent, "I like blue.", caller=ANNA, number=1, memory=service, hears_greeting=True)
                assert answer == "You said: I like blue."
                assert service.said(actor=ANNA, session=session_id(1))[-2:] == [
                    ("USER", "I like blue."),
                    ("ASSISTANT", "You said: I like blue."),
                ]

                await ask(agent, "I like red.", caller=ANNA, number=2, hears_greeting=True)
                assert "I said: I like blue." in told()
