"""POST /sessions/{session_id}/url: a new way into a session of the caller's own, whose WebSocket was lost."""

from collections.abc import Mapping
from typing import Any

from connect.caller import caller_pseudonym
from connect.owned_session import directly_owned_session
from connect.settings import Settings
from connect.start_request import check_deployed
from connect.websocket import websocket_way_in
from shared.answer import Answer
from shared.credentials import Credentials


def url(*, event: Mapping[str, Any], subject: str, settings: Settings, credentials: Credentials) -> Answer:
    """Answer `{"wsUrl"}` for the same session: it goes on with the call there, and begins none.

    The agent keeps the `body` of POST /start, so the URL carries nothing that the caller chose. Whether the call still
    runs, only the agent knows: it closes the WebSocket with 1008 where not. Raises `ApiError` as
    `directly_owned_session` does.
    """
    check_deployed(transport="websocket", settings=settings)
    owned = directly_owned_session(event=event, subject=subject, settings=settings, credentials=credentials)
    caller = caller_pseudonym(subject=subject, settings=settings, credentials=credentials)
    return Answer(
        status=200,
        metric="UrlsSignedAgain",
        session_id=owned.session_id,
        payload=websocket_way_in(
            session_id=owned.session_id,
            custom={"Resume": "1", "Caller": caller},
            settings=settings,
            credentials=credentials,
        ),
    )
