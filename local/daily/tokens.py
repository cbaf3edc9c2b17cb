"""Meeting tokens: JWTs signed with the API key by HS256, with Daily's short names for their properties.

https://docs.daily.co/docs/guides/privacy-and-security/self-signing-tokens. Daily says nothing of tokens that lack `iat`
or the domain, or that carry a name it doesn't know; here they are refused. It doesn't prove that Daily takes a token.
"""

import base64
import binascii
import hashlib
import hmac
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

ABBREVIATIONS: Final = {
    "nbf": "nbf",
    "exp": "exp",
    "domain_id": "d",
    "room_name": "r",
    "user_id": "ud",
    "user_name": "u",
    "is_owner": "o",
    "knocking": "k",
    "close_tab_on_exit": "ctoe",
    "redirect_on_meeting_exit": "rome",
    "intercom_join_alert": "ij",
    "start_cloud_recording": "sr",
    "start_cloud_recording_opts": "sro",
    "auto_start_transcription": "ast",
    "enable_recording": "er",
    "enable_screenshare": "ss",
    "start_video_off": "vo",
    "start_audio_off": "ao",
    "meeting_join_hook": "mjh",
    "eject_at_token_exp": "ejt",
    "eject_after_elapsed": "eje",
    "lang": "uil",
    "enable_recording_ui": "erui",
    "permissions": "p",
}
# What the clock of whoever signs may be ahead.
CLOCK_SKEW_SECONDS: Final = 60
MAX_USER_ID_CHARACTERS: Final = 36

_TYPES: Final = {
    "iat": int,
    "nbf": int,
    "exp": int,
    "d": str,
    "r": str,
    "ud": str,
    "u": str,
    "o": bool,
    "sr": bool,
    "ejt": bool,
    "eje": int,
    "er": str,
}


class TokenError(Exception):
    """A token that opens nothing; the text says why, and holds nothing of the token."""


@dataclass(frozen=True, kw_only=True)
class Token:
    """What a token grants. Times in seconds since the epoch."""

    room_name: str | None = None
    user_id: str | None = None
    user_name: str | None = None
    is_owner: bool = False
    expires: int | None = None
    eject_at_expiry: bool = False
    eject_after_elapsed: int | None = None
    start_recording: bool = False
    claims: Mapping[str, Any] = field(default_factory=dict)


def sign(claims: Mapping[str, Any], *, api_key: str) -> str:
    """Return a token with these claims, by their short names."""
    head = _encode(json.dumps({"alg": "HS256", "typ": "JWT"}).encode())
    signed = f"{head}.{_encode(json.dumps(claims).encode())}"
    return f"{signed}.{_encode(_mac(signed, api_key))}"


def read(token: str, *, api_key: str, domain_id: str, now: float) -> Token:
    """Return what a token grants in a domain; raise `TokenError` for one that grants nothing."""
    claims = _verified(token, api_key=api_key)
    for name, value in claims.items():
        _check_type(name, value)
    if claims.get("d") != domain_id:
        raise TokenError("the token's domain (d) is another than the room's")
    if "iat" not in claims or claims["iat"] > now + CLOCK_SKEW_SECONDS:
        raise TokenError("the token's iat is missing or lies in the future")
    if claims.get("nbf", 0) > now:
        raise TokenError("the token is not valid yet (nbf)")
    if claims.get("exp", now + 1) <= now:
        raise TokenError("the token has expired (exp)")
    if len(claims.get("ud", "")) > MAX_USER_ID_CHARACTERS:
        raise TokenError(f"the token's user id (ud) has more than {MAX_USER_ID_CHARACTERS} characters")
    return Token(
        room_name=claims.get("r"),
        user_id=claims.get("ud"),
        user_name=claims.get("u"),
        is_owner=claims.get("o", False),
        expires=claims.get("exp"),
        eject_at_expiry=claims.get("ejt", False),
        eject_after_elapsed=claims.get("eje"),
        start_recording=claims.get("sr", False),
        claims=claims,
    )


def _verified(token: str, *, api_key: str) -> Mapping[str, Any]:
    signed, _, signature = token.rpartition(".")
    head, _, payload = signed.partition(".")
    try:
        header, claims, mac = json.loads(_decode(head)), json.loads(_decode(payload)), _decode(signature)
    except (ValueError, binascii.Error) as error:
        raise TokenError("the token is no JWT") from error
    if not isinstance(header, dict) or not isinstance(claims, dict) or header.get("alg") != "HS256":
        raise TokenError("the token is no JWT signed by HS256")
    if not hmac.compare_digest(mac, _mac(signed, api_key)):
        raise TokenError("the token's signature is not made with the domain's API key")
    return claims


def _check_type(name: str, value: object) -> None:
    if name != "iat" and name not in ABBREVIATIONS.values():
        raise TokenError(f"the token has an unknown property {name!r}")
    wanted = _TYPES.get(name)
    if wanted and (not isinstance(value, wanted) or (wanted is int and isinstance(value, bool))):
        raise TokenError(f"the token's property {name} has to be {wanted.__name__}, got {type(value).__name__}")


def _mac(signed: str, api_key: str) -> bytes:
    return hmac.digest(api_key.encode(), signed.encode(), hashlib.sha256)


def _encode(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def _decode(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
