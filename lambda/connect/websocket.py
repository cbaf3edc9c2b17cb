"""The way into a session over a WebSocket: a URL that is signed for this session, this caller and a minute or so."""

from collections.abc import Mapping

from connect.settings import Settings
from shared.credentials import Credentials
from shared.presign import presigned_websocket_url


def websocket_way_in(
    *, session_id: str, custom: Mapping[str, str], settings: Settings, credentials: Credentials
) -> dict[str, object]:
    """`{"wsUrl"}`: what `@pipecat-ai/websocket-transport` (1.7.1) connects with, and no more.

    It refuses every name but `wsUrl` and `token`, and would append a `token` to the signed URL, which breaks it. The
    URL must be opened within its `X-Amz-Expires` seconds; the session, once open, outlives it. `custom` is what the
    agent is told, as `presigned_websocket_url` takes it.
    """
    url = presigned_websocket_url(
        runtime=settings.runtime,
        credentials=credentials,
        session_id=session_id,
        custom=custom,
        lifetime_seconds=int(min(settings.presigned_url_lifetime_seconds, credentials.seconds_left())),
    )
    return {"wsUrl": url}
