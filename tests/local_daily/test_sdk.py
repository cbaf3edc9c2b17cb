"""The stand-in's `daily` module against the native one, and in rooms of the stand-in."""

import asyncio
import importlib
import inspect
import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from local.daily.addresses import SDK_DIRECTORY
from local.daily.participant import Participant
from local.daily.phone import Phone
from local.daily.sdk import daily as sdk
from tests.local_daily.conftest import Daily
from tests.local_daily.test_hub import TONE

FOLDER = Path(__file__).parent
SECONDS = 30


def test_every_name_of_the_native_module_takes_the_same_arguments() -> None:
    native: Any = importlib.import_module("daily")
    assert sorted(sdk.__all__) == sorted(native.__all__)
    differences = []
    for name in native.__all__:
        theirs, ours = getattr(native, name), getattr(sdk, name)
        for member in (member for member in dir(theirs) if not member.startswith("_")):
            if name == "LogLevel" or not callable(getattr(theirs, member)):
                assert hasattr(ours, member) or member in _declared(ours), f"{name}.{member}"
                continue
            wanted, got = (_parameters(getattr(each, member)) for each in (theirs, ours))
            if wanted != got:
                differences.append(f"{name}.{member}: {wanted} natively, {got} here")
    assert differences == []


def _declared(kind: type) -> set[str]:
    return {name for each in kind.__mro__ for name in inspect.get_annotations(each)}


def _parameters(method: Callable[..., Any]) -> list[tuple[str, object]]:
    """Names and defaults; the native module's text hides what an enumeration's default is."""
    parameters = inspect.signature(method).parameters.values()
    return [
        (each.name, "…" if each.name == "log_level" else each.default) for each in parameters if each.name != "self"
    ]


def test_a_client_in_no_room_hears_the_same_errors_as_from_the_native_module() -> None:
    command = [sys.executable, str(FOLDER / "offline_errors.py")]
    here = {"PATH": os.environ["PATH"], "PYTHONPATH": str(SDK_DIRECTORY)}
    natively = {"PATH": os.environ["PATH"]}
    running = [subprocess.Popen(command, env=each, stdout=subprocess.PIPE) for each in (natively, here)]
    theirs, ours = (json.loads(process.communicate(timeout=120)[0].splitlines()[-1]) for process in running)
    assert ours == theirs


class Handler(sdk.EventHandler):
    """Keeps every event with its arguments, in order."""

    def __init__(self) -> None:
        super().__init__()
        self.events: list[tuple[str, tuple[Any, ...]]] = []
        self._news = threading.Condition()

    def __getattribute__(self, name: str) -> Any:
        if not name.startswith("on_"):
            return super().__getattribute__(name)

        def keep(*arguments: Any) -> None:
            with self._news:
                self.events.append((name, arguments))
                self._news.notify_all()

        return keep

    def of(self, name: str) -> list[tuple[Any, ...]]:
        return [arguments for event, arguments in self.events if event == name]

    def wait(self, name: str, *, count: int = 1) -> Any:
        """The first argument of the event's last occurrence, when there were so many."""
        with self._news:
            assert self._news.wait_for(lambda: len(self.of(name)) >= count, SECONDS), f"no {name}"
        return self.of(name)[count - 1][0]


class Client:
    """A call client that waits for completions."""

    def __init__(self) -> None:
        self.handler = Handler()
        self.native = sdk.CallClient(event_handler=self.handler)

    def __getattr__(self, name: str) -> Any:
        def call(*arguments: Any, **named: Any) -> Any:
            done = threading.Event()
            got: list[Any] = []

            def completion(*results: Any) -> None:
                got.extend(results)
                done.set()

            getattr(self.native, name)(*arguments, completion=completion, **named)
            assert done.wait(SECONDS), f"{name} has not completed"
            return tuple(got) if len(got) > 1 else got[0]

        return call


@pytest.fixture
def client(daily: Daily, monkeypatch: pytest.MonkeyPatch) -> Iterator[Client]:
    monkeypatch.setenv("DAILY_STAND_IN_URL", daily.base_url)
    client = Client()
    yield client
    if not client.native._released:
        client.native.release()


