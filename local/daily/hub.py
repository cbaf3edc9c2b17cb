"""Where clients join rooms: one WebSocket for each, which carries what WebRTC and Daily's signalling carry together.

The first message asks to join and is answered with who is there, or with why not. Who may join is checked as Daily
documents it: the room and its times, the token, and the number of people. The messages after that are this stand-in's
own, and so are the texts of refusals: only their kinds are Daily's (https://docs.daily.co/reference/daily-js/types/).
"""

import asyncio
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import urlsplit

from local.daily import tokens
from local.daily.account import Account, Accounts
from local.daily.connection import Connection
from local.daily.errors import DailyError
from local.daily.meeting import Member
from local.daily.phones import Phones
from local.daily.requests import RefusedError, Requests
from local.daily.room import Room

JOIN_SECONDS: Final = 10.0
HOST_SUFFIX: Final = ".daily.co"


class JoinError(Exception):
    """Nobody is let in like this; `kind` is how Daily's clients know it."""

    def __init__(self, kind: str, text: str) -> None:
        super().__init__(f"{kind}: {text}")
        self.kind = kind


@dataclass(frozen=True, kw_only=True)
class Admission:
    """A room, and what the token grants in it."""

    account: Account
    room: Room
    token: tokens.Token

    def ejected_at(self, joined: float) -> float | None:
        """Return when whoever joins is put out; None: never.

        A token's own `ejt` overrides the room's: https://docs.daily.co/reference/rest-api/rooms/create-room.
        """
        times = []
        if self.token.eject_at_expiry and self.token.expires:
            times.append(float(self.token.expires))
        if self.room.properties.get("eject_at_room_exp") and self.room.expires:
            times.append(self.room.expires)
        elapsed = self.token.eject_after_elapsed or self.room.properties.get("eject_after_elapsed")
        if elapsed:
            times.append(joined + elapsed)
        return min(times, default=None)


class Hub:
    """All connections of clients."""

    def __init__(self, *, accounts: Accounts, phones: Phones, clock: Callable[[], float] = time.time) -> None:
        self._accounts = accounts
        self._clock = clock
        self._phones = phones
        self._requests = Requests(phones=phones)

    async def serve(self, connection: Connection) -> None:
        """Let a client join, and carry what it says until it goes."""
        await connection.accept()
        try:
            async with asyncio.timeout(JOIN_SECONDS):
                asked = await connection.receive()
            admission = self.admit(asked)
        except (JoinError, TimeoutError) as error:
            kind = error.kind if isinstance(error, JoinError) else "connection-error"
            connection.tell({"type": "refused", "kind": kind, "error": str(error)})
            await connection.aclose()
            return
        await self._stay(connection, admission, asked if isinstance(asked, dict) else {})

    def admit(self, asked: Mapping[str, Any] | bytes | None) -> Admission:
        """Return what a client may join; raise `JoinError` where it may not."""
        if not isinstance(asked, dict) or asked.get("type") != "join" or not isinstance(asked.get("url"), str):
            raise JoinError("connection-error", "the first message has to ask to join a room")
        account, name = self._account(asked["url"])
        now = self._clock()
        try:
            room = account.room(name, now=now)
        except DailyError as error:
            kind = "exp-room" if name in account.rooms else "no-room"
            raise JoinError(kind, "the room does not exist, or has expired") from error
        if room.properties.get("nbf", 0) > now:
            raise JoinError("nbf-room", "the room is not open yet")
        token = _token(asked.get("token"), account=account, room=room, now=now)
        if len(room.meeting.members) >= room.max_participants:
            raise JoinError("meeting-full", f"the room takes {room.max_participants} people")
        return Admission(account=account, room=room, token=token)

    def _account(self, url: str) -> tuple[Account, str]:
        parts = urlsplit(url)
        host = parts.hostname or ""
        account = self._accounts.named(host.removesuffix(HOST_SUFFIX)) if host.endswith(HOST_SUFFIX) else None
        if parts.scheme != "https" or account is None:
            raise JoinError("no-room", "the URL is of no domain that this stand-in knows")
        return account, parts.path.strip("/")

    async def _stay(self, connection: Connection, admission: Admission, asked: Mapping[str, Any]) -> None:
        room, token = admission.room, admission.token
        member = Member(
            tell=connection.tell,
            play=connection.play,
            user_name=token.user_name or str(asked.get("userName") or ""),
            user_id=token.user_id,
            is_owner=token.is_owner,
            microphone=bool(asked.get("microphone", True)),
            eject=lambda reason: _put_out(connection, reason),
        )
        admission.account.joins.append({"room": room.name, "claims": dict(token.claims), "at": member.joined})
        others = [each.as_json() for each in room.meeting.members.values()]
        room.meeting.join(member)
        connection.tell(
            {"type": "joined", "session": room.meeting.id, "participant": member.as_json(), "others": others}
        )
        timer = self._eject_in_time(admission, member)
        self._welcome(admission, member)
        try:
            while (message := await connection.receive()) is not None:
                self._hear(message, admission=admission, member=member)
        finally:
            if timer:
                timer.cancel()
            room.meeting.leave(member.id)
            connection.close()

    def _welcome(self, admission: Admission, member: Member) -> None:
        """Tell about what the token or the room starts: a recording, and the SIP addresses, ready once a session is."""
        room = admission.room
        if admission.token.start_recording and not room.meeting.recording:
            self._requests.start_recording(room, member)
        for endpoint in room.sip_endpoints:
            member.tell({"type": "dialin-ready", "sipEndpoint": endpoint})

    def _hear(self, message: Mapping[str, Any] | bytes, *, admission: Admission, member: Member) -> None:
        room = admission.room
        if member.id not in room.meeting.members:
            return
        if isinstance(message, bytes):
            room.meeting.pass_audio(member.id, message)
            return
        reply: dict[str, object] = {"type": "reply", "request": message.get("request"), "error": None}
        try:
            reply["result"] = self._requests.answer(admission.account, room, member, message)
        except RefusedError as error:
            reply["error"] = str(error)
        member.tell(reply)

    def _eject_in_time(self, admission: Admission, member: Member) -> asyncio.TimerHandle | None:
        when = admission.ejected_at(member.joined)
        if when is None:
            return None
        meeting = admission.room.meeting
        return asyncio.get_running_loop().call_later(
            max(0.0, when - self._clock()), lambda: meeting.eject([member.id], reason="expired")
        )


def _put_out(connection: Connection, reason: str) -> None:
    connection.tell({"type": "ejected", "reason": reason})
    connection.close()


def _token(token: object, *, account: Account, room: Room, now: float) -> tokens.Token:
    if not token:
        if room.privacy == "private":
            raise JoinError("not-allowed", "You are not authorized to join this meeting: a private room wants a token")
        return tokens.Token()
    try:
        read = tokens.read(str(token), api_key=account.api_key, domain_id=account.domain_id, now=now)
    except tokens.TokenError as error:
        raise JoinError(_kind(error), str(error)) from error
    if read.room_name is not None and read.room_name != room.name:
        raise JoinError("not-allowed", "the token is for another room (r)")
    return read


def _kind(error: tokens.TokenError) -> str:
    for kind, mark in (("exp-token", "(exp)"), ("nbf-token", "(nbf)")):
        if mark in str(error):
            return kind
    return "not-allowed"
