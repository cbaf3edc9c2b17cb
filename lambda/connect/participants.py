"""POST /sessions/{session_id}/participants: one more person may join the room of the caller's own session."""

import time
from collections.abc import Mapping
from typing import Any

from connect.owned_session import owned_session
from connect.room import deployed_daily, participants_way_in
from connect.settings import Settings
from connect.start_request import check_deployed
from shared.answer import Answer
from shared.credentials import Credentials
from shared.daily.rooms import find_room
from shared.errors import ApiError
from shared.request_body import check_type, json_object

MAX_BYTES = 1024
MAX_NAME_CHARACTERS = 64
BUDGET_SECONDS = 10.0
DEFAULT_NAME = "Guest"


def participants(*, event: Mapping[str, Any], subject: str, settings: Settings, credentials: Credentials) -> Answer:
    """Answer 201 with `{"dailyRoom", "dailyToken"}`: a token that owns nothing, is for one room, and ends with it.

    Who has the token is let in, so its giver must mean to. Whether the room is full, Daily says to who joins. Raises
    `ApiError`: 400 for a name of no use, 409 `not_a_room` for a session on a connection of its own, 410 `session_over`
    where its room is gone, and as `owned_session` and `find_room` do.
    """
    deadline = time.monotonic() + BUDGET_SECONDS
    check_deployed(transport="daily", settings=settings)
    daily = deployed_daily(settings=settings)
    owned = owned_session(event=event, subject=subject, settings=settings, credentials=credentials)
    fields = json_object(event=event, max_bytes=MAX_BYTES, fields=("name",))
    name = _checked_name(value=fields.get("name", DEFAULT_NAME))
    if owned.place != "room":
        raise ApiError(
            status=409,
            code="not_a_room",
            message="This session's call is in no Daily room, so nobody else can join; start one with transport daily.",
        )
    room = find_room(session_id=owned.session_id, daily=daily, credentials=credentials, deadline=deadline)
    if room is None:
        raise ApiError(
            status=410,
            code="session_over",
            message="This session is over, and its room is gone. Start another session.",
        )
    return Answer(
        status=201,
        metric="ParticipantsInvited",
        session_id=owned.session_id,
        payload=participants_way_in(room=room, role="guest", name=name, daily=daily, credentials=credentials),
    )


def _checked_name(*, value: Any) -> str:
    check_type(name="name", value=value, expected=str)
    name = str(value)
    if not 1 <= len(name) <= MAX_NAME_CHARACTERS or not name.isprintable() or name.isspace():
        raise ApiError(
            status=400,
            code="invalid_name",
            message=f"name must be 1 to {MAX_NAME_CHARACTERS} printable characters; got {len(name)}.",
        )
    return name