async def test_a_client_joins_hears_and_leaves(daily: Daily, client: Client) -> None:
    url = daily.make_room()["url"]
    async with Participant.join(daily.base_url, room_url=url, token=daily.token(), user_name="Caller") as caller:
        client.native.set_user_name("Agent")
        data, error = await asyncio.to_thread(client.join, url, daily.token(o=True))
        assert error is None
        assert data["participants"]["local"]["info"]["isOwner"] is True
        assert data["meetingSession"]["id"]
        joined = client.handler.wait("on_participant_joined")
        assert (joined["id"], joined["info"]["userName"]) == (caller.id, "Caller")
        assert client.native.participants().keys() == {"local", caller.id}
        assert client.native.participant_counts() == {"hidden": 0, "present": 2}

        heard: list[sdk.AudioData] = []
        client.native.set_audio_renderer(
            caller.id, lambda _id, audio, _source: heard.append(audio), sample_rate=8_000, callback_interval_ms=20
        )
        await caller.speak(TONE, sample_rate=16_000)
        deadline = time.monotonic() + SECONDS
        while sum(audio.num_audio_frames for audio in heard) < len(TONE) // 4 + 8_000:  # and a second of silence
            assert time.monotonic() < deadline
            await asyncio.sleep(0.02)
        assert {(audio.num_audio_frames, audio.sample_rate, audio.num_channels) for audio in heard} == {(160, 8_000, 1)}
        loud = [max(memoryview(audio.audio_frames).cast("h")) > 4_000 for audio in heard]
        assert 10 <= sum(loud) <= 14
        assert not any(loud[-25:])

        assert client.handler.of("on_call_state_updated") == [("joining",), ("joined",)]
        assert await asyncio.to_thread(client.leave) is None
        await caller.event("participant-left")
        assert client.handler.of("on_call_state_updated")[2:] == [("leaving",), ("left",)]
        assert client.native.participant_counts() == {"hidden": 0, "present": 0}


async def test_what_is_written_is_heard_at_the_speed_of_speech(daily: Daily, client: Client) -> None:
    url = daily.make_room()["url"]
    source = sdk.CustomAudioSource(24_000, 1)
    track = sdk.CustomAudioTrack(source)
    settings = {"inputs": {"microphone": {"isEnabled": True, "settings": {"customTrack": {"id": track.id}}}}}
    async with Participant.join(daily.base_url, room_url=url, token=daily.token()) as caller:
        await asyncio.to_thread(client.join, url, daily.token(), client_settings=settings)
        began = time.monotonic()
        assert await asyncio.to_thread(source.write_frames, TONE) == len(TONE) // 2
        assert time.monotonic() - began >= 0.9 * len(TONE) / 2 / 24_000
        await caller.audio(seconds=0.15)
        assert caller.heard() == (TONE, 24_000)


def test_a_completion_that_a_callback_waits_for_never_comes(daily: Daily, client: Client) -> None:
    """As natively: both need the thread that the callback holds."""
    url = daily.make_room()["url"]
    completed, waited = threading.Event(), threading.Event()
    seen: list[bool] = []

    def on_joined(*_: Any) -> None:
        client.native.send_app_message("hello", completion=lambda _error: completed.set())
        seen.append(completed.wait(0.5))
        waited.set()

    client.native.join(url, daily.token(), completion=on_joined)
    assert waited.wait(SECONDS)
    assert seen == [False]
    assert completed.wait(SECONDS)


@pytest.mark.parametrize(("claims", "kind"), [({"exp": 1}, "exp-token"), ({"room": "another"}, "not-allowed")])
def test_a_refused_join_is_an_error(daily: Daily, client: Client, claims: Mapping[str, Any], kind: str) -> None:
    url = daily.make_room()["url"]
    data, error = client.join(url, daily.token(**claims))
    assert (data, error.partition(":")[0]) == (None, kind)
    assert client.handler.wait("on_error").startswith("Error handling join: ")
    assert client.handler.of("on_call_state_updated") == [("joining",), ("left",)]
    assert client.native.participant_counts()["present"] == 0


