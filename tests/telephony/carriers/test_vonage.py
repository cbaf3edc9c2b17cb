import base64
import functools
import hashlib
import hmac
import json
import time
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import parse_qs, urlsplit

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from vonage_jwt import VonageVerifyJwtError, verify_signature  # type: ignore[import-untyped]

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
from telephony.carriers.vonage import CARRIER, MAX_AGE_SECONDS, MAX_AHEAD_SECONDS
from telephony.plan import Ask, Connect, HangUp, Next, Record, Say, Step, Transfer
from tests.telephony.carriers.rest_api import RestApi, rest_api

NOW = int(time.time())
thorough = settings(max_examples=1000, deadline=None, suppress_health_check=[HealthCheck.too_slow])
SECRET_TEXT = "f2bbd7aaeb1d4c0fa3d0cd3d2a7b6a10EXAMPLE"
APPLICATION = "78d335fa-323d-0114-9c3d-d6f0d48968cf"
SECRET = {"signatureSecret": SECRET_TEXT, "applicationId": APPLICATION, "privateKey": "not needed to verify"}
CALL = "63f61863-4a51-4f6b-86e1-46edebcf9356"
CONVERSATION = "CON-f972836a-550f-45fa-956c-12a2ab5b7d22"
SIGNED_URL = (
    "wss://bedrock-agentcore.eu-west-1.amazonaws.com/runtimes/arn%3Aaws%3Abedrock-agentcore%3Aeu-west-1%3A1/ws"
    "?qualifier=live&X-Amz-Security-Token=IQoJ%2F%2B%3D%3D&X-Amz-Signature=0af9"
)
URLS: dict[Kind, str] = {
    kind: f"https://voice.example.com/telephony/vonage/{kind}"
    for kind in ("answer", "consent", "next", "events", "machine")
}


@functools.cache
def key() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


@functools.cache
def private_pem() -> str:
    return key().private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()


@functools.cache
def public_pem() -> bytes:
    return key().public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)


def account() -> dict[str, str]:
    return SECRET | {"privateKey": private_pem()}


def encoded(value: bytes) -> str:
    return base64.urlsafe_b64encode(value).rstrip(b"=").decode()


def signed(claims: Mapping[str, Any], *, secret: bytes = SECRET_TEXT.encode(), digest: str = "sha256") -> str:
    """A token made with the standard library alone, by RFC 7515."""
    header = {"typ": "JWT", "alg": f"HS{digest[3:]}"}
    text = ".".join(encoded(json.dumps(part).encode()) for part in (header, claims))
    return f"{text}.{encoded(hmac.digest(secret, text.encode(), digest))}"


def claims_of(body: bytes, **changed: Any) -> dict[str, Any]:
    claims = {
        "iat": NOW,
        "jti": "c5ba8f24-1a14-4c10-bfdf-3fbe8ce511b5",
        "iss": "Vonage",
        "payload_hash": hashlib.sha256(body).hexdigest(),
        "api_key": "a1b2c3d",
        "application_id": APPLICATION,
    }
    return {name: value for name, value in (claims | changed).items() if value is not None}


def webhook(
    fields: object, *, kind: Kind = "answer", query: str = "", token: str = "", body: bytes | None = None
) -> WebhookRequest:
    body = json.dumps(fields).encode() if body is None else body
    return WebhookRequest(
        kind=kind,
        url=URLS[kind] + query,
        query={name: values[0] for name, values in parse_qs(urlsplit(query).query).items()},
        headers={"authorization": f"Bearer {token or signed(claims_of(body))}", "content-type": "application/json"},
        body=body,
        received_at=NOW + 0.5,
    )


def refused(request: WebhookRequest, *, secret: Mapping[str, str] | None = None) -> str:
    with pytest.raises(SignatureError) as caught:
        CARRIER.verify(request=request, secret=secret or SECRET)
    return caught.value.reason


def official(token: str) -> bool:
    """Vonage's own verdict, which is on the token alone."""
    try:
        return bool(verify_signature(token, SECRET_TEXT))
    except (VonageVerifyJwtError, UnicodeEncodeError):
        return False


