"""A call between two plain peers: starts them, and carries their lines."""

import json
import subprocess
import sys
from pathlib import Path

from tests.networks.cases import IceServers
from tests.networks.lab import Namespace
from tests.networks.outcome import Outcome

_PROGRAM = Path(__file__).parent / "plain_peer.py"


def plain_call(*, caller: Namespace, agent: Namespace, callers: IceServers, agents: IceServers) -> Outcome:
    """Place the call; `callers` and `agents` are their ICE servers."""
    with _peer(caller, "offer", callers) as offering, _peer(agent, "answer", agents) as answering:
        _carry(offering, answering)
        _carry(answering, offering)
        assert offering.stdout
        outcome = json.loads(offering.stdout.readline())
        for peer in (offering, answering):
            assert peer.stdin
            peer.stdin.close()
    return Outcome(pair=outcome["pair"], seconds=outcome["seconds"])


def _peer(machine: Namespace, role: str, servers: IceServers) -> subprocess.Popen[str]:
    command = machine.command(sys.executable, str(_PROGRAM), role, json.dumps(servers))
    return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)


def _carry(source: subprocess.Popen[str], target: subprocess.Popen[str]) -> None:
    assert source.stdout
    assert target.stdin
    target.stdin.write(source.stdout.readline())
    target.stdin.flush()
