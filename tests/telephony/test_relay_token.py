import base64
import json
import time

import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from relay.token import TokenError, open_token
from shared.agent_body import MAX_AGENT_BODY_BYTES
from telephony.relay_token import relay_token
from telephony.settings import MAX_SPOKEN_CHARACTERS
from telephony.way_in import CHARACTERS_PER_SECOND, TOKEN_SECONDS
from tests.telephony.conftest import RELAY_KEY

SESSION_ID = "ab" * 48
PHONE = base64.urlsafe_b64encode(b'{"carrier":"twilio","direction":"inbound","caller":"","transfer":true}').decode()
PHONE = PHONE.rstrip("=")


def mint(*, body: str = "", lifetime_seconds: int = 60) -> str:
    return relay_token(key=RELAY_KEY, session_id=SESSION_ID, phone=PHONE, body=body, lifetime_seconds=lifetime_seconds)


many = hypothesis_settings(deadline=None)


@given(body=st.binary(max_size=MAX_AGENT_BODY_BYTES))
@many
def test_the_relay_reads_what_the_function_mints(body: bytes) -> None:
    encoded = base64.urlsafe_b64encode(body).rstrip(b"=").decode()
    now = time.time()

    opened = open_token(text=mint(body=encoded), keys=[b"another", RELAY_KEY.encode()], now=now)

    assert (opened.session_id, opened.phone, opened.body) == (SESSION_ID, PHONE, encoded)
    assert 59 <= opened.expires - now <= 60


def test_a_token_that_outlives_a_long_announcement_is_taken_by_a_clock_that_is_behind() -> None:
    longest = TOKEN_SECONDS + 2 * MAX_SPOKEN_CHARACTERS // CHARACTERS_PER_SECOND

    assert open_token(text=mint(lifetime_seconds=longest), keys=[RELAY_KEY.encode()], now=time.time() - 30)


def test_the_relay_refuses_it_after_its_time_and_with_another_key() -> None:
    token = mint()

    with pytest.raises(TokenError, match="expired"):
        open_token(text=token, keys=[RELAY_KEY.encode()], now=time.time() + 61)
    with pytest.raises(TokenError, match="wrong signature"):
        open_token(text=token, keys=[b"another"], now=time.time())


@given(position=st.integers(0), character=st.sampled_from("AZaz09-_.f"))
@many
def test_no_changed_character_is_taken(position: int, character: str) -> None:
    token = mint(body="eyJhIjoxfQ")
    index = position % len(token)
    changed = token[:index] + character + token[index + 1 :]
    if changed == token:
        return
    with pytest.raises(TokenError):
        open_token(text=changed, keys=[RELAY_KEY.encode()], now=time.time())


def test_every_token_is_another_one() -> None:
    nonces = {open_token(text=mint(), keys=[RELAY_KEY.encode()], now=time.time()).nonce for _ in range(100)}

    assert len(nonces) == 100


def test_a_token_is_one_segment_of_a_path_and_says_no_more_than_it_must() -> None:
    payload, _, proof = mint().partition(".")

    claims = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
    assert set(claims) == {"s", "p", "e", "n"}
    assert len(proof) == 64
    assert len(mint(body="x" * 2731)) < 7000, "the relay takes no more"
