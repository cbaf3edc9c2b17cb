"""A call in a Daily room, against a library that calls back from its own thread, as Daily's does."""

import asyncio
import threading
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

import pytest

from switchboard import daily_session
from switchboard.daily_session import DailySession, open_daily_session
from switchboard.errors import ExitCode, OperatorError
from switchboard.session import EndedBy
from tests.agent_image.agent_process import until

ROOM_URL, TOKEN = "https://example.daily.co/room-1", "eyJhbGciOiJIUzI1NiJ9.eyJyIjoicm9vbS0xIn0.c2ln"
ME = {"id": "me", "info": {"isLocal": True, "isOwner": False}}
GUEST = {"id": "guest", "info": {"isLocal": False, "isOwner": False}}
BOT = {"id": "bot", "info": {"isLocal": False, "isOwner": True}}


@dataclass
class Library:
    """What a test makes Daily's library do, and what it was asked for."""

    join_error: str | None = None
    answers: bool = True
    present: list[Mapping[str, Any]] = field(default_factory=lambda: [ME, BOT])
    joined: list[tuple[str, str, Mapping[str, Any]]] = field(default_factory=list)
    sent: list[object] = field(default_factory=list)
    written: list[bytes] = field(default_factory=list)
    rendered: list[str] = field(default_factory=list)
    left: int = 0
    released: int = 0
    handler: Any = None
    hear: Callable[..., None] = print

    def tell(self, event: str, *arguments: object) -> None:
        """Call back on a thread of the library's own, and wait until it has."""
        thread = threading.Thread(target=getattr(self.handler, event), args=arguments)
        thread.start()
        thread.join()


class Client:
    def __init__(self, library: Library, event_handler: object) -> None:
        self._library = library
        library.handler = event_handler

    def update_subscription_profiles(self, profiles: Mapping[str, Any]) -> None:
        assert profiles["base"]["camera"] == "unsubscribed"

    def join(
        self, url: str, token: str, *, client_settings: Mapping[str, Any], completion: Callable[..., None]
    ) -> None:
        self._library.joined.append((url, token, client_settings))
        if self._library.answers:
            threading.Thread(target=completion, args=({}, self._library.join_error)).start()

    def participants(self) -> Mapping[str, Mapping[str, Any]]:
        return {str(participant["id"]): participant for participant in self._library.present}

    def set_audio_renderer(self, participant_id: str, callback: Callable[..., None], **settings: object) -> None:
        assert settings == {"audio_source": "microphone", "sample_rate": 16_000, "callback_interval_ms": 20}
        self._library.rendered.append(participant_id)
        self._library.hear = callback

    def send_app_message(self, message: object, participant_id: str | None) -> None:
        assert participant_id is None
        self._library.sent.append(message)

    def leave(self, *, completion: Callable[..., None]) -> None:
        self._library.left += 1
        threading.Thread(target=completion, args=(None,)).start()

    def release(self) -> None:
        self._library.released += 1


