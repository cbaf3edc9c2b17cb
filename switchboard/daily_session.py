"""A call in a Daily room, held with Daily's own client library: one participant beside the bot."""

import asyncio
import json
import re
from collections.abc import AsyncIterator, Callable, Coroutine, Mapping
from contextlib import asynccontextmanager, suppress
from functools import cache
from time import monotonic
from typing import Any

from daily import AudioData, CallClient, CustomAudioSource, CustomAudioTrack, Daily, EventHandler

from switchboard.audio import FRAME_SECONDS, SAMPLE_RATE, BotAudio
from switchboard.rtvi import client_ready, rtvi_message
from switchboard.session import EndedBy, Ending, Session, connection_failure

_LEAVE_SECONDS = 5.0
_SHOWN_OUT = re.compile(r"eject|ended|deleted|expired", re.IGNORECASE)
"""In what Daily says to those whom an owner, the API or a room's end shows out: how a bot ends a call for all."""
_NO_VIDEO = {"base": {"camera": "unsubscribed", "screenVideo": "unsubscribed"}}

type Participant = Mapping[str, Any]
"""https://reference-python.daily.co/types.html#participant"""


class DailySession(Session):
    """A stay in a room. The bot is the one who is in it with an owner's token; `open` first, `close` in any case."""

    def __init__(self, *, timeout_seconds: float) -> None:
        super().__init__(ending=Ending(by=EndedBy.CALLER))
        _initialize()
        self._timeout_seconds = timeout_seconds
        self._bot: str | None = None
        self._error = ""
        self._source = CustomAudioSource(SAMPLE_RATE, 1, True)
        self._track = CustomAudioTrack(self._source)
        self._client = CallClient(event_handler=_Events(self))

    @property
    def connections(self) -> int:
        """One: the library restores a lost connection by itself."""
        return 1

    async def open(self, *, room_url: str, token: str) -> None:
        """Join the room, wait for the bot, and tell it to begin. Raises OperatorError (CONNECTING)."""
        await self._join(room_url=room_url, token=token)
        for participant in self._client.participants().values():
            self.on_participant_joined(participant)
        await self.until(lambda: self._bot is not None, timeout_seconds=self._timeout_seconds)
        if self._bot is None:
            problem = f"the bot did not come into the room within {self._timeout_seconds:g} s"
            if self.over:
                problem = f"the call ended before the bot came into the room: {self.ending}"
            raise connection_failure(problem, "the agent can't reach Daily, or its process ended")
        self.connected = monotonic()
        self._client.send_app_message(json.loads(client_ready()), None)

    async def close(self) -> None:
        """Leave the room, if we are in it, and give the client back; Daily has 5 s to say goodbye."""
        left: asyncio.Future[object] = asyncio.get_running_loop().create_future()
        self._client.leave(completion=_answering(left))
        with suppress(TimeoutError):
            await asyncio.wait_for(left, _LEAVE_SECONDS)
        await asyncio.to_thread(self._client.release)

    def on_participant_joined(self, participant: Participant) -> None:
        """Listen to the bot, who alone owns the room."""
        info = participant.get("info", {})
        if self._bot is not None or info.get("isLocal") or not info.get("isOwner"):
            return
        self._bot = str(participant["id"])
        self._client.set_audio_renderer(
            self._bot,
            _in_this_loop(self._hear),
            audio_source="microphone",
            sample_rate=SAMPLE_RATE,
            callback_interval_ms=round(FRAME_SECONDS * 1000),
        )

    def on_participant_left(self, participant: Participant, _reason: str) -> None:
        """Notice that the bot hung up."""
        if participant.get("id") == self._bot:
            self._end(Ending(by=EndedBy.BOT))

    def on_app_message(self, message: object, sender: str) -> None:
        """Note what the bot tells; what other people send is not for us."""
        if sender == self._bot and isinstance(message, dict):
            self._note(rtvi_message(message))

    def on_error(self, message: str) -> None:
        """Remember what Daily says: it tells why the room is left next."""
        self._error = message

    def on_call_state_updated(self, state: str) -> None:
        """Notice that we are out of the room without having left it."""
        if state == "left":
            shown_out = not self._error or _SHOWN_OUT.search(self._error)
            self._end(Ending(by=EndedBy.BOT) if shown_out else Ending(by=EndedBy.DROPPED, reason=self._error))

    def _work(self) -> list[Coroutine[None, None, None]]:
        return [self.microphone.run()]

    async def _close(self) -> None:
        """Nothing yet: who opened the session closes it, also one that failed before it was in progress."""

    async def _send_audio(self, pcm: bytes) -> None:
        # Given a completion, the library queues the frame instead of waiting until it is played.
        self._source.write_frames(pcm, completion=_ignore)

    async def _join(self, *, room_url: str, token: str) -> None:
        microphone = {"isEnabled": True, "settings": {"customTrack": {"id": self._track.id}}}
        settings = {
            "inputs": {"camera": {"isEnabled": False}, "microphone": microphone},
            "publishing": {"camera": {"isPublishing": False}, "microphone": {"isPublishing": True}},
        }
        joined: asyncio.Future[object] = asyncio.get_running_loop().create_future()
        self._client.update_subscription_profiles(_NO_VIDEO)
        self._client.join(room_url, token, client_settings=settings, completion=_answering(joined))
        try:
            error = await asyncio.wait_for(joined, self._timeout_seconds)
        except TimeoutError:
            problem = f"Daily did not let us into the room within {self._timeout_seconds:g} s"
            raise connection_failure(problem, "the network blocks WebRTC, or Daily is slow") from None
        if error:
            causes = ("the network blocks Daily", "the room or its token has expired, or the room is full")
            raise connection_failure(f"Daily did not let us into the room: {error}", *causes)

    def _hear(self, _participant: str, audio: AudioData, _source: str) -> None:
        frame = BotAudio(pcm=bytes(audio.audio_frames), sample_rate=audio.sample_rate)
        self.loudspeaker.play_live(frame, now=monotonic())


