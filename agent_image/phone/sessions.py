"""The phone calls of this process: one a session, once, and remembered until the carrier has asked how to go on."""

import asyncio
from contextlib import suppress

from calls import RefusalError
from phone import AnsweredBy, PhoneCall

# The carrier asks when its stream has ended, and that may be a moment before the pipeline has.
_CLOSING_SECONDS = 2.0


class PhoneSessions:
    """AgentCore gives a process one session; without its infrastructure, a process may have many."""

    def __init__(self) -> None:
        self._calls: dict[str, PhoneCall] = {}
        self._answered: dict[str, AnsweredBy] = {}

    def had_one(self, session_id: str | None) -> bool:
        """Whether this session has a phone call, or had one."""
        return session_id in self._calls

    def begin(self, call: PhoneCall, *, session_id: str | None) -> None:
        """Take a call. Raises `RefusalError` without a session, and for a second call of one."""
        if not session_id:
            raise RefusalError("phone: the session's id is missing; use the URL as it was signed")
        if self.had_one(session_id):
            raise RefusalError("phone: this session has had its phone call; each call needs a session of its own")
        call.answered_by = self._answered.pop(session_id, call.answered_by)
        self._calls[session_id] = call

    async def note_answer(self, answered_by: AnsweredBy, *, session_id: str | None) -> None:
        """Take notice of who took the call, also when that is known before its stream has begun."""
        if not session_id:
            return
        if call := self._calls.get(session_id):
            await call.note_answer(answered_by)
        else:
            self._answered[session_id] = answered_by

    async def outcome(self, *, session_id: str | None) -> dict[str, str]:
        """How the session's phone call goes on after its stream: `outcome` and `reason`."""
        call = self._calls.get(session_id or "")
        if call is None:
            return {"outcome": "unknown", "reason": ""}
        with suppress(TimeoutError):
            async with asyncio.timeout(_CLOSING_SECONDS):
                await call.over.wait()
        return {"outcome": call.outcome, "reason": call.reason}
