"""Daily's webhook, judged beside a verifier that is written as Daily's own examples of a receiver are."""

import base64
import hashlib
import hmac
import json
from collections.abc import Callable
from dataclasses import dataclass, replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from telephony.carrier import DialOrder, MalformedWebhookError, SignatureError, UrlTest, Webhook, WebhookRequest
from telephony.carriers.daily import CARRIER, MAX_AGE_SECONDS

NOW = 1_800_000_000.25
CALL_ID, DOMAIN = "8a2f3b7e-1c55-4d0e-9a53-6d2c1f0e9b77", "6b6e2f5c-04a1-4f0c-8f0d-2f9f1f4f6a10"
CALL = {"To": "+12025550100", "From": "+13122010091", "callId": CALL_ID, "callDomain": DOMAIN}
KEYS = st.binary(min_size=1, max_size=64)
TEXTS = st.text(max_size=20)
BODIES = st.dictionaries(st.sampled_from([*CALL, "sipHeaders", "Test"]) | TEXTS, TEXTS, max_size=6).map(
    lambda fields: json.dumps(fields, ensure_ascii=False, separators=(",", ":")).encode()
)
# Seconds as Daily's pages show them, or the milliseconds of its real webhooks.
AGES = st.floats(-MAX_AGE_SECONDS + 2, MAX_AGE_SECONDS - 2)
TIMESTAMPS = AGES.map(lambda age: str(int(NOW - age))) | AGES.map(lambda age: str(int((NOW - age) * 1000)))


@dataclass(frozen=True, kw_only=True)
class Posted:
    """A webhook on the wire, and the secret it is verified with; a header that is None isn't there."""

    key: bytes
    timestamp: str | None
    signature: str | None
    body: bytes
    received_at: float = NOW
    secret: str | None = None

    def request(self) -> WebhookRequest:
        headers = {"x-pinless-timestamp": self.timestamp, "x-pinless-signature": self.signature}
        return WebhookRequest(
            kind="answer",
            url="https://voice.example.com/telephony/daily/answer",
            query={},
            headers={name: value for name, value in headers.items() if value is not None},
            body=self.body,
            received_at=self.received_at,
        )

    @property
    def webhook_hmac(self) -> str:
        return base64.b64encode(self.key).decode() if self.secret is None else self.secret


type Mutation = Callable[[Posted, st.DataObject], Posted]


def mac(*, key: bytes, text: bytes, digest: str = "sha256") -> bytes:
    return hmac.new(key, text, digest).digest()


def signed(*, key: bytes = b"k" * 32, timestamp: str = "1800000000123", body: bytes | None = None) -> Posted:
    """A right webhook."""
    body = json.dumps(CALL).encode() if body is None else body
    signature = base64.b64encode(mac(key=key, text=f"{timestamp}.".encode() + body)).decode()
    return Posted(key=key, timestamp=timestamp, signature=signature, body=body)


def accepted(posted: Posted) -> bool:
    secret = {"apiKey": "a", "domainId": "d", "webhookHmac": posted.webhook_hmac}
    try:
        CARRIER.verify(request=posted.request(), secret=secret)
    except SignatureError:
        return False
    return True


def refused(posted: Posted) -> str:
    secret = {"apiKey": "a", "domainId": "d", "webhookHmac": posted.webhook_hmac}
    with pytest.raises(SignatureError) as caught:
        CARRIER.verify(request=posted.request(), secret=secret)
    return caught.value.reason


def dailys_example(posted: Posted) -> bool:
    """What the receivers in Daily's examples compare; they look at no age."""
    message = f"{posted.timestamp}.{posted.body.decode()}"
    digest = hmac.new(base64.b64decode(posted.webhook_hmac), message.encode(), hashlib.sha256).digest()
    return base64.b64encode(digest).decode() == posted.signature


right = st.builds(
    lambda key, timestamp, body: signed(key=key, timestamp=timestamp, body=body), KEYS, TIMESTAMPS, BODIES
)


