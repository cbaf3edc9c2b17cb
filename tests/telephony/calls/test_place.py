import io
import json
import logging
import re
from collections.abc import Iterator
from urllib.parse import parse_qs, urlsplit

import pytest
from time_machine import Traveller, travel

from telephony.carrier import KINDS, CarrierError
from tests.connect.aws_stub import Reply
from tests.telephony.calls.conftest import (
    BERLIN,
    CALLERS_WORD,
    CARRIER_SECRETS,
    CONFIDENTIAL,
    DESK,
    NOON,
    OUR_NUMBER,
    SCOPE,
    Api,
    FakeCarrier,
    call_event,
)
from tests.telephony.calls.dynamodb import DynamoDb


@pytest.fixture(autouse=True)
def clock() -> Iterator[Traveller]:
    with travel(NOON, tick=False) as traveller:
        yield traveller


def test_a_call_is_placed_and_shown(api: Api, carrier: FakeCarrier) -> None:
    answered = api.place("+49 30 901820", body={"note": CALLERS_WORD})

    call = answered.body["id"]
    assert answered.status == 201
    assert re.fullmatch(r"[A-Za-z0-9_-]{22}", call)
    assert answered.body == {
        "id": call,
        "status": "queued",
        "carrier": "vonage",
        "to": "+49******20",
        "createdAt": "2026-03-01T12:00:00Z",
    }
    assert answered.headers["location"] == f"/calls/{call}"
    assert api.status(call).body == answered.body


def test_the_carrier_is_told_all_it_needs(api: Api, carrier: FakeCarrier) -> None:
    call = api.place().body["id"]

    (order,) = carrier.dials
    assert (order.to, order.from_, order.call) == (BERLIN, OUR_NUMBER, call)
    assert (order.machine_detection, order.max_call_seconds) == (True, 600)
    assert set(order.urls) == set(KINDS)
    for kind, url in order.urls.items():
        parts = urlsplit(url)
        assert (parts.scheme, parts.netloc, parts.path) == ("https", "api.example.com", f"/telephony/vonage/{kind}")
        assert parse_qs(parts.query)["call"] == [call]
    assert carrier.secrets == [CARRIER_SECRETS["vonage"]]
    assert carrier.api_urls == ["https://api.nexmo.com"]


def test_the_callers_body_waits_for_the_call_to_be_answered(api: Api, dynamodb: DynamoDb) -> None:
    call = api.place(body={"note": "ä", "n": 1}).body["id"]

    assert dynamodb.values(f"call#{call}")["body"] == '{"note":"ä","n":1}'


def test_a_caller_may_choose_among_carriers_with_a_number(api: Api, carrier: FakeCarrier) -> None:
    assert api.place(carrier="twilio").body["carrier"] == "twilio"
    assert carrier.dials[0].from_ == "+442079460000"

    for name in ("telnyx", "plivo", "x" * 50):
        answered = api.place(carrier=name, key=f"key-{name}")
        assert (answered.status, answered.code) == (400, "carrier_not_available")
        assert "carriers with a number to call from: vonage, twilio." in answered.message
    assert len(carrier.dials) == 1


@pytest.mark.parametrize(
    ("text", "status", "code"),
    [
        ("", 400, "missing_field"),
        ("{}", 400, "missing_field"),
        ("[]", 400, "invalid_type"),
        ("{", 400, "invalid_json"),
        ('{"to": 4930901820}', 400, "invalid_type"),
        ('{"to": "+4930901820", "from": "+1"}', 400, "unknown_field"),
        ('{"to": "+4930901820", "idempotencyKey": "1"}', 400, "unknown_field"),
        ('{"to": "+4930901820", "carrier": null}', 400, "invalid_type"),
        ('{"to": "+4930901820", "body": "x"}', 400, "invalid_type"),
        ('{"to": "+4930901820", "body": {"n": 1e999}}', 400, "invalid_json"),
        (json.dumps({"to": BERLIN, "body": {"x": "x" * 2048}}), 413, "body_too_large"),
        (json.dumps({"to": BERLIN, "body": {"x": "x" * 9000}}), 413, "request_too_large"),
        ('{"to": "030 901820"}', 400, "invalid_number"),
        ('{"to": "+19005551234"}', 422, "number_type_not_allowed"),
        ('{"to": "+49112"}', 422, "emergency_number"),
        ('{"to": "+33142685300"}', 422, "country_not_allowed"),
        (json.dumps({"to": OUR_NUMBER}), 422, "own_number"),
        (json.dumps({"to": DESK}), 422, "own_number"),
        ('{"to": "+12125551234"}', 422, "quiet_hours"),
    ],
)
def test_what_must_not_be_dialed_is_refused_before_anything_is_written(
    api: Api, carrier: FakeCarrier, dynamodb: DynamoDb, text: str, status: int, code: str
) -> None:
    answered = api.place(text=text)

    assert (answered.status, answered.code) == (status, code)
    assert not carrier.dials
    assert not dynamodb.items


