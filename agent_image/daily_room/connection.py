"""A Daily room that the agent was asked into, as the rest of the agent sees it."""

import asyncio
from collections.abc import Awaitable, Callable

from calls import NORMAL
from daily_room.lines import phone_line
from daily_room.rooms_function import RoomsFunction
from messages import Join
from phone import PhoneCall


class RoomConnection:
    """One call in a room, which is over when the last of its people has left: one of several may go before.

    `phone` is what is known of a phone call that comes through the room, and `line` what is done for it; both are None
    for any other.
    """

    def __init__(self, *, join: Join, rooms: RoomsFunction, phone: PhoneCall | None = None) -> None:
        self.join = join
        self.rooms = rooms
        self.phone = phone
        self.line = phone_line(join.phone, rooms=rooms) if join.phone else None
        self.caller = join.caller
        self.on_session_end: Callable[[], Awaitable[None]] | None = None
        self.left = asyncio.Event()
        self._decided = False
        self._end_code, self._end_reason = NORMAL, ""

    def end_with(self, *, code: int, reason: str) -> None:
        """Decide how the end of the call is explained in the log."""
        self._decided = True
        self._end_code, self._end_reason = code, reason

    def leave(self, *, code: int, reason: str) -> None:
        """Nobody is there any more; what the agent has decided before still explains the end."""
        if not self._decided:
            self.end_with(code=code, reason=reason)
        self.left.set()

    @property
    def end(self) -> str:
        """How the call ended."""
        return f"{self._end_code} {self._end_reason}".strip()

    async def close(self) -> None:
        """The call is over. The room was left with the pipeline, and what is left in it goes with the room."""
        self.left.set()
        if self.line:
            self.line.finish(code=self._end_code)
