"""Plivo's signature, version 3, judged beside `plivo.utils.signature_v3` of Plivo's own library."""

import base64
import hashlib
import hmac
from collections.abc import Mapping
from dataclasses import replace
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from plivo.utils.signature_v3 import construct_post_url, get_signature_v3, validate_v3_signature
from twilio.request_validator import RequestValidator

from telephony.carriers.plivo import CARRIER
from tests.telephony.carriers import signed_form
from tests.telephony.carriers.signed_form import PAIRS, TOKENS, Mutation, Posted, accepted, refusal, urls

HEADER, MAIN, NONCE = "x-plivo-signature-v3", "x-plivo-signature-ma-v3", "x-plivo-signature-v3-nonce"
NONCES = st.text(alphabet="0123456789", min_size=20, max_size=20)


@st.composite
def signed(draw: st.DrawFn) -> Posted:
    """A right webhook, signed by Plivo's library, with or without the main account's signature beside."""
    posted = Posted(url=draw(urls()), headers={NONCE: draw(NONCES)}, pairs=draw(PAIRS), token=draw(TOKENS))
    signature = _official_signature(posted)
    names = draw(st.sampled_from([(HEADER,), (MAIN,), (HEADER, MAIN)]))
    others = draw(st.sampled_from(["", "c3RyYW5nZXI=,"]))
    return replace(posted, headers={**posted.headers, **dict.fromkeys(names, f"{others}{signature}")})


def _parameters(posted: Posted) -> Mapping[str, str | list[str]]:
    """The fields as a web framework hands them to Plivo's library."""
    fields = posted.fields()
    return {name: values if len(values := fields.getall(name)) > 1 else values[0] for name in fields}


def _official_signature(posted: Posted) -> str:
    text = construct_post_url(posted.url, dict(_parameters(posted))).decode()
    signature: bytes = get_signature_v3(posted.token.encode(), text, posted.headers[NONCE].encode())
    return signature.decode()


def _official_verdict(posted: Posted) -> bool:
    nonce = posted.headers.get(NONCE, "")
    return any(
        validate_v3_signature(
            "POST", posted.url, nonce, posted.token, posted.headers.get(name, ""), dict(_parameters(posted))
        )
        for name in (HEADER, MAIN)
    )


def _resigned(posted: Posted, signature: str) -> Posted:
    return replace(posted, headers={NONCE: posted.headers[NONCE], HEADER: signature})


def _signature(posted: Posted, data: st.DataObject) -> Posted:
    bare = _resigned(posted, _official_signature(posted))
    return signed_form.changed_signature(bare, data, header=HEADER)


def _missing(posted: Posted, _: st.DataObject) -> Posted:
    return posted.without(HEADER, MAIN)


def _no_nonce(posted: Posted, _: st.DataObject) -> Posted:
    return posted.without(NONCE)


def _empty_nonce(posted: Posted, _: st.DataObject) -> Posted:
    return replace(posted, headers={**posted.headers, NONCE: ""})


def _other_nonce(posted: Posted, data: st.DataObject) -> Posted:
    other = data.draw(NONCES.filter(lambda nonce: nonce != posted.headers[NONCE]))
    return replace(posted, headers={**posted.headers, NONCE: other})


def _nonce_twice(posted: Posted, _: st.DataObject) -> Posted:
    """As API Gateway joins a header that comes twice."""
    return replace(posted, headers={**posted.headers, NONCE: f"{posted.headers[NONCE]},{posted.headers[NONCE]}"})


def _version_2(posted: Posted, _: st.DataObject) -> Posted:
    """The scheme before, which covers the URL and the nonce only."""
    text = f"{posted.url.partition('?')[0]}{posted.headers[NONCE]}"
    return _resigned(posted, base64.b64encode(hmac.digest(posted.token.encode(), text.encode(), "sha256")).decode())


def _under_version_2s_names(posted: Posted, _: st.DataObject) -> Posted:
    headers = {"x-plivo-signature-v2": _official_signature(posted), "x-plivo-signature-v2-nonce": posted.headers[NONCE]}
    return replace(posted, headers=headers)


