"""Which tokens open a stream, and which don't."""

import time

import pytest

from relay.token import Pass, TokenError, open_token
from tests.relay.tokens import KEY, OTHER_KEY, PHONE, fields, mint, sign, sign_payload


def reason(text: str, *, keys: tuple[str, ...] = (KEY,), now: float | None = None) -> str:
    with pytest.raises(TokenError) as error:
        open_token(text=text, keys=[key.encode() for key in keys], now=time.time() if now is None else now)
    return error.value.reason


def test_a_token_says_what_it_allows() -> None:
    members = fields(body="eyJhIjoxfQ")
    opened = open_token(text=sign(members), keys=[KEY.encode()], now=time.time())
    assert opened == Pass(
        session_id=str(members["s"]),
        phone=PHONE,
        body="eyJhIjoxfQ",
        expires=int(str(members["e"])),
        nonce=str(members["n"]),
    )


def test_each_key_opens_its_tokens() -> None:
    keys = [OTHER_KEY.encode(), KEY.encode()]
    assert open_token(text=mint(), keys=keys, now=time.time()).body == ""
    assert open_token(text=mint(key=OTHER_KEY), keys=keys, now=time.time())
    assert reason(mint(key="x" * 64), keys=(KEY, OTHER_KEY)) == "wrong signature"
    assert reason(mint(), keys=()) == "wrong signature"


def test_a_token_lasts_until_its_second_and_is_never_minted_far_ahead() -> None:
    token = mint(seconds=60)
    expires = open_token(text=token, keys=[KEY.encode()], now=time.time()).expires
    assert open_token(text=token, keys=[KEY.encode()], now=expires - 0.01)
    assert reason(token, now=expires) == "expired"
    assert open_token(text=token, keys=[KEY.encode()], now=expires - 180)
    assert reason(token, now=expires - 181) == "not yet valid"


def test_the_signature_is_checked_before_anything_is_read() -> None:
    assert reason(mint(key=OTHER_KEY, seconds=-60)) == "wrong signature"
    assert reason(sign_payload("bm90IEpTT04", key=OTHER_KEY)) == "wrong signature"


@pytest.mark.parametrize(
    "change",
    [
        {"s": "short"},
        {"s": "x" * 40 + "\r\n"},
        {"s": 1},
        {"p": ""},
        {"p": "a b"},
        {"p": "x" * 4_097},
        {"b": "a\r\nX-Injected: 1"},
        {"e": str(int(time.time()) + 30)},
        {"e": True},
        {"e": float(int(time.time()) + 30)},
        {"n": "0" * 15},
        {"n": None},
    ],
)
def test_a_rightly_signed_token_of_another_form_opens_nothing(change: dict[str, object]) -> None:
    assert reason(sign(fields() | change)) == "malformed"


@pytest.mark.parametrize("missing", ["s", "p", "e", "n"])
def test_a_rightly_signed_token_that_lacks_something_opens_nothing(missing: str) -> None:
    members = fields()
    del members[missing]
    assert reason(sign(members)) == "malformed"


@pytest.mark.parametrize("payload", ["bm90IEpTT04", "W10", "MQ", "_", "bnVsbA", "4pyT"])
def test_a_rightly_signed_payload_that_is_no_object_opens_nothing(payload: str) -> None:
    assert reason(sign_payload(payload)) == "malformed"


def test_what_a_token_holds_stays_out_of_its_repr() -> None:
    members = fields(body="eyJhIjoxfQ")
    shown = repr(open_token(text=sign(members), keys=[KEY.encode()], now=time.time()))
    assert str(members["s"]) not in shown
    assert PHONE not in shown
    assert "eyJhIjoxfQ" not in shown
