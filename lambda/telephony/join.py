"""A call waits at Daily: a room is made for it, and the agent called into it, which then lets it in."""

import time

from telephony.phone_call import RECEIVED, Reply, RoomCall
from telephony.room_session import BUDGET_SECONDS, RoomSession


def join(*, call: RoomCall) -> Reply:
    """The webhook `answer` of a room's carrier. Its answer says nothing: the room's address comes from the agent.

    Raises `ApiError` where the room can't be made, or the agent isn't to be had: Daily then tells the caller so, and
    its `timeout_config` has the words.
    """
    settings = call.settings
    deadline = time.monotonic() + BUDGET_SECONDS
    session = RoomSession(session_id=call.session_id, settings=settings, credentials=call.credentials)
    # Whoever the caller is handed on to has to be dialed.
    room = session.make_room(phone="dial-in-and-out" if settings.transfer_to else "dial-in", deadline=deadline)
    session.call_agent(
        room=room,
        phone=call.carrier.answered(webhook=call.webhook, transfer_to=settings.transfer_to),
        caller=call.party,
        body="",
        deadline=deadline,
    )
    return Reply(document=RECEIVED, metric="CallsAnswered")
