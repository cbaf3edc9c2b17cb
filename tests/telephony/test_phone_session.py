import re

from hypothesis import assume, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from connect.session_id import is_session_id, owned_place
from telephony.phone_session import pseudonym, session_id_of
from telephony.settings import CARRIERS

KEY = b"k" * 32
carriers = st.sampled_from(CARRIERS)
call_ids = st.text(st.characters(codec="ascii", categories=("L", "N", "P")), min_size=1, max_size=80)
numbers = st.from_regex(r"\+[1-9][0-9]{6,14}", fullmatch=True)


many = hypothesis_settings(deadline=None)


@given(carrier=carriers, call_id=call_ids)
@many
def test_a_call_is_one_session_from_its_first_webhook_to_its_last(carrier: str, call_id: str) -> None:
    session_id = session_id_of(key=KEY, carrier=carrier, call_id=call_id)

    assert re.fullmatch(r"[A-Za-z0-9_-]{33,256}", session_id), "AgentCore's form"
    assert is_session_id(session_id)
    assert session_id == session_id_of(key=KEY, carrier=carrier, call_id=call_id)


@given(first=st.tuples(carriers, call_ids), second=st.tuples(carriers, call_ids))
@many
def test_two_calls_are_two_sessions(first: tuple[str, str], second: tuple[str, str]) -> None:
    assume(first != second)

    assert session_id_of(key=KEY, carrier=first[0], call_id=first[1]) != session_id_of(
        key=KEY, carrier=second[0], call_id=second[1]
    )


@given(carrier=carriers, call_id=call_ids, subject=st.text(min_size=1, max_size=80))
@many
def test_nobody_signed_in_owns_a_phone_call(carrier: str, call_id: str, subject: str) -> None:
    """The connect API, which has the same key, neither stops such a session nor signs a way into it."""
    session_id = session_id_of(key=KEY, carrier=carrier, call_id=call_id)

    assert owned_place(key=KEY, subject=subject, session_id=session_id) is None


@given(number=numbers, other=numbers)
@many
def test_a_pseudonym_stands_for_one_number(number: str, other: str) -> None:
    assume(number != other)
    stands_for = pseudonym(key=KEY, number=number)

    assert re.fullmatch(r"[0-9a-f]{16}", stands_for)
    assert stands_for == pseudonym(key=KEY, number=number)
    assert stands_for != pseudonym(key=KEY, number=other)
    assert stands_for != pseudonym(key=b"j" * 32, number=number), "without the key nobody can try all numbers"


def test_no_number_has_no_pseudonym() -> None:
    assert pseudonym(key=KEY, number="") == ""
