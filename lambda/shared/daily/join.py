"""The agent of a session is called into its room."""

import json
from collections.abc import Mapping

from shared.credentials import Credentials
from shared.daily.ending import end_room
from shared.daily.rooms import Room, take_back_room
from shared.daily.settings import DailySettings
from shared.daily.tokens import room_token
from shared.errors import ApiError
from shared.invoke import invoke_agent
from shared.runtime import RuntimeTarget

AGENT_NAME = "Agent"
"""What the others in the room see of the agent."""

_PERHAPS_IN_THE_ROOM = 504
"""The status of an agent that may have come without our hearing of it."""


def join_session(
    *,
    session_id: str,
    room: Room,
    agent_body: bytes,
    caller: str,
    phone: Mapping[str, object] | None,
    runtime: RuntimeTarget,
    daily: DailySettings,
    credentials: Credentials,
    deadline: float,
) -> None:
    """Return once the agent has begun the call in the room; `deadline` is a time of `time.monotonic()`.

    `agent_body` is compact JSON, empty for none; `caller` a pseudonym, or empty; `phone` what the agent must know of a
    phone call. The agent gets an owner's token, and never the API key. Raises `ApiError` as `invoke_agent` does, after
    it has deleted the room: nobody would answer in it, or, where the answer came too late, nobody must.
    """
    try:
        invoke_agent(
            message={
                "type": "join",
                "roomUrl": room.url,
                "token": room_token(room=room, daily=daily, credentials=credentials, role="agent", name=AGENT_NAME),
                "expires": room.expires,
                "body": json.loads(agent_body or b"{}"),
                "caller": caller,
                "phone": phone,
            },
            session_id=session_id,
            runtime=runtime,
            credentials=credentials,
            deadline=deadline,
        )
    except ApiError as error:
        end = end_room if error.status == _PERHAPS_IN_THE_ROOM else take_back_room
        outcome = end(session_id=session_id, daily=daily, credentials=credentials)
        error.note = f"{error.note}; {outcome}" if error.note else outcome
        raise
