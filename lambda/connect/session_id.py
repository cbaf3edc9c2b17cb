"""Session ids that prove whose they are: a random half and its HMAC with the subject; so no table is needed."""

import hashlib
import hmac
import re
import secrets
from typing import Literal

type Place = Literal["direct", "room"]
"""Where a session's call is: on a connection of the caller's own to the agent, or in a Daily room."""

_NONCE_BYTES = 16
_NONCE_LENGTH = 2 * _NONCE_BYTES

# No other key of ours is derived by this label, and no proof is made over a text like it.
_ROOM_LABEL = b"switchboard room"

# Hexadecimal: within AgentCore's 33-256 characters, and safe in a header, a path, a query and a file name.
_FORM = re.compile(r"[0-9a-f]{96}")


def new_session_id(*, key: bytes, subject: str, place: Place = "direct") -> str:
    """A fresh id of 96 hexadecimal characters: 128 random bits, then HMAC-SHA256 over them and the subject.

    `place` decides the HMAC's key, so that the id itself tells where its call is.
    """
    nonce = secrets.token_hex(_NONCE_BYTES)
    return nonce + _proof(key=key, nonce=nonce, subject=subject, place=place)


def is_session_id(text: str) -> bool:
    """Whether the text has the form of an id, whoever owns it."""
    return _FORM.fullmatch(text) is not None


def owned_place(*, key: bytes, subject: str, session_id: str) -> Place | None:
    """Where the call of this subject's session is; None for an id that wasn't minted with this key for this subject.

    It takes the same time for every wrong id.
    """
    found: Place | None = None
    nonce, proof = session_id[:_NONCE_LENGTH], session_id[_NONCE_LENGTH:]
    places: tuple[Place, Place] = ("direct", "room")
    for place in places:
        expected = _proof(key=key, nonce=nonce, subject=subject, place=place)
        if hmac.compare_digest(proof.encode(), expected.encode()):
            found = place
    return found


def _proof(*, key: bytes, nonce: str, subject: str, place: Place) -> str:
    proof_key = key if place == "direct" else hmac.digest(key, _ROOM_LABEL, hashlib.sha256)
    # The nonce's length is fixed, so no two pairs of nonce and subject give the same message.
    return hmac.new(proof_key, f"{nonce}{subject}".encode(), hashlib.sha256).hexdigest()