ANSWER = {"from": "447700900001", "to": "442079460000", "uuid": CALL, "conversation_uuid": CONVERSATION}


@thorough
@given(text=st.text(max_size=60), age=st.integers(0, MAX_AGE_SECONDS - 1), jti=st.uuids(), more=st.booleans())
def test_what_vonage_signs_is_true_to_us_and_to_its_own_library(text: str, age: int, jti: object, more: bool) -> None:
    body = text.encode()
    token = signed(claims_of(body, iat=NOW - age, jti=str(jti), exp=NOW + 86_400 if more else None))

    CARRIER.verify(request=webhook(None, token=token, body=body), secret=SECRET)

    assert official(token)


RIGHT_BODY = json.dumps(ANSWER).encode()
RIGHT_TOKEN = signed(claims_of(RIGHT_BODY))
characters = st.characters(min_codepoint=33, max_codepoint=126)
wrong_claims: st.SearchStrategy[dict[str, Any]] = st.sampled_from(
    [
        *({name: None} for name in ("iat", "jti", "iss", "payload_hash", "application_id")),
        *[{"iat": value} for value in ("yesterday", True, "NaN", -1, 0)],
        {"iss": "Nexmo"},
        {"iss": ["Vonage"]},
        {"application_id": "78d335fa-323d-0114-9c3d-d6f0d48968c0"},
        {"application_id": [APPLICATION]},
        {"payload_hash": 1},
        {"payload_hash": ""},
        {"jti": ""},
        {"jti": 7},
        {"exp": NOW},
        {"exp": "never"},
        {"nbf": NOW + 60},
        {"payload_hash": "\ud800"},
    ]
)


def with_token(change: Callable[[Any], str], source: st.SearchStrategy[Any]) -> st.SearchStrategy[WebhookRequest]:
    return source.map(lambda drawn: webhook(ANSWER, token=change(drawn), body=RIGHT_BODY))


def with_header(value: str | None) -> WebhookRequest:
    request = webhook(ANSWER)
    headers = {"content-type": "application/json"} if value is None else {"authorization": value}
    return WebhookRequest(**{**vars(request), "headers": headers})


def flipped(drawn: tuple[int, str]) -> str:
    position, character = drawn
    at = position % len(RIGHT_TOKEN)
    return RIGHT_TOKEN[:at] + character + RIGHT_TOKEN[at + 1 :]


def rs256(claims: Mapping[str, Any]) -> str:
    return jwt.encode(dict(claims), private_pem(), algorithm="RS256")


def without_mac(header: Mapping[str, Any]) -> str:
    return f"{encoded(json.dumps(header).encode())}.{RIGHT_TOKEN.split('.')[1]}."


def with_head(header: Mapping[str, Any]) -> str:
    """A right MAC under a header that names another algorithm."""
    text = f"{encoded(json.dumps(header).encode())}.{RIGHT_TOKEN.split('.')[1]}"
    return f"{text}.{encoded(hmac.digest(SECRET_TEXT.encode(), text.encode(), 'sha256'))}"


def changed_body(drawn: tuple[int, bytes, bool]) -> bytes:
    position, inserted, replacing = drawn
    at = position % (len(RIGHT_BODY) + 1)
    return RIGHT_BODY[:at] + inserted + RIGHT_BODY[at + (1 if replacing or not inserted else 0) :]


