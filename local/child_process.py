"""One process that this cloud starts in place of a container: the leader of its own process group."""

import asyncio
import os
import signal
import socket
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Self

from local.processes import DIE_WITH_PARENT


class ChildProcess:
    """A started process; `start` is the only way to make one."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process
        self._exit = asyncio.create_task(self._sweep_up())

    @classmethod
    async def start(cls, *, argv: Sequence[str], cwd: Path, environment: Mapping[str, str], log_path: Path) -> Self:
        """Start a process that logs to a file and ends with this one; OSError when there is no such program.

        Nothing but PATH is inherited.
        """
        base = {"PATH": os.environ.get("PATH", os.defpath), "LANG": "C.UTF-8"}
        with log_path.open("ab") as log:
            process = await asyncio.create_subprocess_exec(
                *DIE_WITH_PARENT,
                *argv,
                cwd=cwd,
                env={**base, **environment},
                stdin=asyncio.subprocess.DEVNULL,
                stdout=log,
                stderr=asyncio.subprocess.STDOUT,
                process_group=0,
            )
        return cls(process)

    @property
    def exit_code(self) -> int | None:
        """None while the process runs; negative for the signal that ended it."""
        return self._process.returncode

    async def exited_within(self, seconds: float | None) -> bool:
        """Wait for the process to end, no longer than so many seconds; None waits for ever."""
        done, _ = await asyncio.wait([self._exit], timeout=seconds)
        return bool(done)

    async def terminate(self, *, grace_seconds: float) -> None:
        """End the process: SIGTERM, then SIGKILL when it takes longer than it may."""
        for number in (signal.SIGTERM, signal.SIGKILL):
            if self.exit_code is None:
                os.killpg(self._process.pid, number)
                await self.exited_within(grace_seconds)

    async def _sweep_up(self) -> None:
        """Wait for the end, and end at once what is left of the group, while its id can't be anybody else's."""
        await self._process.wait()
        with suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)


def free_port() -> int:
    """Return a TCP port that is free on loopback."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port: int = listener.getsockname()[1]
        return port
