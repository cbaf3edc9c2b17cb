"""The WebRTC call of this process: a session has one caller, and so one peer connection and one pipeline."""

import asyncio
import logging
from contextlib import ExitStack

from aiortc.exceptions import InvalidStateError, OperationError
from pipecat.runner.types import SmallWebRTCRunnerArguments

from calls import Calls, converse
from ice_servers import turn_servers
from loading import Bot
from messages import CallError, IceCandidates, Offer
from offers import OfferError, checked_offer
from peer_connection import PeerConnection
from relay_probe import NoRelayError, Relay, choose_relay
from snapshot import renew_randomness
from status import Status

# A caller without a relay hears so within 4 s, the way to this agent included.
_ANSWER_SECONDS = 3.4

_logger = logging.getLogger("switchboard.agent")


class PeerCalls:
    """Answers offers, and runs the call that the first of them begins."""

    def __init__(self, *, calls: Calls, status: Status, grace_seconds: float) -> None:
        self._calls = calls
        self._grace_seconds = grace_seconds
        self._status = status
        self._connection: PeerConnection | None = None
        self._call: asyncio.Task[None] | None = None

    async def offer(self, offer: Offer, *, bot: Bot, session_id: str | None) -> dict[str, str]:
        """The answer, with all of the agent's candidates: `sdp`, `type` and `pc_id`. Raises `CallError`."""
        if self._calls.stopping:
            raise CallError("stopping", "the agent is stopping; start a new session")
        try:
            async with asyncio.timeout(_ANSWER_SECONDS):
                return await self._answer(offer, bot=bot, session_id=session_id)
        except CallError:
            raise
        except NoRelayError as error:
            raise CallError("no_relay", str(error)) from error
        except TimeoutError as error:
            raise CallError("no_relay", "the TURN server that was chosen stopped answering") from error
        except (OfferError, InvalidStateError, OperationError) as error:
            raise CallError("invalid_offer", str(error)) from error
        except Exception as error:
            _logger.exception("an offer can't be answered")
            raise CallError("agent_failed", "the offer can't be answered; the agent's log says why") from error

    async def add_candidates(self, message: IceCandidates) -> None:
        """Take the candidates of the caller. Raises `CallError`."""
        connection = self._find(message.pc_id)
        try:
            for candidate in message.candidates:
                await connection.add_candidate(candidate)
        except OfferError as error:
            raise CallError("invalid_offer", str(error)) from error

    async def finished(self) -> None:
        """Wait for the end of the call, if there is one."""
        if self._call:
            await asyncio.wait([self._call])

    def _find(self, pc_id: str) -> PeerConnection:
        if self._connection is None or self._connection.pc_id != pc_id:
            raise CallError("unknown_connection", "pcId: this session has no such call any more; start a new session")
        return self._connection

    async def _answer(self, offer: Offer, *, bot: Bot, session_id: str | None) -> dict[str, str]:
        connection = None if offer.pc_id is None else self._find(offer.pc_id)
        sdp = checked_offer(offer.sdp)
        if connection is None:
            return await self._start(offer, sdp=sdp, bot=bot, session_id=session_id)
        if offer.restart:
            return await connection.restart(sdp, choosing=_choose_relay(offer))
        return await connection.answer(sdp)

    async def _start(self, offer: Offer, *, sdp: str, bot: Bot, session_id: str | None) -> dict[str, str]:
        if self._status.calls:
            raise CallError("session_busy", "this session has a call; end that, or start a new session")
        with ExitStack() as busy:
            busy.enter_context(self._status.call())
            renew_randomness()
            connection = PeerConnection(
                relay=await _choose_relay(offer), grace_seconds=self._grace_seconds, caller=offer.caller
            )
            try:
                answer = await connection.answer(sdp)
            except BaseException:
                await connection.close()
                raise
            self._connection = connection
            arguments = SmallWebRTCRunnerArguments(webrtc_connection=connection, body=offer.body, session_id=session_id)
            self._call = asyncio.create_task(self._run(bot, arguments, connection=connection, busy=busy.pop_all()))
        return answer

    async def _run(
        self, bot: Bot, arguments: SmallWebRTCRunnerArguments, *, connection: PeerConnection, busy: ExitStack
    ) -> None:
        with busy:
            await self._calls.run(converse(bot(arguments), left=connection.left), connection=connection)
            self._connection = None


async def _choose_relay(offer: Offer) -> Relay | None:
    """The relay of a call; None in a flat network, which needs no ICE servers."""
    return await choose_relay(turn_servers(offer.ice_servers)) if offer.ice_servers else None