def _of(posted: Posted) -> tuple[str, str]:
    assert posted.signature is not None
    assert posted.timestamp is not None
    return posted.signature, posted.timestamp


def flipped_signature(posted: Posted, data: st.DataObject) -> Posted:
    signature, _ = _of(posted)
    at = data.draw(st.integers(0, 41))
    other = "A" if signature[at] != "A" else "B"
    return replace(posted, signature=signature[:at] + other + signature[at + 1 :])


def another_writing(posted: Posted, _: st.DataObject) -> Posted:
    """The last character before the padding has two bits that say nothing."""
    signature, _timestamp = _of(posted)
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
    last = alphabet[alphabet.index(signature[42]) + 1]
    changed = replace(posted, signature=f"{signature[:42]}{last}=")
    assert base64.b64decode(_of(changed)[0]) == base64.b64decode(signature)
    return changed


def wrong_form(posted: Posted, data: st.DataObject) -> Posted:
    signature, _ = _of(posted)
    forms = [signature[:-1], signature + "=", f" {signature}", f"{signature}\n", f"{signature},{signature}"]
    hexadecimal = base64.b64decode(signature).hex()
    return replace(posted, signature=data.draw(st.sampled_from([*forms, hexadecimal, "null", "é" * 44])))


def unsigned(posted: Posted, data: st.DataObject) -> Posted:
    nothing = data.draw(st.sampled_from([None, ""]))
    if data.draw(st.booleans()):
        return replace(posted, signature=nothing)
    return replace(posted, timestamp=nothing)


def other_body(posted: Posted, data: st.DataObject) -> Posted:
    at, flip = data.draw(st.integers(0, len(posted.body) - 1)), data.draw(st.integers(1, 255))
    body = bytearray(posted.body)
    body[at] ^= flip
    return replace(posted, body=bytes(body))


def longer_body(posted: Posted, data: st.DataObject) -> Posted:
    more = data.draw(st.binary(min_size=1, max_size=4))
    return replace(posted, body=data.draw(st.sampled_from([posted.body + more, more + posted.body])))


def no_body(posted: Posted, _: st.DataObject) -> Posted:
    return replace(posted, body=b"")


def other_second(posted: Posted, data: st.DataObject) -> Posted:
    """Within the time that is allowed, and not what was signed."""
    _, timestamp = _of(posted)
    return replace(posted, timestamp=data.draw(TIMESTAMPS.filter(lambda other: other != timestamp)))


def shifted_dot(posted: Posted, _: st.DataObject) -> Posted:
    """The same signed text, divided elsewhere."""
    timestamp = _of(posted)[1]
    return replace(posted, timestamp=timestamp[:-1], body=f"{timestamp[-1]}.".encode() + posted.body)


def no_time(posted: Posted, data: st.DataObject) -> Posted:
    """Signed rightly over what is no time."""
    text = data.draw(st.sampled_from(["now", "1e9", "1800000000.1", "+1800000000", "18000000001", "\u0661" * 10, "-1"]))
    body = posted.body
    return replace(signed(key=posted.key, timestamp=text, body=body), received_at=posted.received_at)


def stale(posted: Posted, data: st.DataObject) -> Posted:
    """Right, and old, or from the future: also one that is captured and sent later."""
    away = MAX_AGE_SECONDS + data.draw(st.integers(2, 10**7))
    _, timestamp = _of(posted)
    signed_at = int(timestamp) / (1 if len(timestamp) == 10 else 1000)
    return replace(posted, received_at=signed_at + data.draw(st.sampled_from([away, -away])))


def other_secret(posted: Posted, data: st.DataObject) -> Posted:
    # HMAC fills a key up with zeros.
    other = data.draw(KEYS.filter(lambda key: key.rstrip(b"\0") != posted.key.rstrip(b"\0")))
    return replace(posted, secret=base64.b64encode(other).decode())


def unusable_secret(posted: Posted, data: st.DataObject) -> Posted:
    return replace(posted, secret=data.draw(st.sampled_from(["", "====", "no base64!", "ä", "a"])))


