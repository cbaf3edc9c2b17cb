import os
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from time_machine import Traveller, travel

from shared import aws_request
from shared.answer import Answer
from shared.credentials import load_credentials
from shared.errors import ApiError
from telephony.calls.idempotency import idempotency_key
from telephony.calls.place import place
from telephony.calls.request import CallRequest
from telephony.carrier import DialOrder
from tests.connect.aws_stub import Reply
from tests.telephony.calls.conftest import BERLIN, NOON, Api, Died, FakeCarrier, call_event
from tests.telephony.calls.dynamodb import DynamoDb

TOGETHER = 50
STEPS = ["GetItem", "PutItem", "UpdateItem", "UpdateItem", "PutItem", "UpdateItem", "dial", "UpdateItem"]
"""What placing a call does, in order: look, claim, count twice, record, keep the claim, dial, note."""


@pytest.fixture(autouse=True)
def clock() -> Iterator[Traveller]:
    with travel(NOON, tick=False) as traveller:
        yield traveller


def outcome(
    api: Api, *, subject: str = "ann", key: str = "key-1", text: str = f'{{"to": "{BERLIN}"}}'
) -> Answer | ApiError:
    """What POST /calls comes to, below the handler, which serves one request at a time."""
    try:
        return place(
            event=call_event(route="POST /calls", body=text, key=key, subject=subject),
            subject=subject,
            settings=api.module.cached_settings(),
            credentials=load_credentials(environ=os.environ),
        )
    except ApiError as error:
        return error


def test_the_same_request_with_the_same_key_gets_the_same_call(
    api: Api, carrier: FakeCarrier, clock: Traveller
) -> None:
    first = api.place(body={"a": 1, "b": 2})
    for hours, status in ((0, "queued"), (1, "queued"), (22, "unknown")):
        clock.shift(hours * 3600)  # also when it has become night in Berlin
        again = api.place(body={"a": 1, "b": 2})
        assert (again.status, again.body) == (201, {**first.body, "status": status}), "the carrier took it"

    assert len(carrier.dials) == 1


def test_the_same_answer_tells_what_became_of_the_call_since(
    api: Api, dynamodb: DynamoDb, carrier: FakeCarrier
) -> None:
    first = api.place()
    dynamodb.items[f"call#{first.body['id']}"]["status"] = {"S": "completed"}

    assert api.place().body == {**first.body, "status": "completed"}
    assert len(carrier.dials) == 1


@pytest.mark.parametrize(
    "other", [{"to": "+4930901821"}, {"carrier": "vonage"}, {"body": {"a": 2}}, {"to": "+49 30 901820"}]
)
def test_the_same_key_with_another_request_is_refused(api: Api, carrier: FakeCarrier, other: dict[str, Any]) -> None:
    api.place(body={"a": 1})

    answered = api.place(**{"body": {"a": 1}, **other})

    assert (answered.status, answered.code) == (422, "idempotency_key_reused")
    assert len(carrier.dials) == 1


def test_keys_are_each_callers_own(api: Api, carrier: FakeCarrier) -> None:
    calls = {api.place(subject=subject).body["id"] for subject in ("ann", "bob")}

    assert len(calls) == len(carrier.dials) == 2


def test_a_key_is_forgotten_after_a_day(api: Api, carrier: FakeCarrier, clock: Traveller) -> None:
    first = api.place()
    clock.shift(24 * 3600 - 1)
    assert api.place().body["id"] == first.body["id"]
    clock.shift(1)
    assert api.place().body["id"] != first.body["id"]
    assert len(carrier.dials) == 2


@pytest.mark.parametrize(
    ("key", "code"),
    [
        (None, "missing_idempotency_key"),
        ("", "missing_idempotency_key"),
        ('""', "invalid_idempotency_key"),
        ("x" * 65, "invalid_idempotency_key"),
        ("with space", "invalid_idempotency_key"),
        ('"half', "invalid_idempotency_key"),
        ("back\\slash", "invalid_idempotency_key"),
        ("ä", "invalid_idempotency_key"),
        ("a\n", "invalid_idempotency_key"),
    ],
)
def test_a_request_without_a_key_of_use_is_refused(api: Api, carrier: FakeCarrier, key: str | None, code: str) -> None:
    answered = api.place(key=key)

    assert (answered.status, answered.code) == (400, code)
    assert "Idempotency-Key" in answered.message
    assert not carrier.dials


