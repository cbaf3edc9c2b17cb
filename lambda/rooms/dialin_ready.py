"""`dialin-ready`: the agent is in the room of an incoming phone call, which Daily holds on the line until now."""

import time
from collections.abc import Mapping
from typing import Any

from rooms.event import session_id_field, text_field
from rooms.settings import Settings
from shared.credentials import Credentials
from shared.daily.api import ask, refused

FORWARD_SECONDS = 8.0
"""The agent, and the caller in its hold music, wait for it."""

_DAILYS_ID = "[A-Za-z0-9_.:-]{1,128}"
_SIP_URI = r"sips?:[!-~]{3,512}"


def dialin_ready(*, event: Mapping[str, Any], settings: Settings, credentials: Credentials) -> str:
    """Connect the call on hold with the room's SIP address.

    Raises `ApiError` where Daily doesn't do it: the caller may have hung up.
    https://docs.daily.co/reference/rest-api/dial-in/pinless-update
    """
    operation = "PinlessCallUpdate"
    session_id_field(event=event)
    answer = ask(
        operation=operation,
        method="POST",
        path="/dialin/pinlessCallUpdate",
        payload={
            "callId": text_field(event=event, name="callId", pattern=_DAILYS_ID),
            "callDomain": text_field(event=event, name="callDomain", pattern=_DAILYS_ID),
            "sipUri": text_field(event=event, name="sipUri", pattern=_SIP_URI),
        },
        daily=settings.daily,
        credentials=credentials,
        deadline=time.monotonic() + FORWARD_SECONDS,
    )
    if not answer.ok:
        raise refused(operation=operation, answer=answer)
    return "connected"
