import io

import pytest

from tests.connect.aws_stub import Reply
from tests.telephony.calls.dynamodb import DynamoDb
from tests.telephony.conftest import CALL_ID, Output, Phone, lines
from tests.telephony.outbound import outbound_query, placed_call
from tests.telephony.phone_aws import PhoneAws

FINAL = ("completed", "busy", "no-answer", "failed", "canceled")


@pytest.mark.usefixtures("confidential")
@pytest.mark.parametrize("status", FINAL)
def test_an_ended_call_costs_nothing_more(phone: Phone, aws: PhoneAws, output: Output, status: str) -> None:
    answered = phone.post("events", status=status)

    assert (answered.status, answered.body, answered.headers) == (204, "", {"cache-control": "no-store"})
    (stopped,) = aws.stop_requests
    assert stopped.headers["x-amzn-bedrock-agentcore-runtime-session-id"] == phone.session_id
    assert not aws.invoke_requests
    assert output.counted() == [
        {"name": "WebhooksServed", "carrier": "vonage"},
        {"name": "CallsEnded", "carrier": "vonage"},
    ]


@pytest.mark.parametrize("status", ["queued", "ringing", "answered", None])
def test_a_call_going_on_goes_on(phone: Phone, aws: PhoneAws, output: Output, status: str | None) -> None:
    assert phone.post("events", status=status).status == 204
    assert not aws.stop_requests
    assert [metric["name"] for metric in output.counted()] == ["WebhooksServed"]


def test_stopping_twice_is_no_error(phone: Phone, aws: PhoneAws, log_text: io.StringIO) -> None:
    aws.stop = Reply(status=404)

    assert phone.post("events", status="completed").status == 204
    assert lines(log_text)[0]["note"] == "completed; already gone"


@pytest.mark.usefixtures("confidential")
def test_a_session_that_was_not_stopped_is_tried_again_when_the_carrier_repeats_itself(
    phone: Phone, aws: PhoneAws, log_text: io.StringIO
) -> None:
    event = phone.event("events", status="completed")
    aws.stop = Reply(status=500)

    assert phone.deliver(event).status == 502
    assert lines(log_text)[-1]["note"] == "StopRuntimeSession: HTTP 500"
    aws.stop = Reply()
    assert phone.deliver(event).status == 204
    assert phone.deliver(event).status == 403, "once it has been served"


def test_a_call_of_ours_has_its_status_in_its_record(phone: Phone, aws: PhoneAws, dynamodb: DynamoDb) -> None:
    call = placed_call(dynamodb=dynamodb)
    query = outbound_query(call=call, kind="events")

    for status in ("ringing", "answered", "completed"):
        assert phone.post("events", query=query, status=status, direction="outbound").status == 204
        values = dynamodb.values(f"call#{call}")
        assert (values["status"], values["carrierCallId"]) == (status, CALL_ID)
    assert len(aws.stop_requests) == 1


def test_a_record_that_can_not_be_written_keeps_no_session_alive(
    phone: Phone, aws: PhoneAws, dynamodb: DynamoDb
) -> None:
    call = placed_call(dynamodb=dynamodb)
    event = phone.event("events", query=outbound_query(call=call, kind="events"), status="completed")
    dynamodb.fails["UpdateItem"] = Reply(status=500)

    assert phone.deliver(event).status == 503
    assert len(aws.stop_requests) == 1
    dynamodb.fails.clear()
    assert phone.deliver(event).status == 204
    assert dynamodb.values(f"call#{call}")["status"] == "completed"


def test_events_of_legs_that_an_answer_added_have_an_address_of_their_own(phone: Phone, dynamodb: DynamoDb) -> None:
    query = outbound_query(call=placed_call(dynamodb=dynamodb), kind="events")

    assert phone.post("events", query="leg=added").status == 204
    assert phone.post("events", query=f"{query}&leg=added").status == 204
    assert phone.post("events", query="leg=other").status == 403
    assert phone.post("answer", query="leg=added").status == 403
