"""An event's fields, checked by hand: who may invoke the function is trusted, and still makes mistakes."""

import re
from collections.abc import Mapping
from typing import Any

_SESSION_ID = r"[0-9a-f]{96}"


class UnusableEventError(Exception):
    """An event that nothing can be done for; the message names a field and never its value."""


def text_field(*, event: Mapping[str, Any], name: str, pattern: str) -> str:
    """A text that matches `pattern` as a whole."""
    value = event.get(name)
    if not isinstance(value, str) or not re.fullmatch(pattern, value):
        raise UnusableEventError(f"{name} is missing, or has not the form {pattern}")
    return value


def session_id_field(*, event: Mapping[str, Any]) -> str:
    """The session that the event is about."""
    return text_field(event=event, name="sessionId", pattern=_SESSION_ID)