class Source:
    def __init__(self, library: Library, *_: object) -> None:
        self._library = library

    def write_frames(self, pcm: bytes, *, completion: Callable[[int], None]) -> None:
        self._library.written.append(pcm)
        completion(len(pcm) // 2)


@pytest.fixture
def library(monkeypatch: pytest.MonkeyPatch) -> Iterator[Library]:
    library = Library()
    monkeypatch.setattr(daily_session, "_initialize", lambda: None)
    monkeypatch.setattr(daily_session, "CallClient", lambda *, event_handler: Client(library, event_handler))
    monkeypatch.setattr(daily_session, "CustomAudioSource", lambda *arguments: Source(library, *arguments))
    monkeypatch.setattr(daily_session, "CustomAudioTrack", lambda _: SimpleNamespace(id="track-1"))
    yield library
    assert library.left == library.released == 1


@asynccontextmanager
async def in_room(*, timeout_seconds: float = 5.0) -> AsyncIterator[DailySession]:
    async with open_daily_session(room_url=ROOM_URL, token=TOKEN, timeout_seconds=timeout_seconds) as session:
        yield session


@contextmanager
def refused() -> Iterator[pytest.ExceptionInfo[OperatorError]]:
    with pytest.raises(OperatorError) as raised:
        yield raised
    assert raised.value.exit_code is ExitCode.CONNECTING
    assert "eyJ" not in str(raised.value)
    assert "://" not in str(raised.value)


async def test_microphone_and_loudspeaker_are_the_bots_whoever_else_is_there(library: Library) -> None:
    library.present = [ME, GUEST, BOT]
    async with in_room() as session:
        [(url, token, settings)] = library.joined
        assert (url, token) == (ROOM_URL, TOKEN)
        assert settings["inputs"]["microphone"]["settings"]["customTrack"]["id"] == "track-1"
        assert not settings["inputs"]["camera"]["isEnabled"]
        assert library.rendered == ["bot"]
        [ready] = library.sent
        assert isinstance(ready, dict)
        assert (ready["label"], ready["type"]) == ("rtvi-ai", "client-ready")

        session.microphone.say(b"\x10\x20" * 320)
        await until(spoken(library))
        library.hear("bot", SimpleNamespace(audio_frames=b"\x00\x40" * 320, sample_rate=16_000), "microphone")
        await until(heard(session))
        library.tell("on_app_message", {"label": "rtvi-ai", "type": "bot-ready", "data": {}}, "bot")
        library.tell("on_app_message", {"label": "rtvi-ai", "type": "bot-ready", "data": {}}, "guest")
        library.tell("on_app_message", "hello", "bot")
        library.tell("on_participant_left", GUEST, "leftCall")
        await asyncio.sleep(0)
        assert len(list(session.messages("bot-ready"))) == 1
        assert not session.over
    assert session.ending.by is EndedBy.CALLER


def spoken(library: Library) -> Callable[[], Any]:
    async def condition() -> bool:
        return any(b"\x10\x20" in pcm for pcm in library.written)

    return condition


def heard(session: DailySession) -> Callable[[], Any]:
    async def condition() -> bool:
        return session.loudspeaker.first_sound(after=0) is not None

    return condition


async def test_a_bot_that_comes_later_is_waited_for(library: Library) -> None:
    library.present = [ME]
    opening = asyncio.create_task(_opened())
    await until(has_joined(library))
    library.tell("on_participant_joined", GUEST)
    library.tell("on_participant_joined", BOT)
    assert await opening is EndedBy.CALLER
    assert library.rendered == ["bot"]


def has_joined(library: Library) -> Callable[[], Any]:
    async def condition() -> bool:
        return bool(library.joined)

    return condition


async def _opened() -> EndedBy:
    async with in_room() as session:
        pass
    return session.ending.by


@pytest.mark.parametrize(
    ("events", "ended_by"),
    [
        ([("on_participant_left", BOT, "leftCall")], EndedBy.BOT),
        ([("on_call_state_updated", "left")], EndedBy.BOT),
        ([("on_error", "You have been ejected from the meeting"), ("on_call_state_updated", "left")], EndedBy.BOT),
        ([("on_error", "ICE failed"), ("on_call_state_updated", "left")], EndedBy.DROPPED),
    ],
)
async def test_who_ended_the_call(library: Library, events: list[tuple[Any, ...]], ended_by: EndedBy) -> None:
    async with in_room() as session:
        for name, *arguments in events:
            library.tell(name, *arguments)
        assert await session.until(lambda: session.over, timeout_seconds=5)
    assert session.ending.by is ended_by
    assert str(session.ending) == ("the bot hung up" if ended_by is EndedBy.BOT else "dropped (ICE failed)")


async def test_a_refused_join_is_told_without_the_room(library: Library) -> None:
    library.join_error = f"not allowed into {ROOM_URL} with {TOKEN}"
    with refused() as raised:
        async with in_room():
            pass
    assert "did not let us into the room: not allowed" in str(raised.value)


async def test_a_join_that_is_not_answered_is_given_up(library: Library) -> None:
    library.answers = False
    with refused() as raised:
        async with in_room(timeout_seconds=0.05):
            pass
    assert "within 0.05 s" in str(raised.value)


async def test_a_bot_that_does_not_come_is_given_up(library: Library) -> None:
    library.present = [ME, GUEST]
    with refused() as raised:
        async with in_room(timeout_seconds=0.05):
            pass
    assert "the bot did not come into the room" in str(raised.value)
