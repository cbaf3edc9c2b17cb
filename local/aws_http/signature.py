"""Verification of Signature Version 4, in headers and in a pre-signed query.

The canonical request is made here from the decoded request and not by botocore's signer run backwards. That is the
stricter way: botocore signs a query as it finds it, so it would agree with any spelling that a client has signed, while
AWS decodes and encodes again. It is the independent way too: a mistake of the signing side isn't repeated here.
Source: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html
"""

import hashlib
import hmac
import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from local.aws_http.errors import CommonCode, ServiceError
from local.aws_http.http_request import HttpRequest, encode
from local.aws_http.identity import Credential

PRESIGNED_URL_SECONDS = 300
"""The maximum of AgentCore's SDK; whether the service refuses more isn't documented."""
CLOCK_SKEW_SECONDS = 300
"""How far a signature's date may lie ahead, or that of signed headers behind (IAM's `reference_sigv.html`)."""
SIGNATURE_PARAMETERS = frozenset(
    f"X-Amz-{name}"
    for name in ("Algorithm", "Credential", "Date", "Expires", "SignedHeaders", "Security-Token", "Signature")
)
_ALGORITHM = "AWS4-HMAC-SHA256"
_AUTHORIZATION = re.compile(
    rf"{_ALGORITHM} Credential=(?P<credential>[^,\s]+), ?SignedHeaders=(?P<signed_headers>[^,\s]+), ?"
    r"Signature=(?P<signature>[^,\s]+)"
)


@dataclass(frozen=True, kw_only=True)
class _Claim:
    """What a request says about its own signature; `expires_seconds` is None for one in headers."""

    credential: str
    timestamp: str
    signed_headers: str
    signature: str
    token: str
    expires_seconds: str | None = None

    @property
    def scope(self) -> list[str]:
        """Access key id, date, region, service, terminator."""
        return self.credential.split("/")


def verify(
    request: HttpRequest,
    *,
    service: str,
    region: str,
    find_credential: Callable[[str], Credential | None],
    now: datetime,
) -> Credential:
    """Return whose request it is; raise the refusal of AWS for whatever is wrong with its signature.

    `service` is the signing name, such as `bedrock-agentcore`.
    """
    claim = _read_claim(request)
    _check_scope(claim, service=service, region=region)
    _check_signed_headers(claim, request)
    _check_time(claim, now=now)
    credential = find_credential(claim.scope[0])
    if credential is None or not _same(claim.token, credential.session_token or ""):
        raise ServiceError(CommonCode.UNRECOGNIZED_CLIENT, "the security token included in the request is invalid")
    if not _same(claim.signature, _sign(claim, request, credential)):
        raise ServiceError(
            CommonCode.INVALID_SIGNATURE,
            "the request signature that was calculated doesn't match the one provided: nothing of the path, the query, "
            "the signed headers or the payload may change after signing, and the secret key must be the right one",
        )
    return credential


def _read_claim(request: HttpRequest) -> _Claim:
    authorization = request.headers.get("authorization")
    presigned = not SIGNATURE_PARAMETERS.isdisjoint(request.query)
    if authorization is not None and presigned:
        raise ServiceError(CommonCode.INCOMPLETE_SIGNATURE, "the request is signed in its headers and in its query")
    if presigned:
        return _read_query(request)
    if authorization is None:
        raise ServiceError(CommonCode.MISSING_AUTHENTICATION, "the request is not signed")
    return _read_headers(request, authorization)


def _read_headers(request: HttpRequest, authorization: str) -> _Claim:
    match = _AUTHORIZATION.fullmatch(authorization)
    if match is None:
        code = CommonCode.INCOMPLETE_SIGNATURE if authorization.startswith(_ALGORITHM) else CommonCode.ACCESS_DENIED
        raise ServiceError(
            code,
            f"the Authorization header must be {_ALGORITHM} with Credential, SignedHeaders and Signature: "
            "no service here has a JWT authorizer",
        )
    return _Claim(
        **match.groupdict(),
        timestamp=request.headers.get("x-amz-date", ""),
        token=request.headers.get("x-amz-security-token", ""),
    )


