"""Phone calls that come through a room: a caller whom Daily puts through, and a callee whom the agent has it dial.

https://docs.daily.co/docs/guides/features/dial-in-dial-out
"""

import asyncio
import logging
import random
import re
import time
from collections.abc import Mapping
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from calls import GOING_AWAY, INTERNAL_ERROR
from daily_room.rooms_function import FINAL_STATUSES, CallStatus, RoomsFunction, RoomsFunctionError
from messages import DialIn, DialOut

if TYPE_CHECKING:
    from daily_room.transport import RoomTransport

# What the other end is called in the room; its number is nobody's business there.
_NAME = "Phone"
_HANG_UP_SECONDS = 2.0
# Daily starts one call a second of an account, and five in 5 s; what it refuses so, it hasn't dialled.
# https://docs.daily.co/docs/rest-api/authentication
_TOO_MANY = re.compile(r"rate.?limit|too many|\b429\b", re.IGNORECASE)
_PATIENCE_SECONDS = 20.0
_AGAIN_SECONDS = (0.8, 1.6)  # whoever is refused at the same moment must not come back together
# Daily documents that a dial-out error has a text, and not which. These are SIP's words and codes (RFC 3261, 21).
_REFUSALS: tuple[tuple[CallStatus, re.Pattern[str]], ...] = (
    ("busy", re.compile(r"busy|\b(486|600)\b", re.IGNORECASE)),
    ("no-answer", re.compile(r"no.?answer|time.?out|unavailable|\b(408|480|487)\b", re.IGNORECASE)),
)
# What an unanswered call is when the agent gave it up.
_UNANSWERED: Mapping[int, CallStatus] = {GOING_AWAY: "canceled", INTERNAL_ERROR: "failed"}

_logger = logging.getLogger("switchboard.agent")


class InboundLine:
    """A caller who waits at Daily until the room can take a call."""

    answered = True

    def __init__(self, call: DialIn, *, rooms: RoomsFunction) -> None:
        self.transfer_to = call.transfer_to
        self._call = call
        self._rooms = rooms

    def attend(self, transport: "RoomTransport") -> None:
        """Put the caller through when the room can be dialled."""
        transport.add_event_handler("on_dialin_ready", self._connect)
        transport.add_event_handler("on_dialin_error", self._fail)

    async def dial(self, transport: "RoomTransport") -> None:
        """Nobody is to be dialled."""

    async def hang_up(self, transport: "RoomTransport") -> None:
        """Who is sent out of the room has been hung up on."""

    def finish(self, *, code: int) -> None:
        """Nothing is to be reported: the carrier itself tells of a call that it brought."""

    async def _connect(self, transport: "RoomTransport", sip_uri: str) -> None:
        try:
            await self._rooms.connect_caller(
                call_id=self._call.call_id, call_domain=self._call.call_domain, sip_uri=sip_uri
            )
        except (RoomsFunctionError, TimeoutError) as error:
            await transport.fail(
                "dialin-ready", problem=f"the caller can't be put through: {str(error) or 'no answer'}"
            )

    async def _fail(self, transport: "RoomTransport", _data: Mapping[str, Any]) -> None:
        await transport.end("the caller's line failed")


class OutboundLine:
    """A callee; each change of the call's status is reported to the rooms function, and the last one once."""

    def __init__(self, call: DialOut, *, rooms: RoomsFunction) -> None:
        self.transfer_to = call.transfer_to
        self.answered = False
        self._call = call
        self._rooms = rooms
        self._session_id = ""
        self._over = False

    def attend(self, transport: "RoomTransport") -> None:
        """Follow the call."""
        transport.add_event_handler("on_dialout_answered", self._answer)
        transport.add_event_handler("on_dialout_stopped", self._stop)
        transport.add_event_handler("on_dialout_error", self._fail)

    async def dial(self, transport: "RoomTransport") -> None:
        """Place the call."""
        settings = {"phoneNumber": self._call.number, "displayName": _NAME}
        if self._call.caller_id:
            settings["callerId"] = self._call.caller_id
        error = await self._start(transport, settings)
        if error:
            await transport.fail("dial-out", problem=f"the call can't be placed: {error}")
        elif not self.answered:  # of which Daily tells on another way, perhaps before
            self._report("ringing")

    async def _start(self, transport: "RoomTransport", settings: Mapping[str, str]) -> str | None:
        """Have Daily dial, also when many calls are to be placed at once; why it doesn't, None if it does."""
        until = time.monotonic() + _PATIENCE_SECONDS
        while True:
            self._session_id, error = await transport.start_dialout(settings)
            if not error:
                return None
            if not _TOO_MANY.search(str(error)) or time.monotonic() > until:
                return str(error)
            await asyncio.sleep(random.uniform(*_AGAIN_SECONDS))  # noqa: S311 - to spread retries

    async def hang_up(self, transport: "RoomTransport") -> None:
        """End the call, also one that still rings."""
        if not self._session_id or self._over:
            return
        with suppress(TimeoutError):  # the room is left in any case
            async with asyncio.timeout(_HANG_UP_SECONDS):
                await transport.stop_dialout(self._session_id)

    def finish(self, *, code: int) -> None:
        """Report the end, unless the call had one before: by the code with which the agent ended the call."""
        self._report("completed" if self.answered else _UNANSWERED.get(code, "no-answer"))

    async def _answer(self, transport: "RoomTransport", _data: Mapping[str, Any]) -> None:
        self.answered = True
        self._report("answered")
        await transport.begin()

    async def _stop(self, transport: "RoomTransport", _data: Mapping[str, Any]) -> None:
        self._report("completed" if self.answered else "no-answer")
        await transport.end("the caller hung up" if self.answered else "nobody answered the call")

    async def _fail(self, transport: "RoomTransport", data: Mapping[str, Any]) -> None:
        said = str(data.get("errorMsg", ""))
        status: CallStatus = next((status for status, words in _REFUSALS if words.search(said)), "failed")
        if status == "failed":
            _logger.error("the call that was placed failed: %s", said or "Daily gives no reason")
        self._report(status)
        await transport.end(f"the call that was placed ended: {status}")

    def _report(self, status: CallStatus) -> None:
        if not self._over:
            self._over = status in FINAL_STATUSES
            self._rooms.report_status(self._call.call, status)


type Line = InboundLine | OutboundLine


def phone_line(call: DialIn | DialOut, *, rooms: RoomsFunction) -> Line:
    """The line of a phone call."""
    return InboundLine(call, rooms=rooms) if isinstance(call, DialIn) else OutboundLine(call, rooms=rooms)
