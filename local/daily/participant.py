"""Somebody in a room, for tests: joins by URL and token as a browser does, speaks, hears, and sends messages."""

import itertools
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from local.daily.media_client import MediaClient


class NotAdmittedError(Exception):
    """Nobody was let in; the text begins with Daily's kind of refusal (`exp-token`, `meeting-full`, …)."""


class Participant(MediaClient):
    """A participant of a meeting."""

    id = ""
    info: dict[str, Any]
    _others: dict[str, dict[str, Any]]

    @classmethod
    @asynccontextmanager
    async def join(
        cls, base_url: str, *, room_url: str, token: str | None = None, user_name: str = "a person"
    ) -> AsyncIterator["Participant"]:
        """Join a room of the stand-in at `base_url`, and leave it at the block's end; raise `NotAdmittedError`."""
        first = {"type": "join", "url": room_url, "token": token, "userName": user_name}
        async with cls.open(f"{base_url}/hub", first) as participant:
            await participant._be_admitted()
            yield participant

    @property
    def participants(self) -> dict[str, dict[str, Any]]:
        """The others in the room, by their ids."""
        others = dict(self._others)
        for event in self.events:
            if event["type"] in ("participant-joined", "participant-updated"):
                others[event["participant"]["id"]] = event["participant"]
            elif event["type"] == "participant-left":
                others.pop(event["participant"]["id"], None)
        return others

    @property
    def app_messages(self) -> list[dict[str, Any]]:
        """The messages that came: `from` whom, and `data`."""
        return [event for event in self.events if event["type"] == "app-message"]

    async def send_app_message(self, data: object, *, to: str | None = None) -> None:
        """Send a message to one participant, or to all."""
        await self.ask("app-message", data=data, to=to)

    async def mute(self, *, off: bool = True) -> None:
        """Switch the microphone off, or on again."""
        await self.ask("microphone", on=not off)

    async def ask(self, kind: str, **members: object) -> Any:
        """Ask for something and return its result; PermissionError with the reason where it is refused."""
        number = next(self._numbers)
        await self._tell({"type": kind, "request": number, **members})
        while (reply := await self.event("reply"))["request"] != number:
            pass
        if reply["error"]:
            raise PermissionError(reply["error"])
        return reply["result"]

    async def leave(self) -> None:
        """Leave the room."""
        await self.close()

    async def _be_admitted(self) -> None:
        self._numbers = itertools.count()
        async with self._news:
            while not self.events and not self.is_over:
                await self._news.wait()
        if not self.events or self.events[0]["type"] != "joined":
            raise NotAdmittedError(self.events[0].get("error") if self.events else "connection-error: it was closed")
        answer = self.events[0]
        self.id, self.info = answer["participant"]["id"], answer["participant"]["info"]
        self._others = {each["id"]: each for each in answer["others"]}
