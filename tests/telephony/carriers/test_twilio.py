"""Twilio's webhooks read, TwiML written, calls placed and ended."""

import json
from base64 import b64encode
from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qs, urlencode
from xml.etree import ElementTree as ET

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from twilio.twiml.voice_response import VoiceResponse

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
from telephony.carriers.twilio import CARRIER
from telephony.plan import Ask, Connect, HangUp, Next, Record, Say, Step, Transfer
from tests.telephony.carriers.rest_api import RestApi, rest_api

CALL_SID = "CA0123456789abcdef0123456789abcdef"
SECRET = {"accountSid": "AC00000000000000000000000000000001", "authToken": "the-auth-token"}
API = "https://api.twilio.example"
URLS: dict[Kind, str] = {kind: f"https://voice.example/telephony/twilio/{kind}?call=a&proof=b" for kind in KINDS}
CONTEXT = CallContext(urls=URLS, language="de-DE", call_id=CALL_SID, max_call_seconds=900)
FIELDS = {
    "CallSid": CALL_SID,
    "Direction": "inbound",
    "From": "+15005550006",
    "To": "+4930901820",
    "CallStatus": "ringing",
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
            headers={"content-type": "application/x-www-form-urlencoded", "x-twilio-signature": "the-signature="},
            body=urlencode(fields).encode(),
            received_at=1_800_000_000.0,
        )
    )


def twiml(*plan: Step) -> str:
    document = CARRIER.render(plan=plan, context=CONTEXT)
    assert document.content_type == "text/xml; charset=utf-8"
    return document.body


def dialed(http: RestApi, order: DialOrder = ORDER) -> str:
    return CARRIER.dial(order=order, secret=SECRET, http=http, api_url=API)


def hung_up(http: RestApi) -> None:
    CARRIER.hang_up(call_id=CALL_SID, secret=SECRET, http=http, api_url=API)


def test_it_is_loaded_by_its_name() -> None:
    assert load("twilio") is CARRIER
    assert (CARRIER.name, CARRIER.secret_fields) == ("twilio", ("accountSid", "authToken"))


def test_a_call_that_comes_in() -> None:
    assert webhook() == Webhook(
        call_id=CALL_SID,
        direction="inbound",
        caller="+15005550006",
        called="+4930901820",
        replay_key="the-signature=",
        status="ringing",
    )


def test_in_a_call_of_ours_the_other_party_is_the_called_one() -> None:
    read = webhook(Direction="outbound-api", CallStatus="in-progress")

    assert (read.direction, read.caller, read.called) == ("outbound", "+4930901820", "+15005550006")
    assert read.status == "answered"


@pytest.mark.parametrize(
    "number",
    [
        *("+266696687", "+7378742833", "+2562533", "+8566696687", "+86282452253"),
        *("", "anonymous", "sip:ann@example.com", "client:ann", "+0123456789", "+1500555000612345"),
    ],
)
def test_a_number_that_is_withheld_or_none_is_empty(number: str) -> None:
    assert webhook(From=number).caller == ""
    assert webhook(Direction="outbound-api", To=number).caller == ""


@pytest.mark.parametrize(
    ("told", "status"),
    [
        *(("queued", "queued"), ("initiated", "queued"), ("ringing", "ringing"), ("in-progress", "answered")),
        *((end, end) for end in ("completed", "busy", "no-answer", "failed", "canceled")),
        *(("", None), ("something-new", None), (None, None)),
    ],
)
def test_status(told: str | None, status: str | None) -> None:
    assert webhook("events", CallStatus=told).status == status


