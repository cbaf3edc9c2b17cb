"""The secret behind a source of ICE servers: read by reference, and told apart from a secret of the wrong form."""

import json

from connect.turn.ice import turn_unavailable
from shared.credentials import Credentials
from shared.errors import wrong_setup
from shared.secret_cache import secret_string
from shared.secret_reference import SecretReference
from shared.secret_value import SecretUnavailableError


def turn_secret(*, secret: SecretReference, credentials: Credentials) -> str:
    """The secret's text; raises `ApiError` (503) where it can't be read."""
    try:
        return secret_string(secret=secret, credentials=credentials)
    except SecretUnavailableError as error:
        raise turn_unavailable(note=f"GetSecretValue of the TURN secret: {error}") from None


def turn_secret_fields(*, secret: SecretReference, names: tuple[str, ...], credentials: Credentials) -> tuple[str, ...]:
    """These fields of a secret that is a JSON object of texts; raises `ApiError` (503, or 500 for another form)."""
    text = turn_secret(secret=secret, credentials=credentials)
    try:
        fields = json.loads(text)
    except (ValueError, RecursionError):
        fields = None
    values = tuple(fields.get(name) for name in names) if isinstance(fields, dict) else ()
    # They go into headers, where a line break that was copied along would be an error without a name.
    usable = tuple(value for value in values if isinstance(value, str) and value.isascii() and value.isprintable())
    if len(usable) != len(names) or "" in usable:
        raise wrong_setup(
            note=f"the TURN secret must be a JSON object with {', '.join(names)}: texts in ASCII, none empty"
        )
    return usable
