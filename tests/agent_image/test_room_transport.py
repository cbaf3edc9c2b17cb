"""The events of a call in a Daily room, as a bot sees them, and what the agent does when it leaves."""

# mypy: disable-error-code="no-untyped-call"
# Pipecat's transport carries few types.

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from types import SimpleNamespace
from typing import Any

import pytest
from pipecat.runner.types import DailyRunnerArguments
from pipecat.transports.daily import transport as pipecat_daily

import daily_room.transport as module
from daily_room import lines
from daily_room.arguments import RoomRunnerArguments
from daily_room.connection import RoomConnection
from daily_room.ice_config import IceConfigError
from daily_room.transport import RoomTransport
from messages import DialIn, DialOut, Join
from phone import PhoneCall, phone_call
from tests.agent_image.agent_process import until
from transports import create_transport

ANN, BEN = {"id": "ann"}, {"id": "ben"}
TOKEN = "eyJhbGciOiJIUzI1NiJ9.eyJyIjoicm9vbSJ9.c2lnbmF0dXJl"
JOIN = Join(type="join", roomUrl="https://shop.daily.co/room", token=TOKEN, expires=0, caller="someone")
DIAL_IN = DialIn(direction="inbound", callId="call", callDomain="domain", transferTo="+15550102")
DIAL_OUT = DialOut(direction="outbound", call="call-1", number="+15550101", callerId="id-1", transferTo="+15550102")


class FakeCallClient:
    """daily-python's client, whose completions come at once; `errors` are what a method fails with."""

    def __init__(self, event_handler: object = None) -> None:
        self.calls: list[tuple[str, Any]] = []
        self.errors: dict[str, str] = {}

    def __getattr__(self, name: str) -> Callable[..., None]:
        def method(*arguments: Any, completion: Callable[..., None] | None = None, **_: Any) -> None:
            self.calls.append((name, arguments[0] if arguments else None))
            error = self.errors.get(name)
            results: dict[str, Sequence[Any]] = {"start_dialout": ("line-1", error), "join": ({}, error)}
            if completion:
                completion(*results.get(name, (error,)))

        return method


class FakeRooms:
    def __init__(self) -> None:
        self.statuses: list[tuple[str, str]] = []
        self.connected: list[Mapping[str, str]] = []

    def report_status(self, call: str, status: str) -> None:
        self.statuses.append((call, status))

    async def connect_caller(self, **members: str) -> None:
        if members["sip_uri"] == "sip:refused":
            raise TimeoutError
        self.connected.append(members)


class Room:
    """A transport in a room, its client, and the events that a bot gets."""

    def __init__(self, *, phone: DialIn | DialOut | None = None, expires: float = 3_600) -> None:
        self.rooms = FakeRooms()
        rooms: Any = self.rooms
        call = PhoneCall(carrier="daily", direction=phone.direction, caller="", can_transfer=True) if phone else None
        join = JOIN.model_copy(update={"phone": phone, "expires": int(time.time() + expires)})
        self.connection = RoomConnection(join=join, rooms=rooms, phone=call)
        arguments = RoomRunnerArguments(room_url=join.room_url, token=join.token, connection=self.connection)
        assert phone_call(arguments) is call
        transport = create_transport(arguments)
        assert isinstance(transport, RoomTransport)
        self.transport = transport
        self.client: Any = transport._client._client
        self.events: list[str] = []
        names = ("on_client_connected", "on_client_disconnected", "on_session_timeout", "on_participant_left")
        for name in names:
            transport.add_event_handler(name, lambda *_, name=name: self.events.append(name))
        loop = asyncio.get_running_loop()
        transport._client._task_manager = SimpleNamespace(get_event_loop=lambda: loop)  # type: ignore[assignment]

    async def happens(self, *events: str) -> None:
        """Wait until these events have come, and no others."""

        async def came() -> bool:
            return len(self.events) >= len(events)

        await until(came, within=5)
        await asyncio.sleep(0)
        assert self.events == [*events]

    def called(self, name: str) -> list[Any]:
        return [argument for called, argument in self.client.calls if called == name]


@pytest.fixture(autouse=True)
def _fake_sdk(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pipecat_daily, "CallClient", FakeCallClient)
    monkeypatch.setattr(pipecat_daily, "Daily", SimpleNamespace(init=lambda: None))
    monkeypatch.setattr(module, "ice_config", path(None))


def path(config: object) -> Callable[..., Any]:
    @asynccontextmanager
    async def ice_config(**_: object) -> AsyncIterator[object]:
        if isinstance(config, Exception):
            raise config
        yield config

    return ice_config


