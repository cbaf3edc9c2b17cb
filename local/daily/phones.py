"""Telephones: calls in that wait for a room, calls out that ring, keys, transfers.

A phone of a test is a WebSocket. It doesn't prove SIP, carriers, codecs, how long a network takes to ring, what a busy
line is called, or what becomes of a transferred call that nobody answers: the stand-in ends that one.
"""

import asyncio
import uuid
from collections.abc import Mapping
from typing import Any, Final

from local.daily.account import Account, Accounts, PinlessDialin
from local.daily.connection import Connection
from local.daily.errors import DailyError
from local.daily.meeting import is_audio
from local.daily.phone_call import Line, PhoneCall
from local.daily.room import Room
from local.daily.webhook import ask_for_room

RING_SECONDS: Final = 30.0
HOLD_SECONDS: Final = 120.0
"""Hold music is played twice, and may last a minute."""
TEST_BODY: Final = {"Test": "test"}


class Phones:
    """All phones, and the calls between them and rooms."""

    def __init__(self, *, accounts: Accounts) -> None:
        self._accounts = accounts
        self._listening: dict[str, Line] = {}
        self._held: dict[str, tuple[Account, Line]] = {}
        self._calls: dict[str, PhoneCall] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self.webhooks: list[tuple[str, int]] = []

    async def serve(self, connection: Connection) -> None:
        """Serve a phone: its first message dials a number, or says which number it is."""
        await connection.accept()
        first = await connection.receive()
        line = Line(connection)
        if isinstance(first, dict) and first.get("type") == "dial":
            self._spawn(self._dial(line, number=str(first.get("number")), caller=str(first.get("caller"))))
        elif isinstance(first, dict) and first.get("type") == "listen":
            self._listening[str(first.get("number"))] = line
            line.tell({"type": "listening"})
        else:
            await connection.aclose()
            return
        try:
            while (message := await connection.receive()) is not None:
                self._hear(line, message)
        finally:
            self._gone(line)
            connection.close()

    async def test_webhook(self, account: Account, dialin: PinlessDialin) -> None:
        """Send the request by which Daily tries an address when it is configured; the answer changes nothing."""
        self.webhooks.append(("test", await ask_for_room(account, dialin, TEST_BODY)))

    def connect_held(self, account: Account, asked: Mapping[str, Any]) -> None:
        """Connect a caller on hold; raise `DailyError` where the call, or the SIP address, isn't there."""
        call_id, sip_uri = asked.get("callId"), asked.get("sipUri")
        if missing := [name for name in ("callId", "callDomain", "sipUri") if not isinstance(asked.get(name), str)]:
            raise DailyError.invalid(f"{', '.join(missing)} has to be given")
        held = self._held.get(str(call_id))
        if held is None or held[0] is not account or asked.get("callDomain") != account.call_domain:
            raise DailyError.not_found("Call Forwarding Failed")
        room = next((each for each in account.rooms.values() if sip_uri in each.sip_endpoints), None)
        if room is None or not room.meeting.members:
            raise DailyError.not_found("Call Forwarding Failed")
        if len(room.meeting.members) >= room.max_participants:
            raise DailyError.invalid("the room is full")
        del self._held[str(call_id)]
        line = held[1]
        sip = room.properties["sip"]
        call = self._join(line, room, direction="dialin", name=sip["display_name"], user_id=None)
        sip_headers = {"From": line.number}
        call.tell("connected", sipFrom=line.number, sipHeaders=sip_headers, sipEndpoint=sip_uri)
        call.enter()
        line.tell({"type": "connected"})

    def start_dialout(self, room: Room, *, number: str, caller: str, name: str, user_id: str | None) -> str:
        """Begin to ring a number, and return the session's id."""
        line = self._listening.get(number)
        is_full = len(room.meeting.members) >= room.max_participants
        if line is None or line.is_busy or is_full:
            session_id = str(uuid.uuid4())
            error = "the room is full" if is_full else "busy" if line else "the number is not reachable"
            data = {"sessionId": session_id, "errorMsg": error}
            # Not before the session's id has been told.
            asyncio.get_running_loop().call_soon(room.meeting.tell_all, {"type": "dialout-error", "data": data})
            return session_id
        call = self._join(line, room, direction="dialout", name=name, user_id=user_id)
        self._spawn(self._ring(call, caller=caller))
        return call.id

    def call(self, room: Room, session_id: object) -> PhoneCall | None:
        """Return a call that is in a room."""
        call = self._calls.get(str(session_id))
        return call if call and call.room is room and not call.has_ended else None

    def stop_ejected(self, room: Room, ids: list[str]) -> None:
        """End the calls among these participants."""
        for each in ids:
            if call := self.call(room, each):
                call.end("ejected")

    def transfer(self, call: PhoneCall, *, to: str) -> None:
        """Take a call out of its room, and ring another number for it."""
        line = call.line
        call.let_go()
        line.tell({"type": "transferred", "to": to})
        self._spawn(self._connect_lines(line, to=to))

    def on_hold(self, account: Account) -> list[dict[str, str]]:
        """Return the calls that wait for a room."""
        return [{"callId": key, "caller": line.number} for key, (owner, line) in self._held.items() if owner is account]

    def _join(self, line: Line, room: Room, *, direction: str, name: str, user_id: str | None) -> PhoneCall:
        call = PhoneCall(line=line, room=room, direction=direction, name=name, user_id=user_id)
        self._calls[call.id] = call
        line.call = call
        return call

    async def _dial(self, line: Line, *, number: str, caller: str) -> None:
        line.number = caller
        found = self._accounts.with_pinless_number(number)
        if found is None:
            line.end("the number is not in service")
            return
        account, dialin = found
        call_id = str(uuid.uuid4())
        self._held[call_id] = (account, line)
        line.tell({"type": "held", "callId": call_id})
        message = {"To": number, "From": caller, "callId": call_id, "callDomain": account.call_domain}
        status = await ask_for_room(account, dialin, message)
        self.webhooks.append((call_id, status))
        if status == 200:
            await asyncio.sleep(HOLD_SECONDS)
        if self._held.pop(call_id, None):
            line.end(f"the webhook was answered with {status}" if status != 200 else "nobody took the call")

    async def _ring(self, call: PhoneCall, *, caller: str) -> None:
        """Ring: the callee is in the room from then on, as the room hears the ringing, and says something later."""
        call.tell("connected")
        call.enter()
        answer = await call.line.ring(caller=caller, seconds=RING_SECONDS)
        if call.has_ended:
            return
        if answer is None:
            call.tell("answered")
            call.line.tell({"type": "connected"})
        else:
            call.fail(answer)

    async def _connect_lines(self, line: Line, *, to: str) -> None:
        target = self._listening.get(to)
        if target is None or target.is_busy or await target.ring(caller=line.number, seconds=RING_SECONDS) is not None:
            line.end("nobody answered the transferred call")
            return
        line.other, target.other = target, line
        target.tell({"type": "connected"})

    def _hear(self, line: Line, message: Mapping[str, Any] | bytes) -> None:
        if isinstance(message, bytes):
            if is_audio(message):
                line.pass_audio(message)
        elif message.get("type") == "answer":
            line.decide(None)
        elif message.get("type") == "reject":
            line.decide(str(message.get("reason") or "rejected"))
        elif message.get("type") == "press" and line.call:
            for tone in str(message.get("tones")):
                line.call.pressed(tone)

    def _gone(self, line: Line) -> None:
        """Hang up for a phone that has gone."""
        self._listening = {number: each for number, each in self._listening.items() if each is not line}
        self._held = {key: held for key, held in self._held.items() if held[1] is not line}
        line.decide("hung up")
        if line.call:
            line.call.end("hung up")
        if line.other:
            line.other.end("hung up")

    def _spawn(self, work: Any) -> None:
        task: asyncio.Task[None] = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def aclose(self) -> None:
        """End what still rings or waits."""
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
