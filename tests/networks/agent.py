"""The product's agent, as its image runs it, in a namespace; the control plane reaches it by a UNIX socket only."""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from tests.networks.lab import Namespace
from tests.networks.waiting import wait_until

_ROOM = Path(__file__).parent
_SERVER = _ROOM.parents[1] / "agent_image" / "server.py"
_PORT = "8080"
_START_SECONDS, _END_OF_CALL_SECONDS = 60, 30


@dataclass(frozen=True, kw_only=True)
class Agent:
    """A running agent: `socket` is its door, `log` what it wrote."""

    socket: Path
    log: Path
    process: subprocess.Popen[bytes]

    def wait_until_ready(self) -> None:
        """Wait until the bot is loaded."""
        wait_until(lambda: self._answer("POST", "/invocations", {"type": "status"}).get("ready"), within=_START_SECONDS)

    def wait_until_idle(self) -> None:
        """Wait until no call is left."""
        wait_until(lambda: self._answer("GET", "/ping").get("status") == "Healthy", within=_END_OF_CALL_SECONDS)

    def calls_ended(self) -> int:
        """How many calls have ended; each had one pipeline."""
        return self.log.read_text().count("call ended after ")

    def _answer(self, method: str, path: str, body: object = None) -> dict[str, Any]:
        """Its JSON answer; nothing as long as it doesn't listen."""
        assert self.process.poll() is None, f"the agent ended: {self.log.read_text()[-2000:]}"
        with httpx.Client(transport=httpx.HTTPTransport(uds=str(self.socket)), base_url="http://agent") as client:
            try:
                answer: dict[str, Any] = client.request(method, path, json=body).json()
            except httpx.TransportError:
                return {}
            return answer


@contextmanager
def run_agent(*, machine: Namespace, directory: Path, **environment: str) -> Iterator[Agent]:
    """Start an agent in the namespace, and its door; end both with the block."""
    socket, log = directory / f"{machine.name}.sock", directory / f"{machine.name}.log"
    door = machine.command(sys.executable, str(_ROOM / "control_socket.py"), str(socket), _PORT)
    server = machine.command(sys.executable, str(_SERVER))
    settings = {
        "PATH": os.environ["PATH"],
        "PORT": _PORT,
        "SSL_CERT_FILE": str(directory / "turn.pem"),
        "SWITCHBOARD_RECONNECT_GRACE_SECONDS": "20",
        **environment,
    }
    with (
        log.open("wb") as output,
        subprocess.Popen(door) as door_process,
        subprocess.Popen(server, env=settings, stdout=output, stderr=output) as process,
    ):
        try:
            yield Agent(socket=socket, log=log, process=process)
        finally:
            process.kill()
            door_process.kill()