class _Events(EventHandler):
    """Brings the library's events, which come on its own threads, to the session's loop."""

    def __init__(self, session: DailySession) -> None:
        super().__init__()
        self.on_participant_joined = _in_this_loop(session.on_participant_joined)  # type: ignore[method-assign]
        self.on_participant_left = _in_this_loop(session.on_participant_left)  # type: ignore[method-assign]
        self.on_app_message = _in_this_loop(session.on_app_message)  # type: ignore[method-assign]
        self.on_error = _in_this_loop(session.on_error)  # type: ignore[method-assign]
        self.on_call_state_updated = _in_this_loop(session.on_call_state_updated)  # type: ignore[method-assign]


@asynccontextmanager
async def open_daily_session(*, room_url: str, token: str, timeout_seconds: float) -> AsyncIterator[DailySession]:
    """Join, and keep microphone and loudspeaker going while the block runs; leave after it.

    Raises OperatorError (CONNECTING) when Daily refuses, or the bot does not come.
    """
    session = DailySession(timeout_seconds=timeout_seconds)
    try:
        await session.open(room_url=room_url, token=token)
        async with session.in_progress():
            yield session
    finally:
        session.over = True
        await session.close()


@cache
def _initialize() -> None:
    """Start the library, which a process may do once."""
    Daily.init()


def _in_this_loop(function: Callable[..., object]) -> Callable[..., None]:
    """The function, as a callback for another thread; what comes after the loop's end is dropped."""
    loop = asyncio.get_running_loop()

    def call(*arguments: object) -> None:
        with suppress(RuntimeError):
            loop.call_soon_threadsafe(function, *arguments)

    return call


def _answering(future: "asyncio.Future[object]") -> Callable[..., None]:
    """A completion that gives the future the error, which the library passes last."""

    def answer(*arguments: object) -> None:
        if not future.done():
            future.set_result(arguments[-1])

    return _in_this_loop(answer)


def _ignore(_frames: int) -> None:
    """A completion of what nobody waits for."""