token_mutations = st.one_of(
    with_token(flipped, st.tuples(st.integers(min_value=0), characters)),
    with_token(lambda cut: RIGHT_TOKEN[: cut % len(RIGHT_TOKEN)], st.integers(min_value=0)),
    with_token(lambda more: RIGHT_TOKEN + more, st.text(characters, min_size=1, max_size=4)),
    with_token(lambda secret: signed(claims_of(RIGHT_BODY), secret=secret), st.binary(min_size=1, max_size=40)),
    with_token(lambda digest: signed(claims_of(RIGHT_BODY), digest=digest), st.sampled_from(["sha384", "sha512"])),
    with_token(
        lambda alg: without_mac({"typ": "JWT", "alg": alg}), st.sampled_from(["none", "None", "HS256", "RS256"])
    ),
    with_token(lambda alg: with_head({"typ": "JWT", "alg": alg}), st.sampled_from(["RS256", "none", "HS512", 256])),
    with_token(lambda _: rs256(claims_of(RIGHT_BODY)), st.none()),
    with_token(lambda _: signed(claims_of(RIGHT_BODY), secret=public_pem()), st.none()),
    with_token(lambda _: with_head({"alg": "HS256", "b64": False, "crit": ["b64"]}), st.none()),
)
other_mutations = st.one_of(
    with_token(lambda claims: signed(claims_of(RIGHT_BODY, **claims)), wrong_claims),
    with_token(lambda age: signed(claims_of(RIGHT_BODY, iat=NOW - age)), st.integers(MAX_AGE_SECONDS + 1, NOW)),
    with_token(lambda ahead: signed(claims_of(RIGHT_BODY, iat=NOW + ahead)), st.integers(MAX_AHEAD_SECONDS + 1, 10**9)),
    with_token(lambda other: signed(claims_of(other)), st.binary(max_size=40)),
    st.tuples(st.integers(min_value=0), st.binary(max_size=3), st.booleans())
    .map(changed_body)
    .filter(lambda body: body != RIGHT_BODY)
    .map(lambda body: webhook(None, token=RIGHT_TOKEN, body=body)),
    st.sampled_from([None, "", "Bearer", "Bearer ", RIGHT_TOKEN, f"Basic {RIGHT_TOKEN}", f"Bearer  {RIGHT_TOKEN}"]).map(
        with_header
    ),
)


@thorough
@given(request=st.one_of(token_mutations, token_mutations, other_mutations))
def test_a_mutation_is_refused(request: WebhookRequest) -> None:
    if request == webhook(ANSWER):
        return  # a character was replaced by itself
    assert refused(request) in {"unsigned", "malformed", "stale", "wrong signature"}


@thorough
@given(request=token_mutations)
def test_vonages_own_library_says_the_same_of_tokens(request: WebhookRequest) -> None:
    """It tolerates one thing that we don't: a MAC written in another way, with padding or other bits at its end."""
    token = request.headers["authorization"].removeprefix("Bearer ")
    right_but_otherwise_written = token.rstrip("=")[:-1] == RIGHT_TOKEN[:-1]
    assert official(token) is False or right_but_otherwise_written


def test_only_one_way_to_write_a_mac_is_right() -> None:
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    same_bytes = RIGHT_TOKEN[:-1] + alphabet[alphabet.index(RIGHT_TOKEN[-1]) + 1]

    for written in (same_bytes, f"{RIGHT_TOKEN}="):
        assert refused(webhook(ANSWER, token=written, body=RIGHT_BODY)) == "malformed"


def test_reasons_lead_the_core_to_try_another_secret_only_where_that_may_help() -> None:
    wrong = "wrong signature"
    other = signed(claims_of(RIGHT_BODY), secret=b"the secret before")

    assert refused(with_header(None)) == "unsigned"
    assert refused(webhook(ANSWER, token="no.token")) == "malformed"
    assert refused(webhook(ANSWER, token=other)) == wrong
    assert refused(webhook(ANSWER), secret=SECRET | {"applicationId": "another"}) == wrong
    assert refused(webhook(ANSWER, body=RIGHT_BODY + b" ", token=RIGHT_TOKEN)) == wrong
    assert refused(webhook(ANSWER, token=signed(claims_of(RIGHT_BODY, iat=NOW - 400)))) == "stale"
    assert refused(webhook(ANSWER, token=signed(claims_of(RIGHT_BODY, iat=NOW - 400), secret=b"x"))) == wrong
    assert refused(webhook(ANSWER), secret=SECRET | {"signatureSecret": public_pem().decode()}) == wrong


