import io

import pytest

from telephony.calls.record import new_call_id
from telephony.carrier import Kind
from tests.connect.aws_stub import Reply
from tests.telephony.calls.dynamodb import DynamoDb
from tests.telephony.conftest import Output, Phone, lines
from tests.telephony.outbound import outbound_query, placed_call
from tests.telephony.phone_aws import PhoneAws

# Vonage has one address for both.
KINDS: tuple[Kind, ...] = ("machine", "events")


@pytest.mark.usefixtures("confidential")
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("machine", ["human", "machine", "unknown"])
def test_the_agent_hears_who_has_picked_up(
    phone: Phone, aws: PhoneAws, dynamodb: DynamoDb, output: Output, machine: str, kind: Kind
) -> None:
    call = placed_call(dynamodb=dynamodb, status="answered")

    answered = phone.post(kind, query=outbound_query(call=call, kind=kind), machine=machine)

    assert (answered.status, answered.body) == (204, "")
    (told,) = aws.invoke_requests
    assert told.message == {"type": "answering-machine", "result": machine}
    assert told.headers["x-amzn-bedrock-agentcore-runtime-session-id"] == phone.session_id
    assert dynamodb.values(f"call#{call}")["answeredBy"] == machine
    assert not aws.stop_requests
    assert output.counted() == [{"name": "WebhooksServed", "carrier": "vonage"}]


@pytest.mark.usefixtures("confidential")
def test_an_agent_that_does_not_take_it_fails_no_call(
    phone: Phone, aws: PhoneAws, dynamodb: DynamoDb, log_text: io.StringIO
) -> None:
    aws.invocations = [Reply(status=424)]
    query = outbound_query(call=placed_call(dynamodb=dynamodb), kind="machine")

    assert phone.post("machine", query=query, machine="machine").status == 204
    assert lines(log_text)[0]["note"] == "machine; InvokeAgentRuntime: HTTP 424"


@pytest.mark.parametrize(
    ("status", "carrier_call_id"), [("completed", ""), ("failed", ""), ("answered", "another call of the carrier's")]
)
def test_no_microvm_is_started_for_a_call_that_is_not_going_on(
    phone: Phone, aws: PhoneAws, dynamodb: DynamoDb, status: str, carrier_call_id: str
) -> None:
    call = placed_call(dynamodb=dynamodb, status=status, carrier_call_id=carrier_call_id)

    answered = phone.post("machine", query=outbound_query(call=call, kind="machine"), machine="human")

    assert (answered.status, aws.invoke_requests) == (204, [])


@pytest.mark.parametrize("call", ["", new_call_id()])
def test_nor_for_a_call_that_nobody_placed(phone: Phone, aws: PhoneAws, call: str) -> None:
    answered = phone.post("machine", query=outbound_query(call=call, kind="machine"), machine="human")

    assert (answered.status, aws.invoke_requests) == (204, [])


def test_a_second_result_changes_nothing(phone: Phone, aws: PhoneAws, dynamodb: DynamoDb) -> None:
    call = placed_call(dynamodb=dynamodb)
    query = outbound_query(call=call, kind="machine")

    phone.post("machine", query=query, machine="human")
    phone.post("machine", query=query, machine="machine")

    assert len(aws.invoke_requests) == 1
    assert dynamodb.values(f"call#{call}")["answeredBy"] == "human"