async def test_an_owner_puts_out_and_one_who_is_put_out_is_told(daily: Daily, client: Client) -> None:
    url = daily.make_room()["url"]
    async with Participant.join(daily.base_url, room_url=url, token=daily.token(o=True)) as owner:
        await asyncio.to_thread(client.join, url, daily.token())
        assert "not allowed to eject" in await asyncio.to_thread(client.eject_remote_participants, [owner.id])
        joined = (await owner.event("participant-joined"))["participant"]
        await owner.ask("eject", ids=[joined["id"]])
        await asyncio.to_thread(client.handler.wait, "on_call_state_updated", count=3)
        assert client.handler.of("on_call_state_updated")[2:] == [("left",)]
        error = await asyncio.to_thread(client.send_app_message, "still here?")
        assert error == "AppMessage(Signalling(ChannelNotOpen))"


async def test_messages_and_phones_reach_the_handler(daily: Daily, client: Client) -> None:
    url = daily.make_room(exp=int(time.time()) + 600, enable_dialout=True)["url"]
    async with (
        Participant.join(daily.base_url, room_url=url, token=daily.token()) as caller,
        Phone.listen(daily.base_url, number="+15550100003") as phone,
    ):
        await asyncio.to_thread(client.join, url, daily.token(o=True))
        await caller.send_app_message({"label": "rtvi-ai"})
        client.handler.wait("on_app_message")
        assert client.handler.of("on_app_message") == [({"label": "rtvi-ai"}, caller.id)]
        assert await asyncio.to_thread(client.send_app_message, {"to": "caller"}, caller.id) is None
        assert (await caller.event("app-message"))["data"] == {"to": "caller"}

        session_id, error = await asyncio.to_thread(client.start_dialout, {"phoneNumber": "+15550100003"})
        assert error is None
        await phone.ringing()
        await phone.answer()
        answered = await asyncio.to_thread(client.handler.wait, "on_dialout_answered")
        assert answered["sessionId"] == session_id
        await phone.press("7")
        assert (await asyncio.to_thread(client.handler.wait, "on_dtmf_event"))["tone"] == "7"
        transfer = {"sessionId": session_id, "toEndPoint": "+15550100004"}
        assert await asyncio.to_thread(client.sip_call_transfer, transfer) is None
        assert (await asyncio.to_thread(client.handler.wait, "on_dialout_stopped"))["sessionId"] == session_id
        assert await asyncio.to_thread(client.sip_call_transfer, transfer) == "No SIP call in progress"


def test_what_the_stand_in_cannot_do_is_refused(daily: Daily, client: Client) -> None:
    client.join(daily.make_room()["url"], daily.token(o=True))
    assert "doesn't do this" in client.start_transcription()
    assert "doesn't do this" in client.sip_refer({"sessionId": "x", "toEndPoint": "sip:a@example.com"})
    stream, error = client.start_recording()
    assert (stream, error) == (None, "recording is not enabled for this room")


def test_a_released_client_has_left_and_says_no_more(daily: Daily, client: Client) -> None:
    client.join(daily.make_room()["url"], daily.token(ud="agent"))
    assert daily.people() == ["agent"]
    client.native.release()
    deadline = time.monotonic() + SECONDS
    while daily.people():
        assert time.monotonic() < deadline
    assert client.handler.of("on_call_state_updated") == [("joining",), ("joined",)]
    with pytest.raises(RuntimeError, match="already been released"):
        client.native.participants()


async def test_pipecats_transport_speaks_and_hears_by_it(daily: Daily) -> None:
    url = daily.make_room()["url"]
    command = [sys.executable, str(FOLDER / "echo_bot.py"), url, daily.token(o=True, ud="agent")]
    environment = {**os.environ, **daily.admin.agent_environment}
    bot = await asyncio.create_subprocess_exec(*command, env=environment, stderr=asyncio.subprocess.PIPE)
    async with Participant.join(daily.base_url, room_url=url, token=daily.token()) as caller:
        await caller.event("participant-joined", within=120)
        await caller.speak(TONE * 4, sample_rate=16_000)
        await caller.audio(seconds=0.8)
        said, rate = caller.heard()
        assert rate == 24_000
        assert max(memoryview(said).cast("h")) > 4_000
    _, errors = await asyncio.wait_for(bot.communicate(), 60)
    assert bot.returncode == 0, errors.decode()
    assert daily.people() == []