def test_a_key_in_quotes_is_the_same_key(api: Api, carrier: FakeCarrier) -> None:
    assert api.place(key='"8e03978e-40d5"').body == api.place(key="8e03978e-40d5").body
    assert len(carrier.dials) == 1


texts = st.text(max_size=12)


@settings(deadline=None)
@given(one=st.tuples(texts, st.from_regex(r"[!#-\[\]-~]{1,64}", fullmatch=True)), other=st.tuples(texts, st.just("k")))
def test_no_two_pairs_of_caller_and_key_are_kept_under_one_name(one: tuple[str, str], other: tuple[str, str]) -> None:
    items = {
        idempotency_key(
            event={"headers": {"idempotency-key": key}},
            subject=subject,
            request=CallRequest(to="", carrier="", body=""),
        ).item
        for subject, key in (one, other)
    }

    assert len(items) == len({one, other})


@settings(deadline=None)
@given(one=st.tuples(texts, texts, texts), other=st.tuples(texts, texts, texts))
def test_no_two_requests_have_one_fingerprint(one: tuple[str, str, str], other: tuple[str, str, str]) -> None:
    event = {"headers": {"idempotency-key": "k"}}
    prints = {
        idempotency_key(event=event, subject="ann", request=CallRequest(to=to, carrier=carrier, body=body)).fingerprint
        for to, carrier, body in (one, other)
    }

    assert len(prints) == len({one, other})


def test_of_many_at_once_one_dials_and_the_others_are_told_to_wait(
    api: Api, carrier: FakeCarrier, dynamodb: DynamoDb
) -> None:
    """The one that dials isn't done before all the others have their answers."""
    others = threading.Semaphore(0)

    def wait_for_the_others(order: DialOrder) -> None:
        for _ in range(TOGETHER - 1):
            assert others.acquire(timeout=60)

    def request(_: int) -> Answer | ApiError:
        answer = outcome(api)
        others.release()
        return answer

    carrier.while_dialing = wait_for_the_others
    with ThreadPoolExecutor(TOGETHER) as pool:
        answers = list(pool.map(request, range(TOGETHER)))

    assert len(carrier.dials) == 1
    assert sorted(answer.status for answer in answers) == [201] + [409] * (TOGETHER - 1)
    assert {answer.code for answer in answers if isinstance(answer, ApiError)} == {"request_in_progress"}
    assert dynamodb.values(f"rate#{NOON // 60}#all")["n"] == 1, "what is one call counts as one"


def test_of_many_at_once_all_that_come_later_get_the_same_call(api: Api, carrier: FakeCarrier) -> None:
    with ThreadPoolExecutor(TOGETHER) as pool:
        answers = list(pool.map(lambda _: outcome(api), range(TOGETHER)))

    assert len(carrier.dials) == 1
    calls = {str((answer.payload or {})["id"]) for answer in answers if isinstance(answer, Answer)}
    assert len(calls) == 1
    assert {answer.code for answer in answers if isinstance(answer, ApiError)} <= {"request_in_progress"}


