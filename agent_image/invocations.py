"""POST /invocations on the server's own loop: the SDK runs entrypoints on another, which can't share connections."""

import uuid
from collections.abc import Mapping
from typing import TYPE_CHECKING

from bedrock_agentcore.runtime import BedrockAgentCoreContext
from bedrock_agentcore.runtime.models import ACCESS_TOKEN_HEADER, IDENTITY_WAT_HEADER, REQUEST_ID_HEADER, SESSION_HEADER
from starlette.requests import Request
from starlette.responses import JSONResponse

from calls import Calls
from daily_room.room_calls import RoomCalls
from loading import BotLoader
from messages import (
    AnsweringMachine,
    CallError,
    CallOutcomeRequest,
    IceCandidates,
    Join,
    Message,
    MessageError,
    Offer,
    StatusRequest,
    read_message,
)
from phone.sessions import PhoneSessions
from settings import Settings
from status import Status
from telemetry import continue_trace

if TYPE_CHECKING:
    from peer_calls import PeerCalls

_BAD_REQUEST = 400


class Invocations:
    """The endpoint. A failed call is a 200 with an `error`: of any other status, AgentCore withholds the body."""

    def __init__(
        self, *, settings: Settings, loader: BotLoader, calls: Calls, status: Status, phones: PhoneSessions
    ) -> None:
        self._settings = settings
        self._loader = loader
        self._calls = calls
        self._status = status
        self._phones = phones
        self._peer_calls: PeerCalls | None = None  # as its module waits for Pipecat
        self._room_calls = RoomCalls(settings=settings, loader=loader, calls=calls, status=status, phones=phones)

    async def post(self, request: Request) -> JSONResponse:
        """Answer a message; one that is malformed is a 400."""
        session_id = _set_context(request)
        try:
            message = read_message(await request.body())
            return JSONResponse(await self._answer(message, request=request, session_id=session_id))
        except MessageError as error:
            return _error("malformed_request", str(error), status_code=_BAD_REQUEST)
        except CallError as error:
            return _error(error.code, str(error))

    async def finished(self) -> None:
        """Wait for the end of the call that a message began."""
        if self._peer_calls:
            await self._peer_calls.finished()
        await self._room_calls.finished()

    async def _answer(self, message: Message, *, request: Request, session_id: str | None) -> Mapping[str, object]:
        match message:
            case StatusRequest():
                return self._process()
            case Offer():
                return await self._offer(message, request=request, session_id=session_id)
            case IceCandidates():
                return await self._add(message)
            case Join():
                self._room_calls.join(message, session_id=session_id, headers=request.headers)
            case CallOutcomeRequest():
                return await self._phones.outcome(session_id=session_id)
            case AnsweringMachine():
                await self._phones.note_answer(message.result, session_id=session_id)
        return {}

    def _process(self) -> dict[str, bool | int | str]:
        """What this process does."""
        return {"ready": self._loader.ready, "calls": self._status.calls, "pipeline": self._settings.pipeline}

    async def _offer(self, offer: Offer, *, request: Request, session_id: str | None) -> dict[str, str]:
        try:
            bot = await self._loader.bot()
        except RuntimeError as error:
            raise CallError("agent_failed", str(error)) from error
        from peer_calls import PeerCalls

        continue_trace(request.headers, settings=self._settings)
        self._peer_calls = self._peer_calls or PeerCalls(
            calls=self._calls, status=self._status, grace_seconds=self._settings.reconnect_grace_seconds
        )
        return await self._peer_calls.offer(offer, bot=bot, session_id=session_id)

    async def _add(self, message: IceCandidates) -> dict[str, str]:
        if self._peer_calls is None:
            raise CallError("unknown_connection", "pcId: this session has had no call; send an offer first")
        await self._peer_calls.add_candidates(message)
        return {}


def _set_context(request: Request) -> str | None:
    """Keep what AgentCore's headers say for all that comes of this request, as the SDK does; the session's id."""
    headers = request.headers
    session_id = headers.get(SESSION_HEADER)
    BedrockAgentCoreContext.set_request_context(headers.get(REQUEST_ID_HEADER) or str(uuid.uuid4()), session_id)
    if token := headers.get(IDENTITY_WAT_HEADER) or headers.get(ACCESS_TOKEN_HEADER):
        BedrockAgentCoreContext.set_workload_access_token(token)
    return session_id


def _error(code: str, message: str, *, status_code: int = 200) -> JSONResponse:
    return JSONResponse({"error": {"code": code, "message": message}}, status_code=status_code)
