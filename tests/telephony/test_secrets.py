import io
from datetime import UTC, datetime, timedelta

import pytest
import time_machine

from shared.credentials import load_credentials
from shared.errors import ApiError
from telephony.carrier_secret import PREVIOUS_SECRET_SECONDS, REFETCH_SECONDS, current_secret
from tests.connect.aws_stub import Reply
from tests.telephony.conftest import CREDENTIALS, SIGNING_KEY, Output, Phone, lines, secret_arn
from tests.telephony.phone_aws import PhoneAws, Version

# The stand-ins don't look at the clock, so a test may travel.
NOON = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)
ARN = secret_arn("vonage")
NEW_KEY = "the-new-signing-key"


def rotate(aws: PhoneAws, key: str = NEW_KEY) -> None:
    aws.put_secret(ARN, {"signingKey": key, "account": "AC1"})


def at(seconds: float) -> time_machine.travel:
    return time_machine.travel(NOON + timedelta(seconds=seconds), tick=False)


def post(phone: Phone, key: str = SIGNING_KEY) -> int:
    """The status of a webhook that is signed with this key."""
    phone.key = key
    return phone.post("answer").status


def test_a_secret_is_read_once_a_minute(phone: Phone, aws: PhoneAws) -> None:
    for seconds, reads in ((0, 1), (59, 1), (60, 2), (119, 2), (-3600, 3)):
        with at(seconds):
            assert phone.post("answer", called=str(seconds)).status == 200
        assert aws.asked_for(ARN) == ["AWSCURRENT"] * reads, f"after {seconds} s"


def test_a_rotation_works_at_once_and_the_old_secret_for_a_day(phone: Phone, aws: PhoneAws) -> None:
    """Without a deploy and without a restart: the function's process is the same all the time."""
    with at(0):
        assert post(phone) == 200
    with at(REFETCH_SECONDS + 1):
        rotate(aws)
        assert post(phone, NEW_KEY) == 200, "the new one at once"
        assert post(phone) == 200, "and the old one still"
    with at(PREVIOUS_SECRET_SECONDS - 60):
        assert (post(phone), post(phone, NEW_KEY)) == (200, 200)
    with at(PREVIOUS_SECRET_SECONDS + REFETCH_SECONDS + 1):
        assert (post(phone), post(phone, NEW_KEY)) == (403, 200), "a day after the rotation the old one is done with"


def test_a_carrier_that_is_told_first_loses_ten_seconds_at_most(phone: Phone, aws: PhoneAws) -> None:
    with at(0):
        assert post(phone) == 200
        rotate(aws)
    with at(REFETCH_SECONDS - 1):
        assert post(phone, NEW_KEY) == 403
    with at(REFETCH_SECONDS):
        assert post(phone, NEW_KEY) == 200


def test_forgeries_do_not_make_us_ask_each_time(phone: Phone, aws: PhoneAws) -> None:
    with at(0):
        assert [post(phone, f"a guess {number}") for number in range(20)] == [403] * 20
    assert aws.asked_for(ARN) == ["AWSCURRENT", "AWSPREVIOUS"]
    with at(REFETCH_SECONDS):
        assert post(phone, "another guess") == 403
    assert aws.asked_for(ARN) == ["AWSCURRENT", "AWSPREVIOUS"] * 2


def test_what_is_refused_for_another_reason_makes_us_ask_for_nothing(phone: Phone, aws: PhoneAws) -> None:
    with at(0):
        assert post(phone) == 200
    with at(REFETCH_SECONDS + 1):
        assert phone.deliver(phone.event("answer") | {"headers": {}}).status == 403
        assert phone.post("answer", age=301).status == 403
    assert aws.asked_for(ARN) == ["AWSCURRENT"]


def test_an_old_webhook_with_an_old_secret_is_stale(phone: Phone, aws: PhoneAws, output: Output) -> None:
    rotate(aws)

    assert phone.post("answer", age=301).status == 403
    assert output.counted()[-1]["reason"] == "stale"


def test_a_forger_has_no_use_of_a_secret_that_was_never_filled(phone: Phone, aws: PhoneAws) -> None:
    """The stack makes the secret with empty fields: after the operator's first rotation these are the previous one."""
    rotate(aws, "")
    rotate(aws)

    assert post(phone, "") == 403
    assert {"signingKey": "", "account": "AC1"} not in phone.carrier.verified
    assert post(phone, NEW_KEY) == 200


