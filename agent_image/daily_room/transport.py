"""The agent in a Daily room: Pipecat's transport, with the events that all calls here have.

https://docs.pipecat.ai/api-reference/server/services/transport/daily
"""

# mypy: disable-error-code="no-untyped-call"
# Pipecat's transport carries few types.

import asyncio
import logging
import time
from collections.abc import Mapping
from contextlib import AsyncExitStack
from typing import Any

from pipecat.transports.daily.transport import (
    DailyInputTransport,
    DailyOutputTransport,
    DailyParams,
    DailyTransport,
)

from calls import GOING_AWAY, INTERNAL_ERROR, NORMAL
from daily_room.connection import RoomConnection
from daily_room.floor import Floor
from daily_room.ice_config import IceConfigError, ice_config
from daily_room.leaving import apologise, send_out, transfer
from daily_room.streams import RoomInput, RoomOutput
from telemetry.metrics import record

_NAME = "Agent"
_JOIN_SECONDS = 20.0
# How long a room may stay without anybody but the agent before anybody came.
_NOBODY_SECONDS = 60.0
# Daily sends everybody out at the end of the room: so long before, the bot takes its leave.
_LEAVE_SECONDS = 15.0
_OF_THE_CALL = ("on_client_connected", "on_client_disconnected")

_logger = logging.getLogger("switchboard.agent")


