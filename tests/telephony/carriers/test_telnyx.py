import base64
import functools
import importlib.util
import json
import time
from collections.abc import Mapping
from types import ModuleType, SimpleNamespace
from urllib.parse import parse_qs, parse_qsl, urlencode, urlsplit
from xml.etree import ElementTree

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from nacl.signing import SigningKey

from shared.https_request import UnreachableError
from telephony.carrier import (
    CallContext,
    CarrierError,
    DialOrder,
    Kind,
    MalformedWebhookError,
    SignatureError,
    WebhookRequest,
)
from telephony.carriers.telnyx import CARRIER, MAX_AGE_SECONDS
from telephony.plan import Ask, Connect, HangUp, Next, Record, Say, Step, Transfer
from tests.telephony.carriers.rest_api import RestApi, rest_api

NOW = int(time.time())
thorough = settings(max_examples=1000, deadline=None, suppress_health_check=[HealthCheck.too_slow])
KEY = SigningKey(bytes(range(32)))
PUBLIC_KEY = base64.b64encode(bytes(KEY.verify_key)).decode()
ACCOUNT = "61bf923e-5e4d-4595-a110-56190ea18a1b"
APPLICATION = "1293384261075731499"
CALL = "v3:9X2vxPDFY2RHSJ1EdMS0RHRksMTg7ldNxdjWbVr9zBjbGjGsSe-aiQ"
SECRET = {"publicKey": PUBLIC_KEY, "apiKey": "KEY0123EXAMPLE", "accountSid": ACCOUNT, "applicationId": APPLICATION}
SIGNED_URL = (
    "wss://bedrock-agentcore.eu-west-1.amazonaws.com/runtimes/arn%3Aaws%3Abedrock-agentcore%3Aeu-west-1%3A1/ws"
    "?qualifier=live&X-Amz-Security-Token=IQoJ%2F%2B%3D%3D&X-Amz-Signature=0af9"
)
URLS: dict[Kind, str] = {
    kind: f"https://voice.example.com/telephony/telnyx/{kind}"
    for kind in ("answer", "consent", "next", "events", "machine")
}
OUTBOUND_URLS = {kind: f"{url}?call=abc" for kind, url in URLS.items()}
ANSWER = {
    "AccountSid": ACCOUNT,
    "CallSid": CALL,
    "CallSidLegacy": CALL,
    "CallerId": "",
    "From": "+13122010091",
    "To": "+13122010090",
    "ConnectionId": APPLICATION,
}


def signature(body: bytes, *, timestamp: str, key: SigningKey = KEY) -> str:
    return base64.b64encode(key.sign(timestamp.encode() + b"|" + body).signature).decode()


def webhook(
    fields: Mapping[str, str] = ANSWER,
    *,
    kind: Kind = "answer",
    query: str = "",
    timestamp: str = str(NOW),
    signed: str | None = None,
    body: bytes | None = None,
    content_type: str = "application/x-www-form-urlencoded",
) -> WebhookRequest:
    body = urlencode(fields).encode() if body is None else body
    headers = {
        "content-type": content_type,
        "telnyx-timestamp": timestamp,
        "telnyx-signature-ed25519": signature(body, timestamp=timestamp) if signed is None else signed,
    }
    return WebhookRequest(
        kind=kind,
        url=URLS[kind] + query,
        query={name: values[0] for name, values in parse_qs(urlsplit(query).query).items()},
        headers=headers,
        body=body,
        received_at=NOW + 0.5,
    )


def without(*names: str) -> WebhookRequest:
    request = webhook()
    headers = {name: value for name, value in request.headers.items() if name not in names}
    return WebhookRequest(**{**vars(request), "headers": headers})


def refused(request: WebhookRequest, *, secret: Mapping[str, str] = SECRET) -> str:
    with pytest.raises(SignatureError) as caught:
        CARRIER.verify(request=request, secret=secret)
    return caught.value.reason


