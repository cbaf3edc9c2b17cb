"""Lets an application behind hypercorn see the code with which a client closed its WebSocket.

Hypercorn 0.18 reports 1006 for every end of a connection, a Close frame or none. Uvicorn's way is taken here: the code
and the reason of a Close frame, and no reason where none came.
"""

from typing import Any

from hypercorn.protocol import h11
from hypercorn.protocol.events import StreamClosed
from hypercorn.protocol.ws_stream import CloseConnection, ConnectionState, WSStream


class ClosedStream(WSStream):  # type: ignore[misc]  # hypercorn is in the embedded cloud's own environment only
    """A stream that keeps the client's Close frame: hypercorn answers it with the same code and reason."""

    closed: bool
    _close_frame: CloseConnection | None = None

    async def handle(self, event: Any) -> None:
        """Tell the application of the Close frame, where hypercorn would tell of the end only."""
        frame = self._close_frame
        if isinstance(event, StreamClosed) and frame and self.app_put and not self.closed:
            self.closed = True
            await self.app_put({"type": "websocket.disconnect", "code": frame.code, "reason": frame.reason or ""})
        else:
            await super().handle(event)

    async def _send_wsproto_event(self, event: Any) -> None:
        if isinstance(event, CloseConnection) and self.connection.state is ConnectionState.REMOTE_CLOSING:
            self._close_frame = event
        await super()._send_wsproto_event(event)


def show_close_frames() -> None:
    """Make hypercorn use it, for HTTP/1.1: clients of this cloud speak nothing else."""
    h11.WSStream = ClosedStream
