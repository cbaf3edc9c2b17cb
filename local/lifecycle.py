"""Start the embedded cloud in the background, find it again, end it."""

import fcntl
import os
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from select import select

from local import processes
from local.environment import cloud_environment
from local.state import PROJECT_DIRECTORY, CloudDirectory, CloudState

CLOUD_PYTHON = PROJECT_DIRECTORY / ".venv-cloud" / "bin" / "python"
START_SECONDS = 60
LOG_LINES_SHOWN = 15


class CloudError(Exception):
    """What stopped a command, in words for its user."""


def find(directory: CloudDirectory) -> CloudState | None:
    """Return the cloud that runs in this directory, or None."""
    state = directory.read_state()
    return state if state and processes.started(state.pid) == state.started else None


def start(directory: CloudDirectory) -> tuple[CloudState, bool]:
    """Return the cloud that runs in this directory and whether it was started now; raise CloudError when it fails."""
    with _taking_turns(directory):
        running = find(directory)
        if running:
            return running, False
        _clear(directory)
        directory.make()
        return _launch(directory), True


def stop(directory: CloudDirectory) -> bool:
    """End every process of the cloud and remove its folder. Return whether a cloud ran."""
    with _taking_turns(directory):
        running = find(directory)
        _clear(directory)
        return running is not None


@contextmanager
def _taking_turns(directory: CloudDirectory) -> Iterator[None]:
    """Let a second command wait, so that it finds what the first one started. The folder above serves as the lock."""
    parent = directory.path.parent
    parent.mkdir(parents=True, exist_ok=True)
    lock = os.open(parent, os.O_RDONLY)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
    finally:
        os.close(lock)


def _clear(directory: CloudDirectory) -> None:
    """End what is left of a cloud and remove its folder; CloudError for a folder that is no cloud's."""
    if not directory.path.exists():
        return
    if not directory.log_file.exists():
        raise CloudError(f"{directory.path} is there, but is not an embedded cloud's folder: name another one.")
    state = directory.read_state()
    if state:
        processes.end_session(leader=state.pid, leader_started=state.started)
    shutil.rmtree(directory.path)


def _launch(directory: CloudDirectory) -> CloudState:
    if not CLOUD_PYTHON.exists():
        raise CloudError(f"The embedded cloud's environment is missing: {CLOUD_PYTHON}. Run `make setup` first.")
    process, ready = _spawn(directory)
    state = None
    try:
        closed, _, _ = select([ready], [], [], START_SECONDS)
        state = directory.read_state()
    finally:
        os.close(ready)
        if state is None:
            processes.end_session(leader=process.pid, leader_started=processes.started(process.pid) or "")
    if state is None:
        raise CloudError(_failure(directory, ended=bool(closed)))
    return state


def _spawn(directory: CloudDirectory) -> tuple[subprocess.Popen[bytes], int]:
    """Start the cloud's process and return it with a pipe that closes when the cloud is ready, or has ended."""
    ready, ready_end = os.pipe()
    with socket.socket() as listener, directory.log_file.open("w") as log:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        arguments = {
            "--directory": directory.path,
            "--listener": listener.fileno(),
            "--ready": ready_end,
            "--agent-python": sys.executable,
        }
        process = subprocess.Popen(
            [CLOUD_PYTHON, "-m", "local.cloud", *(str(part) for pair in arguments.items() for part in pair)],
            cwd=PROJECT_DIRECTORY,
            env=cloud_environment(directory, port=listener.getsockname()[1]),
            pass_fds=(listener.fileno(), ready_end),
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    os.close(ready_end)
    return process, ready


def _failure(directory: CloudDirectory, *, ended: bool) -> str:
    what = "ended before it was ready" if ended else f"was not ready after {START_SECONDS} s"
    last_lines = directory.log_file.read_text(errors="replace").splitlines()[-LOG_LINES_SHOWN:]
    return "\n".join([f"The embedded cloud {what}. The end of its log, {directory.log_file}:", *last_lines])
