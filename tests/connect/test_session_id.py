import hmac
import re

from hypothesis import assume, given
from hypothesis import strategies as st

from connect.session_id import Place, is_session_id, new_session_id, owned_place
from shared.session_label import session_label

KEY = b"k" * 32
subjects = st.text(min_size=1, max_size=80)
places = st.sampled_from(["direct", "room"])


@given(subject=subjects, place=places)
def test_an_id_has_agentcores_form_and_verifies_for_its_owner(subject: str, place: Place) -> None:
    session_id = new_session_id(key=KEY, subject=subject, place=place)

    assert re.fullmatch(r"[A-Za-z0-9_-]{33,256}", session_id)
    assert is_session_id(session_id)
    assert owned_place(key=KEY, subject=subject, session_id=session_id) == place


@given(owner=subjects, other=subjects, place=places)
def test_no_id_verifies_for_another_subject(owner: str, other: str, place: Place) -> None:
    assume(owner != other)

    session_id = new_session_id(key=KEY, subject=owner, place=place)
    assert owned_place(key=KEY, subject=other, session_id=session_id) is None


@given(subject=subjects, place=places, position=st.integers(0, 95), digit=st.sampled_from("0123456789abcdef"))
def test_changing_any_character_breaks_an_id(subject: str, place: Place, position: int, digit: str) -> None:
    session_id = new_session_id(key=KEY, subject=subject, place=place)
    assume(session_id[position] != digit)
    forged = session_id[:position] + digit + session_id[position + 1 :]

    assert is_session_id(forged)
    assert owned_place(key=KEY, subject=subject, session_id=forged) is None


@given(head=st.text("0123456789abcdef", min_size=1, max_size=8), tail=subjects)
def test_characters_can_not_move_between_the_random_half_and_the_subject(head: str, tail: str) -> None:
    session_id = new_session_id(key=KEY, subject=head + tail)

    moved = session_id[: 32 - len(head)] + head + session_id[32:]
    assert owned_place(key=KEY, subject=tail, session_id=moved) is None


@given(key=st.binary(min_size=32, max_size=64), place=places)
def test_no_id_verifies_with_another_key(key: bytes, place: Place) -> None:
    assume(key != KEY)

    session_id = new_session_id(key=KEY, subject="ann", place=place)
    assert owned_place(key=key, subject="ann", session_id=session_id) is None


def test_ids_of_a_direct_session_stay_what_they_were_made_of() -> None:
    """Made otherwise, sessions that run while a new version is deployed would be nobody's."""
    nonce = "0" * 32
    proof = hmac.new(KEY, f"{nonce}ann".encode(), "sha256").hexdigest()

    assert owned_place(key=KEY, subject="ann", session_id=nonce + proof) == "direct"


@given(text=st.text() | st.from_regex(r"[0-9a-fA-F]{90,100}", fullmatch=True))
def test_only_96_lower_case_hexadecimal_digits_are_an_id(text: str) -> None:
    assert is_session_id(text) == (len(text) == 96 and set(text) <= set("0123456789abcdef"))


def test_every_id_is_new() -> None:
    assert len({new_session_id(key=KEY, subject="ann") for _ in range(1000)}) == 1000


def test_a_label_links_lines_without_giving_the_id_away() -> None:
    session_id = new_session_id(key=KEY, subject="ann")

    assert session_label(session_id) == session_label(session_id)
    assert session_label(session_id) != session_label(new_session_id(key=KEY, subject="ann"))
    assert session_label(session_id) not in session_id