def test_a_replay_has_the_replay_key_of_the_first_whatever_surrounds_it() -> None:
    first, again = webhook(ANSWER), webhook(ANSWER, kind="consent", query="?call=other")

    assert CARRIER.read(request=first).replay_key == "c5ba8f24-1a14-4c10-bfdf-3fbe8ce511b5"
    assert CARRIER.read(request=again).replay_key == CARRIER.read(request=first).replay_key


def test_an_inbound_answer() -> None:
    read = CARRIER.read(request=webhook(ANSWER))

    assert (read.call_id, read.direction, read.caller, read.called) == (
        CALL,
        "inbound",
        "+447700900001",
        "+442079460000",
    )
    assert (read.digit, read.status, read.machine) == ("", None, None)


def test_an_outbound_answer_has_its_parties_the_other_way_round() -> None:
    fields = {**ANSWER, "from": "442079460000", "to": "447700900001"}

    read = CARRIER.read(request=webhook(fields, query="?call=abc"))

    assert (read.direction, read.caller, read.called) == ("outbound", "+447700900001", "+442079460000")


@pytest.mark.parametrize(
    "number", ["anonymous", "unknown", "Restricted", "", None, 7, "sip:ann@example.com", "0123456"]
)
def test_a_caller_without_a_number(number: object) -> None:
    assert CARRIER.read(request=webhook({**ANSWER, "from": number})).caller == ""


@pytest.mark.parametrize(
    ("dtmf", "digit"),
    [({"digits": "1", "timed_out": False}, "1"), ({"digits": None, "timed_out": True}, ""), ({}, ""), (None, "")],
)
def test_a_digit(dtmf: object, digit: str) -> None:
    fields = {**ANSWER, "speech": {"results": []}, "dtmf": dtmf}

    assert CARRIER.read(request=webhook(fields, kind="consent")).digit == digit


@pytest.mark.parametrize(
    "fields",
    [
        {"uuid": CALL},
        {"payload": {"uuid": CALL}, "conversation_uuid": CONVERSATION, "timestamp": "2026-11-30T12:00:00.000Z"},
    ],
)
def test_next_brings_back_what_the_document_gave_it(fields: object) -> None:
    assert CARRIER.read(request=webhook(fields, kind="next")).call_id == CALL


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        ("started", "queued"),
        ("ringing", "ringing"),
        ("answered", "answered"),
        ("completed", "completed"),
        ("busy", "busy"),
        ("timeout", "no-answer"),
        ("unanswered", "no-answer"),
        ("cancelled", "canceled"),
        ("rejected", "failed"),
        ("failed", "failed"),
        ("disconnected", None),
        ("transfer", None),
        (["completed"], None),
    ],
)
def test_status_of_the_call_itself(status: object, expected: str | None) -> None:
    outbound = {**ANSWER, "status": status, "direction": "outbound"}
    inbound = {**ANSWER, "status": status, "direction": "inbound"}

    assert CARRIER.read(request=webhook(inbound, kind="events")).status == expected
    assert CARRIER.read(request=webhook(outbound, kind="events", query="?call=abc")).status == expected


@pytest.mark.parametrize(
    ("changed", "query"),
    [
        ({"to": SIGNED_URL, "direction": "outbound"}, ""),
        ({"to": SIGNED_URL}, ""),
        ({"to": "447700900009", "direction": "outbound"}, ""),
        ({"to": SIGNED_URL, "direction": "outbound"}, "?call=abc"),
        ({"to": "sip:desk@example.com", "direction": "outbound"}, "?call=abc"),
        ({"to": "447700900009", "direction": "outbound"}, "?call=abc&leg=added"),
    ],
)
def test_the_end_of_another_leg_is_not_the_end_of_the_call(changed: dict[str, str], query: str) -> None:
    fields = {**ANSWER, "uuid": "aaaaaaaa-bbbb-cccc-dddd-0123456789ab", "status": "completed", **changed}

    assert CARRIER.read(request=webhook(fields, kind="events", query=query)).status is None


