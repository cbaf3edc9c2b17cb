import base64
import io
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from telephony.carrier import KINDS
from telephony.incoming import MAX_BODY_BYTES, webhook_route
from tests.telephony.calls.dynamodb import DynamoDb
from tests.telephony.conftest import (
    CALL_ID,
    CREDENTIALS,
    POWERTOOLS,
    PUBLIC_URL,
    VARIABLES,
    Output,
    Phone,
    lines,
    secret_arn,
)
from tests.telephony.fake_carrier import sign
from tests.telephony.phone_aws import PhoneAws

# A process of its own, as Lambda starts one; there is no pyOpenSSL there, which botocore would load with cryptography.
COLD_START = """
import json, sys
sys.modules["OpenSSL"] = None
from types import SimpleNamespace
from telephony.handler import handler
loaded = sorted(sys.modules)
context = SimpleNamespace(function_name="1", memory_limit_in_mb=512, invoked_function_arn="", aws_request_id="1")
handler(json.load(sys.stdin), context)
print("loaded", json.dumps([loaded, sorted(sys.modules)]))
"""
HEAVY = {"cryptography", "jwt", "phonenumbers", "zoneinfo", "boto3", "botocore.session", "botocore.client", "pydantic"}


@pytest.mark.usefixtures("confidential")
@pytest.mark.parametrize(
    ("reason", "change"),
    [
        ("unsigned", {"headers": {}}),
        ("malformed", {"headers": {"x-fake-signature": "0" * 64, "x-fake-timestamp": "soon"}}),
        ("wrong signature", {"body": json.dumps({"call_id": CALL_ID, "caller": "+15550100666"})}),
        ("wrong signature", {"rawPath": "/telephony/vonage/next"}),
        ("wrong signature", {"rawQueryString": "call=1"}),
        ("wrong url", {"rawQueryString": "a=1&a=2"}),
        ("malformed", {"isBase64Encoded": True, "body": "no base64!"}),
        ("too large", {"body": "x" * (MAX_BODY_BYTES + 1)}),
        ("too large", {"isBase64Encoded": True, "body": base64.b64encode(b"x" * (MAX_BODY_BYTES + 1)).decode()}),
    ],
)
def test_an_untrue_webhook_gets_403_and_nothing_else(
    phone: Phone,
    aws: PhoneAws,
    dynamodb: DynamoDb,
    log_text: io.StringIO,
    output: Output,
    reason: str,
    change: dict[str, Any],
) -> None:
    answered = phone.deliver(phone.event("answer") | change)

    assert (answered.status, answered.body, answered.headers) == (403, "", {"cache-control": "no-store"})
    assert output.counted() == [{"name": "WebhooksRefused", "carrier": "vonage", "reason": reason}]
    (line,) = lines(log_text)
    assert (line["level"], line["reason"], line["kind"]) == ("WARNING", reason, "answer")
    assert not {"session", "caller", "direction", "note"} & set(line)
    assert (dynamodb.operations, aws.invoke_requests, aws.stop_requests) == ([], [], [])
    assert secret_arn("session-key") not in {arn for arn, _ in aws.asked}, "the signature comes first"


@pytest.mark.usefixtures("confidential")
def test_a_stale_webhook_is_refused(phone: Phone, output: Output) -> None:
    assert phone.post("answer", age=301).status == 403
    assert output.counted()[0]["reason"] == "stale"


def test_a_body_in_base64_and_header_names_in_any_case_are_the_same_webhook(phone: Phone) -> None:
    event = phone.event("answer")
    encoded = base64.b64encode(event["body"].encode()).decode()
    headers = {name.upper(): value for name, value in event["headers"].items()}

    assert phone.deliver(event | {"body": encoded, "isBase64Encoded": True, "headers": headers}).status == 200


@given(position=st.integers(0), flip=st.integers(1, 255), part=st.sampled_from(["body", "signature", "path"]))
@hypothesis_settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
def test_no_changed_byte_is_let_in(phone: Phone, position: int, flip: int, part: str) -> None:
    """The core's part of it: what it hands to a carrier's check is what came, byte by byte."""
    event = phone.event("answer")
    if part == "body":
        event = event | {"body": base64.b64encode(_flipped(event["body"], position, flip)).decode()}
        event["isBase64Encoded"] = True
    elif part == "path":
        event["rawPath"] = _flipped(event["rawPath"], position, flip).decode("latin-1")
    else:
        signature = event["headers"]["X-Fake-Signature"]
        event["headers"]["X-Fake-Signature"] = _flipped(signature, position, flip).decode("latin-1")

    assert phone.deliver(event).status == 403


def _flipped(text: str, position: int, flip: int) -> bytes:
    plain = bytearray(text.encode())
    plain[position % len(plain)] ^= flip
    return bytes(plain)


@pytest.mark.parametrize("carrier_name", ["plivo", "exotel"])
def test_a_carrier_that_is_not_deployed_is_refused(phone: Phone, aws: PhoneAws, carrier_name: str) -> None:
    phone.carrier.name = carrier_name

    answered = phone.post("answer")

    assert (answered.status, answered.body) == (403, "")
    assert not aws.asked


