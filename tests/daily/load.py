"""Many callers press the button at once, then all calls end: has each a room, and is none left?

    PYTHONPATH=.:lambda:agent_image python -m tests.daily.load

Daily's stand-in holds the limits that Daily documents; all requests go over sockets. The calls end in four ways: DELETE
by the caller, a caller who leaves, an agent that is killed, and an agent that never came. `tests/daily/fleet.py` says
what this doesn't prove.
"""

import asyncio
import io
import json
import os
import statistics
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import AsyncIterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AsyncExitStack, asynccontextmanager, redirect_stdout
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final
from unittest.mock import patch

import time_machine

from local.daily.admin_client import Account, Admin
from local.daily.participant import Participant
from local.daily.stand_in import serve as serve_daily
from tests.agent_image.agent_process import IMAGE, AgentProcess, run_agent, until
from tests.daily.fleet import NOBODY_COMES, REAL, Fleet, Real
from tests.daily.functions import ENVIRONMENT, SESSION_KEY_ARN, Functions

SESSIONS: Final = 200
WAYS: Final = ("kill", "leave", "delete", "stay away")
REAL_AGENTS: Final = 2
"""The first session that ends by each of the first two ways has a process of the image for an agent."""
OLD_SECONDS: Final = 130.0
"""By then the sweep takes every room for old: its clock is set forward by so much."""
SWEEPS: Final = 4
SETTLED_SECONDS: Final = 60.0
LOADED_SECONDS: Final = 120.0
_AGENT: Final = {
    "AWS_REGION": "us-east-1",
    "AWS_ACCESS_KEY_ID": "AKIDEXAMPLE",
    "AWS_SECRET_ACCESS_KEY": "secret",
    "SWITCHBOARD_ROOMS_FUNCTION": "switchboard-load-rooms",
}


@dataclass(frozen=True, kw_only=True)
class Started:
    """One answer to POST /start, after so many seconds, and how its call is going to end."""

    way: str
    status: int
    seconds: float
    session_id: str = field(repr=False)
    answer: Mapping[str, Any] = field(repr=False)


@dataclass(kw_only=True)
class Outcome:
    """What came of it: `rooms` after the starts, `unswept` after the ends, and what each sweep left, after seconds."""

    started: list[Started] = field(default_factory=list)
    rooms: int = 0
    deleted: Counter[int] = field(default_factory=Counter)
    failed_events: list[str] = field(default_factory=list)
    unswept: int = 0
    sweeps: list[tuple[float, int]] = field(default_factory=list)
    live_room_kept: bool = False
    left: int = -1

    @property
    def answers(self) -> Counter[str]:
        """What POST /start was answered with: `200`, or a status and an error's code."""
        return Counter(
            " ".join([str(each.status), *([each.answer["error"]["code"]] if each.status >= 400 else [])])
            for each in self.started
        )

    @property
    def slowest(self) -> float:
        """Seconds until the last was answered."""
        return max(each.seconds for each in self.started)

    def __str__(self) -> str:
        median = statistics.median(each.seconds for each in self.started)
        sweeps = ", ".join(f"{left} left after {seconds:.1f} s" for seconds, left in self.sweeps)
        return "\n".join(
            [
                f"starts at once     {len(self.started)}, answered {dict(self.answers)}",
                f"answered after     {median:.1f} s (median), {self.slowest:.1f} s (the last)",
                f"rooms              {self.rooms}",
                f"DELETE             answered {dict(self.deleted)}",
                f"after all ends     {self.unswept} rooms are left to the sweep",
                f"sweeps             {sweeps}",
                f"a call that goes on {'keeps' if self.live_room_kept else 'LOST'} its room",
                f"rooms left         {self.left}",
            ]
        )


