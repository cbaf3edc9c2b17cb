"""Carriers' secrets: read by reference, and rotated without a deploy, since an old one stays good for a day."""

import json
import time
from dataclasses import dataclass

from shared.credentials import Credentials
from shared.errors import RETRY_LATER, ApiError
from shared.secret_reference import SecretReference
from shared.secret_value import NoSuchVersionError, SecretUnavailableError, SecretVersion, Stage, secret_version
from telephony.carrier import Carrier, Secret, SignatureError, WebhookRequest
from telephony.settings import Settings

MAX_AGE_SECONDS = 60
"""How long a version is used before it is read again."""

REFETCH_SECONDS = 10
"""A webhook that no known version fits has it read again at once, and at most this often: a rotation works within it,
and whoever sends forgeries can't make us ask Secrets Manager each time."""

PREVIOUS_SECRET_SECONDS = 24 * 3600
"""How long the version before the current one is accepted, from the current one's making."""

TIMEOUT_SECONDS = 2
"""A carrier waits for its answer meanwhile: Vonage 5 s, the others longer."""


@dataclass(frozen=True, kw_only=True)
class _Held:
    read_at: float
    version: SecretVersion | None


_cache: dict[tuple[str, Stage], _Held] = {}


def verify_webhook(*, carrier: Carrier, request: WebhookRequest, settings: Settings, credentials: Credentials) -> None:
    """Return if the carrier has signed this request with its secret, or with the one before that.

    Raises `SignatureError`, and `ApiError` (503) where the secret can't be read or has an empty field.
    """
    secret = settings.secrets[carrier.name]
    try:
        _verify(carrier=carrier, request=request, secret=secret, credentials=credentials, max_age=MAX_AGE_SECONDS)
    except SignatureError as error:
        if error.reason != "wrong signature":
            raise
        _verify(carrier=carrier, request=request, secret=secret, credentials=credentials, max_age=REFETCH_SECONDS)


def current_secret(*, carrier: Carrier, settings: Settings, credentials: Credentials) -> Secret:
    """The secret to ask the carrier's REST API with, at most a minute old; raises `ApiError` (503)."""
    version = _current(
        carrier=carrier,
        secret=settings.secrets[carrier.name],
        credentials=credentials,
        max_age=MAX_AGE_SECONDS,
    )
    return _checked(carrier=carrier, version=version)


def _verify(
    *, carrier: Carrier, request: WebhookRequest, secret: SecretReference, credentials: Credentials, max_age: float
) -> None:
    current = _current(carrier=carrier, secret=secret, credentials=credentials, max_age=max_age)
    try:
        carrier.verify(request=request, secret=_checked(carrier=carrier, version=current))
    except SignatureError as error:
        if error.reason != "wrong signature" or time.time() - current.created_at >= PREVIOUS_SECRET_SECONDS:
            raise
        previous = _previous(carrier=carrier, secret=secret, credentials=credentials, max_age=max_age)
        if previous is None:
            raise
        carrier.verify(request=request, secret=previous)


def _current(*, carrier: Carrier, secret: SecretReference, credentials: Credentials, max_age: float) -> SecretVersion:
    version = _version(carrier=carrier, secret=secret, stage="AWSCURRENT", credentials=credentials, max_age=max_age)
    if version is None:
        raise _unusable(carrier=carrier, problem="there is no such secret, or it has no current version")
    return version


def _previous(*, carrier: Carrier, secret: SecretReference, credentials: Credentials, max_age: float) -> Secret | None:
    """The version before; None where there is none, or where it was never filled: an empty key would fit any forger."""
    version = _version(carrier=carrier, secret=secret, stage="AWSPREVIOUS", credentials=credentials, max_age=max_age)
    if version is None:
        return None
    fields = _fields(version=version)
    return None if fields is None or _missing(carrier=carrier, fields=fields) else fields


def _version(
    *, carrier: Carrier, secret: SecretReference, stage: Stage, credentials: Credentials, max_age: float
) -> SecretVersion | None:
    now = time.time()  # not the monotonic clock: it may stand still while the function is frozen
    held = _cache.get((secret.arn, stage))
    if held is None or not 0 <= now - held.read_at < max_age:
        held = _Held(read_at=now, version=_read(carrier=carrier, secret=secret, stage=stage, credentials=credentials))
        _cache[secret.arn, stage] = held
    return held.version


def _read(*, carrier: Carrier, secret: SecretReference, stage: Stage, credentials: Credentials) -> SecretVersion | None:
    try:
        return secret_version(secret=secret, credentials=credentials, stage=stage, timeout_seconds=TIMEOUT_SECONDS)
    except NoSuchVersionError:
        return None
    except SecretUnavailableError as error:
        raise _unusable(carrier=carrier, problem=f"GetSecretValue: {error}") from None


def _checked(*, carrier: Carrier, version: SecretVersion) -> Secret:
    fields = _fields(version=version)
    if fields is None:
        raise _unusable(carrier=carrier, problem="it is no JSON object of texts")
    if missing := _missing(carrier=carrier, fields=fields):
        raise _unusable(carrier=carrier, problem=f"{', '.join(missing)} must be filled in")
    return fields


def _fields(*, version: SecretVersion) -> dict[str, str] | None:
    try:
        found = json.loads(version.text)
    except (ValueError, RecursionError):
        return None
    if not isinstance(found, dict) or not all(isinstance(value, str) for value in found.values()):
        return None
    return found


def _missing(*, carrier: Carrier, fields: Secret) -> tuple[str, ...]:
    return tuple(name for name in carrier.secret_fields if not fields.get(name, "").strip())


def _unusable(*, carrier: Carrier, problem: str) -> ApiError:
    return ApiError(
        status=503,
        code="carrier_secret_unusable",
        message="The service can't speak with its phone carrier now. Tell its operator this request id.",
        headers=RETRY_LATER,
        note=f"the secret of {carrier.name}: {problem}; see docs/telephony/{carrier.name}.md",
    )
