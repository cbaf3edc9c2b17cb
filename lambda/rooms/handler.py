"""The Lambda entry point: events of agents, invoked directly, and of the schedule."""

import functools
import os
import time
from collections.abc import Mapping
from typing import Any, Protocol

from rooms.call_state import call_state
from rooms.dialin_ready import dialin_ready
from rooms.event import UnusableEventError
from rooms.session_ended import session_ended
from rooms.settings import Settings, load_settings
from rooms.sweep import sweep
from shared.credentials import Credentials, CredentialsError, load_credentials
from shared.environment import SettingsError
from shared.errors import ApiError
from shared.safe_log import create_logger
from shared.session_label import session_label

logger = create_logger()


class RoomsError(Exception):
    """The event was not carried out; the message is a code, and the log says more.

    Lambda delivers an asynchronous event again, and writes the message to its own log.
    """


class _Operation(Protocol):
    def __call__(self, *, event: Mapping[str, Any], settings: Settings, credentials: Credentials) -> str: ...


_OPERATIONS: Mapping[str, _Operation] = {
    "session-ended": session_ended,
    "dialin-ready": dialin_ready,
    "call-status": call_state,
    "sweep": sweep,
}


@functools.cache
def cached_settings() -> Settings:
    """This process's settings; a mistake is found again, and told again, by every event."""
    return load_settings(environ=os.environ)


@logger.inject_lambda_context(log_event=False, clear_state=True)
def handler(event: Mapping[str, Any], context: object) -> dict[str, object]:
    """Carry one event out and return an empty object; raises `RoomsError`."""
    began = time.perf_counter()
    kind = event.get("type") if isinstance(event, Mapping) else None
    known = kind if isinstance(kind, str) and kind in _OPERATIONS else "unknown"
    said: dict[str, object] = {"event": known}
    if known != "unknown" and isinstance(event.get("sessionId"), str):
        said["session"] = session_label(event["sessionId"])
    code, note = _outcome(kind=known, event=event)
    said |= {"note": note or None, "duration_ms": round((time.perf_counter() - began) * 1000, 1)}
    if code:
        logger.error("event", extra={**said, "code": code})
        raise RoomsError(code)
    logger.info("event", extra=said)
    return {}


def _outcome(*, kind: str, event: Mapping[str, Any]) -> tuple[str, str]:
    """An error's code, empty for none, and a note for the log."""
    try:
        note = _operation(kind=kind)(
            event=event, settings=cached_settings(), credentials=load_credentials(environ=os.environ)
        )
    except UnusableEventError as error:
        return "unusable_event", str(error)
    except ApiError as error:
        return error.code, error.note
    except (SettingsError, CredentialsError) as error:
        return "wrong_setup", str(error)
    except Exception:
        logger.exception("unexpected error")
        return "internal_error", ""
    return "", note


def _operation(*, kind: str) -> _Operation:
    if kind not in _OPERATIONS:
        raise UnusableEventError(f"type must be one of {', '.join(_OPERATIONS)}")
    return _OPERATIONS[kind]
