"""People in a Daily room, as Pipecat's Daily client is one: over the stand-in's hub, with RTVI in app messages.

https://docs.pipecat.ai/client/rtvi-standard
"""

import asyncio
import struct
import time
import uuid
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import Any, Self

import httpx
from websockets.exceptions import ConnectionClosed

from local.daily.admin_client import Account, Admin
from local.daily.participant import Participant
from local.daily.tokens import sign
from tests.agent_image.agent_process import AgentProcess, until
from tests.agent_image.caller import CLIENT_READY, SAMPLE_RATE, Caller, Message, rtvi

_RATE = struct.Struct("<I")
_SPEAKER_BYTES = 16


@dataclass(frozen=True, kw_only=True)
class Room:
    """A private room of an account at the stand-in, made over Daily's API as the functions make it."""

    daily: Admin
    account: Account
    name: str
    url: str
    expires: int

    @classmethod
    def create(cls, daily: Admin, account: Account, *, seconds: float = 3_600, **properties: object) -> Self:
        expires = int(time.time() + seconds)
        given = {"exp": expires, "eject_at_room_exp": True, "max_participants": 4, **properties}
        answer = httpx.post(
            f"{daily.api_url}/rooms",
            json={"name": uuid.uuid4().hex, "privacy": "private", "properties": given},
            headers={"Authorization": f"Bearer {account.api_key}"},
            trust_env=False,
        )
        assert answer.status_code == httpx.codes.OK, answer.text
        room = answer.json()
        return cls(daily=daily, account=account, name=room["name"], url=room["url"], expires=expires)

    def token(self, *, user: str, owner: bool = False, **claims: object) -> str:
        """A meeting token, signed as the functions sign theirs.

        https://docs.daily.co/docs/guides/privacy-and-security/self-signing-tokens
        """
        given = {"r": self.name, "d": self.account.domain_id, "iat": int(time.time()), "exp": self.expires}
        given |= {"o": owner, "u": user, "ud": user, "ejt": True, **claims}
        return sign(given, api_key=self.account.api_key)

    def people(self) -> list[str]:
        """Who is in the room, by their ids as users; nobody in a room that is gone."""
        rooms = {room["name"]: room for room in self.daily.rooms(self.account)}
        return [each["userId"] for each in rooms[self.name]["participants"]] if self.name in rooms else []

    async def join(self, agent: AgentProcess, **members: Any) -> dict[str, Any]:
        """Ask the agent into the room, as the connect API does; what it answers."""
        message = {
            "type": "join",
            "roomUrl": self.url,
            "token": self.token(user="agent", owner=True),
            "expires": self.expires,
            "body": {},
            "caller": "",
            "phone": None,
            **members,
        }
        headers = {"X-Amzn-Bedrock-AgentCore-Runtime-Session-Id": self.session_id}
        answer = await agent.http.post("/invocations", json=message, headers=headers)
        assert answer.status_code == httpx.codes.OK, answer.text
        return dict(answer.json())

    @property
    def session_id(self) -> str:
        return f"{self.name}-session-of-the-tests"

    async def left_by_all(self, *, within: float = 30.0) -> None:
        """Wait until nobody is in the room."""

        async def empty() -> bool:
            return not await asyncio.to_thread(self.people)

        await until(empty, within=within)


@dataclass(kw_only=True)
class RoomCaller(Caller):
    """Somebody in a room who speaks with the bot there."""

    participant: "_Person"
    bot: str = ""
    _tasks: list[asyncio.Task[None]] = field(default_factory=list)

    @classmethod
    @asynccontextmanager
    async def connect(cls, room: Room, *, user: str = "caller", ready: bool = True) -> AsyncIterator[Self]:
        """Join the room; and once the bot is there, say that this client is ready."""
        token = room.token(user=user)
        async with _Person.join(room.daily.base_url, room_url=room.url, token=token) as participant:
            assert isinstance(participant, _Person)
            caller = cls(participant=participant)
            caller._tasks += [asyncio.create_task(caller._listen()), asyncio.create_task(caller._stream())]
            try:
                await caller._meet_bot()
                if ready:
                    await caller.send_message("client-ready", CLIENT_READY)
                yield caller
            finally:
                for task in caller._tasks:
                    task.cancel()
                await asyncio.gather(*caller._tasks, return_exceptions=True)

    async def send_message(self, kind: str, data: Mapping[str, Any]) -> None:
        await self.participant.send_app_message(rtvi(kind, data))

    async def hung_up(self, *, within: float = 20.0) -> None:
        """Wait until the agent has sent everybody out of the room."""
        await self.participant.event("ejected", within=within)

    async def leave(self) -> None:
        await self.participant.leave()

    async def _meet_bot(self) -> None:
        async def there() -> bool:
            return any(each["info"]["isOwner"] for each in self.participant.participants.values())

        await until(there)
        others = self.participant.participants.items()
        self.bot = next(who for who, each in others if each["info"]["isOwner"])

    async def _listen(self) -> None:
        while True:
            news = await self.participant.news.get()
            if isinstance(news, Message):
                await self.note(news)
            elif news[0] == self.bot:
                await self.note(news[1])

    async def _stream(self) -> None:
        with suppress(ConnectionClosed):
            async for pcm in self.microphone():
                await self.participant.send_audio(pcm)


class _Person(Participant):
    """A participant who tells at once of what they hear, and of RTVI's messages."""

    def __init__(self, *arguments: Any) -> None:
        self.news: asyncio.Queue[Message | tuple[str, bytes]] = asyncio.Queue()
        super().__init__(*arguments)

    async def send_audio(self, pcm: bytes) -> None:
        await self._socket.send(_RATE.pack(SAMPLE_RATE) + pcm)

    def _take(self, message: str | bytes) -> None:
        super()._take(message)
        if isinstance(message, bytes):
            assert _RATE.unpack_from(message, _SPEAKER_BYTES) == (SAMPLE_RATE,)
            speaker = str(uuid.UUID(bytes=message[:_SPEAKER_BYTES]))
            self.news.put_nowait((speaker, message[_SPEAKER_BYTES + _RATE.size :]))
        elif self.events[-1]["type"] == "app-message" and self.events[-1]["data"].get("label") == "rtvi-ai":
            self.news.put_nowait(Message.read(self.events[-1]["data"]))