def test_a_call_in_quiet_hours_is_told_when_to_come_again(api: Api) -> None:
    answered = api.place("+12125551234")

    assert answered.headers["retry-after"] == "3600"
    assert "Call from 2026-03-01T13:00Z on." in answered.message


@pytest.mark.parametrize(
    "claims",
    [
        {"scope": ""},
        {"scope": "openid"},
        {"scope": "switchboard/callsign switchboard/call"},
        {"scope": "SWITCHBOARD/CALLS"},
        {"client_id": SCOPE},
        {"scope": "openid", "scp": f"[{SCOPE}]"},
    ],
)
@pytest.mark.parametrize("route", ["POST /calls", "GET /calls/{call_id}", "DELETE /calls/{call_id}"])
def test_a_token_without_the_scope_does_nothing(
    api: Api, carrier: FakeCarrier, dynamodb: DynamoDb, claims: dict[str, str], route: str
) -> None:
    body = json.dumps({"to": BERLIN})

    answered = api.invoke(call_event(route=route, body=body, key="key-1", call="a" * 22, claims=claims))

    assert (answered.status, answered.code) == (403, "missing_scope")
    assert not carrier.dials
    assert not dynamodb.operations


@pytest.mark.parametrize(
    "claims", [{"scope": SCOPE}, {"scope": f"openid {SCOPE} profile"}, {"scp": f"[openid {SCOPE}]"}, {"scp": SCOPE}]
)
def test_the_scope_is_found_where_providers_write_it(api: Api, claims: dict[str, str]) -> None:
    body = json.dumps({"to": BERLIN})

    assert api.invoke(call_event(route="POST /calls", body=body, key="key-1", claims=claims)).status == 201


def test_a_caller_and_all_together_are_limited(api: Api, carrier: FakeCarrier, clock: Traveller) -> None:
    clock.shift(20)
    answers = [
        api.place(key=f"{subject}-{n}", subject=subject) for subject in ("ann", "bob", "cy", "di") for n in range(4)
    ]

    assert [answered.status for answered in answers] == [201] * 3 + [429] + [201] * 3 + [429] + [201] * 3 + [429] + [
        201
    ] + [429] * 3
    assert len(carrier.dials) == 10
    assert {answered.headers["retry-after"] for answered in answers if answered.status == 429} == {"40"}
    assert "by this caller" in answers[3].message
    assert "by this service" in answers[13].message
    clock.shift(40)
    assert api.place(key="ann-3").status == 201, "the refused one, with its own key"


@pytest.mark.parametrize(
    ("status", "expected", "code", "waits"),
    [
        (401, 503, "carrier_account_refused", False),
        (402, 503, "carrier_account_refused", False),
        (403, 503, "carrier_account_refused", False),
        (429, 503, "carrier_busy", True),
        (400, 422, "carrier_refused", False),
        (404, 422, "carrier_refused", False),
        (0, 503, "carrier_unavailable", True),
        (503, 503, "carrier_unavailable", True),
    ],
)
def test_a_carrier_that_dialed_nobody_gives_the_key_back(
    api: Api, carrier: FakeCarrier, dynamodb: DynamoDb, status: int, expected: int, code: str, waits: bool
) -> None:
    carrier.fails = CarrierError(status=status, carried_out=False, note="refused")

    answered = api.place()

    assert (answered.status, answered.code) == (expected, code)
    assert ("retry-after" in answered.headers) == waits
    assert not [key for key in dynamodb.items if key.startswith("call#")]
    carrier.fails = None
    assert api.place().status == 201
    assert len(carrier.dials) == 1


def test_an_operator_hears_of_refused_credentials(api: Api, carrier: FakeCarrier, log_text: io.StringIO) -> None:
    carrier.fails = CarrierError(status=401, carried_out=False, note="dial: HTTP 401, code 20003")

    api.place()

    error, request = (json.loads(line) for line in log_text.getvalue().splitlines())
    assert (error["level"], error["carrier"], error["status"]) == ("ERROR", "vonage", 401)
    assert error["message"].startswith("the carrier refused this deployment's account")
    assert request["note"] == "vonage: dial: HTTP 401, code 20003"
    assert error["correlation_id"] == request["correlation_id"] == "api-request-1"