def _sha1(posted: Posted, _: st.DataObject) -> Posted:
    text = f"{construct_post_url(posted.url, dict(_parameters(posted))).decode()}.{posted.headers[NONCE]}"
    return _resigned(posted, base64.b64encode(hmac.digest(posted.token.encode(), text.encode(), hashlib.sha1)).decode())


def _hexadecimal(posted: Posted, _: st.DataObject) -> Posted:
    return _resigned(posted, base64.b64decode(_official_signature(posted)).hex())


def _twilios(posted: Posted, _: st.DataObject) -> Posted:
    signature = RequestValidator(posted.token).compute_signature(posted.url, posted.fields())
    return replace(posted, headers={"x-twilio-signature": signature})


def _other_port(posted: Posted, _: st.DataObject) -> Posted:
    host = posted.url.split("/")[2]
    return replace(posted, url=posted.url.replace(host, f"{host.partition(':')[0]}:8444", 1))


MUTATIONS: tuple[Mutation, ...] = (
    *signed_form.ANYWHERE,
    *(_signature, _missing, _no_nonce, _empty_nonce, _other_nonce, _nonce_twice),
    *(_version_2, _under_version_2s_names, _sha1, _hexadecimal, _twilios, _other_port),
)


@settings(max_examples=1000, deadline=None)
@given(posted=signed(), mutation=st.sampled_from(MUTATIONS), data=st.data())
def test_what_plivo_signs_is_accepted_and_nothing_else(posted: Posted, mutation: Mutation, data: st.DataObject) -> None:
    """A thousand right webhooks, and a thousand that were right before they were changed."""
    changed = mutation(posted, data)

    assert accepted(CARRIER, posted)
    assert _official_verdict(posted)
    assert not accepted(CARRIER, changed), mutation.__name__
    if mutation not in (signed_form.no_form, signed_form.raw_bytes, signed_form.broken_utf8):
        # Of these, Plivo's library sees what a framework makes of the body.
        assert not _official_verdict(changed), mutation.__name__


@settings(deadline=None)
@given(posted=signed(), order=st.randoms())
def test_order_of_the_fields_is_free(posted: Posted, order: Random) -> None:
    shuffled = [*posted.pairs]
    order.shuffle(shuffled)

    assert accepted(CARRIER, replace(posted, pairs=shuffled))


@settings(deadline=None)
@given(posted=signed())
def test_of_several_signatures_one_must_be_right(posted: Posted) -> None:
    right = _official_signature(posted)

    for header, verdict in ((f"{right},{right}", True), (f"eA==,{right}", True), ("eA==,eQ==", False), (",", False)):
        one_of_them = _resigned(posted, header)
        assert accepted(CARRIER, one_of_them) == _official_verdict(one_of_them) == verdict


@pytest.mark.parametrize(
    ("mutation", "reason"),
    [
        (_missing, "unsigned"),
        (_no_nonce, "unsigned"),
        (_empty_nonce, "unsigned"),
        (_under_version_2s_names, "unsigned"),
        (_twilios, "unsigned"),
        (signed_form.no_form, "malformed"),
        (signed_form.raw_bytes, "malformed"),
        (signed_form.broken_utf8, "malformed"),
        (signed_form.other_secret, "wrong signature"),
        (_other_nonce, "wrong signature"),
    ],
)
@settings(max_examples=5, deadline=None)
@given(posted=signed(), data=st.data())
def test_the_reason_is_told(posted: Posted, data: st.DataObject, mutation: Mutation, reason: str) -> None:
    assert refusal(CARRIER, mutation(posted, data)) == reason


def test_a_text_that_is_no_utf8_upsets_nothing() -> None:
    headers = {HEADER: "\ud800", NONCE: "\ud800"}

    assert refusal(CARRIER, Posted(url="https://a.example/\ud800", headers=headers, pairs=[], token="t")) == (
        "wrong signature"
    )
