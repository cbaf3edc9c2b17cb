"""Plivo's webhooks read, Plivo XML written, calls placed and ended."""

import json
from base64 import b64encode
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode
from xml.etree import ElementTree as ET

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from plivo import plivoxml

from shared.https_request import UnreachableError
from telephony.carrier import (
    KINDS,
    CallContext,
    CarrierError,
    DialOrder,
    Kind,
    MalformedWebhookError,
    Webhook,
    WebhookRequest,
)
from telephony.carriers import load
from telephony.carriers.plivo import CARRIER
from telephony.plan import Ask, Connect, HangUp, Next, Record, Say, Step, Transfer
from tests.telephony.carriers.rest_api import RestApi, rest_api

CALL_UUID = "97ceeb52-58b6-11e1-86da-77300b68f8bb"
REQUEST_UUID = "9834029e-58b6-11e1-b8b7-a5bd0e4e126f"
SECRET = {"authId": "MAXXXXXXXXXXXXXXXXXX", "authToken": "the-auth-token"}
API = "https://api.plivo.example"
WAY_IN = "wss://a.example/runtimes/arn%3Aaws/ws?qualifier=live&X-Amz-Signature=a1%2Fb=="
URLS: dict[Kind, str] = {kind: f"https://voice.example/telephony/plivo/{kind}?call=a&proof=b" for kind in KINDS}
CONTEXT = CallContext(urls=URLS, language="de-DE", call_id=CALL_UUID, max_call_seconds=900)
FIELDS = {
    "CallUUID": CALL_UUID,
    "Direction": "inbound",
    "From": "15005550006",
    "To": "4930901820",
    "CallStatus": "ringing",
    "Event": "StartApp",
}
ORDER = DialOrder(
    to="+4930901820",
    from_="+15005550006",
    call="a",
    urls=URLS,
    machine_detection=False,
    max_call_seconds=900,
)


def webhook(kind: Kind = "answer", **changes: str | None) -> Webhook:
    """What is read of these fields; None leaves one out."""
    fields = {name: value for name, value in {**FIELDS, **changes}.items() if value is not None}
    return CARRIER.read(
        request=WebhookRequest(
            kind=kind,
            url=URLS[kind],
            query={},
            headers={"content-type": "application/x-www-form-urlencoded", "x-plivo-signature-v3-nonce": "12345"},
            body=urlencode(fields).encode(),
            received_at=1_800_000_000.0,
        )
    )


def xml(*plan: Step) -> str:
    document = CARRIER.render(plan=plan, context=CONTEXT)
    assert document.content_type == "text/xml; charset=utf-8"
    return document.body


def dialed(http: RestApi, order: DialOrder = ORDER) -> str:
    return CARRIER.dial(order=order, secret=SECRET, http=http, api_url=API)


def hung_up(http: RestApi, call_id: str = CALL_UUID) -> None:
    CARRIER.hang_up(call_id=call_id, secret=SECRET, http=http, api_url=API)


def same(written: str, expected: plivoxml.ResponseElement) -> bool:
    """Whether Plivo's own library would have written the same."""
    return ET.canonicalize(written) == ET.canonicalize(expected.to_string(pretty=False))


def test_it_is_loaded_by_its_name() -> None:
    assert load("plivo") is CARRIER
    assert (CARRIER.name, CARRIER.secret_fields) == ("plivo", ("authId", "authToken"))


def test_a_call_that_comes_in() -> None:
    assert webhook() == Webhook(
        call_id=CALL_UUID,
        direction="inbound",
        caller="+15005550006",
        called="+4930901820",
        replay_key=f"{CALL_UUID} 12345",
        status="ringing",
    )


def test_in_a_call_of_ours_the_other_party_is_the_called_one() -> None:
    read = webhook(Direction="outbound", CallStatus="in-progress", RequestUUID=REQUEST_UUID)

    assert (read.call_id, read.direction) == (CALL_UUID, "outbound")
    assert (read.caller, read.called, read.status) == ("+4930901820", "+15005550006", "answered")


@pytest.mark.parametrize("number", ["", "anonymous", "Restricted", "0000000000", "sip:ann@phone.plivo.com", "911"])
def test_a_number_that_is_withheld_or_none_is_empty(number: str) -> None:
    assert webhook(From=number).caller == ""