class RoomTransport(DailyTransport):
    """A call in a room, in which there may be several people.

    `on_client_connected` comes once, with the first who can hear the bot, and `on_client_disconnected` when the last
    has left, or the agent is out of the room for another reason; Pipecat's own events of participants come for each.
    Also `on_session_timeout`, when AgentCore stops the session, and some seconds before the room's end.
    """

    kind = "daily"

    def __init__(self, *, connection: RoomConnection) -> None:
        join = connection.join
        params = DailyParams(
            audio_in_enabled=True,
            audio_out_enabled=True,
            audio_in_user_tracks=True,
            camera_out_enabled=False,
            audio_out_end_silence_secs=1,
        )
        super().__init__(join.room_url, join.token, _NAME, params)
        self._register_event_handler("on_session_timeout")
        self.connection = connection
        self.phone = connection.phone
        self._line = connection.line
        if self._line:
            self._line.attend(self)
        self._floor = Floor()
        self._people: dict[str, Mapping[str, Any]] = {}
        self._joined, self._begun, self._alone = asyncio.Event(), asyncio.Event(), asyncio.Event()
        self._finishing = self._ended = self._reachable = False
        self._joining = asyncio.Lock()
        self._path = AsyncExitStack()
        self._watching: asyncio.Task[None] | None = None
        self._dialling: asyncio.Task[None] | None = None
        connection.on_session_end = self._end_session

    def input(self) -> DailyInputTransport:
        """The people's audio, keys and messages."""
        if self._input is None:
            self._input = RoomInput(self, self._client, self._params, floor=self._floor, name=self._input_name)
        return self._input

    def output(self) -> DailyOutputTransport:
        """The bot's audio and messages, which all people get."""
        if self._output is None:
            self._output = RoomOutput(self, self._client, self._params, name=self._output_name)
        return self._output

    async def join(self) -> None:
        """Join the room, unless no path leads there: input and output both ask for it."""
        async with self._joining:
            if self._watching is None:
                self._watching = asyncio.create_task(self._watch())
                self._reachable = await self._open_path()
        if self._reachable:
            await self._client.join()

    @property
    def begun(self) -> bool:
        """Whether the call has begun: who is called isn't heard before, as nobody but the network speaks then."""
        return self._begun.is_set()

    def start(self) -> None:
        """The pipeline hears the room from now on: a phone call that the room is for can be placed."""
        if self._line and not self._ended:
            self._dialling = asyncio.create_task(self._line.dial(self))

    async def begin(self) -> None:
        """The call begins when somebody is in the room, and of a phone call when it is answered."""
        if self._people and not self._begun.is_set() and (self._line is None or self._line.answered):
            self._begun.set()
            await super()._call_event_handler("on_client_connected", next(iter(self._people.values())))

    async def end(self, reason: str, *, code: int = NORMAL) -> None:
        """The call is over, and the agent needn't say anything more."""
        if self._ended or self._finishing:
            return
        self._ended = True
        self.connection.leave(code=code, reason=reason)
        await super()._call_event_handler("on_client_disconnected", next(iter(self._people.values()), {"id": ""}))

    async def fail(self, kind: str, *, problem: str) -> None:
        """The call can't begin, or go on; what the problem is stands in the log."""
        _logger.error("%s", problem)
        record("RoomFailures", 1, unit="Count", kind=kind)
        await self.end("the agent can't use the room; its log says why", code=INTERNAL_ERROR)

    async def finish(self) -> None:
        """Before the agent leaves: hand over who is to be transferred, and send out who is still there."""
        if self._finishing:
            return
        self._finishing = True
        self._stop_tasks()
        if not await self._is_transferred() and self._line:
            await self._line.hang_up(self)
        if self._people and self._client._in_call():
            await send_out(self._client, people=[*self._people])
        self.connection.left.set()  # what is still to be done may take seconds, and not for ever

    async def cleanup(self) -> None:
        """Give the path to the room back."""
        self._stop_tasks()
        await self._path.aclose()
        await super().cleanup()

    def _stop_tasks(self) -> None:
        for task in (self._watching, self._dialling):
            if task:
                task.cancel()

    async def _open_path(self) -> bool:
        try:
            config = await self._path.enter_async_context(
                ice_config(room_url=self.room_url, renewed=self._set_ice_config)
            )
        except IceConfigError as error:
            await self.fail("path", problem=str(error))
            return False
        if config is not None:
            self._set_ice_config(config)
        return True

    def _set_ice_config(self, config: Mapping[str, Any]) -> None:
        self._client._client.set_ice_config(config)  # for which Pipecat has no way of its own

    async def _watch(self) -> None:
        """End a call that doesn't begin, and take leave before the room's end."""
        if not await _happens(self._joined, within=_JOIN_SECONDS):
            await self.fail("join", problem=f"the room wasn't joined within {_JOIN_SECONDS:.0f} s")
            return
        if not await _happens(self._begun, within=_NOBODY_SECONDS):
            await self.end("nobody came")
            return
        await asyncio.sleep(self.connection.join.expires - time.time() - _LEAVE_SECONDS)
        self.connection.end_with(code=GOING_AWAY, reason="the room's time is over; start a new session")
        await self._end_session()

    async def _end_session(self) -> None:
        await self._call_event_handler("on_session_timeout", self.connection)

    async def _is_transferred(self) -> bool:
        if not (self._line and self._people and self.phone and self.phone.outcome == "transfer"):
            return False
        problem = await transfer(self, destination=self._line.transfer_to, alone=self._alone)
        if not problem:
            return True
        _logger.error("the caller can't be transferred: %s", problem)
        record("RoomFailures", 1, unit="Count", kind="transfer")
        self.phone.outcome = "unknown"
        self.connection.end_with(
            code=INTERNAL_ERROR, reason="the caller can't be transferred; the agent's log says why"
        )
        await apologise(self._client)
        return False

    async def _call_event_handler(self, event_name: str, *args: Any, **kwargs: Any) -> None:
        """Two of its events Pipecat has for each participant; here they are about the call."""
        if event_name not in _OF_THE_CALL:
            await super()._call_event_handler(event_name, *args, **kwargs)

    async def _on_joined(self, data: Mapping[str, Any]) -> None:
        self._joined.set()
        await super()._on_joined(data)

    async def _on_participant_joined(self, participant: Mapping[str, Any]) -> None:
        self._people[participant["id"]] = participant
        self._alone.clear()
        await super()._on_participant_joined(participant)
        await self.begin()

    async def _on_participant_left(self, participant: Mapping[str, Any], reason: str) -> None:
        self._people.pop(participant["id"], None)
        self._floor.leave(participant["id"])
        await super()._on_participant_left(participant, reason)
        if not self._people:
            self._alone.set()
            if self._begun.is_set():
                await self.end("the caller hung up")

    async def _on_call_state_updated(self, state: str) -> None:
        await super()._on_call_state_updated(state)
        if state == "left":
            await self.end("the room was closed, or the agent sent out of it")

    async def _on_error(self, error: str) -> None:
        """Pipecat would make a frame of it, and of the room's name a line in the log."""
        await self._call_event_handler("on_error", error)
        if not self._joined.is_set():
            await self.fail("join", problem=f"the room can't be joined: {error}")

    async def _on_recording_started(self, status: Mapping[str, Any]) -> None:
        _logger.info("the room is being recorded")
        await super()._on_recording_started(status)

    async def _on_recording_error(self, stream_id: str, message: str) -> None:
        _logger.error("the room can't be recorded: %s", message)
        record("RoomFailures", 1, unit="Count", kind="recording")
        await super()._on_recording_error(stream_id, message)


async def _happens(event: asyncio.Event, *, within: float) -> bool:
    try:
        async with asyncio.timeout(within):
            await event.wait()
    except TimeoutError:
        return False
    return True