def _read_query(request: HttpRequest) -> _Claim:
    missing = SIGNATURE_PARAMETERS - request.query.keys() - {"X-Amz-Security-Token"}
    if missing:
        raise ServiceError(CommonCode.INCOMPLETE_SIGNATURE, f"the query lacks {', '.join(sorted(missing))}")
    query = request.query
    if query["X-Amz-Algorithm"] != _ALGORITHM:
        raise ServiceError(CommonCode.INCOMPLETE_SIGNATURE, f"X-Amz-Algorithm must be {_ALGORITHM}")
    return _Claim(
        credential=query["X-Amz-Credential"],
        timestamp=query["X-Amz-Date"],
        signed_headers=query["X-Amz-SignedHeaders"],
        signature=query["X-Amz-Signature"],
        token=query.get("X-Amz-Security-Token", ""),
        expires_seconds=query["X-Amz-Expires"],
    )


def _check_scope(claim: _Claim, *, service: str, region: str) -> None:
    expected = [claim.timestamp[:8], region, service, "aws4_request"]
    if claim.scope[1:] != expected:
        raise ServiceError(
            CommonCode.INVALID_SIGNATURE, f"the credential must be scoped to ACCESS_KEY_ID/{'/'.join(expected)}"
        )


def _check_signed_headers(claim: _Claim, request: HttpRequest) -> None:
    signed = claim.signed_headers.split(";")
    required = {"host"} | {name for name in request.headers if name.startswith("x-amz-")}
    if claim.expires_seconds is None:
        required.add("x-amz-date")
    if signed != sorted(set(signed)) or not required <= set(signed) <= request.headers.keys():
        raise ServiceError(
            CommonCode.INVALID_SIGNATURE,
            f"the signed headers must be in lower case, sorted, present in the request and hold {sorted(required)}",
        )


def _check_time(claim: _Claim, *, now: datetime) -> None:
    try:
        signed_at = datetime.strptime(f"{claim.timestamp}+0000", "%Y%m%dT%H%M%SZ%z")
    except ValueError as error:
        raise ServiceError(CommonCode.INCOMPLETE_SIGNATURE, "X-Amz-Date must be YYYYMMDD'T'HHMMSS'Z'") from error
    lifetime = CLOCK_SKEW_SECONDS if claim.expires_seconds is None else _lifetime(claim.expires_seconds)
    if signed_at - now > timedelta(seconds=CLOCK_SKEW_SECONDS):
        raise ServiceError(CommonCode.INVALID_SIGNATURE, f"signature not yet current: it was made at {signed_at}")
    if now - signed_at > timedelta(seconds=lifetime):
        raise ServiceError(
            CommonCode.INVALID_SIGNATURE,
            f"signature expired: it was made at {signed_at} and was good for {lifetime} s",
        )


def _lifetime(text: str) -> int:
    if not re.fullmatch(r"[1-9]\d{0,5}", text) or int(text) > PRESIGNED_URL_SECONDS:
        raise ServiceError(
            CommonCode.VALIDATION,
            f"X-Amz-Expires must be 1 to {PRESIGNED_URL_SECONDS} seconds, got {text[:10]!r}",
        )
    return int(text)


def _sign(claim: _Claim, request: HttpRequest, credential: Credential) -> str:
    """Sign anew, always over the payload that came, whatever X-Amz-Content-Sha256 claims."""
    query = sorted((encode(name), encode(value)) for name, value in request.query.items() if name != "X-Amz-Signature")
    headers = "".join(f"{name}:{' '.join(request.headers[name].split())}\n" for name in claim.signed_headers.split(";"))
    canonical_request = "\n".join(
        [
            request.method,
            "/".join(encode(segment) for segment in request.raw_path.split("/")),
            "&".join(f"{name}={value}" for name, value in query),
            headers,
            claim.signed_headers,
            request.body_sha256,
        ]
    )
    digest = hashlib.sha256(canonical_request.encode()).hexdigest()
    to_sign = "\n".join([_ALGORITHM, claim.timestamp, "/".join(claim.scope[1:]), digest])
    key = f"AWS4{credential.secret_access_key}".encode()
    for part in claim.scope[1:]:
        key = _hmac(key, part)
    return _hmac(key, to_sign).hex()


def _hmac(key: bytes, text: str) -> bytes:
    return hmac.new(key, text.encode(), hashlib.sha256).digest()


def _same(left: str, right: str) -> bool:
    return hmac.compare_digest(left.encode(), right.encode())
