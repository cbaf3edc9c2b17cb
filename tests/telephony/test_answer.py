import base64
import io
import json
import time
from urllib.parse import parse_qs, unquote, urlsplit

import pytest
import time_machine

from telephony.calls.record import new_call_id
from telephony.carrier import KINDS
from telephony.phone_session import pseudonym
from telephony.settings import load_settings
from telephony.webhook_urls import call_urls
from tests.connect.aws_stub import Reply
from tests.connect.sigv4 import presigned_url_is_valid
from tests.telephony.calls.dynamodb import DynamoDb
from tests.telephony.conftest import (
    CALL_ID,
    CALLER,
    PUBLIC_URL,
    SECRET_KEY,
    SESSION_KEY,
    VARIABLES,
    Answered,
    Output,
    Phone,
    inbound_query,
    lines,
    secret_arn,
)
from tests.telephony.fake_carrier import RecordingCarrier
from tests.telephony.outbound import outbound_query, placed_call
from tests.telephony.phone_aws import PhoneAws

HEADER = "X-Amzn-Bedrock-AgentCore-Runtime"
ANNOUNCEMENT = "Thank you for calling Switchboard."
SENTENCE = "This call is recorded."


def custom(answered: Answered, name: str) -> dict[str, object]:
    """What the agent is told in a custom header of the pre-signed URL."""
    text = parse_qs(urlsplit(answered.url).query)[f"{HEADER}-Custom-{name}"][0]
    assert "=" not in text
    return dict(json.loads(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))))


def token_claims(answered: Answered) -> dict[str, object]:
    payload = answered.url.removeprefix("wss://relay.example.com/streams/").partition(".")[0]
    return dict(json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4))))


@pytest.mark.usefixtures("confidential")
def test_a_call_is_sent_to_its_own_session(phone: Phone, aws: PhoneAws, output: Output) -> None:
    answered = phone.post("answer")

    assert (answered.status, answered.steps) == (200, ["Connect", "Next"])
    assert answered.headers == {"cache-control": "no-store", "content-type": "application/x-plan+json"}
    parts = urlsplit(answered.url)
    query = {name: values[0] for name, values in parse_qs(parts.query).items()}
    assert unquote(parts.path) == f"/runtimes/{VARIABLES['SWITCHBOARD_RUNTIME_ARN']}/ws"
    assert query[f"{HEADER}-Session-Id"] == phone.session_id
    assert query["X-Amz-Expires"] == "60"
    assert f"{HEADER}-Custom-Body" not in query
    assert presigned_url_is_valid(url=answered.url, secret_key=SECRET_KEY)
    assert custom(answered, "Phone") == {
        "carrier": "vonage",
        "direction": "inbound",
        "caller": pseudonym(key=SESSION_KEY.encode(), number=CALLER),
        "transfer": True,
    }
    assert (aws.invoke_requests, aws.stop_requests) == ([], []), "the carrier waits: AgentCore isn't asked"
    assert output.counted() == [
        {"name": "WebhooksServed", "carrier": "vonage"},
        {"name": "CallsAnswered", "carrier": "vonage"},
    ]