@pytest.mark.parametrize("route", ["GET /telephony/vonage/answer", "POST /telephony/vonage/fax", "POST /nowhere"])
def test_another_route_is_answered_as_the_connect_api_does(phone: Phone, route: str) -> None:
    event = phone.event("answer") | {"routeKey": route}

    answered = phone.deliver(event)

    error = json.loads(answered.body)["error"]
    assert (answered.status, error["code"], error["requestId"]) == (404, "unknown_route", "api-request-1")
    assert "POST /calls, GET /calls/{call_id}, DELETE /calls/{call_id}" in error["message"]


def test_every_webhook_of_every_carrier_has_its_route() -> None:
    assert [webhook_route(route_key=f"POST /telephony/twilio/{kind}") for kind in KINDS] == [
        ("twilio", kind) for kind in KINDS
    ]
    assert webhook_route(route_key="POST /telephony/twilio/answer/") is None
    assert webhook_route(route_key="POST /v1/telephony/twilio/answer") is None


def test_the_calls_api_hears_that_its_caller_has_no_subject(phone: Phone) -> None:
    event = phone.event("answer") | {"routeKey": "POST /calls"}

    answered = phone.deliver(event)

    assert (answered.status, json.loads(answered.body)["error"]["code"]) == (401, "missing_claim")


def test_a_true_webhook_that_lacks_a_field_is_told_to_the_log(phone: Phone, log_text: io.StringIO) -> None:
    answered = phone.post("answer", call_id=None)

    assert (answered.status, answered.body) == (400, "")
    assert lines(log_text)[0]["note"] == "call_id is missing"


def test_a_wrong_environment_is_told_to_the_log_and_not_to_the_carrier(
    phone: Phone, log_text: io.StringIO, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SWITCHBOARD_RECORDING", "tape")

    answered = phone.post("answer")

    assert (answered.status, answered.body) == (500, "")
    (line,) = lines(log_text)
    assert (line["level"], line["code"]) == ("ERROR", "wrong_setup")
    assert "SWITCHBOARD_RECORDING: got 'tape'" in line["note"]


@pytest.mark.usefixtures("confidential")
def test_a_defect_is_found_by_its_place(
    phone: Phone, log_text: io.StringIO, monkeypatch: pytest.MonkeyPatch, output: Output
) -> None:
    def fail(**_: object) -> None:
        raise RuntimeError(f"https://host/?X-Amz-Signature=0 {CALL_ID}")

    monkeypatch.setattr(phone.carrier, "render", fail)

    answered = phone.post("answer")

    assert (answered.status, answered.body) == (500, "")
    defect, webhook = lines(log_text)
    assert defect["exception"].endswith(" fail")
    assert webhook["code"] == "internal_error"
    assert output.counted() == [{"name": "WebhooksFailed", "carrier": "vonage", "code": "internal_error"}]


@pytest.mark.usefixtures("confidential")
def test_one_line_says_what_became_of_a_webhook(phone: Phone, log_text: io.StringIO) -> None:
    phone.post("answer")

    (line,) = lines(log_text)
    said: dict[str, object] = {
        "service": "telephony",
        "message": "webhook",
        "level": "INFO",
        "correlation_id": "api-request-1",
    }
    said |= {"carrier": "vonage", "kind": "answer", "status": 200, "session": phone.session, "direction": "inbound"}
    assert said.items() <= line.items()
    assert len(line["caller"]) == 16
    assert 0 <= line["duration_ms"] < 60_000


def test_without_the_session_key_the_carrier_may_ask_again(phone: Phone, aws: PhoneAws) -> None:
    held = aws.versions.pop((secret_arn("session-key"), "AWSCURRENT"))
    event = phone.event("answer")

    assert (phone.deliver(event).status, phone.deliver(event).body) == (503, "")
    aws.versions[secret_arn("session-key"), "AWSCURRENT"] = held
    assert phone.deliver(event).status == 200


def test_a_start_loads_no_carrier_and_nothing_heavy() -> None:
    """An unsigned webhook of Twilio loads Twilio's module, and not what the other carriers and the calls API need."""
    path = "/telephony/twilio/answer"
    event = {
        "routeKey": f"POST {path}",
        "rawPath": path,
        "rawQueryString": "",
        "headers": sign(key="x", timestamp=0, url=PUBLIC_URL, body=b""),
        "requestContext": {"requestId": "1", "http": {"method": "POST", "path": path}},
        "body": "",
    }
    run = subprocess.run(
        [sys.executable, "-c", COLD_START],
        env={
            **{**POWERTOOLS, **VARIABLES, **CREDENTIALS},
            "AWS_ENDPOINT_URL": "http://127.0.0.1:1",
            "PYTHONDONTWRITEBYTECODE": "1",
            "PYTHONPATH": str(Path(__file__).parents[2] / "lambda"),
        },
        input=json.dumps(event),
        check=True,
        capture_output=True,
        text=True,
        timeout=60,
    )

    loaded, later = (set(modules) for modules in json.loads(run.stdout.rpartition("loaded ")[2]))
    carriers = {f"telephony.carriers.{name}" for name in ("twilio", "vonage", "telnyx", "plivo")}
    assert "botocore.auth" in loaded
    assert not loaded & (carriers | HEAVY)
    assert later & carriers == {"telephony.carriers.twilio"}
    assert not later & (HEAVY | {"telephony.calls.place", "connect"})
    assert not [name for name in later if name.startswith("connect.")], "another function's package isn't deployed here"