@pytest.mark.usefixtures("confidential")
@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ({"signingKey": "", "account": "AC1"}, "signingKey must be filled in"),
        ({"signingKey": "  ", "account": ""}, "signingKey, account must be filled in"),
        ({"account": "AC1"}, "signingKey must be filled in"),
        ("the-carriers-signing-key", "it is no JSON object of texts"),
        ({"signingKey": 7, "account": "AC1"}, "it is no JSON object of texts"),
        (["signingKey"], "it is no JSON object of texts"),
        ("[" * 100_000, "it is no JSON object of texts"),
    ],
)
def test_a_secret_that_is_not_filled_in_is_told_by_its_field_and_the_guide(
    phone: Phone, aws: PhoneAws, log_text: io.StringIO, output: Output, text: object, problem: str
) -> None:
    aws.put_secret(ARN, text)

    answered = phone.post("answer")

    assert (answered.status, answered.body) == (503, "")
    (line,) = lines(log_text)
    assert (line["level"], line["note"]) == (
        "ERROR",
        f"the secret of vonage: {problem}; see docs/telephony/vonage.md",
    )
    assert output.counted() == [{"name": "WebhooksFailed", "carrier": "vonage", "code": "carrier_secret_unusable"}]
    assert not phone.carrier.verified, "nothing is checked against half a secret"


def test_a_secret_filled_in_is_found_within_a_minute(phone: Phone, aws: PhoneAws) -> None:
    with at(0):
        rotate(aws, "")
        assert post(phone) == 503
    with at(60):
        rotate(aws)
        assert post(phone, NEW_KEY) == 200


@pytest.mark.parametrize(
    ("reply", "problem"),
    [
        (Reply(status=400, body=b'{"__type":"AccessDeniedException"}'), "GetSecretValue: AccessDeniedException"),
        (Reply(status=500), "GetSecretValue: HTTP 500"),
        (Reply(body=b"<html>"), "GetSecretValue: MalformedAnswer"),
        (
            Reply(status=400, body=b'{"__type":"ResourceNotFoundException"}'),
            "there is no such secret, or it has no current version",
        ),
    ],
)
def test_without_its_secret_nobody_is_let_in_and_the_carrier_may_ask_again(
    phone: Phone, aws: PhoneAws, log_text: io.StringIO, reply: Reply, problem: str
) -> None:
    event = phone.event("answer")
    aws.secret_fails = reply

    assert phone.deliver(event).status == 503
    assert lines(log_text)[0]["note"] == f"the secret of vonage: {problem}; see docs/telephony/vonage.md"
    aws.secret_fails = None
    with time_machine.travel(datetime.now(UTC) + timedelta(seconds=61), tick=False):
        assert phone.deliver(event).status == 200


def test_a_silent_secrets_manager_is_given_up_on(phone: Phone, aws: PhoneAws, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("telephony.carrier_secret.TIMEOUT_SECONDS", 0.2)
    aws.secret_fails = Reply(hang="before")

    assert phone.post("answer").status == 503


def test_a_version_without_a_date_gives_the_one_before_it_no_day(phone: Phone, aws: PhoneAws) -> None:
    rotate(aws)
    current = aws.versions[ARN, "AWSCURRENT"]
    aws.versions[ARN, "AWSCURRENT"] = Version(text=current.text, created_at=0)

    assert post(phone) == 403


def test_rest_requests_get_the_current_secret(phone: Phone, aws: PhoneAws) -> None:
    rotate(aws)
    given = {
        "carrier": phone.carrier,
        "settings": phone.module.cached_settings(),
        "credentials": load_credentials(environ=CREDENTIALS),
    }

    assert current_secret(**given) == {"signingKey": NEW_KEY, "account": "AC1"}
    aws.secret_fails = Reply(status=500)
    assert current_secret(**given)["signingKey"] == NEW_KEY, "for a minute"
    with time_machine.travel(datetime.now(UTC) + timedelta(seconds=61), tick=False), pytest.raises(ApiError) as raised:
        current_secret(**given)
    assert (raised.value.status, raised.value.code) == (503, "carrier_secret_unusable")
