"""Talks to the connect API: asks for a session, and gives it back."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Self

import httpx

from switchboard.errors import ExitCode, OperatorError

_CAUSES = {
    400: "the API does not accept this transport or body",
    401: "the access token is missing, expired, or from another issuer or client",
    403: "the token is valid, but not allowed to do this",
    404: "ApiUrl belongs to another API",
    429: "the API's throttle or the runtime's session quota is reached",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class StartedSession:
    """A session as the API hands it out: the URL is pre-signed, so it is a secret for as long as it lives."""

    session_id: str
    url: str = field(repr=False)


class ConnectApi:
    """POST /start and DELETE /sessions/{id}; every failure is an OperatorError (SIGNING) without URL or token."""

    def __init__(self, *, api_url: str, token: str | None, timeout_seconds: float) -> None:
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        self._client = httpx.AsyncClient(base_url=api_url, headers=headers, timeout=timeout_seconds)

    async def __aenter__(self) -> Self:
        await self._client.__aenter__()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._client.aclose()

    async def start(self, *, body: Mapping[str, object] | None = None) -> StartedSession:
        """Ask for a WebSocket session; `body` reaches the bot."""
        request: dict[str, object] = {"transport": "websocket"} | ({"body": body} if body else {})
        response = await self._request("POST", "start", json=request)
        session_id, url = response.headers.get("switchboard-session-id"), _json_object(response).get("wsUrl")
        if not (session_id and isinstance(url, str)):
            raise _failure("POST /start was answered without session id and wsUrl", "ApiUrl belongs to another API")
        return StartedSession(session_id=session_id, url=url)

    async def stop(self, session_id: str) -> None:
        """End the session now, instead of at its idle time-out. Succeeds also when it has ended already."""
        await self._request("DELETE", f"sessions/{session_id}")

    async def _request(self, method: str, path: str, *, json: object = None) -> httpx.Response:
        label = f"{method} /{path.partition('/')[0]}"
        try:
            response = await self._client.request(method, path, json=json)
        except httpx.TimeoutException:
            raise _failure(f"{label} was not answered in time", "the function or the network is slow") from None
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise _failure(f"{label} did not reach the API ({type(error).__name__})", "the network blocks it") from None
        if not response.is_success:
            raise _refusal(label, response)
        return response


def _json_object(response: httpx.Response) -> dict[str, Any]:
    try:
        answer = response.json()
    except ValueError:
        return {}
    return answer if isinstance(answer, dict) else {}


def _refusal(label: str, response: httpx.Response) -> OperatorError:
    answer = _json_object(response)
    error = answer.get("error")
    # API Gateway's own refusals (authorizer, throttle) carry only "message".
    told = error if isinstance(error, dict) else answer
    details = [f"{key} {told[key]}" for key in ("code", "message", "requestId") if isinstance(told.get(key), str)]
    cause = _CAUSES.get(response.status_code, "the function failed: its log group has the request id")
    return _failure(f"{label} was answered {response.status_code}: {', '.join(details) or 'no details'}", cause)


def _failure(problem: str, cause: str) -> OperatorError:
    return OperatorError(
        exit_code=ExitCode.SIGNING,
        problem=problem,
        causes=[cause],
        next_steps=["look for the request id in the log groups of the connect stack", "try again with a fresh sign-in"],
    )
