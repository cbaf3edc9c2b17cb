"""Opens the session that the connect API started: the one place that knows both transports."""

from contextlib import AbstractAsyncContextManager

from switchboard.connect_api import StartedWebRtc, StartedWebSocket
from switchboard.session import Session
from switchboard.websocket_session import open_websocket_session


def open_session(
    started: StartedWebSocket | StartedWebRtc, *, timeout_seconds: float
) -> AbstractAsyncContextManager[Session]:
    """A session in progress while the block runs. Raises OperatorError when the connection is refused or fails."""
    if isinstance(started, StartedWebSocket):
        return open_websocket_session(url=started.url, next_url=started.next_url, timeout_seconds=timeout_seconds)
    # aiortc takes half a second to import: only calls that need it wait for it.
    from switchboard.webrtc_session import open_webrtc_session

    return open_webrtc_session(
        signaling=started.signaling, ice_servers=started.ice_servers, timeout_seconds=timeout_seconds
    )
