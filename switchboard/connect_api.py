"""Talks to the connect API: asks for a session, signals for a WebRTC call, and gives the session back."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from functools import partial
from time import monotonic
from typing import Any, Self

import httpx

from switchboard.errors import ExitCode, OperatorError
from switchboard.signaling import Answer, Candidate, IceServer, RefusedError

_CAUSES = {
    400: "the API does not accept this transport or body",
    401: "the access token is missing, expired, or from another issuer or client",
    403: "the token is valid, but not allowed to do this",
    404: "ApiUrl belongs to another API",
    429: "the API's throttle or the runtime's session quota is reached",
}
_CAUSES_BY_CODE = {
    "daily_busy": "Daily's limit of requests a second is reached, which all of the account's deployments share",
    "daily_failed": "Daily did not make the room: the function's log has its words",
    "daily_refused_key": "the API key in Daily's secret is missing, wrong or replaced",
    "daily_unreachable": "the function can't reach Daily's API",
    "no_relay": "the network of the agent lets nothing through to the TURN servers, or they refuse its credentials",
    "session_busy": "the session has another call",
    "transport_not_deployed": "the environment is deployed without this transport: see its parameter `transports`",
    "turn_unavailable": "the source of ICE servers (parameter `turn.source`) failed, or is throttled",
    "unknown_connection": "the agent ended, or its session did",
}


class Transport(StrEnum):
    """How audio travels."""

    WEBSOCKET = "websocket"
    WEBRTC = "webrtc"
    DAILY = "daily"


_AWAITED = {
    Transport.WEBSOCKET: "wsUrl",
    Transport.WEBRTC: "sessionId and iceConfig",
    Transport.DAILY: "dailyRoom and dailyToken",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class StartedSession:
    """A session as the API hands it out, and how long POST /start took."""

    session_id: str
    seconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class StartedWebSocket(StartedSession):
    """The URL is pre-signed, so it is a secret for as long as it lives; `next_url` asks for one after a loss."""

    url: str = field(repr=False)
    next_url: Callable[[], Awaitable[str]] = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class StartedWebRtc(StartedSession):
    """ICE servers with their credentials, and the way to the agent."""

    ice_servers: Sequence[IceServer]
    signaling: "ConnectSignaling"


@dataclass(frozen=True, slots=True, kw_only=True)
class StartedDaily(StartedSession):
    """The room, and the meeting token that lets one person in: both are secrets."""

    room_url: str = field(repr=False)
    token: str = field(repr=False)


class ConnectApi:
    """POST /start and what hangs on it; every failure is an OperatorError (SIGNING) without URL or token."""

    def __init__(self, *, api_url: str, token: str | None, timeout_seconds: float) -> None:
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        self._client = httpx.AsyncClient(base_url=api_url, headers=headers, timeout=timeout_seconds)

    async def __aenter__(self) -> Self:
        await self._client.__aenter__()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._client.aclose()

    async def start(
        self, *, transport: Transport, body: Mapping[str, object] | None = None
    ) -> StartedWebSocket | StartedWebRtc | StartedDaily:
        """Ask for a session; `body` reaches the bot."""
        started = monotonic()
        request: dict[str, object] = {"transport": transport} | ({"body": body} if body else {})
        response = await self.request("POST", "start", json=request)
        seconds = monotonic() - started
        session_id, answer = response.headers.get("switchboard-session-id", ""), _json_object(response)
        match transport, answer:
            case Transport.WEBSOCKET, {"wsUrl": str(url)} if session_id:
                next_url = partial(self._next_url, session_id)
                return StartedWebSocket(session_id=session_id, seconds=seconds, url=url, next_url=next_url)
            case Transport.WEBRTC, {"sessionId": str(path_id), "iceConfig": _} if session_id:
                signaling = ConnectSignaling(self, path_id=path_id)
                servers = _ice_servers(answer)
                return StartedWebRtc(session_id=session_id, seconds=seconds, ice_servers=servers, signaling=signaling)
            case Transport.DAILY, {"dailyRoom": str(room_url), "dailyToken": str(token)} if session_id:
                return StartedDaily(session_id=session_id, seconds=seconds, room_url=room_url, token=token)
            case _:
                problem = f"POST /start was answered without session id and {_AWAITED[transport]}"
                raise _failure(problem, "ApiUrl belongs to another API")

    async def stop(self, session_id: str) -> None:
        """End the session now, instead of at its idle time-out. Succeeds also when it has ended already."""
        await self.request("DELETE", "sessions/{session_id}", session_id=session_id)

    async def _next_url(self, session_id: str) -> str:
        response = await self.request("POST", "sessions/{session_id}/url", session_id=session_id)
        match _json_object(response):
            case {"wsUrl": str(url)}:
                return url
            case _:
                raise _failure("POST /sessions/{session_id}/url was answered without wsUrl", "ApiUrl is another API's")

    async def request(self, method: str, route: str, *, session_id: str = "", json: object = None) -> httpx.Response:
        """A successful response. Errors name the route, not the session. Raises OperatorError."""
        label = f"{method} /{route}"
        try:
            response = await self._client.request(method, route.format(session_id=session_id), json=json)
        except httpx.TimeoutException:
            raise _failure(f"{label} was not answered in time", "the function or the network is slow") from None
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise _failure(f"{label} did not reach the API ({type(error).__name__})", "the network blocks it") from None
        if not response.is_success:
            raise _refusal(label, response)
        return response


class ConnectSignaling:
    """Signaling for one session. Its place in the URL is what the API gave as sessionId, as browsers build it."""

    def __init__(self, api: ConnectApi, *, path_id: str) -> None:
        self._api = api
        self._path_id = path_id

    async def offer(self, *, sdp: str, pc_id: str | None, restart: bool) -> Answer:
        """POST the offer, which AgentCore takes to the agent."""
        offer = {"sdp": sdp, "type": "offer", "pc_id": pc_id, "restart_pc": restart}
        match _json_object(await self._request("POST", "api/offer", json=offer)):
            case {"type": "answer", "sdp": str(answer), "pc_id": str(pc_id)}:
                return Answer(sdp=answer, pc_id=pc_id)
            case _:
                raise _failure("the offer was answered without sdp and pc_id", "ApiUrl belongs to another API")

    async def candidates(self, *, pc_id: str, candidates: Sequence[Candidate]) -> None:
        """PATCH the candidates."""
        body = {"pc_id": pc_id, "candidates": [asdict(candidate) for candidate in candidates]}
        await self._request("PATCH", "api/offer", json=body)

    async def fresh_ice_servers(self) -> Sequence[IceServer]:
        """POST for new credentials; the session's place in the URL changes with them."""
        answer = _json_object(await self._request("POST", "api/ice-servers"))
        match answer:
            case {"sessionId": str(path_id), "iceConfig": _}:
                self._path_id = path_id
                return _ice_servers(answer)
            case _:
                raise _failure("fresh ICE servers were answered without iceConfig", "ApiUrl belongs to another API")

    async def _request(self, method: str, route: str, *, json: object = None) -> httpx.Response:
        return await self._api.request(method, f"sessions/{{session_id}}/{route}", session_id=self._path_id, json=json)


def _ice_servers(answer: Mapping[str, Any]) -> list[IceServer]:
    """Those of iceConfig. Raises OperatorError where they are not RTCIceServers."""
    try:
        return [
            IceServer(
                urls=tuple([server["urls"]] if isinstance(server["urls"], str) else server["urls"]),
                username=server.get("username", ""),
                credential=server.get("credential", ""),
            )
            for server in answer["iceConfig"]["iceServers"]
        ]
    except (KeyError, TypeError, AttributeError):
        raise _failure("iceConfig holds no list of RTCIceServer", "ApiUrl belongs to another API") from None


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
    cause = _CAUSES_BY_CODE.get(str(told.get("code"))) or _CAUSES.get(
        response.status_code, "the function failed: its log group has the request id"
    )
    return _failure(
        f"{label} was answered {response.status_code}: {', '.join(details) or 'no details'}",
        cause,
        kind=RefusedError if response.is_client_error else OperatorError,
    )


def _failure(problem: str, cause: str, *, kind: type[OperatorError] = OperatorError) -> OperatorError:
    return kind(
        exit_code=ExitCode.SIGNING,
        problem=problem,
        causes=[cause],
        next_steps=["look for the request id in the log groups of the connect stack", "try again with a fresh sign-in"],
    )