def lenient_secret(posted: Posted, data: st.DataObject) -> Posted:
    """Signed with what a decoder makes of it that skips what is no Base64: the secret isn't what the operator meant."""
    written = base64.b64encode(posted.key).decode()
    return replace(
        posted, secret=data.draw(st.sampled_from([f"{written[:2]} {written[2:]}", f"{written}-", f"!{written}"]))
    )


def signed_with_nothing(posted: Posted, data: st.DataObject) -> Posted:
    """As a forger signs who hopes for an empty key."""
    _, timestamp = _of(posted)
    empty = signed(key=b"", timestamp=timestamp, body=posted.body)
    return replace(empty, secret=data.draw(st.sampled_from(["", "====", base64.b64encode(posted.key).decode()])))


def keyed_with_the_text(posted: Posted, _: st.DataObject) -> Posted:
    """Signed with the characters of the secret in the place of its bytes."""
    timestamp = _of(posted)[1]
    other = signed(key=base64.b64encode(posted.key), timestamp=timestamp, body=posted.body)
    return replace(other, secret=base64.b64encode(posted.key).decode())


def other_digest(posted: Posted, data: st.DataObject) -> Posted:
    digest = data.draw(st.sampled_from(["sha1", "sha512", "md5"]))
    text = f"{posted.timestamp}.".encode() + posted.body
    return replace(posted, signature=base64.b64encode(mac(key=posted.key, text=text, digest=digest)).decode())


def without_the_dot(posted: Posted, _: st.DataObject) -> Posted:
    text = f"{posted.timestamp}".encode() + posted.body
    return replace(posted, signature=base64.b64encode(mac(key=posted.key, text=text)).decode())


def body_alone(posted: Posted, _: st.DataObject) -> Posted:
    return replace(posted, signature=base64.b64encode(mac(key=posted.key, text=posted.body)).decode())


MUTATIONS: tuple[Mutation, ...] = (
    *(flipped_signature, another_writing, wrong_form, unsigned, other_body, longer_body, no_body),
    *(other_second, shifted_dot, no_time, stale, other_secret, unusable_secret, lenient_secret),
    *(signed_with_nothing, keyed_with_the_text, other_digest, without_the_dot, body_alone),
)


@settings(max_examples=1000, deadline=None)
@given(posted=right.filter(lambda posted: posted.key.strip(b"\0")), mutation=st.sampled_from(MUTATIONS), data=st.data())
def test_what_daily_signs_is_accepted_and_nothing_else(posted: Posted, mutation: Mutation, data: st.DataObject) -> None:
    """A thousand right webhooks, and a thousand that were right before they were changed."""
    changed = mutation(posted, data)

    assert accepted(posted)
    assert dailys_example(posted)
    assert not accepted(changed), mutation.__name__


@pytest.mark.parametrize(
    ("mutation", "reason"),
    [
        (unsigned, "unsigned"),
        (wrong_form, "malformed"),
        (no_time, "malformed"),
        (shifted_dot, "malformed"),
        (stale, "stale"),
        (other_body, "wrong signature"),
        (other_second, "wrong signature"),
        (other_secret, "wrong signature"),
        (unusable_secret, "wrong signature"),
    ],
)
@settings(max_examples=5, deadline=None)
@given(data=st.data())
def test_the_reason_is_told(data: st.DataObject, mutation: Mutation, reason: str) -> None:
    assert refused(mutation(signed(), data)) == reason


def test_white_space_around_the_secret_is_no_part_of_it() -> None:
    posted = signed()

    assert accepted(replace(posted, secret=f" {posted.webhook_hmac}\n"))


@pytest.mark.parametrize("timestamp", ["1799999701", "1799999700251", "1800000300", "1800000300249"])
def test_five_minutes_are_allowed_in_either_unit(timestamp: str) -> None:
    assert accepted(signed(timestamp=timestamp))


@pytest.mark.parametrize("timestamp", ["1799999700", "1799999700249", "1800000301", "1800000300251"])
def test_more_are_not(timestamp: str) -> None:
    assert refused(signed(timestamp=timestamp)) == "stale"


