"""Every quota and time limit of the data plane in one place, so that a test can shorten one."""

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Limits:
    """The service's quotas; those without a source are this stand-in's own choice.

    Source: https://docs.aws.amazon.com/bedrock-agentcore/latest/devguide/bedrock-agentcore-limits.html (2026-10), and
    runtime-lifecycle-settings.html, runtime-v2-optimize.html and runtime-http-protocol-contract.html of that guide.
    """

    max_payload_bytes: int = 100 * 1024 * 1024
    max_frame_bytes: int = 64 * 1024
    """Of a WebSocket message, both ways: an ASGI server doesn't show frames, and a message is never the smaller."""
    frames_per_second: int = 250
    """From the client, a connection, within any one second."""
    websocket_seconds: float = 60 * 60
    invocation_seconds: float = 15 * 60
    """Of a synchronous request; a server-sent event stream may last `websocket_seconds`."""
    active_sessions: int = 5_000
    new_sessions_per_second: int = 25
    start_seconds: float = 120
    """From the start of a process to its first healthy /ping (platform version V2)."""
    termination_seconds: float = 15
    """From SIGTERM to SIGKILL."""
    max_custom_headers: int = 20
    max_custom_header_bytes: int = 4 * 1024

    ping_interval_seconds: float = 2
    ping_timeout_seconds: float = 5
    ping_failures: int = 3
    """Unanswered or malformed in a row before the session is ended as unhealthy."""
    handshake_seconds: float = 5
    """How long a WebSocket's opening or closing handshake may take."""
    refill_seconds: float = 2
    """From a session's start to that of the next warm process: both share this machine's processors."""
