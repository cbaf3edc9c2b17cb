"""The scope that calls take. API Gateway has checked it already: money and strangers' phones are worth two locks."""

from collections.abc import Mapping
from typing import Any

from shared.errors import ApiError


def check_scope(*, event: Mapping[str, Any], scope: str) -> None:
    """Refuse a token without this scope (403).

    The claim is `scope`, or `scp` as some providers have it; API Gateway reads both, and hands a list over as `[a b]`:
    https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-jwt-authorizer.html
    """
    authorizer = event["requestContext"].get("authorizer") or {}
    claims = authorizer.get("jwt", {}).get("claims", {})
    granted = str(claims.get("scope") or claims.get("scp") or "").strip("[]").split()
    if scope not in granted:
        raise ApiError(
            status=403,
            code="missing_scope",
            message=f"The access token lacks the scope {scope}; sign in as a client that is granted it.",
        )
