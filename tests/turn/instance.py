"""An EC2 instance that boots from the user data of the stack, with stand-ins for Debian, systemd and AWS."""

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

from stacks.components.coturn.instance import cloud_config, files
from tests.networks.waiting import wait_until
from tests.turn.client import SHARED_SECRET
from tests.turn.internet import Machine

REALM: Final = "turn.example.com"
SHARED_SECRET_ARN: Final = "arn:aws:secretsmanager:us-east-1:123456789012:secret:shared-AbCdEf"
CERTIFICATE_SECRET_ARN: Final = "arn:aws:secretsmanager:us-east-1:123456789012:secret:certificate-AbCdEf"
CONFIGURATION: Final = "/etc/coturn-server/turnserver.conf.in"
STAND_IN: Final = Path(__file__).parent / "stand_ins" / "machine.py"
COMMANDS: Final = ("apt-get", "aws", "curl", "gpg", "shutdown", "systemctl")
AGENT_CONTROL: Final = "/opt/aws/amazon-cloudwatch-agent/bin/amazon-cloudwatch-agent-ctl"

# Its own mounts and its own processes: nothing of a boot is left on this machine.
_MACHINE: Final = """
set -eu
for folder in etc usr/local/sbin var/log opt; do
  mkdir -p "$DISK/$folder" "$DISK/work/$folder"
  mount -t overlay overlay -o "lowerdir=/$folder,upperdir=$DISK/$folder,workdir=$DISK/work/$folder" "/$folder"
done
mkdir -p "$(dirname {agent_control})"
ln -s "$STAND_INS/bin/apt-get" {agent_control}
{python} - "$DISK/user-data" <<'CLOUD_INIT'
import json, pathlib, subprocess, sys
config = json.loads(pathlib.Path(sys.argv[1]).read_text().removeprefix("#cloud-config\\n"))
for file in config["write_files"]:
    path = pathlib.Path(file["path"])
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(file["content"])
    path.chmod(int(file["permissions"], 8))
(command,) = config["runcmd"]
with open(sys.argv[1] + ".log", "w") as log:
    code = subprocess.run(command, stdout=log, stderr=log).returncode
pathlib.Path(sys.argv[1] + ".code").write_text(str(code))
CLOUD_INIT
exec sleep infinity
"""


class World:
    """What the stand-ins read and write: one AWS account, in a folder."""

    def __init__(self, folder: Path, *, addresses: Mapping[str, int], certificate: Mapping[str, str]) -> None:
        """`addresses` maps each Elastic IP to the number of attempts for which somebody else still holds it."""
        self.folder = folder
        self._addresses = {f"eipalloc-{number:017x}": address for number, address in enumerate(addresses)}
        (folder / "bin").mkdir(parents=True)
        for command in COMMANDS:
            _executable(folder / "bin" / command, f'exec {sys.executable} {STAND_IN} "$0" "$@"')
        self.write(
            addresses={
                allocation: {"address": address, "held_for_attempts": addresses[address]}
                for allocation, address in self._addresses.items()
            },
            associate_error="",
            broken=[],
            busy={},
            instances={},
            secrets={
                SHARED_SECRET_ARN: {"AWSCURRENT": SHARED_SECRET},
                CERTIFICATE_SECRET_ARN: {"AWSCURRENT": json.dumps(certificate)},
            },
            signed_by="937616F3450B7D806CBD9725D58167303B789C72",
            stack_is_updating=True,
        )

    def write(self, **changes: object) -> None:
        path = self.folder / "world.json"
        known = json.loads(path.read_text()) if path.exists() else {}
        path.write_text(json.dumps({**known, **changes}))

    def read(self) -> dict[str, Any]:
        world: dict[str, Any] = json.loads((self.folder / "world.json").read_text())
        return world

    def calls(self, *words: str) -> list[list[str]]:
        """The calls that have all these words in them, in order, the instance first."""
        lines = (self.folder / "calls.jsonl").read_text().splitlines()
        return [call for call in map(json.loads, lines) if set(words) <= set(call)]

    def user_data(self, *, edit: Callable[[str], str] = str, settings: Mapping[str, str] = MappingProxyType({})) -> str:
        """The user data as the stack makes it, for this account.

        `settings` replace some of the boot script's, such as pauses; `edit` changes turnserver.conf.
        """
        contents = files(
            realm=REALM,
            settings={
                "REGION": "us-east-1",
                "STACK_NAME": "switchboard-dev-turn",
                "LOGICAL_RESOURCE_ID": "Servers",
                "ADDRESSES": " ".join(f"{allocation}={address}" for allocation, address in self._addresses.items()),
                "SHARED_SECRET_ARN": SHARED_SECRET_ARN,
                "CERTIFICATE_SECRET_ARN": CERTIFICATE_SECRET_ARN,
                **settings,
            },
            log_group_name="the-log-group",
            metrics_namespace="switchboard-dev-turn",
        )
        content, mode = contents[CONFIGURATION]
        return cloud_config({**contents, CONFIGURATION: (edit(content), mode)})


@dataclass(frozen=True, kw_only=True)
class Instance:
    """A machine that booted. `code` is the boot script's; `pid` is the process that all others descend from."""

    code: int
    pid: int
    disk: Path
    boot_log: str

    def file(self, path: str) -> str:
        return (self.disk / path.removeprefix("/")).read_text()

    def mode(self, path: str) -> int:
        return (self.disk / path.removeprefix("/")).stat().st_mode & 0o777

    def process(self, program: str) -> int:
        """The only process that runs a program, by the id that it has outside."""
        (found,) = [pid for pid in _descendants(self.pid) if Path(f"/proc/{pid}/comm").read_text() == f"{program}\n"]
        return found

    def run(self, *command: str) -> int:
        """The exit code of a command that runs on the machine."""
        inside = next(_descendants(self.pid))
        entering = ["nsenter", f"--target={inside}", "--mount", "--net", "--pid", "--root", "--"]
        return subprocess.run([*entering, *command], check=False, capture_output=True).returncode


@contextmanager
def boot(
    machine: Machine, *, world: World, instance_id: str, private_address: str, disk: Path, user_data: str
) -> Iterator[Instance]:
    """An instance from its boot until the end of the block."""
    disk.mkdir()
    (disk / "user-data").write_text(user_data)
    instances = world.read()["instances"]
    metadata = {"instance-id": instance_id, "local-ipv4": private_address, "public-ipv4": "203.0.113.200"}
    world.write(instances={**instances, instance_id: metadata})
    script = _MACHINE.replace("{agent_control}", AGENT_CONTROL).replace("{python}", sys.executable)
    isolated = ["unshare", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc", "--", "sh", "-c", script]
    environment = {
        "DISK": str(disk),
        "INSTANCE": instance_id,
        "PATH": f"{world.folder / 'bin'}:{os.environ['PATH']}",
        "STAND_INS": str(world.folder),
        "TMPDIR": str(world.folder),
    }
    with subprocess.Popen(machine.namespace.command(*isolated), env=environment) as process:
        try:
            ended = disk / "user-data.code"
            wait_until(lambda: process.poll() is not None or (ended.exists() and ended.read_text()), within=60)
            code, log = int(ended.read_text()), (disk / "user-data.log").read_text()
            yield Instance(code=code, pid=process.pid, disk=disk, boot_log=log)
        finally:
            process.kill()


def _descendants(pid: int) -> Iterator[int]:
    for child in map(int, Path(f"/proc/{pid}/task/{pid}/children").read_text().split()):
        yield child
        yield from _descendants(child)


def _executable(path: Path, script: str) -> None:
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)
