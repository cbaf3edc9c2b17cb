"""What a loaded process holds before its first call: on platform V2 every session starts from a snapshot of it."""

from contextlib import suppress
from pathlib import Path

import pytest

from tests.agent_image.agent_process import IMAGE, AgentProcess, run_agent, until
from tests.models.credentials import ContainerCredentialsEndpoint

LISTENING = "0A"  # of the states in net/tcp.h
MODELS = {"AWS_REGION": "us-east-1", "SWITCHBOARD_TRACING": "on", "SWITCHBOARD_MEMORY_ID": "memory-a1b2c3d4e5"}


def internet_sockets(agent: AgentProcess) -> set[tuple[str, str, int]]:
    """(protocol, state, local port) of each socket of the process, as proc(5) shows them."""
    process = Path("/proc", str(agent.process.pid))
    own = set()
    for fd in (process / "fd").iterdir():
        with suppress(FileNotFoundError):  # closed meanwhile
            own.add(str(fd.readlink()))
    found = set()
    for protocol in ("tcp", "tcp6", "udp", "udp6"):
        for row in (process / "net" / protocol).read_text().splitlines()[1:]:
            fields = row.split()
            if f"socket:[{fields[9]}]" in own:
                found.add((protocol.removesuffix("6"), fields[3], int(fields[1].rpartition(":")[2], 16)))
    return found


@pytest.mark.parametrize(
    ("pipeline", "model"),
    [("offline", ""), ("cascaded", "amazon.nova-lite-v1:0"), ("speech_to_speech", "amazon.nova-2-5-sonic")],
)
async def test_a_loaded_process_has_connected_nothing_and_asked_for_no_credentials(
    tmp_path: Path, pipeline: str, model: str
) -> None:
    with ContainerCredentialsEndpoint.run() as credentials:
        environment = {**MODELS, **credentials.environment(), "SWITCHBOARD_PIPELINE": pipeline}
        environment |= {"SWITCHBOARD_MODEL_ID": model, "SWITCHBOARD_PLATFORM_VERSION": "V2"}
        async with run_agent(log=tmp_path / "log", image=IMAGE, **environment) as agent:
            await agent.answers()
            await agent.ready()
            await agent.http.aclose()  # else there would be the connection of this test

            async def only_listens() -> bool:
                return internet_sockets(agent) == {("tcp", LISTENING, agent.port)}

            await until(only_listens, within=10)

    assert credentials.issued == []
    assert "Traceback" not in (tmp_path / "log").read_text()