@functools.cache
def telnyxs_own() -> ModuleType:
    """`telnyx.lib.webhook_verification` at our time, without the ten seconds that importing the whole package takes."""
    package = importlib.util.find_spec("telnyx")
    assert package is not None
    assert package.submodule_search_locations
    path = f"{package.submodule_search_locations[0]}/lib/webhook_verification.py"
    spec = importlib.util.spec_from_file_location("webhook_verification", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    vars(module)["time"] = SimpleNamespace(time=lambda: NOW + 0.5)
    return module


def official(request: WebhookRequest) -> bool:
    """The verdict of Telnyx's own library, which verifies with PyNaCl."""
    try:
        telnyxs_own().verify_webhook_signature(request.body, request.headers, PUBLIC_KEY)
    except (telnyxs_own().WebhookVerificationError, UnicodeDecodeError):
        return False
    return True


@thorough
@given(
    text=st.text(max_size=60),
    seconds=st.integers(1 - MAX_AGE_SECONDS, MAX_AGE_SECONDS - 1),
)
def test_what_telnyx_signs_is_true_to_us_and_to_its_own_library(text: str, seconds: int) -> None:
    request = webhook(body=text.encode(), timestamp=str(NOW + seconds))

    CARRIER.verify(request=request, secret=SECRET)

    assert official(request)


RIGHT = webhook()
RIGHT_SIGNATURE = RIGHT.headers["telnyx-signature-ed25519"]
characters = st.characters(min_codepoint=33, max_codepoint=126)


def spliced(text: str, drawn: tuple[int, str, bool]) -> str:
    position, inserted, replacing = drawn
    at = position % (len(text) + 1)
    return text[:at] + inserted + text[at + (1 if replacing or not inserted else 0) :]


def spliced_body(drawn: tuple[int, bytes, bool]) -> bytes:
    text = spliced(RIGHT.body.decode("latin-1"), (drawn[0], drawn[1].decode("latin-1"), drawn[2]))
    return text.encode("latin-1")


splices = st.tuples(st.integers(min_value=0), st.text(characters, max_size=3), st.booleans())
body_splices = st.tuples(st.integers(min_value=0), st.binary(max_size=3), st.booleans())
mutations = st.one_of(
    splices.map(lambda drawn: webhook(signed=spliced(RIGHT_SIGNATURE, drawn))),
    st.binary(max_size=80).map(lambda raw: webhook(signed=base64.b64encode(raw).decode())),
    st.binary(min_size=64, max_size=64).map(lambda raw: webhook(signed=base64.b64encode(raw).decode())),
    body_splices.map(lambda drawn: webhook(body=spliced_body(drawn), signed=RIGHT_SIGNATURE)),
    splices.map(lambda drawn: webhook(timestamp=spliced(str(NOW), drawn), signed=RIGHT_SIGNATURE)),
    st.integers(-400, 400).map(lambda seconds: webhook(timestamp=str(NOW + seconds), signed=RIGHT_SIGNATURE)),
    # Rightly signed, at another time
    st.integers(MAX_AGE_SECONDS + 1, NOW).map(lambda age: webhook(timestamp=str(NOW - age))),
    st.integers(MAX_AGE_SECONDS + 1, 10**9).map(lambda ahead: webhook(timestamp=str(NOW + ahead))),
    st.sampled_from(["", "-1", "now", f"{NOW}.5", f"+{NOW}", f" {NOW}", f"{NOW}|", "1_000", "9" * 40, "١٢٣"]).map(
        lambda text: webhook(timestamp=text)
    ),
    # Signed by somebody else, or over something else
    st.binary(min_size=32, max_size=32)
    .filter(lambda seed: seed != bytes(KEY))
    .map(lambda seed: webhook(signed=signature(RIGHT.body, timestamp=str(NOW), key=SigningKey(seed)))),
    st.sampled_from([RIGHT.body, str(NOW).encode() + RIGHT.body, RIGHT.body + b"|" + str(NOW).encode()]).map(
        lambda text: webhook(signed=base64.b64encode(KEY.sign(text).signature).decode())
    ),
    st.lists(st.sampled_from(["telnyx-timestamp", "telnyx-signature-ed25519"]), min_size=1).map(
        lambda names: without(*names)
    ),
).filter(lambda request: request != RIGHT)


@thorough
@given(request=mutations)
def test_a_mutation_is_refused_by_us_and_by_telnyxs_own_library(request: WebhookRequest) -> None:
    """It tolerates one thing that we don't: signatures and times written in another way, which say the same."""
    reason = refused(request)
    assert reason in {"unsigned", "malformed", "stale", "wrong signature"}
    assert not official(request) or reason == "malformed"


def test_only_one_way_to_write_a_signature_is_right() -> None:
    """Else a replay could be told from its first by a character that says nothing."""
    assert RIGHT_SIGNATURE.endswith("==")
    last = RIGHT_SIGNATURE[-3]
    for written in (
        RIGHT_SIGNATURE.rstrip("="),
        f"{RIGHT_SIGNATURE[:-3]}{chr(ord(last) + 1)}==",
        f"{RIGHT_SIGNATURE[:40]}\n{RIGHT_SIGNATURE[40:]}",
    ):
        assert refused(webhook(signed=written)) == "malformed"


def test_a_forged_multiple_of_a_signature_is_refused() -> None:
    """Ed25519's own malleability: S and S plus the group's order sign the same in a lax implementation (RFC 8032)."""
    order = 2**252 + 27742317777372353535851937790883648493
    raw = base64.b64decode(RIGHT_SIGNATURE)
    multiple = int.from_bytes(raw[32:], "little") + order
    forged = raw[:32] + multiple.to_bytes(32, "little")

    assert refused(webhook(signed=base64.b64encode(forged).decode())) == "wrong signature"


@pytest.mark.parametrize(
    "public_key",
    [
        base64.b64encode(bytes(SigningKey(b"x" * 32).verify_key)).decode(),
        "64randomcharactersthatsecretsmanagerputtherebeforeanybodydidEXAM",
        "",
        "not base64!",
        "AAAA",
    ],
)
def test_under_another_key_or_none_every_signature_is_wrong(public_key: str) -> None:
    assert refused(RIGHT, secret=SECRET | {"publicKey": public_key}) == "wrong signature"


def test_reasons_lead_the_core_to_try_another_secret_only_where_that_may_help() -> None:
    old = str(NOW - 400)
    assert refused(without("telnyx-timestamp")) == "unsigned"
    assert refused(webhook(signed="AAAA")) == "malformed"
    assert refused(webhook(timestamp=old)) == "stale"
    assert refused(webhook(timestamp=old, signed=RIGHT_SIGNATURE)) == "wrong signature"


def test_a_replay_has_the_replay_key_of_the_first() -> None:
    later = webhook(timestamp=str(NOW + 1))

    assert CARRIER.read(request=webhook(query="?call=other")).replay_key == CARRIER.read(request=RIGHT).replay_key
    assert CARRIER.read(request=later).replay_key != CARRIER.read(request=RIGHT).replay_key


def test_the_next_document_of_the_same_second_is_no_replay() -> None:
    """Its request has the same body, and so the same signature."""
    following = webhook(kind="next")

    assert following.headers == RIGHT.headers
    assert CARRIER.read(request=following).replay_key != CARRIER.read(request=RIGHT).replay_key


def test_an_inbound_answer() -> None:
    read = CARRIER.read(request=RIGHT)

    assert (read.call_id, read.direction, read.caller, read.called) == (
        CALL,
        "inbound",
        "+13122010091",
        "+13122010090",
    )
    assert (read.digit, read.status, read.machine) == ("", None, None)


def test_an_outbound_answer_has_its_parties_the_other_way_round() -> None:
    read = CARRIER.read(request=webhook(query="?call=abc"))

    assert (read.direction, read.caller, read.called) == ("outbound", "+13122010090", "+13122010091")


@pytest.mark.parametrize("number", ["anonymous", "", "sip:ann@example.com", "+0123456"])
def test_a_caller_without_a_number(number: str) -> None:
    assert CARRIER.read(request=webhook(ANSWER | {"From": number})).caller == ""


def test_a_digit() -> None:
    assert CARRIER.read(request=webhook(ANSWER | {"Digits": "1"}, kind="consent")).digit == "1"
    assert CARRIER.read(request=webhook(ANSWER | {"Digits": ""}, kind="consent")).digit == ""
    assert CARRIER.read(request=webhook(ANSWER, kind="consent")).digit == ""


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        ("queued", "queued"),
        ("initiated", "queued"),
        ("ringing", "ringing"),
        ("in-progress", "answered"),
        ("answered", "answered"),
        ("completed", "completed"),
        ("busy", "busy"),
        ("no-answer", "no-answer"),
        ("failed", "failed"),
        ("canceled", "canceled"),
        ("stream-stopped", None),
    ],
)
def test_status(status: str, expected: str | None) -> None:
    assert CARRIER.read(request=webhook(ANSWER | {"CallStatus": status}, kind="events")).status == expected