def test_many_at_once_that_are_refused_leave_the_key_free(api: Api, carrier: FakeCarrier, clock: Traveller) -> None:
    for number in range(3):
        api.place(key=f"before-{number}")
    with ThreadPoolExecutor(20) as pool:
        answers = list(pool.map(lambda _: outcome(api), range(20)))

    assert {answer.status for answer in answers} <= {409, 429}
    clock.shift(60)
    assert api.place().status == 201


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("step", range(len(STEPS)))
def test_wherever_a_function_dies_nobody_is_dialed_twice(
    api: Api,
    carrier: FakeCarrier,
    monkeypatch: pytest.MonkeyPatch,
    clock: Traveller,
    step: int,
    when: str,
) -> None:
    """It dies before or after one of its steps; the caller tries again at once, and again when it must be gone."""
    done: list[str] = []
    send = aws_request.send_signed

    def counted(name: str) -> bool:
        done.append(name)
        return len(done) - 1 == step

    def send_or_die(**request: Any) -> Any:
        dies = counted(request["headers"]["X-Amz-Target"].partition(".")[2])
        if dies and when == "before":
            raise Died
        response = send(**request)
        if dies:
            raise Died
        return response

    def dial_or_die(_: DialOrder) -> None:
        if counted("dial"):
            raise Died

    monkeypatch.setattr("shared.call_table.send_signed", send_or_die)
    carrier.while_dialing = dial_or_die
    with pytest.raises(Died):
        outcome(api)
    assert done == STEPS[: step + 1]
    dialed = len(carrier.dials)
    claimed = (step, when) == (1, "after") or step > 1

    at_once = outcome(api)
    noted = (step, when) == (7, "after")
    assert at_once.status == (201 if not claimed or noted else 409)
    clock.shift(31)
    later = outcome(api)

    kept = (step, when) == (5, "after") or step > 5
    assert isinstance(later, Answer)
    assert later.status == (201 if not kept or noted else 202)
    assert len(carrier.dials) == (dialed if kept else 1)
    assert len(carrier.dials) <= 1
    assert outcome(api).status == later.status


@pytest.mark.parametrize("carried_out", [False, True])
@pytest.mark.parametrize("step", [step for step, name in enumerate(STEPS) if name != "dial"])
def test_whichever_request_to_the_table_fails_nobody_is_dialed_twice(
    api: Api,
    carrier: FakeCarrier,
    monkeypatch: pytest.MonkeyPatch,
    clock: Traveller,
    step: int,
    carried_out: bool,
) -> None:
    """Also when the table has done what it then failed to answer."""
    done = 0
    send = aws_request.send_signed

    def send_or_fail(**request: Any) -> Any:
        nonlocal done
        fails = done == (step if step < 6 else step - 1)
        done += 1
        if fails and carried_out:
            send(**request)
        if fails:
            raise aws_request.AwsUnreachableError("ReadTimeoutError")
        return send(**request)

    monkeypatch.setattr("shared.call_table.send_signed", send_or_fail)
    first = outcome(api)
    assert first.status == (201 if step == 7 else 503)
    clock.shift(31)
    again = outcome(api)

    assert again.status in (201, 202)
    assert len(carrier.dials) == 1


def test_a_claim_that_was_held_too_long_is_not_dialed(
    api: Api, carrier: FakeCarrier, monkeypatch: pytest.MonkeyPatch, clock: Traveller
) -> None:
    """A function that stood still between claim and dialing finds that somebody else has had the key since."""
    send = aws_request.send_signed
    done: list[str] = []

    def slow(**request: Any) -> Any:
        done.append(request["headers"]["X-Amz-Target"].partition(".")[2])
        if len(done) == 5:  # the record; the claim is next
            monkeypatch.setattr("shared.call_table.send_signed", send)
            clock.shift(31)
            assert isinstance(outcome(api), Answer)
        return send(**request)

    monkeypatch.setattr("shared.call_table.send_signed", slow)
    first = outcome(api)

    assert isinstance(first, ApiError)
    assert (first.status, first.code) == (409, "request_in_progress")
    assert len(carrier.dials) == 1
    assert outcome(api).status == 201


def test_a_refusal_is_told_even_if_the_key_can_not_be_given_back(
    api: Api, carrier: FakeCarrier, dynamodb: DynamoDb, clock: Traveller
) -> None:
    for number in range(3):
        api.place(key=f"before-{number}")
    dynamodb.fails["DeleteItem"] = Reply(status=500)

    assert api.place().status == 429
    dynamodb.fails.clear()
    clock.shift(60)
    assert api.place().status == 201