@pytest.mark.parametrize(
    ("told", "machine"),
    [
        *(("human", "human"), ("machine_start", "machine"), ("machine_end_beep", "machine"), ("fax", "machine")),
        *(("machine_end_silence", "machine"), ("machine_end_other", "machine"), ("unknown", "unknown"), ("new", None)),
    ],
)
def test_who_has_answered_comes_without_numbers(told: str, machine: str | None) -> None:
    """https://www.twilio.com/docs/voice/answering-machine-detection: no Direction, no From, no To."""
    read = webhook("machine", AnsweredBy=told, Direction=None, From=None, To=None, CallStatus=None)

    assert (read.call_id, read.direction, read.machine, read.status) == (CALL_SID, "outbound", machine, None)
    assert (read.caller, read.called) == ("", "")


@pytest.mark.parametrize(("pressed", "digit"), [("1", "1"), ("", ""), (None, "")])
def test_the_key_that_was_pressed(pressed: str | None, digit: str) -> None:
    assert webhook("consent", Digits=pressed).digit == digit


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        *(({"CallSid": value}, "CallSid") for value in (None, "", "CA01", f"{CALL_SID}0", f"{CALL_SID}\n", "CAxyz")),
        *(({"Direction": value}, "Direction") for value in (None, "", "outbound-dial", "trunking-originating")),
    ],
)
def test_what_lacks_its_documented_fields_is_malformed(changes: Mapping[str, str | None], field: str) -> None:
    with pytest.raises(MalformedWebhookError, match=field) as caught:
        webhook("answer", **changes)
    assert not any(secret in str(caught.value) for secret in (CALL_SID, FIELDS["From"], FIELDS["To"]))


def test_a_plan_becomes_twiml() -> None:
    """Compared with what Twilio's own library makes."""
    plan = (Say(text="Grüß Gott & <hallo>"), Record(), Connect(url="wss://relay.example/streams/e30.a1"), Next())
    expected = VoiceResponse()
    expected.say("Grüß Gott & <hallo>", language="de-DE")
    expected.start().recording(channels="dual")
    expected.connect().stream(url="wss://relay.example/streams/e30.a1")
    expected.redirect(URLS["next"], method="POST")

    assert ET.canonicalize(twiml(*plan)) == ET.canonicalize(str(expected))


def test_a_question_is_answered_even_by_silence() -> None:
    expected = VoiceResponse()
    gather = expected.gather(
        input="dtmf", num_digits=1, timeout=8, action_on_empty_result=True, action=URLS["consent"], method="POST"
    )
    gather.say("Darf ich?", language="de-DE")

    assert ET.canonicalize(twiml(Ask(question="Darf ich?"))) == ET.canonicalize(str(expected))


@pytest.mark.parametrize(
    ("step", "written"),
    [
        (Transfer(target="+4930901820"), "<Dial><Number>+4930901820</Number></Dial>"),
        (Transfer(target="sip:desk@example.com"), "<Dial><Sip>sip:desk@example.com</Sip></Dial>"),
        (Transfer(target="sips:desk@example.com"), "<Dial><Sip>sips:desk@example.com</Sip></Dial>"),
        (HangUp(), "<Hangup />"),
    ],
)
def test_how_a_call_ends(step: Step, written: str) -> None:
    assert twiml(step) == f'<?xml version="1.0" encoding="UTF-8"?><Response>{written}</Response>'


def test_a_plan_of_nothing_is_an_empty_document() -> None:
    assert twiml() == '<?xml version="1.0" encoding="UTF-8"?><Response />'