@pytest.mark.parametrize("answered_by", ["human", "machine"])
def test_machine_detection_names_its_call_otherwise(answered_by: str) -> None:
    fields = {"call_uuid": CALL, "from": "442079460000", "to": "447700900001", "status": answered_by}

    read = CARRIER.read(request=webhook(fields, kind="events", query="?call=abc"))

    assert (read.call_id, read.machine, read.status) == (CALL, answered_by, None)


def test_recordings_and_errors_have_only_the_conversation() -> None:
    fields = {"recording_url": "https://api.nexmo.com/v1/files/x", "conversation_uuid": CONVERSATION}

    read = CARRIER.read(request=webhook(fields, kind="events"))

    assert (read.call_id, read.status, read.machine) == (CONVERSATION, None, None)


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        (b"", "answer"),
        (b"[]", "answer"),
        (b"null", "events"),
        (b"{}", "answer"),
        (b'{"uuid": 7}', "answer"),
        (b'{"uuid": "../calls"}', "events"),
        (b'{"conversation_uuid": "CON-1"}', "next"),
        (b"[" * 100_000, "answer"),
    ],
)
def test_a_signed_webhook_without_a_call(body: bytes, kind: Kind) -> None:
    with pytest.raises(MalformedWebhookError):
        CARRIER.read(request=webhook(None, body=body, kind=kind))


CONTEXT = CallContext(urls=URLS, language="en-GB", call_id=CALL, max_call_seconds=3600)


def ncco(*plan: Step, context: CallContext = CONTEXT) -> Any:
    document = CARRIER.render(plan=plan, context=context)
    assert document.content_type == "application/json"
    return json.loads(document.body)


def test_the_plan_of_a_recorded_call() -> None:
    assert ncco(Say(text='Hello & "welcome" <now>'), Record(), Connect(url=SIGNED_URL), Next()) == [
        {"action": "talk", "text": 'Hello & "welcome" <now>', "language": "en-GB"},
        {"action": "record", "split": "conversation", "eventUrl": [URLS["events"]], "eventMethod": "POST"},
        {
            "action": "connect",
            "endpoint": [{"type": "websocket", "uri": SIGNED_URL, "content-type": "audio/l16;rate=16000"}],
            "limit": 3600,
            "eventUrl": [f"{URLS['events']}?leg=added"],
            "eventMethod": "POST",
        },
        {"action": "notify", "payload": {"uuid": CALL}, "eventUrl": [URLS["next"]], "eventMethod": "POST"},
    ]


def test_a_question_ends_with_the_first_key() -> None:
    assert ncco(Ask(question="May we record?")) == [
        {"action": "talk", "text": "May we record?", "language": "en-GB", "bargeIn": True},
        {
            "action": "input",
            "type": ["dtmf"],
            "dtmf": {"maxDigits": 1, "timeOut": 10},
            "eventUrl": [URLS["consent"]],
            "eventMethod": "POST",
        },
    ]


@pytest.mark.parametrize(
    ("target", "endpoint"),
    [
        ("+442079460999", {"type": "phone", "number": "442079460999"}),
        ("sip:desk@example.com;transport=tls", {"type": "sip", "uri": "sip:desk@example.com;transport=tls"}),
    ],
)
def test_a_transfer_shows_a_number_of_the_application(target: str, endpoint: dict[str, str]) -> None:
    urls = {kind: f"{url}?call=abc" for kind, url in URLS.items()}
    context = CallContext(urls=urls, language="en-GB", call_id=CALL, max_call_seconds=1800)

    assert ncco(Transfer(target=target), HangUp(), context=context) == [
        {
            "action": "connect",
            "endpoint": [endpoint],
            "limit": 1800,
            "eventUrl": [f"{URLS['events']}?call=abc&leg=added"],
            "eventMethod": "POST",
            "randomFromNumber": True,
        }
    ]


def test_hanging_up_is_a_document_without_actions_and_no_plan_is_no_document() -> None:
    assert ncco(HangUp()) == []
    assert CARRIER.render(plan=[], context=CONTEXT).body == ""


