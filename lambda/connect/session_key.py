"""The key behind every session id, read from Secrets Manager.

Replacing it ends the ownership of sessions already running: they can't be stopped through the API any more, and end by
their idle time-out.
"""

from connect.errors import RETRY_LATER, ApiError, wrong_setup
from connect.settings import Settings
from shared.credentials import Credentials
from shared.secret_cache import SecretUnavailableError, secret_string

MIN_KEY_CHARACTERS = 32


def session_key(*, settings: Settings, credentials: Credentials) -> bytes:
    """The HMAC key; raises `ApiError` (503, or 500 where the secret is too short to be one)."""
    try:
        key = secret_string(
            secret_arn=settings.session_key_secret_arn,
            endpoint_url=settings.secrets_manager_url,
            region=settings.secret_region,
            credentials=credentials,
        )
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