def test_the_end_of_a_transfers_leg_is_not_the_end_of_the_call() -> None:
    fields = ANSWER | {"CallSid": "v3:child", "ParentCallSid": CALL, "CallStatus": "completed"}

    assert CARRIER.read(request=webhook(fields, kind="events")).status is None


@pytest.mark.parametrize(
    ("answered_by", "machine"),
    [
        ("human", "human"),
        ("machine", "machine"),
        ("machine_start", "machine"),
        ("machine_end_beep", "machine"),
        ("machine_end_silence", "machine"),
        ("machine_end_other", "machine"),
        ("fax", "machine"),
        ("unknown", "unknown"),
        ("not_sure", "unknown"),
        ("a cat", None),
    ],
)
def test_machine_detection(answered_by: str, machine: str | None) -> None:
    fields = {"AccountSid": ACCOUNT, "CallSid": CALL, "AnsweredBy": answered_by}

    read = CARRIER.read(request=webhook(fields, kind="machine", query="?call=abc"))

    assert (read.call_id, read.machine, read.status) == (CALL, machine, None)


@pytest.mark.parametrize(
    "request_",
    [
        webhook({}),
        webhook({"CallSid": ""}),
        webhook({"CallSid": "../Calls"}),
        webhook(body=b"\xff\xfe"),
        webhook(content_type="application/json"),
    ],
    ids=["no field", "empty", "a path", "not text", "not a form"],
)
def test_a_signed_webhook_without_a_call(request_: WebhookRequest) -> None:
    with pytest.raises(MalformedWebhookError):
        CARRIER.read(request=request_)


