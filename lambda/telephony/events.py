"""What becomes of a call: an end stops its session at once, and a call of ours has it in its record."""

import time

from shared.call_status import FINAL_STATUSES, CallStatus, note_status
from shared.errors import ApiError
from shared.invoke import invoke_agent
from shared.stop_session import stop_session
from telephony.calls.record import note_machine
from telephony.carrier import Machine
from telephony.phone_call import PhoneCall, Reply

TELL_SECONDS = 3.0
STOP_SECONDS = 2.0


def events(*, call: PhoneCall) -> Reply:
    """The webhooks `events` and `machine`: a status, or who has picked up. Carriers send both to either.

    Raises `ApiError` where a session could not be stopped: the carrier sends the event again then, if it does at all.
    """
    if call.webhook.machine is not None:
        return _picked_up_by(call=call, machine=call.webhook.machine)
    if call.webhook.status is None:
        return Reply(note="nothing of the call's own")
    return _status(call=call, status=call.webhook.status)


def _status(*, call: PhoneCall, status: CallStatus) -> Reply:
    final = status in FINAL_STATUSES
    try:
        _note_status(call=call, status=status)
    finally:
        stopped = _stop(call=call) if final else ""
    return Reply(metric="CallsEnded" if final else "", note="; ".join(text for text in (status, stopped) if text))


def _stop(*, call: PhoneCall) -> str:
    return stop_session(
        session_id=call.session_id,
        runtime=call.settings.runtime,
        credentials=call.credentials,
        timeout_seconds=STOP_SECONDS,
    )


def _note_status(*, call: PhoneCall, status: CallStatus) -> None:
    if call.call:
        note_status(call=call.call, call_id=call.webhook.call_id, status=status, table=call.table)


def _picked_up_by(*, call: PhoneCall, machine: Machine) -> Reply:
    """Tell the agent, unless the call is over or none of ours: asking would start a microVM for nobody."""
    record = call.record()
    if record is None or record.ended:
        return Reply(note=f"{machine}, of no call going on")
    if not note_machine(call=call.call, call_id=call.webhook.call_id, machine=machine, table=call.table):
        return Reply(note=f"{machine}, known already")
    try:
        invoke_agent(
            message={"type": "answering-machine", "result": machine},
            session_id=call.session_id,
            runtime=call.settings.runtime,
            credentials=call.credentials,
            deadline=time.monotonic() + TELL_SECONDS,
            answer_seconds=TELL_SECONDS / 2,
        )
    except ApiError as error:
        return Reply(note=f"{machine}; {error.note or error.code}")
    return Reply(note=machine)
