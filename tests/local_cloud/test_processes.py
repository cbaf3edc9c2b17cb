"""Ending a session of processes, and only that one."""

import signal
import subprocess
import sys

import pytest

from local import processes

# A leader that leaves a child in a process group of its own, deaf to SIGTERM, and says when both are there.
LEADER = """
import os, signal, subprocess, sys
child = "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('ready', flush=True); signal.pause()"
process = subprocess.Popen([sys.executable, "-c", child], stdout=subprocess.PIPE, process_group=0)
process.stdout.readline()
print(process.pid, flush=True)
signal.pause()
"""


@pytest.fixture(autouse=True)
def little_grace(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(processes, "LEFTOVER_GRACE_SECONDS", 0.2)


def start() -> tuple[subprocess.Popen[str], int]:
    leader = subprocess.Popen([sys.executable, "-c", LEADER], stdout=subprocess.PIPE, text=True, start_new_session=True)
    assert leader.stdout
    return leader, int(leader.stdout.readline())


def test_a_session_ends_with_what_is_deaf_to_sigterm() -> None:
    leader, child = start()
    assert set(processes.session_members(leader.pid)) == {leader.pid, child}

    processes.end_session(leader=leader.pid, leader_started=str(processes.started(leader.pid)))

    assert leader.wait(timeout=1) == -signal.SIGTERM
    assert processes.started(child) is None


def test_what_a_dead_leader_left_behind_ends_too() -> None:
    leader, child = start()
    started = str(processes.started(leader.pid))
    leader.kill()
    leader.wait()

    processes.end_session(leader=leader.pid, leader_started=started)

    assert processes.started(child) is None


def test_a_stranger_with_the_id_of_the_leader_is_left_alone() -> None:
    leader, child = start()
    started = str(processes.started(leader.pid))
    boot, _, ticks = started.partition("/")

    processes.end_session(leader=leader.pid, leader_started=f"{boot}/{int(ticks) - 1}")
    processes.end_session(leader=leader.pid, leader_started=f"of-another-boot/{ticks}")

    assert leader.poll() is None
    assert set(processes.session_members(leader.pid)) == {leader.pid, child}
    processes.end_session(leader=leader.pid, leader_started=started)
    leader.wait()