CONTEXT = CallContext(urls=URLS, language="en-GB", call_id=CALL, max_call_seconds=3600)


def texml(*plan: Step, context: CallContext = CONTEXT) -> list[tuple[str, dict[str, str], str | None]]:
    """Every element below the root in the document's order: tag, attributes, text."""
    document = CARRIER.render(plan=plan, context=context)
    assert document.content_type.startswith("text/xml")
    root, *below = ElementTree.fromstring(document.body).iter()  # noqa: S314  # our own document
    assert root.tag == "Response"
    return [(element.tag, element.attrib, element.text) for element in below]


def test_the_plan_of_a_recorded_call() -> None:
    assert texml(Say(text='Hello & "welcome" <now>'), Record(), Connect(url=SIGNED_URL), Next()) == [
        ("Say", {"voice": "alice", "language": "en-GB"}, 'Hello & "welcome" <now>'),
        ("Connect", {}, None),
        (
            "Stream",
            {
                "url": SIGNED_URL,
                "track": "inbound_track",
                "codec": "PCMU",
                "bidirectionalMode": "rtp",
                "bidirectionalCodec": "PCMU",
                "enableReconnect": "false",
            },
            None,
        ),
        ("Redirect", {"method": "POST"}, URLS["next"]),
    ]


def test_what_xml_gives_a_meaning_to_is_escaped() -> None:
    body = CARRIER.render(plan=[Connect(url=SIGNED_URL)], context=CONTEXT).body

    assert SIGNED_URL.replace("&", "&amp;") in body


def test_a_question_is_followed_up_also_where_nobody_answers() -> None:
    context = CallContext(urls=OUTBOUND_URLS, language="en-GB", call_id=CALL, max_call_seconds=3600)

    assert texml(Ask(question="May we record?"), context=context) == [
        ("Gather", {"input": "dtmf", "numDigits": "1", "timeout": "10", "action": OUTBOUND_URLS["consent"]}, None),
        ("Say", {"voice": "alice", "language": "en-GB"}, "May we record?"),
        ("Redirect", {"method": "POST"}, OUTBOUND_URLS["consent"]),
    ]


@pytest.mark.parametrize(
    ("target", "noun"), [("+13125550100", "Number"), ("sip:desk@example.com;transport=tls", "Sip")]
)
def test_a_transfer(target: str, noun: str) -> None:
    assert texml(Transfer(target=target), HangUp()) == [
        ("Dial", {"timeLimit": "3600"}, None),
        (noun, {}, target),
        ("Hangup", {}, None),
    ]


def test_no_plan_is_a_document_that_does_nothing() -> None:
    assert texml() == []


def order(*, machine_detection: bool = True) -> DialOrder:
    return DialOrder(
        to="+13122010091",
        from_="+13122010090",
        call="abc",
        urls=OUTBOUND_URLS,
        machine_detection=machine_detection,
        max_call_seconds=3600,
    )


def dial(api: RestApi, *, machine_detection: bool = True) -> str:
    order_ = order(machine_detection=machine_detection)
    return CARRIER.dial(order=order_, secret=SECRET, http=api, api_url="https://api.telnyx.com")


def hang_up(api: RestApi) -> None:
    CARRIER.hang_up(call_id=CALL, secret=SECRET, http=api, api_url="https://api.telnyx.com")


