"""The key behind every session id, read from Secrets Manager.

Replacing it ends the ownership of sessions already running: they can't be stopped through the API any more, and end by
their idle time-out. Phone calls going on lose the way to their sessions alike.
"""

from shared.credentials import Credentials
from shared.errors import RETRY_LATER, ApiError, wrong_setup
from shared.secret_cache import secret_string
from shared.secret_reference import SecretReference
from shared.secret_value import SecretUnavailableError

MIN_KEY_CHARACTERS = 32


def session_key(*, secret: SecretReference, credentials: Credentials, timeout_seconds: float | None = None) -> bytes:
    """The HMAC key; raises `ApiError` (503, or 500 where the secret is too short to be one)."""
    try:
        key = secret_string(secret=secret, credentials=credentials, timeout_seconds=timeout_seconds)
    except SecretUnavailableError as error:
        raise ApiError(
            status=503,
            code="session_key_unavailable",
            message="The service could not read its session key. Try again in a moment.",
            headers=RETRY_LATER,
            note=f"GetSecretValue: {error}",
        ) from None
    if len(key) < MIN_KEY_CHARACTERS:
        raise wrong_setup(note=f"the session key has {len(key)} characters, needed at least {MIN_KEY_CHARACTERS}")
    return key.encode()
