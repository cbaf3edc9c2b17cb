"""Nothing of a lab outlives the process that made it."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.networks.fixtures import skipping_where_not_permitted
from tests.networks.lab import open_lab
from tests.networks.waiting import wait_until

_REPOSITORY = Path(__file__).parents[2]
_OWNER = """
import subprocess
from tests.networks.lab import open_lab
with open_lab() as lab:
    machine = lab.add("machine")
    with subprocess.Popen(machine.command("sleep", "600")) as program:
        machine.run("sh", "-c", f"until grep -q sleep /proc/{program.pid}/comm; do :; done")
        print(lab.anchor, program.pid, flush=True)
"""


def test_kill_of_its_owner_ends_a_lab_and_its_programs(pytestconfig: pytest.Config) -> None:
    with skipping_where_not_permitted(pytestconfig), open_lab():
        pass
    with subprocess.Popen([sys.executable, "-c", _OWNER], cwd=_REPOSITORY, stdout=subprocess.PIPE) as owner:
        assert owner.stdout
        processes = [Path("/proc") / pid for pid in owner.stdout.readline().decode().split()]
        networks = {os.readlink(process / "ns" / "net") for process in processes}
        assert len(networks) == 2
        owner.send_signal(signal.SIGKILL)
    wait_until(lambda: not any(process.exists() for process in processes), within=10)
    assert not networks & {network(process) for process in Path("/proc").glob("[0-9]*")}


def network(process: Path) -> str:
    try:
        return os.readlink(process / "ns" / "net")
    except OSError:  # it has ended, or is none of ours
        return ""
