"""The way into a session over WebRTC: the ICE servers of its call, and a path that its offers are sent to."""

from typing import Any

from connect.settings import Settings
from connect.ticket import Ticket, path_id
from connect.turn import ice_servers
from shared.credentials import Credentials
from shared.session_key import session_key


def webrtc_way_in(
    *, session_id: str, body: dict[str, Any], settings: Settings, credentials: Credentials
) -> dict[str, object]:
    """`{"sessionId", "iceConfig": {"iceServers"}}`, which `@pipecat-ai/small-webrtc-transport` (1.10.8) connects with.

    It sends its offers to /sessions/{sessionId}/api/offer, so the agent gets the same ICE servers, and `body`, without
    a second request to the source of ICE servers. Raises `ApiError` where that source or the session key fails.
    """
    answer = ice_servers(settings=settings, credentials=credentials)
    return {
        "sessionId": path_id(
            key=session_key(secret=settings.session_key, credentials=credentials),
            session_id=session_id,
            ticket=Ticket(body=body, ice=answer),
        ),
        "iceConfig": {"iceServers": [server.as_json() for server in answer.servers]},
    }
