"""A telephone, for tests: it dials a number of Daily's, or is called by a room."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from local.daily.media_client import EVENT_SECONDS, MediaClient


class Phone(MediaClient):
    """A telephone. Events: held, ringing, connected, dtmf, transferred, ended."""

    @classmethod
    @asynccontextmanager
    async def dial(cls, base_url: str, *, number: str, caller: str) -> AsyncIterator["Phone"]:
        """Call a number from another one, and hang up at the block's end."""
        async with cls.open(f"{base_url}/phone", {"type": "dial", "number": number, "caller": caller}) as phone:
            yield phone

    @classmethod
    @asynccontextmanager
    async def listen(cls, base_url: str, *, number: str) -> AsyncIterator["Phone"]:
        """Be the telephone with a number, and hang up at the block's end."""
        async with cls.open(f"{base_url}/phone", {"type": "listen", "number": number}) as phone:
            await phone.event("listening")
            yield phone

    async def ringing(self, *, within: float = EVENT_SECONDS) -> str:
        """Return who calls, when it rings."""
        return str((await self.event("ringing", within=within))["caller"])

    async def answer(self) -> None:
        """Answer the call."""
        await self._tell({"type": "answer"})

    async def reject(self, reason: str = "busy") -> None:
        """Refuse the call."""
        await self._tell({"type": "reject", "reason": reason})

    async def press(self, tones: str) -> None:
        """Press keys."""
        await self._tell({"type": "press", "tones": tones})

    async def hang_up(self) -> None:
        """Hang up; a phone that was called can't be called again."""
        await self.close()
