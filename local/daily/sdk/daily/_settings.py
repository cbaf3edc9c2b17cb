"""What the native SDK refuses before it asks anybody, in its own words: read off it without a network."""

import json
import uuid
from collections.abc import Iterable, Mapping
from typing import Any, Final
from urllib.parse import urlsplit

_JOIN_KEYS: Final = ("inputs", "publishing", "connection")
_DIALOUT_KEYS: Final = frozenset(
    {
        "sipUri",
        "phoneNumber",
        "displayName",
        "userId",
        "video",
        "videoSettings",
        "codecs",
        "provider",
        "permissions",
        "callerId",
        "extension",
        "waitBeforeExtensionDialSec",
    }
)
_PLACEMENTS: Final = ("replace", "back", "front")


class SettingsError(Exception):
    """The text is what the completion gets."""


def check_url(url: str) -> None:
    """Refuse what is no URL."""
    if not urlsplit(url).scheme:
        raise SettingsError(f'Failed to parse url: InvalidUrl("{url}", RelativeUrlWithoutBase)')


def check_client_settings(settings: Mapping[str, Any] | None) -> None:
    """Refuse settings that a join doesn't know."""
    unknown = [key for key in settings or {} if key not in _JOIN_KEYS]
    if unknown:
        raise SettingsError(
            'Invalid client settings: JsonApiError { message: "Object contains unknown keys: '
            f'{_quoted(unknown)}. Allowed keys: {_quoted(_JOIN_KEYS)}" }}'
        )


def check_dialout(settings: Mapping[str, Any]) -> None:
    """Refuse settings that are neither a phone's nor a SIP address's."""
    is_one = ("sipUri" in settings) != ("phoneNumber" in settings)
    if not is_one or settings.keys() - _DIALOUT_KEYS:
        raise SettingsError(
            "Dialout settings are not valid: JsonApiError { message: "
            '"data did not match any variant of untagged enum DailyStartDialoutProperties" }'
        )


def check_session(settings: Mapping[str, Any], *, what: str, needed: Iterable[str]) -> None:
    """Refuse settings that lack what a request about a phone call needs."""
    for name in needed:
        if settings.get(name) is None:
            raise SettingsError(f'{what} settings are not valid: JsonApiError {{ message: "missing field `{name}`" }}')


def check_participant_ids(ids: Iterable[str]) -> None:
    """Refuse ids of participants that are no UUIDs."""
    for each in ids:
        try:
            uuid.UUID(each)
        except ValueError as error:
            raise SettingsError(
                'JsonApiError { message: "Failed to deserialize remote participant ids JSON: '
                'Error(\\"UUID parsing failed\\", line: 0, column: 0)" }'
            ) from error


def check_ice_config(ice_config: Mapping[str, Any] | None) -> None:
    """Refuse ICE servers that the native SDK wouldn't take."""
    if ice_config is None:
        return
    placement = ice_config.get("placement", "front")
    if placement not in _PLACEMENTS:
        raise SettingsError(
            'Invalid ice config settings: JsonApiError { message: "\\"'
            f"{placement}\\\" is not one of 'replace', 'back', 'front'\" }}"
        )
    for server in ice_config.get("iceServers", []):
        urls = server.get("urls")
        if not isinstance(urls, list | str) or not urls:
            raise SettingsError("Invalid ice config settings: IceServers error, urls is not an array")


def _quoted(names: Iterable[str]) -> str:
    return json.dumps(list(names)).replace('"', '\\"')
