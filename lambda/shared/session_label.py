"""What a log calls a session by."""

import hashlib


def session_label(session_id: str) -> str:
    """A short hash that links log lines of one session without giving the id away."""
    return hashlib.sha256(session_id.encode()).hexdigest()[:16]
