"""A phone call in a room at Daily: the room is made, the agent is called into it, and both come to their end.

Daily holds the caller, or nobody is dialed, until the agent is there; so the agent is started before anybody speaks.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from shared.credentials import Credentials
from shared.daily.ending import end_room
from shared.daily.join import join_session
from shared.daily.rooms import Phone, Room, create_room
from shared.daily.settings import DailySettings
from shared.invoke import ANSWER_SECONDS
from shared.stop_session import stop_session
from telephony.settings import Settings, daily_of

BUDGET_SECONDS = 18.0
"""For the room and the agent together. Some 6 s more end the room where nobody knows what the agent does; the function
has 29 s for it all."""

STOP_SECONDS = 5.0


@dataclass(frozen=True, kw_only=True)
class RoomSession:
    """A session that is a phone call in a room. What it can't do is an `ApiError`; times are of `time.monotonic()`."""

    session_id: str = field(repr=False)
    settings: Settings
    credentials: Credentials

    def make_room(self, *, phone: Phone, deadline: float) -> Room:
        """Make the session's room, which lasts no longer than a phone call may; raises as `create_room` does.

        It leaves the agent, who is asked until `deadline`, time to answer.
        """
        return create_room(
            session_id=self.session_id,
            daily=self._daily,
            credentials=self.credentials,
            deadline=deadline - ANSWER_SECONDS,
            phone=phone,
        )

    def call_agent(self, *, room: Room, phone: Mapping[str, object], caller: str, body: str, deadline: float) -> None:
        """Have the agent join; `caller` is a pseudonym or empty, `body` compact JSON or empty.

        Raises as `join_session` does, after it has deleted the room.
        """
        join_session(
            session_id=self.session_id,
            room=room,
            agent_body=body.encode(),
            caller=caller,
            phone=phone,
            runtime=self.settings.runtime,
            daily=self._daily,
            credentials=self.credentials,
            deadline=deadline,
        )

    def end(self) -> str:
        """Stop the agent, put whoever is in the room out, which hangs up, and delete it; say what came of it.

        The room goes also where the agent couldn't be stopped, which ends by itself when nobody is left. A room that
        can't be emptied now stays for the sweep, which tries again: nobody can be put out of one that is deleted.
        """
        try:
            stopped = stop_session(
                session_id=self.session_id,
                runtime=self.settings.runtime,
                credentials=self.credentials,
                timeout_seconds=STOP_SECONDS,
            )
        finally:
            outcome = end_room(session_id=self.session_id, daily=self._daily, credentials=self.credentials)
        return f"{stopped}; {outcome}"

    @property
    def _daily(self) -> DailySettings:
        daily = daily_of(self.settings)
        return replace(daily, session_seconds=min(daily.session_seconds, self.settings.max_call_seconds))
