"""The session that a path names, once it is known to be the caller's own."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from connect.session_id import Place, is_session_id, owned_place
from connect.settings import Settings
from connect.ticket import Ticket, open_ticket
from shared.credentials import Credentials
from shared.errors import ApiError
from shared.session_key import session_key


@dataclass(frozen=True, kw_only=True)
class OwnedSession:
    """An id of the caller's own, where its call is, and what POST /start gave them to carry."""

    session_id: str
    place: Place
    ticket: Ticket


def owned_session(
    *, event: Mapping[str, Any], subject: str, settings: Settings, credentials: Credentials
) -> OwnedSession:
    """Read the path's `session_id`: a session's id, alone or with a ticket behind it.

    Raises `ApiError`: 400 for a malformed id or ticket, 403 for a session that isn't the caller's, 503 without its key.
    """
    session_id, dot, text = event["pathParameters"]["session_id"].partition(".")
    if not is_session_id(session_id):
        raise ApiError(
            status=400,
            code="malformed_session_id",
            message="This is no session id; use the switchboard-session-id that POST /start answered with.",
        )
    key = session_key(secret=settings.session_key, credentials=credentials)
    place = owned_place(key=key, subject=subject, session_id=session_id)
    if place is None:
        raise ApiError(
            status=403,
            code="not_your_session",
            message="This session is not yours; only the caller who started a session can use or end it.",
        )
    ticket = open_ticket(key=key, session_id=session_id, text=text) if dot else Ticket()
    return OwnedSession(session_id=session_id, place=place, ticket=ticket)


def directly_owned_session(
    *, event: Mapping[str, Any], subject: str, settings: Settings, credentials: Credentials
) -> OwnedSession:
    """`owned_session`, for what makes no sense in a room; raises `ApiError` (409 `session_has_room`), too."""
    owned = owned_session(event=event, subject=subject, settings=settings, credentials=credentials)
    if owned.place == "room":
        raise ApiError(
            status=409,
            code="session_has_room",
            message="This session's call is in a Daily room; join it with the dailyRoom and dailyToken of POST /start.",
        )
    return owned
