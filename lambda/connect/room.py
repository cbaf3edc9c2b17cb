"""The way into a session in a Daily room: the room, with the agent in it, and a token for the caller."""

import time

from connect.caller import caller_pseudonym
from connect.settings import Settings
from shared.credentials import Credentials
from shared.daily.join import join_session
from shared.daily.rooms import Room, create_room
from shared.daily.settings import DailySettings
from shared.daily.tokens import Role, room_token
from shared.errors import wrong_setup
from shared.invoke import ANSWER_SECONDS

BUDGET_SECONDS = 22.0
"""From the beginning to the last moment of waiting for the agent: of 200 callers at once, the last wait 10 s for their
rooms. What is left of the function's 29 s is for deleting the room again."""

CALLER_NAME = "Caller"
"""What the others in the room see of the caller."""


def room_way_in(
    *, session_id: str, subject: str, agent_body: bytes, settings: Settings, credentials: Credentials
) -> dict[str, object]:
    """`{"dailyRoom", "dailyToken", "sessionId"}`, which `@pipecat-ai/daily-transport` (1.6.9) joins with.

    The caller's token owns nothing, and ends with the room. Raises `ApiError` as `create_room` and `join_session` do;
    then there is no room.
    """
    daily = deployed_daily(settings=settings)
    deadline = time.monotonic() + BUDGET_SECONDS
    caller = caller_pseudonym(subject=subject, settings=settings, credentials=credentials)
    room = create_room(session_id=session_id, daily=daily, credentials=credentials, deadline=deadline - ANSWER_SECONDS)
    join_session(
        session_id=session_id,
        room=room,
        agent_body=agent_body,
        caller=caller,
        phone=None,
        runtime=settings.runtime,
        daily=daily,
        credentials=credentials,
        deadline=deadline,
    )
    way_in = participants_way_in(room=room, role="caller", name=CALLER_NAME, daily=daily, credentials=credentials)
    return {**way_in, "sessionId": session_id}


def participants_way_in(
    *, room: Room, role: Role, name: str, daily: DailySettings, credentials: Credentials
) -> dict[str, object]:
    """`{"dailyRoom", "dailyToken"}` for one participant of a room."""
    token = room_token(room=room, daily=daily, credentials=credentials, role=role, name=name)
    return {"dailyRoom": room.url, "dailyToken": token}


def deployed_daily(*, settings: Settings) -> DailySettings:
    """What rooms are made like; raises `ApiError` (500) without the transport, which is checked before."""
    if settings.daily is None:
        raise wrong_setup(note="a room is needed, and SWITCHBOARD_TRANSPORTS has no daily")
    return settings.daily