def start_recording(api: RestApi) -> None:
    CARRIER.start_recording(call_id=CALL, secret=SECRET, http=api, api_url="https://api.telnyx.com")


CALL_PATH = f"https://api.telnyx.com/v2/texml/Accounts/{ACCOUNT}/Calls/v3%3A9X2vxPDFY2RHSJ1EdMS0RHRksMTg7ldNxdjWbVr9zBjbGjGsSe-aiQ"


@pytest.mark.parametrize("name", ["sid", "call_sid"])
def test_dialing(name: str) -> None:
    api = rest_api((200, json.dumps({name: CALL, "status": "queued"})))

    assert dial(api) == CALL

    (request,) = api.asked
    assert (request.method, request.url) == (
        "POST",
        f"https://api.telnyx.com/v2/texml/Accounts/{ACCOUNT}/Calls",
    )
    assert json.loads(request.body) == {
        "ApplicationSid": APPLICATION,
        "To": "+13122010091",
        "From": "+13122010090",
        "Url": OUTBOUND_URLS["answer"],
        "UrlMethod": "POST",
        "StatusCallback": OUTBOUND_URLS["events"],
        "StatusCallbackMethod": "POST",
        "StatusCallbackEvent": "initiated ringing answered completed",
        "TimeLimit": 3600,
        "Timeout": 60,
        "MachineDetection": "Enable",
        "AsyncAmd": True,
        "AsyncAmdStatusCallback": OUTBOUND_URLS["machine"],
        "AsyncAmdStatusCallbackMethod": "POST",
    }


def test_without_machine_detection_none_is_asked_for() -> None:
    api = rest_api((200, json.dumps({"sid": CALL})))
    dial(api, machine_detection=False)

    assert not [name for name in json.loads(api.asked[0].body) if "Amd" in name or "Machine" in name]


@pytest.mark.parametrize(
    ("api", "status", "carried_out"),
    [
        (rest_api((401, "{}")), 401, False),
        (rest_api((422, '{"errors": [{"code": "10002"}]}')), 422, False),
        (rest_api((429, "{}")), 429, False),
        (rest_api((500, "{}")), 500, True),
        (rest_api((200, '{"from": "+13122010090", "to": "+13122010091", "status": "queued"}')), 200, True),
        (rest_api((200, '{"sid": "../x"}')), 200, True),
        (rest_api((200, "[]")), 200, True),
        (rest_api(UnreachableError("ConnectTimeoutError", sent=False)), 0, False),
        (rest_api(UnreachableError("ReadTimeoutError")), 0, True),
    ],
)
def test_whether_somebody_may_have_been_called(api: RestApi, status: int, carried_out: bool) -> None:
    with pytest.raises(CarrierError) as caught:
        dial(api)
    assert (caught.value.status, caught.value.carried_out) == (status, carried_out)
    assert not any(word in str(caught.value) for word in ("+1312", "example.com", CALL, "KEY0123"))


@pytest.mark.parametrize(
    "api",
    [
        rest_api((200, "{}")),
        rest_api((404, "{}")),
        rest_api((422, '{"errors": [{"code": "90018", "title": "Call has already ended"}]}')),
    ],
)
def test_hanging_up(api: RestApi) -> None:
    hang_up(api)

    (request,) = api.asked
    assert (request.method, request.url) == ("POST", CALL_PATH)
    assert request.headers["Authorization"] == "Bearer KEY0123EXAMPLE"
    assert dict(parse_qsl(request.body.decode())) == {"Status": "completed"}


@pytest.mark.parametrize(
    "body", ["", "{}", '{"errors": []}', '{"errors": ["x"]}', '{"errors": [{"code": 90018}]}', '{"errors": 1}']
)
def test_a_refused_hang_up(body: str) -> None:
    with pytest.raises(CarrierError):
        hang_up(rest_api((422, body)))


def test_recording_is_a_request_of_its_own() -> None:
    api = rest_api((200, "{}"))
    start_recording(api)

    (request,) = api.asked
    assert (request.method, request.url) == ("POST", f"{CALL_PATH}/Recordings.json")
    assert dict(parse_qsl(request.body.decode())) == {
        "PlayBeep": "false",
        "RecordingChannels": "dual",
        "RecordingTrack": "both",
    }


def test_a_refused_recording() -> None:
    with pytest.raises(CarrierError):
        start_recording(rest_api((404, "{}")))
