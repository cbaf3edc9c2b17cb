"""The deployment that the page's tests look at: a machine of its own with an embedded cloud, coturn and a browser."""

import json
import os
import re
import secrets
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from local.environment import DIRECTORY_VARIABLE
from local.state import CloudDirectory
from tests.networks.lab import Lab, Namespace, open_lab

REPOSITORY = Path(__file__).resolve().parents[2]
BROWSER_USER_ID = 59_001  # no account: the kernel asks for a number alone
_COMMAND_SECONDS = 240
_LOCAL = (sys.executable, "-m", "local")
_CDK = str(REPOSITORY / "node_modules/.bin/cdk")
_CALL_AWS = """\
import boto3, json, sys
service, operation = sys.argv[1:]
print(json.dumps(getattr(boto3.client(service), operation)(**json.load(sys.stdin)), default=str))
"""


@dataclass(frozen=True, kw_only=True)
class Account:
    """Somebody who may sign in."""

    username: str
    password: str


@dataclass(frozen=True, kw_only=True)
class World:
    """The machine, and the folder that everything of it is in; the browser's user may pass through that folder."""

    machine: Namespace
    directory: Path

    @property
    def cloud(self) -> CloudDirectory:
        return CloudDirectory(path=self.directory / "cloud")

    @cached_property
    def cloud_port(self) -> int:
        """Of the API, AgentCore, and the identity provider."""
        state = self.cloud.read_state()
        assert state
        port = urlsplit(state.endpoint).port
        assert port
        return port

    @property
    def turn_ports(self) -> frozenset[int]:
        """Where coturn listens; none before the first call over WebRTC."""
        settings = self.cloud.coturn / "turnserver.conf"
        text = settings.read_text() if settings.exists() else ""
        return frozenset(int(port) for port in re.findall(r"(?m)^(?:tls-)?listening-port=(\d+)$", text))

    @property
    def browser_home(self) -> Path:
        """The browser's user owns it."""
        return self.directory / "home"

    def local(self, *arguments: str, stdin: str = "") -> str:
        """Run `python -m local` in the machine, which must succeed; its output."""
        # Entering the machine forgets the working directory.
        return self._run(*self.machine.command("env", f"--chdir={REPOSITORY}", *_LOCAL, *arguments), stdin=stdin)

    def cdk(self, *arguments: str) -> None:
        """Run the CDK CLI on what was synthesized; it must succeed."""
        self.local("exec", "--", _CDK, *arguments, "--app", str(self._assembly))

    def synthesize(self, *parameters: str) -> None:
        """Write the templates, outside the machine: layers are made of packages from the internet."""
        context = [word for parameter in ("env=local", *parameters) for word in ("-c", parameter)]
        self._run(*_LOCAL, "exec", "--", _CDK, "synth", "--quiet", "--output", str(self._assembly), *context)

    def aws(self, service: str, operation: str, /, **arguments: Any) -> Any:
        """Call AWS as the operator: boto3's names of a service and an operation, and the answer."""
        words = (sys.executable, "-c", _CALL_AWS, service, operation)
        # Not among the words, which a failure quotes: there may be a password in it.
        return json.loads(self.local("exec", "--", *words, stdin=json.dumps(arguments)))

    @property
    def _assembly(self) -> Path:
        return self.directory / "cdk.out"

    def _run(self, *command: str, stdin: str = "") -> str:
        environment = {**os.environ, DIRECTORY_VARIABLE: str(self.cloud.path), "PYTHONPATH": str(REPOSITORY)}
        done = subprocess.run(
            command,
            cwd=REPOSITORY,
            env=environment,
            input=stdin,
            capture_output=True,
            text=True,
            timeout=_COMMAND_SECONDS,
        )
        assert done.returncode == 0, f"{' '.join(command)} exited {done.returncode}:\n{done.stdout}{done.stderr}"
        return done.stdout

    @cached_property
    def outputs(self) -> Mapping[str, str]:
        """The outputs of all deployed stacks by their names."""
        stacks = self.aws("cloudformation", "describe_stacks")["Stacks"]
        return {output["OutputKey"]: output["OutputValue"] for stack in stacks for output in stack.get("Outputs", ())}

    def agent_in_call(self) -> int:
        """The process id of the agent that has a caller. Another one waits for the next call; it was started later."""
        return min(self._agents, key=lambda pid: os.stat(f"/proc/{pid}").st_ctime)

    def agent_waits(self) -> bool:
        """Whether a started agent waits for the next call; nobody is in one."""
        return any("ready for calls" in log for log in self._agents.values())

    @property
    def _agents(self) -> dict[int, str]:
        """Agents without a call that ended, by their process ids, and their logs."""
        logs = {pid: log.read_text() for pid, log in _writers(self.cloud.agents)}
        return {pid: log for pid, log in logs.items() if "call ended" not in log}

    def add_account(self, username: str | None = None) -> Account:
        """A new confirmed user of the deployed pool; by default with a name that nobody else has."""
        account = Account(
            username=username or f"user-{secrets.token_hex(4)}", password=f"{secrets.token_urlsafe(20)}aA1!"
        )
        user = {"UserPoolId": self.outputs["UserPoolId"], "Username": account.username}
        self.aws("cognito-idp", "admin_create_user", **user, MessageAction="SUPPRESS")
        self.aws("cognito-idp", "admin_set_user_password", **user, Password=account.password, Permanent=True)
        return account


@contextmanager
def open_world() -> Iterator[World]:
    """A world with an empty cloud until the end of the block. Raises `NotPermittedError`."""
    with open_lab() as lab, tempfile.TemporaryDirectory(prefix="browser-") as folder:
        directory = Path(folder)
        directory.chmod(0o711)
        world = World(machine=_machine(lab), directory=directory)
        world.browser_home.mkdir()
        os.chown(world.browser_home, BROWSER_USER_ID, BROWSER_USER_ID)
        try:
            world.local("up")
            yield world
        finally:
            world.local("down")


def deploy(world: World, *parameters: str) -> None:
    """Deploy everything to the world's cloud; parameters as `name=value`."""
    world.synthesize(*parameters)
    world.cdk("bootstrap")
    world.cdk("deploy", "--all", "--require-approval", "never")


def _machine(lab: Lab) -> Namespace:
    """A machine with one network interface, as WebRTC wants one; behind its gateway there is nothing."""
    machine, gateway = lab.add("machine"), lab.add("gateway")
    machine.ip("link", "add", "lan", "type", "veth", "peer", "name", "lan", "netns", gateway.name)
    gateway.ip("address", "add", "192.0.2.1/24", "dev", "lan")
    gateway.ip("link", "set", "lan", "up")
    machine.ip("address", "add", "192.0.2.10/24", "dev", "lan")
    machine.ip("link", "set", "lan", "up")
    machine.ip("route", "add", "default", "via", "192.0.2.1")
    return machine


def _writers(folder: Path) -> Iterator[tuple[int, Path]]:
    """Processes whose output goes to a file in the folder, with that file."""
    for entry in Path("/proc").iterdir():
        with suppress(FileNotFoundError, PermissionError):  # it has ended meanwhile
            if entry.name.isdigit() and (output := (entry / "fd/1").readlink()).parent == folder:
                yield int(entry.name), output