def order(**changed: Any) -> DialOrder:
    urls = {kind: f"{url}?call=abc" for kind, url in URLS.items()}
    usual: dict[str, Any] = {
        "to": "+447700900001",
        "from_": "+442079460000",
        "call": "abc",
        "urls": urls,
        "machine_detection": True,
        "max_call_seconds": 3600,
    }
    return DialOrder(**usual | changed)


def dial(api: RestApi, *, secret: Mapping[str, str] | None = None, **changed: Any) -> str:
    return CARRIER.dial(order=order(**changed), secret=secret or account(), http=api, api_url="https://api.nexmo.com")


def hang_up(api: RestApi) -> None:
    CARRIER.hang_up(call_id=CALL, secret=account(), http=api, api_url="https://api.nexmo.com")


def test_dialing() -> None:
    api = rest_api((201, json.dumps({"uuid": CALL, "status": "started", "direction": "outbound"})))

    assert dial(api) == CALL

    (request,) = api.asked
    assert (request.method, request.url) == ("POST", "https://api.nexmo.com/v1/calls")
    assert json.loads(request.body) == {
        "to": [{"type": "phone", "number": "447700900001"}],
        "from": {"type": "phone", "number": "442079460000"},
        "answer_url": [f"{URLS['answer']}?call=abc"],
        "answer_method": "POST",
        "event_url": [f"{URLS['events']}?call=abc"],
        "event_method": "POST",
        "length_timer": 3600,
        "ringing_timer": 60,
        "advanced_machine_detection": {"behavior": "continue", "mode": "detect"},
    }


def test_a_rest_request_bears_a_short_lived_token_of_the_application() -> None:
    api = rest_api((204, ""), (204, ""))
    hang_up(api)
    hang_up(api)

    tokens = [request.headers["Authorization"].removeprefix("Bearer ") for request in api.asked]
    claims = [jwt.decode(token, public_pem(), algorithms=["RS256"]) for token in tokens]
    assert claims[0]["application_id"] == APPLICATION
    assert claims[0]["exp"] - claims[0]["iat"] == 60
    assert claims[0]["jti"] != claims[1]["jti"]


def test_without_machine_detection_none_is_asked_for() -> None:
    api = rest_api((201, json.dumps({"uuid": CALL})))
    dial(api, machine_detection=False)

    assert "advanced_machine_detection" not in json.loads(api.asked[0].body)


@pytest.mark.parametrize(
    ("api", "status", "carried_out"),
    [
        (rest_api((400, "{}")), 400, False),
        (rest_api((401, "{}")), 401, False),
        (rest_api((429, "{}")), 429, False),
        (rest_api((408, "{}")), 408, True),
        (rest_api((500, "{}")), 500, True),
        (rest_api((201, "{}")), 201, True),
        (rest_api((201, "<html>")), 201, True),
        (rest_api((201, '{"uuid": "../x"}')), 201, True),
        (rest_api(UnreachableError("ConnectTimeoutError", sent=False)), 0, False),
        (rest_api(UnreachableError("ReadTimeoutError")), 0, True),
    ],
)
def test_whether_somebody_may_have_been_called(api: RestApi, status: int, carried_out: bool) -> None:
    with pytest.raises(CarrierError) as caught:
        dial(api)
    assert (caught.value.status, caught.value.carried_out) == (status, carried_out)
    assert not any(word in str(caught.value) for word in ("4477", "example.com", CALL))


def test_a_private_key_that_is_none_calls_nobody() -> None:
    api = rest_api((200, "{}"))
    with pytest.raises(CarrierError, match="privateKey") as caught:
        dial(api, secret=account() | {"privateKey": "not a key"})
    assert not caught.value.carried_out
    assert api.asked == []


@pytest.mark.parametrize("status", [200, 204, 404])
def test_hanging_up(status: int) -> None:
    api = rest_api((status, "{}"))
    hang_up(api)

    (request,) = api.asked
    assert (request.method, request.url) == ("PUT", f"https://api.nexmo.com/v1/calls/{CALL}")
    assert json.loads(request.body) == {"action": "hangup"}


def test_a_refused_hang_up() -> None:
    with pytest.raises(CarrierError):
        hang_up(rest_api((403, "{}")))
