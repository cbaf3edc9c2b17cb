"""One telephone, and its call while it is in a room."""

import asyncio
import uuid
from typing import Final

from local.daily.connection import Connection
from local.daily.meeting import Member
from local.daily.room import Room

_NOBODY: Final = uuid.UUID(int=0).bytes


class Line:
    """A telephone: it rings, it is answered, and its audio goes to a room or to another telephone."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._decision: asyncio.Future[str | None] | None = None
        self.number = ""
        self.call: PhoneCall | None = None
        self.other: Line | None = None

    @property
    def is_busy(self) -> bool:
        """Whether it is in a call, or rings."""
        return bool(self.call or self.other or self._decision)

    def tell(self, event: dict[str, object]) -> None:
        """Tell the phone's owner."""
        self._connection.tell(event)

    def play(self, packet: bytes) -> None:
        """Let the phone's owner hear: the speaker's id, then the audio."""
        self._connection.play(packet)

    def pass_audio(self, packet: bytes) -> None:
        """Let the other end hear what is said into the phone."""
        if self.other:
            self.other.play(_NOBODY + packet)
        elif self.call:
            self.call.room.meeting.pass_audio(self.call.id, packet)

    async def ring(self, *, caller: str, seconds: float) -> str | None:
        """Ring until it is answered (None), refused or has rung for too long (why)."""
        self._decision = asyncio.get_running_loop().create_future()
        self.tell({"type": "ringing", "caller": caller})
        try:
            async with asyncio.timeout(seconds):
                return await self._decision
        except TimeoutError:
            return "no answer"
        finally:
            self._decision = None

    def decide(self, refusal: str | None) -> None:
        """Answer, or refuse; nothing when it doesn't ring."""
        if self._decision and not self._decision.done():
            self._decision.set_result(refusal)

    def end(self, reason: str) -> None:
        """Say why the call is over; the phone can be called again."""
        self.call = self.other = None
        self.decide(reason)
        self.tell({"type": "ended", "reason": reason})


class PhoneCall:
    """A phone in a room: its `id` is the participant's, which Daily calls the session's."""

    def __init__(self, *, line: Line, room: Room, direction: str, name: str, user_id: str | None) -> None:
        self.line = line
        self.room = room
        self.has_ended = False
        self._direction = direction
        self._member = Member(
            tell=lambda _event: None,
            play=line.play,
            user_name=name,
            user_id=user_id,
            is_phone=True,
            eject=lambda reason: self.end(reason),
        )
        self.id = self._member.id

    def enter(self) -> None:
        """Join the room."""
        self.room.meeting.join(self._member)

    def tell(self, what: str, **data: object) -> None:
        """Tell the room of the call: `dialin-…` or `dialout-…`."""
        about = {"sessionId": self.id, "userId": self._member.user_id, **data}
        self.room.meeting.tell_all({"type": f"{self._direction}-{what}", "data": about})

    def press(self, tones: str) -> None:
        """Send tones to the phone."""
        self.line.tell({"type": "dtmf", "tones": tones})

    def pressed(self, tone: str) -> None:
        """Tell the room of a key of the phone."""
        self.room.meeting.tell_all({"type": "dtmf-event", "data": {"sessionId": self.id, "tone": tone}})

    def end(self, reason: str) -> None:
        """Hang up; once."""
        if self.let_go():
            self.line.end(reason)

    def fail(self, reason: str) -> None:
        """Give up a call that was never answered."""
        if not self.has_ended:
            self.has_ended = True
            self.room.meeting.leave(self.id)
            self.tell("error", errorMsg=reason)
            self.line.end(reason)

    def let_go(self) -> bool:
        """Leave the room without hanging up; False when that was so before."""
        if self.has_ended:
            return False
        self.has_ended = True
        self.line.call = None
        self.room.meeting.leave(self.id)
        self.tell("stopped")
        return True