def test_a_call_that_may_have_been_placed_is_unknown_and_never_dialed_again(
    api: Api, carrier: FakeCarrier, clock: Traveller
) -> None:
    carrier.fails = CarrierError(status=0, carried_out=True, note="ReadTimeoutError")

    answered = api.place()

    assert (answered.status, answered.body["status"]) == (202, "unknown")
    carrier.fails = None
    for _ in range(3):
        clock.shift(3600)
        again = api.place()
        assert (again.status, again.body) == (202, answered.body)
    assert len(carrier.dials) == 1


def test_an_order_that_the_table_forgets_is_answered_as_placed(
    api: Api, carrier: FakeCarrier, dynamodb: DynamoDb, log_text: io.StringIO, clock: Traveller
) -> None:
    busy = Reply(status=500, body=b'{"__type": "x#InternalServerError"}')
    carrier.while_dialing = lambda _: dynamodb.fails.update({"UpdateItem": busy})

    answered = api.place()

    assert (answered.status, answered.body["status"]) == (201, "queued")
    assert "its record is not up to date: UpdateItem: HTTP 500 InternalServerError" in log_text.getvalue()
    dynamodb.fails.clear()
    assert (api.place().status, api.place().code) == (409, "request_in_progress")
    clock.shift(30)
    again = api.place()
    assert (again.status, again.body) == (202, {**answered.body, "status": "unknown"})
    assert len(carrier.dials) == 1


@pytest.mark.parametrize("operation", ["GetItem", "PutItem", "UpdateItem"])
def test_without_the_table_nobody_is_dialed(api: Api, carrier: FakeCarrier, dynamodb: DynamoDb, operation: str) -> None:
    dynamodb.fails[operation] = Reply(status=503)

    answered = api.place()

    assert (answered.status, answered.code) == (503, "call_table_unavailable")
    assert not carrier.dials


@pytest.mark.parametrize("name", ["session-key", "vonage"])
def test_without_a_secret_nobody_is_dialed(api: Api, carrier: FakeCarrier, secrets: object, name: str) -> None:
    del secrets.values[name]  # type: ignore[attr-defined]

    assert api.place().status == 503
    assert not carrier.dials


def test_the_table_and_the_log_hold_nothing_of_the_callee_or_the_caller(
    api: Api,
    carrier: FakeCarrier,
    dynamodb: DynamoDb,
    log_text: io.StringIO,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    capfd: pytest.CaptureFixture[str],
) -> None:
    """With the root logger at DEBUG and all its handlers open, as Lambda's logging controls allow."""
    root_text = io.StringIO()
    monkeypatch.setattr(logging.root, "handlers", [logging.StreamHandler(root_text)])
    caplog.set_level(logging.DEBUG)
    logging.getLogger("anyone").debug("the root logger is listening")

    call = api.place(body={"note": CALLERS_WORD}, key="an-idempotency-key").body["id"]
    api.place(BERLIN + "0000000", key="invalid")
    api.place(DESK, key="own")
    carrier.fails = CarrierError(status=400, carried_out=False, note="HTTP 400")
    api.place(key="refused")
    carrier.fails = CarrierError(status=0, carried_out=True, note="ReadTimeoutError")
    api.place(key="unknown")
    carrier.while_dialing = lambda order: (_ for _ in ()).throw(RuntimeError(f"{order.to} {order.urls}"))
    assert api.place(key="broken", subject="bob").status == 500
    api.status(call)
    api.end(call)

    output = capfd.readouterr()
    written = "\n".join((log_text.getvalue(), root_text.getvalue(), output.out, output.err))
    assert "listening" in root_text.getvalue()
    assert '"message":"request"' in written
    assert not [word for word in (*CONFIDENTIAL, "an-idempotency-key", call) if word in written]
    kept = dynamodb.texts()
    assert not [word for word in (BERLIN, BERLIN[3:], "an-idempotency-key", '"ann"') if word in kept]


def test_one_line_says_whom_a_call_went_to_without_saying_it(api: Api, log_text: io.StringIO) -> None:
    api.place(key="1")
    api.place(key="2")

    notes = [json.loads(line)["note"] for line in log_text.getvalue().splitlines()]
    assert re.fullmatch(r"vonage DE [0-9a-f]{16}", notes[0])
    assert notes[0] == notes[1], "the same number has the same pseudonym"
