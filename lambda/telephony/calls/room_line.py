"""Calls that an agent places and ends from a room: the function starts the agent, which dials."""

import time
from dataclasses import dataclass, field
from typing import Final

from shared.call_status import CallStatus, note_status
from shared.credentials import Credentials
from shared.daily.key import daily_key
from shared.errors import ApiError
from shared.session_key import session_key
from telephony.calls.record import CallRecord
from telephony.calls.table import call_table
from telephony.carrier import CarrierError, DialOrder, RoomCarrier
from telephony.phone_session import pseudonym, session_id_of
from telephony.room_session import BUDGET_SECONDS, RoomSession
from telephony.settings import Settings, daily_of

NOT_STARTED: Final = frozenset({"agentcore_busy", "agentcore_refused", "no_daily", "session_busy"})
"""Of the reasons why an agent didn't take a call, those that leave no doubt: it hasn't even begun."""


@dataclass(frozen=True, kw_only=True)
class RoomLine:
    """A carrier whose calls are placed by the agent of a room. It knows no id of them but ours."""

    carrier: RoomCarrier
    session_key: bytes = field(repr=False)
    settings: Settings
    credentials: Credentials

    def dial(self, *, order: DialOrder) -> str:
        """Make a room and have the agent dial from it; return our own id of the call.

        Raises `ApiError` where no agent was asked, or none began; `CarrierError`, as carried out, where one may have.
        """
        deadline = time.monotonic() + BUDGET_SECONDS
        session = self._session(call=order.call)
        room = session.make_room(phone="dial-out", deadline=deadline)
        try:
            session.call_agent(
                room=room,
                phone=self.carrier.dialed(order=order, transfer_to=self.settings.transfer_to),
                caller=pseudonym(key=self.session_key, number=order.to),
                body=order.body,
                deadline=deadline,
            )
        except ApiError as error:
            if error.code in NOT_STARTED:
                raise
            raise CarrierError(status=error.status, carried_out=True, note=error.note or error.code) from None
        return order.call

    def hang_up(self, *, record: CallRecord) -> None:
        """Stop the agent and delete the room, and put it into the record: who is stopped tells nothing any more.

        Raises `ApiError` where the agent can't be stopped, or the record not be written.
        """
        self._session(call=record.call).end()
        status: CallStatus = "completed" if record.answered_at else "canceled"
        table = call_table(settings=self.settings, credentials=self.credentials)
        note_status(call=record.call, call_id=record.call, status=status, table=table)

    def _session(self, *, call: str) -> RoomSession:
        # An id of Daily's, which sessions of incoming calls are derived from, has no space in it.
        session_id = session_id_of(key=self.session_key, carrier=self.carrier.name, call_id=f"call {call}")
        return RoomSession(session_id=session_id, settings=self.settings, credentials=self.credentials)


def open_room_line(*, carrier: RoomCarrier, settings: Settings, credentials: Credentials) -> RoomLine:
    """Raises `ApiError` (503) where Daily's secret, or the session key, can't be used."""
    daily_key(daily=daily_of(settings), credentials=credentials)
    key = session_key(secret=settings.session_key, credentials=credentials)
    return RoomLine(carrier=carrier, session_key=key, settings=settings, credentials=credentials)
