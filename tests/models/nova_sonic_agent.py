"""The real agent with Nova Sonic's stand-in for a model, and with keys that end every minute."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.agent_image.agent_process import IMAGE, AgentProcess, run_agent
from tests.models.certificates import Certificates
from tests.models.credentials import ContainerCredentialsEndpoint
from tests.models.nova_sonic import SESSION_SECONDS, NovaSonic

KEY_SECONDS = 60.0


@dataclass(frozen=True, kw_only=True)
class Place:
    """An agent, its model, and where its keys come from."""

    agent: AgentProcess
    model: NovaSonic
    credentials: ContainerCredentialsEndpoint


@asynccontextmanager
async def run_place(
    folder: Path, *, session_seconds: float = SESSION_SECONDS, key_seconds: float = KEY_SECONDS
) -> AsyncIterator[Place]:
    """Start all three; `session_seconds` is how long the model keeps a stream, and what the agent is told of it."""
    certificates = await asyncio.to_thread(Certificates.make, folder)
    with ContainerCredentialsEndpoint.run(lifetime_seconds=key_seconds) as credentials:
        async with NovaSonic.run(
            certificates=certificates, find_credential=credentials.find, session_seconds=session_seconds
        ) as model:
            environment = {
                "SWITCHBOARD_PIPELINE": "speech_to_speech",
                "SWITCHBOARD_MODEL_ID": "amazon.nova-2-sonic-v1:0",
                "SWITCHBOARD_MODEL_SESSION_SECONDS": f"{session_seconds:.0f}",
                **model.environment(),
                **credentials.environment(),
            }
            async with run_agent(log=folder / "log", image=IMAGE, **environment) as agent:
                await agent.answers()
                await agent.ready()
                yield Place(agent=agent, model=model, credentials=credentials)
