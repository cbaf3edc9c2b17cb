"""A call comes in, or one of ours is picked up: what is said first, whether it is recorded, and the way to the agent.

AgentCore isn't asked: the agent starts when the carrier opens the stream, and the carrier waits for this answer.
"""

from telephony.phone_call import Reply, StreamedCall
from telephony.plan import Ask, Connect, HangUp, Next, Say, Step
from telephony.recording import recording_step
from telephony.way_in import way_in

CONSENT_DIGIT = "1"


def answer(*, call: StreamedCall) -> Reply:
    """The webhook `answer`. A call of ours that the record doesn't know is hung up."""
    body = _agent_body(call=call)
    if body is None:
        return _unknown(call=call)
    settings = call.settings
    said = [Say(text=settings.announcement)] if settings.announcement else []
    if settings.recording == "consent":
        plan: tuple[Step, ...] = (*said, Ask(question=settings.recording_sentence))
        return Reply(document=call.document(*plan), metric="CallsAnswered")
    note, recorded = "", []
    if settings.recording == "announced":
        said.append(Say(text=settings.recording_sentence))
        step, note = recording_step(call=call)
        recorded = [step]
    plan = (*said, *recorded, *_to_the_agent(call=call, body=body, said=said))
    return Reply(document=call.document(*plan), metric="CallsAnswered", note=note)


def consent(*, call: StreamedCall) -> Reply:
    """The webhook `consent`: recorded by digit 1 alone, and connected in any case."""
    body = _agent_body(call=call)
    if body is None:
        return _unknown(call=call)
    connected = _to_the_agent(call=call, body=body, said=[])
    if call.webhook.digit != CONSENT_DIGIT:
        return Reply(document=call.document(*connected), note="no consent to a recording")
    step, note = recording_step(call=call)
    return Reply(document=call.document(step, *connected), note=note or "consent to a recording")


def _to_the_agent(*, call: StreamedCall, body: str, said: list[Say]) -> tuple[Step, ...]:
    characters = sum(len(step.text) for step in said)
    return Connect(url=way_in(call=call, body=body, spoken_characters=characters)), Next()


def _unknown(*, call: StreamedCall) -> Reply:
    return Reply(document=call.document(HangUp()), note="an outbound call that is not in the record")


def _agent_body(*, call: StreamedCall) -> str | None:
    """What POST /calls was given for the agent, empty for nothing; None where it placed no such call."""
    if not call.call:
        return ""
    record = call.record()
    return None if record is None else record.body