@pytest.mark.parametrize(
    ("told", "status"),
    [
        *(("ringing", "ringing"), ("in-progress", "answered"), ("timeout", "no-answer"), ("cancel", "canceled")),
        *((end, end) for end in ("completed", "busy", "no-answer", "failed")),
        *(("", None), ("something-new", None), (None, None)),
    ],
)
def test_status(told: str | None, status: str | None) -> None:
    assert webhook("events", CallStatus=told).status == status


@pytest.mark.parametrize(
    ("told", "machine"), [("true", "machine"), ("false", "human"), ("True", "machine"), ("", None), (None, None)]
)
def test_who_has_answered(told: str | None, machine: str | None) -> None:
    assert webhook("machine", Machine=told, Direction="outbound").machine == machine


@pytest.mark.parametrize(("pressed", "digit"), [("1", "1"), ("", ""), (None, "")])
def test_the_key_that_was_pressed(pressed: str | None, digit: str) -> None:
    assert webhook("consent", Digits=pressed).digit == digit


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        *(({"CallUUID": value}, "CallUUID") for value in (None, "", "97ceeb52", f"{CALL_UUID}\n", "../Call/")),
        *(({"Direction": value}, "Direction") for value in (None, "", "outbound-api")),
    ],
)
def test_what_lacks_its_documented_fields_is_malformed(changes: Mapping[str, str | None], field: str) -> None:
    with pytest.raises(MalformedWebhookError, match=field) as caught:
        webhook("answer", **changes)
    assert not any(secret in str(caught.value) for secret in (CALL_UUID, FIELDS["From"], FIELDS["To"]))


def test_a_plan_becomes_plivo_xml() -> None:
    """Compared with what Plivo's own library makes."""
    expected = plivoxml.ResponseElement()
    expected.add(plivoxml.SpeakElement("Grüß Gott & <hallo>", language="de-DE"))
    expected.add(plivoxml.RecordElement(record_session=True, redirect=False, max_length=900))
    expected.add(
        plivoxml.StreamElement(
            WAY_IN,
            bidirectional=True,
            keepCallAlive=True,
            contentType="audio/x-mulaw;rate=8000",
            streamTimeout=900,
        )
    )
    expected.add(plivoxml.RedirectElement(URLS["next"], method="POST"))

    assert same(xml(Say(text="Grüß Gott & <hallo>"), Record(), Connect(url=WAY_IN), Next()), expected)


def test_a_question_is_answered_even_by_silence() -> None:
    expected = plivoxml.ResponseElement()
    asked = plivoxml.GetInputElement(
        action=URLS["consent"], method="POST", input_type="dtmf", num_digits=1, execution_timeout=8
    )
    expected.add(asked.add(plivoxml.SpeakElement("Darf ich?", language="de-DE")))
    expected.add(plivoxml.RedirectElement(URLS["consent"], method="POST"))

    assert same(xml(Ask(question="Darf ich?")), expected)


@pytest.mark.parametrize(
    ("step", "written"),
    [
        (Transfer(target="+4930901820"), "<Dial><Number>4930901820</Number></Dial>"),
        (Transfer(target="sip:desk@example.com"), "<Dial><User>sip:desk@example.com</User></Dial>"),
        (HangUp(), "<Hangup />"),
    ],
)
def test_how_a_call_ends(step: Step, written: str) -> None:
    assert xml(step) == f'<?xml version="1.0" encoding="UTF-8"?><Response>{written}</Response>'


def test_a_plan_of_nothing_is_an_empty_document() -> None:
    assert xml() == '<?xml version="1.0" encoding="UTF-8"?><Response />'


