"""Which properties a room may have, and what may stand in them.

https://docs.daily.co/reference/rest-api/rooms/create-room. A property that Daily has and this kit doesn't use is
refused like one that doesn't exist: better a test that says so than one that passes for nothing. Permissions are
checked for their form only.
"""

import time
from collections.abc import Callable, Mapping
from typing import Any, Final

from local.daily.errors import DailyError

MAX_PARTICIPANTS: Final = 200
PHONE_ROOM_SECONDS: Final = 365 * 24 * 3600
GEOS: Final = frozenset(
    {
        "af-south-1",
        "ap-northeast-2",
        "ap-southeast-1",
        "ap-southeast-2",
        "ap-south-1",
        "eu-central-1",
        "eu-west-2",
        "sa-east-1",
        "us-east-1",
        "us-west-2",
    }
)
RECORDINGS: Final = frozenset({"cloud", "cloud-audio-only", "local", "raw-tracks"})

SENDABLE: Final = frozenset({"video", "audio", "screenVideo", "screenAudio", "customVideo", "customAudio"})
ADMINISTERED: Final = frozenset({"participants", "streaming", "transcription"})

type Check = Callable[[object], bool]


def _is_bool(value: object) -> bool:
    return isinstance(value, bool)


def _is_int(value: object, *, least: int = 0, most: int = 2**53) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and least <= value <= most


def _is_text(value: object) -> bool:
    return isinstance(value, str) and bool(value)


def _is_sip(value: object) -> bool:
    if not isinstance(value, dict) or value.keys() - {"display_name", "video", "sip_mode", "num_endpoints", "codecs"}:
        return False
    return (
        value.get("sip_mode") == "dial-in"
        and _is_text(value.get("display_name"))
        and _is_bool(value.get("video", False))
        and _is_int(value.get("num_endpoints", 1), least=1, most=5)
    )


def _is_permissions(value: object) -> bool:
    """https://docs.daily.co/reference/rest-api/rooms/create-room (permissions)."""
    if not isinstance(value, dict) or value.keys() - {"hasPresence", "canSend", "canReceive", "canAdmin"}:
        return False
    sent, administered = value.get("canSend", True), value.get("canAdmin", False)
    return (
        _is_bool(value.get("hasPresence", True))
        and (_is_bool(sent) or (isinstance(sent, list) and SENDABLE.issuperset(sent)))
        and (_is_bool(administered) or (isinstance(administered, list) and ADMINISTERED.issuperset(administered)))
    )


_CHECKS: Final[Mapping[str, tuple[Check, str]]] = {
    "nbf": (_is_int, "a Unix time in whole seconds"),
    "exp": (_is_int, "a Unix time in whole seconds"),
    "eject_at_room_exp": (_is_bool, "true or false"),
    "eject_after_elapsed": (lambda value: _is_int(value, least=1), "a number of seconds"),
    "max_participants": (
        lambda value: _is_int(value, least=1, most=MAX_PARTICIPANTS),
        f"a number from 1 to {MAX_PARTICIPANTS}",
    ),
    "geo": (lambda value: value in GEOS, f"one of {', '.join(sorted(GEOS))}"),
    "enable_recording": (lambda value: value in RECORDINGS, f"one of {', '.join(sorted(RECORDINGS))}"),
    "enable_chat": (_is_bool, "true or false"),
    "enable_prejoin_ui": (_is_bool, "true or false"),
    "enable_knocking": (_is_bool, "true or false"),
    "enable_people_ui": (_is_bool, "true or false"),
    "enable_screenshare": (_is_bool, "true or false"),
    "enforce_unique_user_ids": (_is_bool, "true or false"),
    "start_video_off": (_is_bool, "true or false"),
    "start_audio_off": (_is_bool, "true or false"),
    "enable_dialout": (_is_bool, "true or false"),
    "permissions": (_is_permissions, "an object with hasPresence, canSend, canReceive and canAdmin at most"),
    "sip": (_is_sip, 'an object with sip_mode "dial-in", display_name, and at most video, num_endpoints and codecs'),
}


def check(properties: object, *, now: float | None = None) -> dict[str, Any]:
    """Return a room's properties without those that are null; raise `DailyError` for one that Daily has to refuse."""
    if not isinstance(properties, dict):
        raise DailyError.invalid("properties has to be an object")
    given = {name: value for name, value in properties.items() if value is not None}
    for name, value in given.items():
        if name not in _CHECKS:
            raise DailyError.invalid(f"unknown property {name!r}")
        is_right, wanted = _CHECKS[name]
        if not is_right(value):
            raise DailyError.invalid(f"property {name!r} has to be {wanted}, got {value!r}")
    _check_expiry(given, now=time.time() if now is None else now)
    return given


def _check_expiry(given: Mapping[str, Any], *, now: float) -> None:
    """Refuse a room that is over before it begins, and a room for phones that isn't over within a year."""
    if given.get("exp", now + 1) <= now:
        raise DailyError.invalid(f"property 'exp' was {given['exp']} but that time is in the past")
    if ("sip" in given or given.get("enable_dialout")) and given.get("exp", 2**53) > now + PHONE_ROOM_SECONDS:
        raise DailyError.invalid("a room for SIP or PSTN needs an 'exp' within 365 days")