async def joined(room: Room) -> None:
    await room.transport.join()
    assert room.called("join") == [JOIN.room_url]


async def test_a_call_lasts_from_the_first_who_comes_to_the_last_who_leaves() -> None:
    room = Room()
    await joined(room)
    await room.transport._on_participant_joined(ANN)
    await room.transport._on_participant_joined(BEN)
    await room.transport._on_participant_left(ANN, "leftCall")
    await room.happens("on_client_connected", "on_participant_left")
    assert not room.connection.left.is_set()

    await room.transport._on_participant_left(BEN, "leftCall")
    await room.happens("on_client_connected", "on_participant_left", "on_participant_left", "on_client_disconnected")
    assert room.connection.left.is_set()
    assert room.connection.end == "1000 the caller hung up"
    assert room.connection.caller == "someone"


async def test_the_client_of_the_events_has_an_id() -> None:
    room, clients = Room(), []
    room.transport.add_event_handler(
        "on_client_connected", lambda transport, client: clients.append((transport, client))
    )
    await joined(room)
    await room.transport._on_participant_joined(ANN)
    await room.happens("on_client_connected")

    assert [transport.get_client_id(client) for transport, client in clients] == ["ann"]


async def test_a_room_to_which_nobody_comes_is_left(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_NOBODY_SECONDS", 0.05)
    room = Room()
    await joined(room)
    await room.happens("on_client_disconnected")

    assert room.connection.end == "1000 nobody came"


async def test_the_bot_takes_its_leave_before_the_room_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_LEAVE_SECONDS", 3_600.0)
    room = Room()
    await joined(room)
    await room.transport._on_participant_joined(ANN)
    await room.happens("on_client_connected", "on_session_timeout")

    assert room.connection.end == "1001 the room's time is over; start a new session"


async def test_the_end_of_the_session_is_an_event() -> None:
    room = Room()
    assert room.connection.on_session_end
    await room.connection.on_session_end()
    await room.happens("on_session_timeout")


async def test_the_agent_that_is_sent_out_ends_the_call() -> None:
    room = Room()
    await joined(room)
    await room.transport._on_participant_joined(ANN)
    await room.transport._client._handle_call_state_updated("left")
    await room.happens("on_client_connected", "on_client_disconnected")

    assert room.connection.end == "1000 the room was closed, or the agent sent out of it"


async def test_a_room_that_cant_be_joined_is_an_error_with_a_line_in_the_log(caplog: pytest.LogCaptureFixture) -> None:
    room = Room()
    room.client.errors["join"] = "exp-room: the meeting is over"
    await room.transport.join()
    await room.happens("on_client_disconnected")

    assert room.connection.end == "1011 the agent can't use the room; its log says why"
    assert "the room can't be joined: Error joining https://shop.daily.co/room: exp-room" in caplog.text


async def test_a_join_that_hangs_is_an_error(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    monkeypatch.setattr(module, "_JOIN_SECONDS", 0.05)
    room = Room()
    monkeypatch.setattr(room.transport._client, "join", asyncio.Event().wait)
    joining = asyncio.create_task(room.transport.join())
    await room.happens("on_client_disconnected")
    joining.cancel()

    assert room.connection.end.startswith("1011")
    assert "the room wasn't joined within 0 s" in caplog.text


async def test_where_no_path_leads_to_daily_the_room_isnt_joined(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(module, "ice_config", path(IceConfigError("no way to IPv4")))
    room = Room()
    await asyncio.gather(room.transport.join(), room.transport.join())  # as the input and the output ask
    await room.happens("on_client_disconnected")

    assert room.called("join") == []
    assert room.connection.end.startswith("1011")
    assert "no way to IPv4" in caplog.text


async def test_relays_are_given_to_the_sdk_before_it_joins(monkeypatch: pytest.MonkeyPatch) -> None:
    config = {"placement": "replace", "iceServers": []}
    monkeypatch.setattr(module, "ice_config", path(config))
    room = Room()
    await joined(room)

    names = [name for name, _ in room.client.calls]
    assert names.index("set_ice_config") < names.index("join")
    assert room.called("set_ice_config") == [config]


async def test_who_is_left_in_the_room_is_sent_out_once(caplog: pytest.LogCaptureFixture) -> None:
    room = Room()
    await joined(room)
    for person in (ANN, BEN):
        await room.transport._on_participant_joined(person)
    room.connection.end_with(code=1000, reason="the caller said goodbye")
    await room.transport.finish()
    await room.transport.finish()
    for person in (ANN, BEN):
        await room.transport._on_participant_left(person, "leftCall")

    assert room.called("eject_remote_participants") == [["ann", "ben"]]
    await room.happens("on_client_connected", "on_participant_left", "on_participant_left")
    assert room.connection.end == "1000 the caller said goodbye"
    assert caplog.text == ""


async def test_a_caller_who_waits_is_put_through_when_the_room_can_be_dialled() -> None:
    room = Room(phone=DIAL_IN)
    await joined(room)
    await room.transport._on_dialin_ready("sip:room@daily.example")

    async def put_through() -> bool:
        return bool(room.rooms.connected)

    await until(put_through, within=5)
    assert room.rooms.connected == [{"call_id": "call", "call_domain": "domain", "sip_uri": "sip:room@daily.example"}]
    await room.transport._on_participant_joined(ANN)
    await room.happens("on_client_connected")


async def test_a_caller_who_cant_be_put_through_ends_the_call(caplog: pytest.LogCaptureFixture) -> None:
    room = Room(phone=DIAL_IN)
    await joined(room)
    await room.transport._on_dialin_ready("sip:refused")
    await room.happens("on_client_disconnected")

    assert room.connection.end.startswith("1011")
    assert "the caller can't be put through: no answer" in caplog.text


async def dialled(room: Room) -> None:
    await joined(room)
    room.transport.start()

    async def placed() -> bool:
        return bool(room.rooms.statuses or room.events)

    await until(placed, within=5)
    assert room.called("start_dialout") == [{"phoneNumber": "+15550101", "displayName": "Phone", "callerId": "id-1"}]


async def test_a_call_that_is_placed_begins_when_it_is_answered() -> None:
    room = Room(phone=DIAL_OUT)
    await dialled(room)
    await room.transport._on_participant_joined(ANN)
    await asyncio.sleep(0)
    assert room.events == []

    await room.transport._on_dialout_answered({"sessionId": "line-1"})
    await room.happens("on_client_connected")
    await room.transport._on_participant_left(ANN, "leftCall")
    await room.transport._on_dialout_stopped({"sessionId": "line-1"})
    await room.connection.close()
    assert [status for _, status in room.rooms.statuses] == ["ringing", "answered", "completed"]
    assert room.connection.end == "1000 the caller hung up"


@pytest.mark.parametrize(
    ("said", "status"),
    [
        ("Busy Here", "busy"),
        ("SIP 486", "busy"),
        ("dial-out: no answer", "no-answer"),
        ("Temporarily Unavailable", "no-answer"),
        ("SIP 408", "no-answer"),
        ("SDP negotiation failed for +15550101", "failed"),
        (None, "failed"),
    ],
)
async def test_why_a_call_that_is_placed_ends_is_reported_once(said: str | None, status: str) -> None:
    room = Room(phone=DIAL_OUT)
    await dialled(room)
    await room.transport._on_dialout_error({"errorMsg": said} if said else {})
    await room.happens("on_client_disconnected")
    await room.transport._on_dialout_stopped({})
    await room.connection.close()

    assert room.rooms.statuses == [("call-1", "ringing"), ("call-1", status)]
    assert room.connection.end == f"1000 the call that was placed ended: {status}"


async def test_a_call_that_daily_doesnt_place_has_failed(caplog: pytest.LogCaptureFixture) -> None:
    room = Room(phone=DIAL_OUT)
    room.client.errors["start_dialout"] = "dial-out isn't enabled"
    await dialled(room)
    await room.happens("on_client_disconnected")
    await room.connection.close()

    assert room.rooms.statuses == [("call-1", "failed")]
    assert "the call can't be placed: dial-out isn't enabled" in caplog.text


async def test_a_call_is_dialled_again_while_daily_starts_no_more_calls(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lines, "_AGAIN_SECONDS", (0.01, 0.02))
    room = Room(phone=DIAL_OUT)
    room.client.errors["start_dialout"] = "rate-limit-error"
    await joined(room)
    room.transport.start()

    async def refused_twice() -> bool:
        return len(room.called("start_dialout")) >= 2

    await until(refused_twice, within=5)
    assert room.rooms.statuses == []
    del room.client.errors["start_dialout"]

    async def placed() -> bool:
        return bool(room.rooms.statuses)

    await until(placed, within=5)
    assert room.rooms.statuses == [("call-1", "ringing")]
    await room.connection.close()


async def test_who_waits_for_too_long_to_dial_has_failed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lines, "_AGAIN_SECONDS", (0.01, 0.02))
    monkeypatch.setattr(lines, "_PATIENCE_SECONDS", 0.05)
    room = Room(phone=DIAL_OUT)
    room.client.errors["start_dialout"] = "rate-limit-error"
    await joined(room)
    room.transport.start()
    await room.happens("on_client_disconnected")
    await room.connection.close()

    assert room.rooms.statuses == [("call-1", "failed")]


async def test_the_last_status_is_reported_when_the_room_was_never_joined() -> None:
    room = Room(phone=DIAL_OUT)
    room.connection.end_with(code=1011, reason="the bot failed")
    await room.connection.close()

    assert room.rooms.statuses == [("call-1", "failed")]


@pytest.mark.parametrize(("code", "status"), [(1001, "canceled"), (1000, "no-answer")])
async def test_a_call_that_still_rings_is_hung_up(code: int, status: str) -> None:
    room = Room(phone=DIAL_OUT)
    await dialled(room)
    room.connection.end_with(code=code, reason="the agent is stopping, or nobody came")
    await room.transport.finish()
    await room.connection.close()

    assert room.called("stop_dialout") == ["line-1"]
    assert [status for _, status in room.rooms.statuses] == ["ringing", status]


async def transferring(room: Room) -> asyncio.Task[None]:
    """A caller is to be transferred, and the bot has said so: the agent is about to leave."""
    await joined(room)
    await room.transport._on_participant_joined(ANN)
    assert room.connection.phone
    room.transport._client.on_dialin_connected({"sessionId": "line-1"})
    room.connection.phone.transfer(reason="the caller asks for a human")
    return asyncio.create_task(room.transport.finish())


@pytest.fixture
def _no_queue(monkeypatch: pytest.MonkeyPatch) -> None:
    """Events of the SDK aren't queued for Pipecat's task, which these tests haven't."""
    monkeypatch.setattr(pipecat_daily.DailyTransportClient, "_call_event_callback", lambda *_: None)


@pytest.mark.usefixtures("_no_queue")
async def test_a_transfer_waits_until_the_other_end_has_left_and_sends_nobody_out() -> None:
    room = Room(phone=DIAL_IN)
    finishing = await transferring(room)

    async def asked() -> bool:
        return bool(room.called("sip_call_transfer"))

    await until(asked, within=5)
    assert not finishing.done()
    await room.transport._on_participant_left(ANN, "leftCall")
    await finishing

    assert room.called("sip_call_transfer") == [{"toEndPoint": "+15550102", "sessionId": "line-1"}]
    assert room.called("eject_remote_participants") == []
    assert room.connection.phone
    assert room.connection.phone.outcome == "transfer"


@pytest.mark.usefixtures("_no_queue")
async def test_a_transfer_that_fails_is_followed_by_an_apology(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    room, said = Room(phone=DIAL_IN), []

    async def write(frame: Any) -> None:
        said.append(frame.audio)

    monkeypatch.setattr(room.transport._client, "write_audio_frame", write)
    monkeypatch.setattr(room.transport._client, "_out_sample_rate", 16_000)
    room.client.errors["sip_call_transfer"] = "the destination +15550102 is unknown"
    await (await transferring(room))

    assert len(said) == 1
    assert len(said[0]) > 16_000
    assert room.called("eject_remote_participants") == [["ann"]]
    assert room.connection.end == "1011 the caller can't be transferred; the agent's log says why"
    assert room.connection.phone
    room.connection.phone.finish(end=room.connection.end, abandoned=False)
    assert room.connection.phone.outcome == "failed"
    assert "the caller can't be transferred" in caplog.text


async def test_a_recording_that_fails_is_an_error_in_the_log(caplog: pytest.LogCaptureFixture) -> None:
    room = Room()
    await joined(room)
    await room.transport._on_recording_error("stream-1", "no storage")

    assert "the room can't be recorded: no storage" in caplog.text


async def test_arguments_show_no_token_and_others_than_the_agents_own_are_refused() -> None:
    arguments = RoomRunnerArguments(room_url=JOIN.room_url, token=TOKEN, connection=Room().connection)

    assert (TOKEN in repr(arguments), JOIN.room_url in repr(arguments)) == (False, False)
    assert TOKEN not in repr(JOIN)
    assert "+15550101" not in repr(DIAL_OUT)
    with pytest.raises(TypeError, match="no transport for DailyRunnerArguments"):
        create_transport(DailyRunnerArguments(room_url=JOIN.room_url))