def read(**fields: object) -> Webhook | UrlTest:
    return CARRIER.read(request=signed(body=json.dumps(fields).encode()).request())


def test_a_call_that_waits_is_read() -> None:
    webhook = read(**CALL, sipHeaders={"X-Customer": "4711"})

    assert isinstance(webhook, Webhook)
    assert (webhook.call_id, webhook.domain, webhook.direction) == (CALL_ID, DOMAIN, "inbound")
    assert (webhook.caller, webhook.called) == ("+13122010091", "+12025550100")
    assert (webhook.status, webhook.machine, webhook.digit) == (None, None, "")
    assert not [value for value in CALL.values() if value in repr(replace(webhook, replay_key=""))]


def test_one_call_is_one_webhook_whenever_it_is_signed() -> None:
    first, second = (signed(timestamp=timestamp).request() for timestamp in ("1800000000", "1800000001000"))

    assert CARRIER.read(request=first).replay_key == CARRIER.read(request=second).replay_key
    assert CARRIER.read(request=first).replay_key != read(**{**CALL, "callDomain": CALL_ID}).replay_key


@pytest.mark.parametrize("number", ["", "anonymous", "sip:desk@pbx.example.com", "+0"])
def test_a_caller_without_a_number_has_none(number: str) -> None:
    webhook = read(**{**CALL, "From": number})

    assert isinstance(webhook, Webhook)
    assert webhook.caller == ""


@pytest.mark.parametrize("body", [{"Test": "test"}, {"test": "test"}, {"To": "+12025550100"}])
def test_a_test_of_the_url_is_no_call(body: dict[str, str]) -> None:
    first, second = (
        read(**body),
        CARRIER.read(request=signed(timestamp="1800000001", body=b'{"test":"test"}').request()),
    )

    assert isinstance(first, UrlTest)
    assert first.replay_key != second.replay_key


@pytest.mark.parametrize(
    ("body", "problem"),
    [
        (b"", "no JSON object"),
        (b"[]", "no JSON object"),
        (b"\xff", "no JSON object"),
        (b"[" * 100_000, "no JSON object"),
        (b"{}", "callId is missing"),
        (b'{"To": "+12025550100", "callId": 1}', "callId is missing"),
        (b'{"callId": "a b", "callDomain": "d"}', "callId has not the form"),
        (b'{"callId": "a"}', "callDomain is missing"),
        (b'{"callId": "a", "callDomain": "\\u0000"}', "callDomain has not the form"),
    ],
)
def test_a_true_webhook_that_says_nothing_of_use_is_malformed(body: bytes, problem: str) -> None:
    with pytest.raises(MalformedWebhookError, match=problem):
        CARRIER.read(request=signed(body=body).request())


@pytest.mark.parametrize(("transfer_to", "told"), [("", None), ("+12025550199", "+12025550199")])
def test_the_agent_is_told_how_to_let_the_call_in(transfer_to: str, told: str | None) -> None:
    webhook = read(**CALL)
    assert isinstance(webhook, Webhook)

    assert CARRIER.answered(webhook=webhook, transfer_to=transfer_to) == {
        "direction": "inbound",
        "callId": CALL_ID,
        "callDomain": DOMAIN,
        "transferTo": told,
    }


def test_the_agent_is_told_whom_to_dial() -> None:
    order = DialOrder(
        to="+4930901820",
        from_="5d2a6f3e-0b5f-4a8e-9d5a-9f7d5d0c2b11",
        call="kX3vN0pQ7sT1uW5yZ2aB4c",
        urls={},
        machine_detection=True,
        max_call_seconds=600,
    )

    assert CARRIER.dialed(order=order, transfer_to="sip:desk@pbx.example.com") == {
        "direction": "outbound",
        "call": "kX3vN0pQ7sT1uW5yZ2aB4c",
        "number": "+4930901820",
        "callerId": "5d2a6f3e-0b5f-4a8e-9d5a-9f7d5d0c2b11",
        "transferTo": "sip:desk@pbx.example.com",
        "machineDetection": True,
    }
