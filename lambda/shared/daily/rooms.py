"""A session's room at Daily: its name, its making, and its end."""

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from shared.credentials import Credentials
from shared.daily.api import DailyAnswer, DailyError, ask, failed, refused
from shared.daily.counted import ROOM_DELETED, ROOM_LEFT, count
from shared.daily.settings import DailySettings
from shared.errors import ApiError

type Phone = Literal["none", "dial-in", "dial-out", "dial-in-and-out"]
"""What of the telephone network a room is connected to; handing a caller on to a number needs dial-out, too."""

TAKE_BACK_SECONDS = 3.0
"""How long the deletion of a room is tried that nobody will use."""

_ID_LENGTH = 32


@dataclass(frozen=True, kw_only=True)
class Room:
    """A room; `expires` is the epoch second at which Daily ejects everybody and forgets it."""

    name: str
    url: str = field(repr=False)
    expires: int


def room_name(*, session_id: str, daily: DailySettings) -> str:
    """The name of a session's room: nobody can work the session's id out of it, which proves its owner."""
    return f"{daily.room_prefix}-{session_id[:_ID_LENGTH]}"


def create_room(
    *,
    session_id: str,
    daily: DailySettings,
    credentials: Credentials,
    deadline: float,
    phone: Phone = "none",
) -> Room:
    """Make the session's room: private, for audio only, and over in `session_seconds`.

    Raises `ApiError`: 409 `room_exists` where the session has its room already, and as `ask` does. A room that may have
    been made although Daily's answer was lost is deleted again.
    https://docs.daily.co/reference/rest-api/rooms/create-room
    """
    try:
        return _create(session_id=session_id, daily=daily, credentials=credentials, deadline=deadline, phone=phone)
    except DailyError as error:
        if error.carried_out:
            take_back_room(session_id=session_id, daily=daily, credentials=credentials)
        raise


def find_room(*, session_id: str, daily: DailySettings, credentials: Credentials, deadline: float) -> Room | None:
    """The session's room; None where there is none any more. Raises `ApiError` as `ask` does.

    https://docs.daily.co/reference/rest-api/rooms/get-room
    """
    operation, name = "GetRoomConfig", room_name(session_id=session_id, daily=daily)
    answer = ask(
        operation=operation,
        method="GET",
        path=f"/rooms/{name}",
        daily=daily,
        credentials=credentials,
        deadline=deadline,
    )
    if answer.status == 404:
        return None
    room = _room(operation=operation, answer=answer, name=name)
    return room if room.expires > time.time() else None


def delete_room(*, session_id: str, daily: DailySettings, credentials: Credentials, deadline: float) -> bool:
    """Delete the session's room, which ejects whoever is in it; False where it was gone already.

    Raises `ApiError` as `ask` does. https://docs.daily.co/reference/rest-api/rooms/delete-room
    """
    operation = "DeleteRoom"
    answer = ask(
        operation=operation,
        method="DELETE",
        path=f"/rooms/{room_name(session_id=session_id, daily=daily)}",
        daily=daily,
        credentials=credentials,
        deadline=deadline,
    )
    if answer.status == 400:
        raise refused(operation=operation, answer=answer)
    return answer.ok


def take_back_room(
    *, session_id: str, daily: DailySettings, credentials: Credentials, seconds: float = TAKE_BACK_SECONDS
) -> str:
    """Delete the session's room if that can be done in `seconds`, and say what came of it, for the log.

    A room deleted is counted, and so is one that stays, which is left to the sweep.
    """
    deadline = time.monotonic() + seconds
    try:
        deleted = delete_room(session_id=session_id, daily=daily, credentials=credentials, deadline=deadline)
    except ApiError as error:
        count(ROOM_LEFT, daily=daily)
        return f"room left to the sweep: {error.note or error.code}"
    if deleted:
        count(ROOM_DELETED, daily=daily)
    return "room deleted" if deleted else "room already gone"


def _create(*, session_id: str, daily: DailySettings, credentials: Credentials, deadline: float, phone: Phone) -> Room:
    operation, name = "CreateRoom", room_name(session_id=session_id, daily=daily)
    answer = ask(
        operation=operation,
        method="POST",
        path="/rooms",
        payload={"name": name, "privacy": "private", "properties": _properties(daily=daily, phone=phone)},
        daily=daily,
        credentials=credentials,
        deadline=deadline,
    )
    if answer.status == 400 and "already exists" in str(answer.fields.get("info")):
        raise ApiError(
            status=409,
            code="room_exists",
            message="This session has its room already.",
            note=f"{operation}: HTTP 400 {answer.error}",
        )
    return _room(operation=operation, answer=answer, name=name)


def _properties(*, daily: DailySettings, phone: Phone) -> Mapping[str, object]:
    """https://docs.daily.co/reference/rest-api/rooms/config; phones: https://docs.daily.co/docs/guides/features/dial-in-dial-out/sip."""
    properties: dict[str, object] = {
        "exp": int(time.time()) + daily.session_seconds,
        "eject_at_room_exp": True,
        "max_participants": daily.max_participants,
        "enable_chat": False,
        "enable_prejoin_ui": False,
        "start_video_off": True,
        # One camera that is switched on would have the whole call billed as video:
        # https://docs.daily.co/docs/guides/features/audio-only
        "permissions": {"canSend": ["audio"]},
    }
    if daily.geo:
        properties["geo"] = daily.geo
    if daily.recording != "off":
        properties["enable_recording"] = daily.recording
    if phone in ("dial-in", "dial-in-and-out"):
        properties["sip"] = {"display_name": "Caller", "video": False, "sip_mode": "dial-in", "num_endpoints": 1}
    if phone in ("dial-out", "dial-in-and-out"):
        properties["enable_dialout"] = True
    return properties


def _room(*, operation: str, answer: DailyAnswer, name: str) -> Room:
    if not answer.ok:
        raise refused(operation=operation, answer=answer)
    config: Any = answer.fields.get("config")
    url, expires = answer.fields.get("url"), config.get("exp") if isinstance(config, dict) else None
    if answer.fields.get("name") != name or not isinstance(url, str) or not isinstance(expires, int | float):
        raise failed(operation=operation, problem="the answer is no room of this name, URL and end", carried_out=True)
    return Room(name=name, url=url, expires=int(expires))
