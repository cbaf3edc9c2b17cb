"""The stream has ended and somebody is still on the line: what now? The agent ended it, and says why when it is asked.

So it holds no carrier's secret and speaks no carrier's REST API: the carrier's own question is the moment to act.
"""

import time

from shared.errors import ApiError
from shared.invoke import invoke_agent
from shared.stop_session import stop_session
from telephony.phone_call import Reply, StreamedCall
from telephony.plan import HangUp, Transfer

ASK_SECONDS = 2.5
STOP_SECONDS = 1.0
"""Both together stay below the 5 s that Vonage waits."""

_KNOWN = frozenset({"transfer", "ended", "failed", "unknown"})
# A caller isn't dropped because the bot broke, or its microVM did: a new one doesn't know the call.
_TRANSFERRED = frozenset({"transfer", "failed", "unknown"})


def after_stream(*, call: StreamedCall) -> Reply:
    """The webhook `next`: hand the caller to a person, or hang up; the session is stopped either way."""
    outcome, problem = _outcome(call=call)
    stopped = _stopped(call=call)
    note = "; ".join(text for text in (outcome, problem, stopped) if text)
    if outcome in _TRANSFERRED and call.settings.transfer_to:
        transfer = Transfer(target=call.settings.transfer_to)
        return Reply(document=call.document(transfer), metric="CallsTransferred", note=note)
    return Reply(document=call.document(HangUp()), note=note)


def _outcome(*, call: StreamedCall) -> tuple[str, str]:
    """The agent's word, and why it is "failed" where that is our conclusion. Its `reason` is the caller's business."""
    try:
        said = invoke_agent(
            message={"type": "call-outcome"},
            session_id=call.session_id,
            runtime=call.settings.runtime,
            credentials=call.credentials,
            deadline=time.monotonic() + ASK_SECONDS,
            answer_seconds=ASK_SECONDS / 2,
        ).get("outcome")
    except ApiError as error:
        return "failed", error.note or error.code
    return (said, "") if isinstance(said, str) and said in _KNOWN else ("failed", "the agent's outcome is no known one")


def _stopped(*, call: StreamedCall) -> str:
    """What became of the session; the call's last event stops it again where it failed here."""
    try:
        return stop_session(
            session_id=call.session_id,
            runtime=call.settings.runtime,
            credentials=call.credentials,
            timeout_seconds=STOP_SECONDS,
        )
    except ApiError as error:
        return error.note or error.code
