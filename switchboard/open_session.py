"""Opens the session that the connect API started: the one place that knows every transport."""

import os
from contextlib import AbstractAsyncContextManager

from switchboard.connect_api import StartedDaily, StartedWebRtc, StartedWebSocket
from switchboard.session import Session
from switchboard.websocket_session import open_websocket_session


def open_session(
    started: StartedWebSocket | StartedWebRtc | StartedDaily, *, timeout_seconds: float
) -> AbstractAsyncContextManager[Session]:
    """A session in progress while the block runs. Raises OperatorError when the connection is refused or fails."""
    if isinstance(started, StartedWebSocket):
        return open_websocket_session(url=started.url, next_url=started.next_url, timeout_seconds=timeout_seconds)
    if isinstance(started, StartedDaily):
        # Daily's library starts threads of its own: only calls that need it load it. It would write its own log lines,
        # with hosts in them, to standard error, whatever log level it is given.
        os.environ.setdefault("RUST_LOG", "off")
        from switchboard.daily_session import open_daily_session

        return open_daily_session(room_url=started.room_url, token=started.token, timeout_seconds=timeout_seconds)
    # aiortc takes half a second to import: only calls that need it wait for it.
    from switchboard.webrtc_session import open_webrtc_session

    return open_webrtc_session(
        signaling=started.signaling, ice_servers=started.ice_servers, timeout_seconds=timeout_seconds
    )
