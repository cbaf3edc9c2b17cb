"""The Daily call of this process: a session has one room, and one pipeline however many people are in it."""

import asyncio
from collections.abc import Mapping
from contextlib import ExitStack

from calls import Calls, RefusalError, converse
from daily_room.connection import RoomConnection
from daily_room.rooms_function import RoomsFunction
from loading import BotLoader
from messages import CallError, Join
from phone import PhoneCall
from phone.sessions import PhoneSessions
from settings import Settings
from snapshot import renew_randomness
from status import Status
from telemetry import continue_trace
from telemetry.metrics import record

_NO_DAILY = "this agent is deployed without Daily rooms; add daily to transports, and deploy"


class RoomCalls:
    """Joins the room that the session is asked into, and runs the call there."""

    def __init__(
        self, *, settings: Settings, loader: BotLoader, calls: Calls, status: Status, phones: PhoneSessions
    ) -> None:
        self._settings = settings
        self._loader = loader
        self._calls = calls
        self._status = status
        self._phones = phones
        self._room_url = ""
        self._call: asyncio.Task[None] | None = None

    def join(self, join: Join, *, session_id: str | None, headers: Mapping[str, str]) -> None:
        """Begin the call in this room; asked again for the same, do nothing. Raises `CallError`."""
        if not self._settings.rooms_function:
            raise CallError("no_daily", _NO_DAILY)
        if self._calls.stopping:
            raise CallError("stopping", "the agent is stopping; start a new session")
        if self._call and not self._call.done() and join.room_url == self._room_url:
            return
        if self._status.calls:
            raise CallError("session_busy", "this session has a call; end that, or start a new session")
        phone = self._phone_call(join, session_id=session_id)
        rooms = RoomsFunction(name=self._settings.rooms_function, region=self._settings.region, session_id=session_id)
        connection = RoomConnection(join=join, rooms=rooms, phone=phone)
        with ExitStack() as busy:
            busy.enter_context(self._status.call())
            self._room_url = join.room_url
            self._call = asyncio.create_task(
                self._run(connection, session_id=session_id, headers=headers, busy=busy.pop_all())
            )

    async def finished(self) -> None:
        """Wait for the end of the call, if there is one."""
        if self._call:
            await asyncio.wait([self._call])

    def _phone_call(self, join: Join, *, session_id: str | None) -> PhoneCall | None:
        if join.phone is None:
            return None
        phone = PhoneCall(
            carrier="daily",
            direction=join.phone.direction,
            caller=join.caller,
            can_transfer=join.phone.transfer_to is not None,
        )
        try:
            self._phones.begin(phone, session_id=session_id)
        except RefusalError as error:
            raise CallError("session_busy", str(error)) from error
        return phone

    async def _run(
        self, connection: RoomConnection, *, session_id: str | None, headers: Mapping[str, str], busy: ExitStack
    ) -> None:
        with busy:  # until the end is told, so that AgentCore doesn't take the session for idle
            conversation = self._converse(connection, session_id=session_id, headers=headers)
            await self._calls.run(conversation, connection=connection)
            if phone := connection.phone:
                phone.finish(end=connection.end, abandoned=False)
                record("PhoneCalls", 1, unit="Count", carrier=phone.carrier, outcome=phone.outcome)
            await connection.rooms.end_session()

    async def _converse(
        self, connection: RoomConnection, *, session_id: str | None, headers: Mapping[str, str]
    ) -> None:
        bot = await self._loader.bot()
        from daily_room.arguments import RoomRunnerArguments

        renew_randomness()
        continue_trace(headers, settings=self._settings)
        arguments = RoomRunnerArguments(
            room_url=connection.join.room_url,
            token=connection.join.token,
            body=connection.join.body,
            session_id=session_id,
            connection=connection,
        )
        await converse(bot(arguments), left=connection.left)
