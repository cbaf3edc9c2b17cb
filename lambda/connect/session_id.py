"""Session ids that prove whose they are: a random half and its HMAC with the subject; so no table is needed."""

import hashlib
import hmac
import re
import secrets

_NONCE_BYTES = 16
_NONCE_LENGTH = 2 * _NONCE_BYTES

# Hexadecimal: within AgentCore's 33-256 characters, and safe in a header, a path, a query and a file name.
_FORM = re.compile(r"[0-9a-f]{96}")


def new_session_id(*, key: bytes, subject: str) -> str:
    """A fresh id of 96 hexadecimal characters: 128 random bits, then HMAC-SHA256 over them and the subject."""
    nonce = secrets.token_hex(_NONCE_BYTES)
    return nonce + _proof(key=key, nonce=nonce, subject=subject)


def is_session_id(text: str) -> bool:
    """Whether the text has the form of an id, whoever owns it."""
    return _FORM.fullmatch(text) is not None


def owns_session(*, key: bytes, subject: str, session_id: str) -> bool:
    """Whether the id was minted with this key for this subject; takes the same time for every wrong id."""
    nonce, proof = session_id[:_NONCE_LENGTH], session_id[_NONCE_LENGTH:]
    return hmac.compare_digest(proof.encode(), _proof(key=key, nonce=nonce, subject=subject).encode())


def _proof(*, key: bytes, nonce: str, subject: str) -> str:
    # The nonce's length is fixed, so no two pairs of nonce and subject give the same message.
    return hmac.new(key, f"{nonce}{subject}".encode(), hashlib.sha256).hexdigest()
