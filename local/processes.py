"""End a session of processes for certain, and never one that only took over a process id. Reads /proc (proc(5))."""

import os
import select
import shutil
import signal
import time
from collections.abc import Iterable
from contextlib import ExitStack, suppress
from pathlib import Path

LEADER_GRACE_SECONDS = 20.0
LEFTOVER_GRACE_SECONDS = 2.0

# Starts what must not outlive a parent that was killed: util-linux asks the kernel for that, then becomes the program.
DIE_WITH_PARENT = ("setpriv", "--pdeathsig", "KILL") if shutil.which("setpriv") else ()

_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")


def started(pid: int) -> str | None:
    """Return what tells this process from a later one with its id: boot and start time. None: no such process."""
    fields = _stat(pid)
    return f"{_boot()}/{fields[19]}" if fields else None


def end_session(*, leader: int, leader_started: str) -> None:
    """End the session that `leader` founded: first the leader politely, then whatever it left behind.

    Nothing is done when another process took over the id. The kernel gives nobody the id of a session that still lives.
    """
    if not leader_started.startswith(_boot()) or started(leader) not in (leader_started, None):
        return
    _end([leader], signal.SIGTERM, LEADER_GRACE_SECONDS)
    _end(session_members(leader), signal.SIGTERM, LEFTOVER_GRACE_SECONDS)
    _end(session_members(leader), signal.SIGKILL, LEFTOVER_GRACE_SECONDS)


def session_members(leader: int) -> list[int]:
    """Return the living processes of a session."""
    members = []
    for entry in Path("/proc").iterdir():
        fields = _stat(int(entry.name)) if entry.name.isdigit() else None
        if fields and int(fields[3]) == leader:
            members.append(int(entry.name))
    return members


def _boot() -> str:
    return _BOOT_ID.read_text().strip()


def _stat(pid: int) -> list[str] | None:
    """Return the fields of /proc/PID/stat from the state on; None when it is gone or a zombie."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return None
    return None if fields[0] in "ZX" else fields


def _end(pids: Iterable[int], how: signal.Signals, grace_seconds: float) -> None:
    with ExitStack() as stack:
        poll = select.poll()
        waiting = 0
        for pid in pids:
            with suppress(ProcessLookupError):
                handle = os.pidfd_open(pid)
                stack.callback(os.close, handle)
                signal.pidfd_send_signal(handle, how)
                poll.register(handle, select.POLLIN)  # readable once the process has ended
                waiting += 1
        deadline = time.monotonic() + grace_seconds
        while waiting and (left := deadline - time.monotonic()) > 0:
            for handle, _ in poll.poll(left * 1000):
                poll.unregister(handle)
                waiting -= 1