def test_the_carrier_hears_where_it_shall_ask_next(phone: Phone, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SWITCHBOARD_MAX_CALL_SECONDS", "900")
    monkeypatch.setenv("SWITCHBOARD_LANGUAGE", "de-DE")

    phone.post("answer")

    (context,) = phone.carrier.contexts
    queries = {kind: inbound_query(kind=kind, carrier="vonage", call_id=CALL_ID) for kind in KINDS}
    assert context.urls == {
        kind: f"{PUBLIC_URL}/telephony/vonage/{kind}" + (query and f"?{query}") for kind, query in queries.items()
    }
    assert (context.call_id, context.language, context.max_call_seconds) == (CALL_ID, "de-DE", 900)


def test_a_withheld_number_and_nobody_to_transfer_to_are_told_so(phone: Phone, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SWITCHBOARD_TRANSFER_TO")

    told = custom(phone.post("answer", caller=""), "Phone")

    assert (told["caller"], told["transfer"]) == ("", False)


def test_twilio_is_sent_to_the_relay(phone: Phone, aws: PhoneAws) -> None:
    phone.carrier.name = "twilio"

    answered = phone.post("answer")

    claims = token_claims(answered)
    assert claims["s"] == phone.session_id
    assert isinstance(claims["e"], int)
    assert 55 <= claims["e"] - time.time() <= 60
    assert "?" not in answered.url
    assert "b" not in claims
    assert aws.asked_for(secret_arn("relay-key")) == ["AWSCURRENT"]


def test_without_the_relays_key_twilio_may_ask_again(phone: Phone, aws: PhoneAws, log_text: io.StringIO) -> None:
    phone.carrier.name = "twilio"
    del aws.versions[secret_arn("relay-key"), "AWSCURRENT"]

    assert phone.post("answer").status == 503
    assert lines(log_text)[-1]["note"] == "GetSecretValue of the relay key: ResourceNotFoundException"


def test_what_is_said_first_is_said_and_prolongs_the_way_in(phone: Phone, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SWITCHBOARD_ANNOUNCEMENT", ANNOUNCEMENT)

    answered = phone.post("answer")

    assert answered.plan[0] == {"step": "Say", "text": ANNOUNCEMENT}
    assert answered.steps == ["Say", "Connect", "Next"]
    # 34 characters at 8 a second.
    assert parse_qs(urlsplit(answered.url).query)["X-Amz-Expires"] == ["65"]


def test_no_url_lives_longer_than_agentcore_takes(phone: Phone, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SWITCHBOARD_PRESIGNED_URL_LIFETIME_SECONDS", "300")
    monkeypatch.setenv("SWITCHBOARD_ANNOUNCEMENT", "x" * 240)

    assert parse_qs(urlsplit(phone.post("answer").url).query)["X-Amz-Expires"] == ["300"]


@pytest.mark.parametrize("carrier", [RecordingCarrier()])
def test_an_announced_recording_begins_before_the_agent_speaks(
    phone: Phone, carrier: RecordingCarrier, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SWITCHBOARD_ANNOUNCEMENT", ANNOUNCEMENT)
    monkeypatch.setenv("SWITCHBOARD_RECORDING", "announced")
    monkeypatch.setenv("SWITCHBOARD_RECORDING_SENTENCE", SENTENCE)

    answered = phone.post("answer")

    assert answered.steps == ["Say", "Say", "Record", "Connect", "Next"]
    assert answered.plan[1] == {"step": "Say", "text": SENTENCE}
    assert carrier.recorded == [(CALL_ID, "AC1", "https://api.nexmo.com")], "where a document can't, a request does"


def test_consent_is_asked_for_before_anything_is_recorded(
    phone: Phone, aws: PhoneAws, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SWITCHBOARD_ANNOUNCEMENT", ANNOUNCEMENT)
    monkeypatch.setenv("SWITCHBOARD_RECORDING", "consent")
    monkeypatch.setenv("SWITCHBOARD_RECORDING_SENTENCE", "May we record? Press 1.")

    answered = phone.post("answer")

    assert answered.plan == [
        {"step": "Say", "text": ANNOUNCEMENT},
        {"step": "Ask", "question": "May we record? Press 1."},
    ]


@pytest.mark.parametrize(
    ("digit", "steps"),
    [
        ("1", ["Record", "Connect", "Next"]),
        ("", ["Connect", "Next"]),
        ("2", ["Connect", "Next"]),
        ("11", ["Connect", "Next"]),
        ("*", ["Connect", "Next"]),
    ],
)
def test_only_digit_one_is_consent(phone: Phone, digit: str, steps: list[str]) -> None:
    answered = phone.post("consent", digit=digit)

    assert answered.steps == steps
    assert parse_qs(urlsplit(answered.url).query)[f"{HEADER}-Session-Id"] == [phone.session_id]


@pytest.mark.parametrize("carrier", [RecordingCarrier(refuses=True)])
def test_a_recording_that_can_not_begin_drops_nobody(phone: Phone, log_text: io.StringIO) -> None:
    answered = phone.post("consent", digit="1")

    assert answered.steps == ["Record", "Connect", "Next"]
    assert lines(log_text)[-1]["note"] == "not recorded: record: HTTP 403"


def test_a_call_of_ours_brings_what_it_was_given_for_the_agent(phone: Phone, dynamodb: DynamoDb) -> None:
    call = placed_call(dynamodb=dynamodb, body='{"name":"Åsa"}')

    answered = phone.post("answer", query=outbound_query(call=call, kind="answer"), direction="outbound")

    assert answered.steps == ["Connect", "Next"]
    assert custom(answered, "Body") == {"name": "Åsa"}
    assert custom(answered, "Phone")["direction"] == "outbound"
    (context,) = phone.carrier.contexts
    settings = load_settings(environ=VARIABLES)
    assert context.urls == call_urls(carrier="vonage", call=call, settings=settings, key=SESSION_KEY.encode())
    assert context.urls["next"] == f"{PUBLIC_URL}/telephony/vonage/next?{outbound_query(call=call, kind='next')}"


def test_a_body_goes_through_the_relay_too(phone: Phone, dynamodb: DynamoDb) -> None:
    phone.carrier.name = "twilio"
    call = placed_call(dynamodb=dynamodb, body='{"a":1}', carrier="twilio")

    answered = phone.post("answer", query=outbound_query(call=call, kind="answer", carrier="twilio"))

    assert token_claims(answered)["b"] == base64.urlsafe_b64encode(b'{"a":1}').decode().rstrip("=")


@pytest.mark.parametrize("case", ["never placed", "another carrier's", "another call"])
def test_a_call_of_ours_that_nobody_placed_is_hung_up(
    phone: Phone, aws: PhoneAws, dynamodb: DynamoDb, case: str
) -> None:
    if case == "never placed":
        call = new_call_id()
    else:
        call = placed_call(
            dynamodb=dynamodb,
            carrier="twilio" if case == "another carrier's" else "vonage",
            carrier_call_id="another" if case == "another call" else "",
        )

    for kind in ("answer", "consent"):
        answered = phone.post(kind, query=outbound_query(call=call, kind=kind))
        assert (answered.status, answered.steps) == (200, ["HangUp"])


def test_a_table_out_of_reach_is_no_way_in(phone: Phone, dynamodb: DynamoDb) -> None:
    """Without its mark a webhook could be used twice."""
    dynamodb.fails["PutItem"] = Reply(status=500)

    answered = phone.post("answer")

    assert (answered.status, answered.body) == (503, "")


def test_an_answer_does_not_outlive_the_credentials_it_is_signed_with(
    phone: Phone, monkeypatch: pytest.MonkeyPatch
) -> None:
    with time_machine.travel("2026-11-24T12:00:00Z", tick=False):
        monkeypatch.setenv("AWS_CREDENTIAL_EXPIRATION", "2026-11-24T12:00:30Z")

        answered = phone.post("answer")

    assert parse_qs(urlsplit(answered.url).query)["X-Amz-Expires"] == ["30"]