@settings(deadline=None)
@given(text=st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Cs", "Cn", "Co"])))
def test_any_text_and_url_arrive_as_they_are(text: str) -> None:
    root = ET.fromstring(twiml(Say(text=text), Connect(url=f"wss://relay.example/streams/{text}")))  # noqa: S314

    assert root[0].text == (text or None)
    assert root[1][0].attrib == {"url": f"wss://relay.example/streams/{text}"}


def test_a_call_is_placed() -> None:
    http = rest_api((201, json.dumps({"sid": CALL_SID, "status": "queued"})))

    assert dialed(http) == CALL_SID
    (asked,) = http.asked
    assert (asked.method, asked.url) == ("POST", f"{API}/2010-04-01/Accounts/{SECRET['accountSid']}/Calls.json")
    pair = f"{SECRET['accountSid']}:{SECRET['authToken']}"
    assert asked.headers["Authorization"] == f"Basic {b64encode(pair.encode()).decode()}"
    assert parse_qs(asked.body.decode(), strict_parsing=True) == {
        "To": ["+4930901820"],
        "From": ["+15005550006"],
        "Url": [URLS["answer"]],
        "Method": ["POST"],
        "TimeLimit": ["900"],
        "StatusCallback": [URLS["events"]],
        "StatusCallbackMethod": ["POST"],
        "StatusCallbackEvent": ["initiated", "ringing", "answered", "completed"],
    }


def test_machines_are_looked_for_beside_the_call() -> None:
    http = rest_api((201, json.dumps({"sid": CALL_SID})))
    order = DialOrder(to=ORDER.to, from_=ORDER.from_, call="a", urls=URLS, machine_detection=True, max_call_seconds=900)

    dialed(http, order)

    fields = parse_qs(http.asked[0].body.decode())
    assert fields["AsyncAmd"] == ["true"], "without it the person who answers would hear nothing for seconds"
    assert fields["MachineDetection"] == ["Enable"]
    assert fields["AsyncAmdStatusCallback"] == [URLS["machine"]]


@pytest.mark.parametrize(
    ("answer", "status", "carried_out", "note"),
    [
        ((400, '{"code": 21211, "message": "+4930901820"}'), 400, False, "POST /Calls: HTTP 400, code 21211"),
        ((401, '{"code": 20003}'), 401, False, "POST /Calls: HTTP 401, code 20003"),
        ((429, ""), 429, False, "POST /Calls: HTTP 429"),
        ((400, '{"code": "21211 +4930901820"}'), 400, False, "POST /Calls: HTTP 400"),
        ((500, "<html>"), 500, True, "POST /Calls: HTTP 500"),
        ((302, ""), 302, True, "POST /Calls: HTTP 302"),
        ((201, "no json"), 201, True, "POST /Calls: HTTP 201"),
        ((201, '{"sid": 5}'), 201, True, "POST /Calls: HTTP 201"),
        ((201, '["sid"]'), 201, True, "POST /Calls: HTTP 201"),
        (UnreachableError("ConnectTimeoutError", sent=False), 0, False, "POST /Calls: ConnectTimeoutError"),
        (UnreachableError("ReadTimeoutError", sent=True), 0, True, "POST /Calls: ReadTimeoutError"),
    ],
)
def test_a_call_that_is_not_placed(answer: Any, status: int, carried_out: bool, note: str) -> None:
    """What may have been carried out is never taken for what was not: a person's phone would ring twice."""
    with pytest.raises(CarrierError) as caught:
        dialed(rest_api(answer))

    error = caught.value
    assert (error.status, error.carried_out, error.note) == (status, carried_out, note)


def test_a_call_is_ended() -> None:
    http = rest_api((200, json.dumps({"sid": CALL_SID, "status": "completed"})))

    hung_up(http)

    (asked,) = http.asked
    assert asked.url == f"{API}/2010-04-01/Accounts/{SECRET['accountSid']}/Calls/{CALL_SID}.json"
    assert (asked.method, asked.body) == ("POST", b"Status=completed")


@pytest.mark.parametrize("answer", [(404, '{"code": 20404}'), (400, '{"code": 21220}')])
def test_a_call_that_has_ended_is_no_error(answer: tuple[int, str]) -> None:
    hung_up(rest_api(answer))


@pytest.mark.parametrize(
    "answer", [(401, '{"code": 20003}'), (400, '{"code": 21211}'), (404, "nginx"), (500, ""), (503, '{"code": 20503}')]
)
def test_a_call_that_is_not_ended(answer: tuple[int, str]) -> None:
    with pytest.raises(CarrierError, match=r"POST /Calls/\{sid\}: HTTP"):
        hung_up(rest_api(answer))
