import time

import pytest
import time_machine

from telephony.replay import forget, mark_seen
from tests.connect.aws_stub import Reply
from tests.telephony.calls.dynamodb import DynamoDb
from tests.telephony.conftest import Output, Phone
from tests.telephony.outbound import table_of

DAY = 24 * 3600


@pytest.mark.usefixtures("confidential")
def test_a_webhook_is_good_for_once(phone: Phone, output: Output) -> None:
    event = phone.event("answer")

    assert phone.deliver(event).status == 200
    again = phone.deliver(event)

    assert (again.status, again.body, again.headers) == (403, "", {"cache-control": "no-store"})
    assert output.counted()[-1] == {"name": "WebhooksRefused", "carrier": "vonage", "reason": "replayed"}


def test_the_same_words_signed_at_another_time_are_another_webhook(phone: Phone) -> None:
    assert [phone.post("answer", age=age).status for age in (0, 20, 40)] == [200, 200, 200]


def test_no_mark_shows_whose_webhook_it_was(phone: Phone, dynamodb: DynamoDb) -> None:
    event = phone.event("answer")

    phone.deliver(event)

    assert event["headers"]["X-Fake-Signature"] not in dynamodb.texts()
    (key,) = dynamodb.items
    assert key.startswith("seen#")
    assert len(key) == len("seen#") + 64
    assert 89 * DAY < dynamodb.values(key)["expires"] - time.time() <= 90 * DAY


def test_one_carriers_mark_is_not_anothers(dynamodb: DynamoDb) -> None:
    marks = table_of(dynamodb)

    assert [mark_seen(marks=marks, carrier=name, replay_key="1") for name in ("plivo", "telnyx")] == [True, True]
    forget(marks=marks, carrier="plivo", replay_key="1")
    assert [mark_seen(marks=marks, carrier=name, replay_key="1") for name in ("plivo", "telnyx")] == [True, False]


@pytest.mark.parametrize("days", [1, 89])
def test_a_signature_without_a_time_is_remembered_for_long(
    phone: Phone, days: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tests.telephony.fake_carrier.MAX_AGE_SECONDS", float("inf"))
    event = phone.event("answer")
    phone.deliver(event)

    with time_machine.travel(time.time() + days * DAY, tick=False):
        assert phone.deliver(event).status == 403


def test_a_webhook_that_we_failed_to_serve_may_come_again(phone: Phone, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(**_: object) -> None:
        raise RuntimeError

    event = phone.event("answer")
    with monkeypatch.context() as broken:
        broken.setattr(phone.carrier, "render", fail)
        assert phone.deliver(event).status == 500

    assert phone.deliver(event).status == 200
    assert phone.deliver(event).status == 403


def test_a_mark_that_can_not_be_taken_away_hides_no_defect(
    phone: Phone, dynamodb: DynamoDb, monkeypatch: pytest.MonkeyPatch, output: Output
) -> None:
    def fail(**_: object) -> None:
        raise RuntimeError

    monkeypatch.setattr(phone.carrier, "render", fail)
    dynamodb.fails["DeleteItem"] = Reply(status=500)

    assert phone.post("answer").status == 500
    assert output.counted()[-1]["code"] == "internal_error"


def test_a_refused_webhook_leaves_no_mark(phone: Phone, dynamodb: DynamoDb) -> None:
    """Else a forger could burn a true webhook before it comes."""
    event = phone.event("answer")

    assert phone.deliver(event | {"rawPath": "/telephony/vonage/next"}).status == 403
    assert not dynamodb.items
    assert phone.deliver(event).status == 200
