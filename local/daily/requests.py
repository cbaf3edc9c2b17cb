"""What somebody in a room may ask for: messages, putting out, phones, recording; and what only owners may."""

import re
import uuid
from collections.abc import Callable, Mapping
from typing import Any, Final

from local.daily.account import Account
from local.daily.errors import DailyError
from local.daily.limits import RequestClass
from local.daily.meeting import Member
from local.daily.phones import Phones
from local.daily.room import Room

MAX_MESSAGE_BYTES: Final = 4_096 * 16
"""Daily documents 4 KB, and splits longer messages itself; more than this is refused here."""

_E164: Final = re.compile(r"\+[1-9]\d{6,14}")
_TONES: Final = re.compile(r"[0-9A-D*#wW]+")


class RefusedError(Exception):
    """A request that is not granted; the text is what the completion gets."""


class Requests:
    """Answers by the request's type."""

    def __init__(self, *, phones: Phones) -> None:
        self._phones = phones
        self._answers: Mapping[str, Callable[[Account, Room, Member, Mapping[str, Any]], object]] = {
            "app-message": self._send_app_message,
            "microphone": self._set_microphone,
            "user-name": self._set_user_name,
            "eject": self._eject,
            "mute": self._mute,
            "start-dialout": self._start_dialout,
            "stop-dialout": self._stop_dialout,
            "send-dtmf": self._send_dtmf,
            "transfer": self._transfer,
            "start-recording": self._start_recording,
            "stop-recording": self._stop_recording,
        }

    def answer(self, account: Account, room: Room, member: Member, message: Mapping[str, Any]) -> object:
        """Return the result; raise `RefusedError` where there is none."""
        answer = self._answers.get(str(message.get("type")))
        if answer is None:
            raise RefusedError(f"the stand-in has no request {message.get('type')!r}")
        return answer(account, room, member, message)

    def _send_app_message(self, account: Account, room: Room, member: Member, message: Mapping[str, Any]) -> None:
        event = {"type": "app-message", "from": member.id, "data": message.get("data")}
        to = message.get("to")
        if to is None:
            room.meeting.tell_others(member.id, event)
            return
        if to not in room.meeting.members:
            raise RefusedError("there is no such participant")
        room.meeting.members[to].tell(event)

    def _set_microphone(self, account: Account, room: Room, member: Member, message: Mapping[str, Any]) -> None:
        room.meeting.set_microphone(member.id, on=bool(message.get("on")))

    def _set_user_name(self, account: Account, room: Room, member: Member, message: Mapping[str, Any]) -> None:
        member.user_name = str(message.get("userName"))
        room.meeting.tell_others(member.id, {"type": "participant-updated", "participant": member.as_json()})

    def _eject(self, account: Account, room: Room, member: Member, message: Mapping[str, Any]) -> None:
        ids = [str(each) for each in message.get("ids", [])]
        if not member.is_owner:
            raise RefusedError(f"not allowed to eject participant {', '.join(ids)}")
        self._phones.stop_ejected(room, ids)
        room.meeting.eject(ids, reason="ejected")

    def _mute(self, account: Account, room: Room, member: Member, message: Mapping[str, Any]) -> None:
        """Switch another's microphone off; nobody can switch it on from afar."""
        _owner(member, "update remote participants")
        ids = [str(each) for each in message.get("ids", [])]
        if unknown := [each for each in ids if each not in room.meeting.members]:
            raise RefusedError(f"there is no participant {', '.join(unknown)}")
        for each in ids:
            room.meeting.set_microphone(each, on=False)
            room.meeting.members[each].tell({"type": "muted"})

    def _start_dialout(self, account: Account, room: Room, member: Member, message: Mapping[str, Any]) -> str:
        """Call a number.

        https://docs.daily.co/reference/daily-js/instance-methods/start-dial-out
        """
        _owner(member, "start dial-out")
        settings = message.get("settings") or {}
        number = settings.get("phoneNumber")
        if not account.dial_out or not room.properties.get("enable_dialout"):
            raise RefusedError("dial-out is not enabled for this domain, or not for this room")
        if not isinstance(number, str) or not _E164.fullmatch(number):
            raise RefusedError("phoneNumber has to be a number in E.164 format")
        if not account.limits.admit(RequestClass.STARTS):
            raise RefusedError("rate-limit-error")
        try:
            caller = account.caller_number(settings.get("callerId"))
        except DailyError as error:
            raise RefusedError(str(error)) from error
        name = str(settings.get("displayName") or number)
        return self._phones.start_dialout(room, number=number, caller=caller, name=name, user_id=settings.get("userId"))

    def _stop_dialout(self, account: Account, room: Room, member: Member, message: Mapping[str, Any]) -> None:
        _owner(member, "stop dial-out")
        self._call(room, message.get("id")).end("stopped")

    def _send_dtmf(self, account: Account, room: Room, member: Member, message: Mapping[str, Any]) -> None:
        settings = message.get("settings") or {}
        tones = settings.get("tones")
        if not isinstance(tones, str) or not _TONES.fullmatch(tones):
            raise RefusedError("tones has to hold 0-9, A-D, *, # and w for a pause")
        self._call(room, settings.get("sessionId")).press(tones)

    def _transfer(self, account: Account, room: Room, member: Member, message: Mapping[str, Any]) -> None:
        """Send a call elsewhere; it leaves the room.

        https://docs.daily.co/docs/guides/features/dial-in-dial-out/transfers
        """
        _owner(member, "transfer a call")
        settings = message.get("settings") or {}
        to = settings.get("toEndPoint")
        if not isinstance(to, str) or not (_E164.fullmatch(to) or to.startswith("sip:")):
            raise RefusedError("toEndPoint has to be a number in E.164 format or a SIP URI")
        self._phones.transfer(self._call(room, settings.get("sessionId")), to=to)

    def _call(self, room: Room, session_id: object) -> Any:
        call = self._phones.call(room, session_id)
        if call is None:
            raise RefusedError("No SIP call in progress")
        return call

    def _start_recording(self, account: Account, room: Room, member: Member, message: Mapping[str, Any]) -> str:
        _owner(member, "start a recording")
        if not account.limits.admit(RequestClass.STARTS):
            raise RefusedError("rate-limit-error")
        return self.start_recording(room, member)

    def start_recording(self, room: Room, member: Member) -> str:
        """Start a recording and return its stream; raise `RefusedError` where the room has none."""
        kind = room.properties.get("enable_recording")
        stream_id = str(uuid.uuid4())
        if kind is None:
            raise RefusedError("recording is not enabled for this room")
        room.meeting.recording = True
        room.meeting.tell_all(
            {"type": "recording-started", "status": {"streamId": stream_id, "startedBy": member.id, "type": kind}}
        )
        return stream_id

    def _stop_recording(self, account: Account, room: Room, member: Member, message: Mapping[str, Any]) -> None:
        _owner(member, "stop a recording")
        if not room.meeting.recording:
            raise RefusedError("no recording is running")
        room.meeting.recording = False
        room.meeting.tell_all({"type": "recording-stopped", "streamId": message.get("streamId") or ""})


def _owner(member: Member, what: str) -> None:
    if not member.is_owner:
        raise RefusedError(f"only an owner of the meeting may {what}")