class Load:
    """One run: the account at the stand-in, the functions, and the sessions that they start."""

    def __init__(self, *, daily: Admin, account: Account) -> None:
        self.daily = daily
        self.account = account
        self.outcome = Outcome()
        key = {"apiKey": account.api_key, "domainId": account.domain_id}
        self._key_arn = f"arn:aws:secretsmanager:us-east-1:123456789012:secret:{account.domain}-AbCdEf"
        self.fleet = Fleet(
            daily_url=daily.base_url,
            secrets={SESSION_KEY_ARN: "k" * 40, self._key_arn: json.dumps(key)},
            rooms_function=lambda event: self.functions.session_ended(event),
        )
        self._callers: dict[str, Participant] = {}
        self._leaving = AsyncExitStack()

    @asynccontextmanager
    async def running(self, *, real_agents: int, folder: Path) -> AsyncIterator[None]:
        """Serve, and have as many processes of the image ready."""
        async with self.fleet.serving(), AsyncExitStack() as processes, self._leaving:
            self.functions = Functions(
                aws_url=self.fleet.url, daily_url=self.daily.api_url, daily_key_arn=self._key_arn
            )
            await asyncio.to_thread(self.functions.warm)
            environment = {**_AGENT, "AWS_ENDPOINT_URL": self.fleet.url, **self.daily.agent_environment}
            for number in range(real_agents):
                log = folder / f"agent-{number}.log"
                process = await processes.enter_async_context(run_agent(image=IMAGE, log=log, **environment))
                await _loaded(process)
                self.fleet.spare.append(Real(process=process))
            yield

    async def start(self, ways: Sequence[str]) -> None:
        """A session for each of these ways of ending, all at the same moment."""
        real = {ways.index(way) for way in WAYS[: len(self.fleet.spare)]}
        together = threading.Barrier(len(ways))
        starts = (
            asyncio.to_thread(self._start, way, REAL if number in real else {}, together)
            for number, way in enumerate(ways)
        )
        self.outcome.started = await asyncio.gather(*starts)
        self.outcome.rooms = len(self.rooms())

    async def meet(self) -> None:
        """Wait until agents have joined; then the callers do who are going to leave, or to send DELETE."""
        agents = sum(each.way != "stay away" for each in self.outcome.started)

        async def there() -> bool:
            rooms = await asyncio.to_thread(self.rooms)
            return sum(len(room["participants"]) for room in rooms) == agents

        await until(there, within=SETTLED_SECONDS)
        await asyncio.gather(*(self._join(each) for each in self.outcome.started if each.way in ("delete", "leave")))

    async def end(self) -> None:
        """End every call, all at the same moment, and wait until the agents have told what they can tell."""
        leaving = [self._callers[each.session_id].leave() for each in self._of("leave")]
        killing = [self.fleet.agents[each.session_id].kill() for each in self._of("kill")]
        deleting = [asyncio.to_thread(self.functions.delete, each.session_id) for each in self._of("delete")]
        statuses, *_ = await asyncio.gather(asyncio.gather(*deleting), *leaving, *killing)
        self.outcome.deleted = Counter(statuses)

        async def told() -> bool:
            return self.fleet.told >= len(leaving)

        await until(told, within=SETTLED_SECONDS)
        self.outcome.failed_events = self.fleet.failed_events
        self.outcome.unswept = len(self.rooms()) - 1

    async def sweep(self) -> None:
        """Sweep as the schedule does, until only the room of the call that goes on is left."""
        with time_machine.travel(datetime.now(UTC) + timedelta(seconds=OLD_SECONDS)):
            while len(self.rooms()) > 1 and len(self.outcome.sweeps) < SWEEPS:
                began = time.monotonic()
                await asyncio.to_thread(self.functions.sweep)
                self.outcome.sweeps.append((time.monotonic() - began, len(self.rooms()) - 1))

    @asynccontextmanager
    async def call_that_goes_on(self) -> AsyncIterator[str]:
        """One more, whose agent and caller stay in their room; yields its name, and ends it by DELETE."""
        started = await asyncio.to_thread(self._start, "delete", {}, None)
        await self._join(started)
        yield started.answer["dailyRoom"].rpartition("/")[2]
        await asyncio.to_thread(self.functions.delete, started.session_id)

    def rooms(self) -> list[dict[str, Any]]:
        """The rooms that are there now."""
        return self.daily.rooms(self.account)

    def _of(self, way: str) -> list[Started]:
        return [each for each in self.outcome.started if each.way == way]

    def _start(self, way: str, agent_body: Mapping[str, object], together: threading.Barrier | None) -> Started:
        if together:
            together.wait()
        began = time.monotonic()
        status, session_id, answer = self.functions.start(NOBODY_COMES if way == "stay away" else agent_body)
        return Started(way=way, status=status, seconds=time.monotonic() - began, session_id=session_id, answer=answer)

    async def _join(self, started: Started) -> None:
        join = Participant.join(
            self.daily.base_url,
            room_url=started.answer["dailyRoom"],
            token=started.answer["dailyToken"],
            user_name="Caller",
        )
        self._callers[started.session_id] = await self._leaving.enter_async_context(join)


async def _loaded(process: AgentProcess) -> None:
    """Wait longer than other tests for the bot: the machine may be doing much else."""
    await process.answers()

    async def loaded() -> bool:
        return bool((await process.status())["ready"])

    await until(loaded, within=LOADED_SECONDS)


async def run(*, sessions: int = SESSIONS, real_agents: int = REAL_AGENTS, folder: Path) -> Outcome:
    """Start so many sessions at once, end them all, sweep, and count."""
    asyncio.get_running_loop().set_default_executor(ThreadPoolExecutor(sessions + 8))
    with serve_daily() as daily, patch.dict(os.environ, ENVIRONMENT):
        load = Load(daily=daily, account=daily.add_account())
        async with load.running(real_agents=real_agents, folder=folder):
            await load.start([WAYS[number % len(WAYS)] for number in range(sessions)])
            if load.outcome.answers != {"200": sessions}:
                return load.outcome
            await load.meet()
            async with load.call_that_goes_on() as room:
                await load.end()
                await load.sweep()
                load.outcome.live_room_kept = [each["name"] for each in load.rooms()] == [room]
        load.outcome.left = len(load.rooms())
    return load.outcome


def main() -> int:
    """Print the figures; 0 when every start was answered with a room and none is left."""
    # The functions' metrics are lines on standard output.
    with tempfile.TemporaryDirectory() as folder, redirect_stdout(io.StringIO()):
        outcome = asyncio.run(run(folder=Path(folder)))
    sys.stdout.write(f"{outcome}\n")
    return int(outcome.answers != {"200": SESSIONS} or outcome.left != 0)


if __name__ == "__main__":
    sys.exit(main())