@settings(deadline=None)
@given(text=st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Cs", "Cn", "Co"])))
def test_any_text_and_url_arrive_as_they_are(text: str) -> None:
    root = ET.fromstring(xml(Say(text=text), Connect(url=f"{WAY_IN}{text}")))  # noqa: S314

    assert root[0].text == (text or None)
    assert root[1].text == f"{WAY_IN}{text}"


def test_a_call_is_placed() -> None:
    http = rest_api((201, json.dumps({"message": "call fired", "request_uuid": REQUEST_UUID})))

    assert dialed(http) == REQUEST_UUID
    (asked,) = http.asked
    assert (asked.method, asked.url) == ("POST", f"{API}/v1/Account/{SECRET['authId']}/Call/")
    pair = f"{SECRET['authId']}:{SECRET['authToken']}"
    assert asked.headers["Authorization"] == f"Basic {b64encode(pair.encode()).decode()}"
    assert asked.headers["Content-Type"] == "application/json"
    assert json.loads(asked.body) == {
        "to": "4930901820",
        "from": "15005550006",
        "time_limit": 900,
        "answer_url": URLS["answer"],
        "answer_method": "POST",
        "ring_url": URLS["events"],
        "ring_method": "POST",
        "hangup_url": URLS["events"],
        "hangup_method": "POST",
    }


def test_machines_are_looked_for_beside_the_call() -> None:
    http = rest_api((201, json.dumps({"request_uuid": REQUEST_UUID})))
    order = DialOrder(to=ORDER.to, from_=ORDER.from_, call="a", urls=URLS, machine_detection=True, max_call_seconds=900)

    dialed(http, order)

    fields = json.loads(http.asked[0].body)
    assert fields["machine_detection"] == "true", "and not hangup, which is the bot's to decide"
    assert (fields["machine_detection_url"], fields["machine_detection_method"]) == (URLS["machine"], "POST")


@pytest.mark.parametrize(
    ("answer", "status", "carried_out", "note"),
    [
        ((400, '{"error": "4930901820 is not valid"}'), 400, False, "POST /Call/: HTTP 400"),
        ((401, "Could not verify"), 401, False, "POST /Call/: HTTP 401"),
        ((500, "<html>"), 500, True, "POST /Call/: HTTP 500"),
        ((201, "no json"), 201, True, "POST /Call/: HTTP 201"),
        ((201, '{"request_uuid": ["a", "b"]}'), 201, True, "POST /Call/: HTTP 201"),
        (UnreachableError("ConnectTimeoutError", sent=False), 0, False, "POST /Call/: ConnectTimeoutError"),
        (UnreachableError("ReadTimeoutError", sent=True), 0, True, "POST /Call/: ReadTimeoutError"),
    ],
)
def test_a_call_that_is_not_placed(answer: Any, status: int, carried_out: bool, note: str) -> None:
    """What may have been carried out is never taken for what was not: a person's phone would ring twice."""
    with pytest.raises(CarrierError) as caught:
        dialed(rest_api(answer))

    error = caught.value
    assert (error.status, error.carried_out, error.note) == (status, carried_out, note)


def test_a_call_is_ended() -> None:
    http = rest_api((204, ""))

    hung_up(http)

    (asked,) = http.asked
    assert (asked.method, asked.url) == ("DELETE", f"{API}/v1/Account/{SECRET['authId']}/Call/{CALL_UUID}/")


def test_a_call_that_is_only_asked_for_is_taken_back() -> None:
    http = rest_api((404, '{"error": "call not found"}'), (204, ""))

    hung_up(http, REQUEST_UUID)

    assert [asked.url.rpartition("/Account/")[2] for asked in http.asked] == [
        f"{SECRET['authId']}/Call/{REQUEST_UUID}/",
        f"{SECRET['authId']}/Request/{REQUEST_UUID}/",
    ]


def test_a_call_that_has_ended_is_no_error() -> None:
    hung_up(rest_api((404, ""), (404, "")))


@pytest.mark.parametrize(
    "answers", [[(401, "")], [(500, "")], [(404, ""), (500, "")], [UnreachableError("ReadTimeoutError")]]
)
def test_a_call_that_is_not_ended(answers: list[Any]) -> None:
    with pytest.raises(CarrierError, match=r"DELETE /(Call|Request)/\{id\}/: "):
        hung_up(rest_api(*answers))


@pytest.mark.parametrize("call_id", ["", "/", "..", "97ceeb52", f"{CALL_UUID}/../"])
def test_all_calls_of_the_account_are_never_ended(call_id: str) -> None:
    """https://www.plivo.com/docs/voice/detailed-reference/api/call/hangup-a-call/: without an id, all of them are."""
    http = rest_api((204, ""))

    with pytest.raises(ValueError, match="form"):
        hung_up(http, call_id)
    assert http.asked == []
