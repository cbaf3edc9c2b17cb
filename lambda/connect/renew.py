"""POST /sessions/{session_id}/api/ice-servers: fresh ICE servers, for a restart after the first ones' end."""

from collections.abc import Mapping
from typing import Any

from connect.owned_session import directly_owned_session
from connect.settings import Settings
from connect.start_request import check_deployed
from connect.webrtc import webrtc_way_in
from shared.answer import Answer
from shared.credentials import Credentials


def renew(*, event: Mapping[str, Any], subject: str, settings: Settings, credentials: Credentials) -> Answer:
    """Answer as POST /start does for WebRTC: the same session and body, with a new `sessionId` to send offers to.

    Raises `ApiError` as `directly_owned_session` does, and 503 where no source of ICE servers answers.
    """
    check_deployed(transport="webrtc", settings=settings)
    owned = directly_owned_session(event=event, subject=subject, settings=settings, credentials=credentials)
    return Answer(
        status=200,
        metric="IceServersRenewed",
        session_id=owned.session_id,
        payload=webrtc_way_in(
            session_id=owned.session_id, body=owned.ticket.body, settings=settings, credentials=credentials
        ),
    )
