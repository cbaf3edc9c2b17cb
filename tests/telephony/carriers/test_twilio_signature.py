"""Twilio's signature, judged beside `twilio.request_validator` of Twilio's own library."""

import base64
import hashlib
import hmac
from dataclasses import replace
from random import Random
from urllib.parse import urlsplit

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from twilio.request_validator import RequestValidator

from telephony.carriers.twilio import CARRIER
from tests.telephony.carriers import signed_form
from tests.telephony.carriers.signed_form import PAIRS, TOKENS, Mutation, Posted, accepted, refusal, urls

HEADER = "x-twilio-signature"


@st.composite
def signed(draw: st.DrawFn) -> Posted:
    """A right webhook, signed by Twilio's library."""
    posted = Posted(url=draw(urls()), headers={}, pairs=draw(PAIRS), token=draw(TOKENS))
    return posted.with_headers(x_twilio_signature=_official(posted).compute_signature(posted.url, posted.fields()))


def _official(posted: Posted) -> RequestValidator:
    return RequestValidator(posted.token)


def _official_verdict(posted: Posted) -> bool:
    return bool(_official(posted).validate(posted.url, posted.fields(), posted.headers.get(HEADER, "")))


def _signature(posted: Posted, data: st.DataObject) -> Posted:
    return signed_form.changed_signature(posted, data, header=HEADER)


def _missing(posted: Posted, _: st.DataObject) -> Posted:
    return posted.without(HEADER)


def _header_twice(posted: Posted, _: st.DataObject) -> Posted:
    """As API Gateway joins a header that comes twice."""
    return posted.with_headers(x_twilio_signature=f"{posted.headers[HEADER]},{posted.headers[HEADER]}")


def _sha256(posted: Posted, _: st.DataObject) -> Posted:
    """Twilio's scheme for rules with a shared key, with the account's token in its place."""
    signature = _official(posted).compute_signature(posted.url, posted.fields(), "HMAC_SHA256")
    return posted.with_headers(x_twilio_signature=signature)


def _hexadecimal(posted: Posted, _: st.DataObject) -> Posted:
    return posted.with_headers(x_twilio_signature=base64.b64decode(posted.headers[HEADER]).hex())


def _plivos(posted: Posted, _: st.DataObject) -> Posted:
    """Plivo's scheme under Plivo's names."""
    digest = hmac.digest(posted.token.encode(), f"{posted.url}.1".encode(), hashlib.sha256)
    plivo = posted.with_headers(x_plivo_signature_v3=base64.b64encode(digest).decode(), x_plivo_signature_v3_nonce="1")
    return plivo.without(HEADER)


def _url_only(posted: Posted, data: st.DataObject) -> Posted:
    """A right signature of the URL alone, as over a request without a body."""
    bare = signed_form.added_field(posted, data)
    return bare.with_headers(x_twilio_signature=_official(bare).compute_signature(bare.url, {}))


MUTATIONS: tuple[Mutation, ...] = (
    *signed_form.ANYWHERE,
    *(_signature, _missing, _header_twice, _sha256, _hexadecimal, _plivos, _url_only),
)


@settings(max_examples=1000, deadline=None)
@given(posted=signed(), mutation=st.sampled_from(MUTATIONS), data=st.data())
def test_what_twilio_signs_is_accepted_and_nothing_else(
    posted: Posted, mutation: Mutation, data: st.DataObject
) -> None:
    """A thousand right webhooks, and a thousand that were right before they were changed."""
    changed = mutation(posted, data)

    assert accepted(CARRIER, posted)
    assert _official_verdict(posted)
    assert not accepted(CARRIER, changed), mutation.__name__
    if mutation not in (signed_form.no_form, signed_form.raw_bytes, signed_form.broken_utf8):
        # Of these, Twilio's library sees what a framework makes of the body.
        assert not _official_verdict(changed), mutation.__name__


@settings(deadline=None)
@given(posted=signed(), order=st.randoms())
def test_order_and_writing_of_the_fields_are_free(posted: Posted, order: Random) -> None:
    shuffled = [*posted.pairs]
    order.shuffle(shuffled)
    written = "&".join(f"{_all_escaped(name)}={_all_escaped(value)}" for name, value in shuffled)

    assert accepted(CARRIER, replace(posted, body=written.encode()))
    assert accepted(CARRIER, posted.with_headers(content_type="Application/X-WWW-Form-Urlencoded; charset=UTF-8"))


def _all_escaped(text: str) -> str:
    return "".join(f"%{byte:02x}" for byte in text.encode())


@settings(deadline=None)
@given(posted=signed())
def test_the_port_may_be_in_the_signed_url_or_not(posted: Posted) -> None:
    parts = urlsplit(posted.url)
    other = parts._replace(netloc=parts.hostname or "" if parts.port else f"{parts.netloc}:443").geturl()
    moved = replace(posted, url=other)

    assert accepted(CARRIER, moved) == _official_verdict(moved) == (parts.port in (None, 443))


@pytest.mark.parametrize(
    ("mutation", "reason"),
    [
        (_missing, "unsigned"),
        (_plivos, "unsigned"),
        (signed_form.no_form, "malformed"),
        (signed_form.raw_bytes, "malformed"),
        (signed_form.broken_utf8, "malformed"),
        (signed_form.other_secret, "wrong signature"),
        (signed_form.longer_path, "wrong signature"),
    ],
)
@settings(max_examples=5, deadline=None)
@given(posted=signed(), data=st.data())
def test_the_reason_is_told(posted: Posted, data: st.DataObject, mutation: Mutation, reason: str) -> None:
    assert refusal(CARRIER, mutation(posted, data)) == reason


def test_more_fields_than_any_webhook_has_are_not_looked_at() -> None:
    posted = Posted(url="https://a.example/", headers={HEADER: "x"}, pairs=[("a", "")] * 201, token="t")

    assert refusal(CARRIER, posted) == "malformed"


def test_a_text_that_is_no_utf8_upsets_nothing() -> None:
    posted = Posted(url="https://a.example/\ud800", headers={HEADER: "\ud800"}, pairs=[], token="t")

    assert refusal(CARRIER, posted) == "wrong signature"
