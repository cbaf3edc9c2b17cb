"""The rooms function's events, over real sockets to Daily and AWS."""

import io
import json
import subprocess
import sys
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from shared.session_label import session_label
from tests.connect.aws_stub import AwsStub, Reply
from tests.connect.conftest import SECRET_KEY, SESSION_TOKEN, VARIABLES
from tests.connect.test_handler import emf
from tests.rooms.conftest import ROOM, SESSION_ID, RoomsFunction
from tests.rooms.daily_stub import API_KEY, DOMAIN_ID, DailyStub, Fault

ENDED = {"type": "session-ended", "sessionId": SESSION_ID}
CALL_ID, CALL_DOMAIN = "ef5d8b2e-7c3d-4f0e-9d77-1f0e2a9b3c4d", "b7f0aa11-5c2e-4f6e-8f58-0d7c8a6b9e01"
SIP_URI = "sip:123456780@example.sip.daily.co"
READY = {
    "type": "dialin-ready",
    "sessionId": SESSION_ID,
    "callId": CALL_ID,
    "callDomain": CALL_DOMAIN,
    "sipUri": SIP_URI,
}
STATUS = {"type": "call-status", "sessionId": SESSION_ID, "call": "c" * 22, "status": "answered"}
LAMBDA = Path(__file__).resolve().parents[2] / "lambda"
CONFIDENTIAL = (API_KEY, DOMAIN_ID, SESSION_ID, ROOM, SECRET_KEY, SESSION_TOKEN, "://", "sip:", CALL_ID, "c" * 22)


def line_of(log_text: io.StringIO) -> dict[str, Any]:
    return dict(json.loads(log_text.getvalue().splitlines()[-1]))


def test_an_ended_session_loses_its_room_and_its_microvm(
    rooms: RoomsFunction,
    daily: DailyStub,
    aws: AwsStub,
    log_text: io.StringIO,
    capfd: pytest.CaptureFixture[str],
) -> None:
    daily.add_room(ROOM)
    daily.present[ROOM] = ["caller"]

    assert rooms.invoke(ENDED) == {}

    assert len(daily.ejected) == 1, "whom an agent without a connection left behind"
    assert not daily.rooms
    (stopped,) = aws.stop_requests
    assert unquote(stopped.target.split("/")[2]) == VARIABLES["SWITCHBOARD_RUNTIME_ARN"]
    assert stopped.headers["x-amzn-bedrock-agentcore-runtime-session-id"] == SESSION_ID
    line = line_of(log_text)
    assert (line["event"], line["session"]) == ("session-ended", session_label(SESSION_ID))
    assert line["note"] == "room deleted; session stopped"
    written = capfd.readouterr().out
    assert [metric["name"] for metric in emf(written)] == ["RoomsDeleted", "SessionsEnded"]
    assert not [word for word in CONFIDENTIAL if word in log_text.getvalue() + written]


def test_it_does_no_harm_twice(rooms: RoomsFunction, daily: DailyStub, aws: AwsStub, log_text: io.StringIO) -> None:
    aws.stop = Reply(status=404)

    rooms.invoke(ENDED)

    assert line_of(log_text)["note"] == "room already gone; session already gone"


@pytest.mark.parametrize(
    "fault", [Fault(status=429, headers={"retry-after": "60"}), Fault(status=500), Fault(status=401)]
)
def test_a_room_that_stays_is_the_sweep_s_and_the_session_ends_anyway(
    rooms: RoomsFunction, daily: DailyStub, aws: AwsStub, fault: Fault, capfd: pytest.CaptureFixture[str]
) -> None:
    daily.add_room(ROOM)
    daily.faults["DeleteRoom"] = [fault]

    rooms.invoke(ENDED)

    assert len(aws.stop_requests) == 1
    assert "RoomsLeft" in [metric["name"] for metric in emf(capfd.readouterr().out)]


def test_a_session_that_agentcore_keeps_is_told_so_that_lambda_comes_again(
    rooms: RoomsFunction, daily: DailyStub, aws: AwsStub, log_text: io.StringIO
) -> None:
    daily.add_room(ROOM)
    aws.stop = Reply(status=500)

    with pytest.raises(rooms.module.RoomsError, match=r"^agentcore_failed$"):
        rooms.invoke(ENDED)

    assert not daily.rooms
    assert (line_of(log_text)["level"], line_of(log_text)["code"]) == ("ERROR", "agentcore_failed")


def test_a_call_on_hold_is_connected_with_its_room(rooms: RoomsFunction, daily: DailyStub) -> None:
    daily.calls_on_hold.add(CALL_ID)

    assert rooms.invoke(READY) == {}

    (asked,) = daily.asked
    assert asked.payload == {"callId": CALL_ID, "callDomain": CALL_DOMAIN, "sipUri": SIP_URI}
    assert not daily.calls_on_hold


def test_a_caller_who_has_hung_up_is_an_error_for_the_agent(
    rooms: RoomsFunction, daily: DailyStub, log_text: io.StringIO
) -> None:
    with pytest.raises(rooms.module.RoomsError, match=r"^daily_failed$"):
        rooms.invoke(READY)

    assert line_of(log_text)["note"] == "PinlessCallUpdate: HTTP 404 not-found"
    assert not [word for word in CONFIDENTIAL if word in log_text.getvalue()]


def test_a_call_s_status_goes_into_its_record(
    rooms: RoomsFunction, monkeypatch: pytest.MonkeyPatch, log_text: io.StringIO
) -> None:
    noted: list[dict[str, Any]] = []

    def note_status(*, table: Any, **said: Any) -> bool:
        noted.append({**said, "table": table.name, "region": table.region})
        return len(noted) == 1

    monkeypatch.setattr("rooms.call_state.note_status", note_status)
    monkeypatch.setenv("SWITCHBOARD_CALL_TABLE_NAME", "switchboard-dev-calls")

    assert rooms.invoke(STATUS) == {}
    assert rooms.invoke(STATUS) == {}

    assert noted[0] == {
        **{"call": "c" * 22, "call_id": "c" * 22, "status": "answered"},
        **{"table": "switchboard-dev-calls", "region": "eu-west-1"},
    }
    assert line_of(log_text)["note"] == "answered, which changed nothing"


@pytest.mark.parametrize("change", [{"call": "short"}, {"call": "c" * 23}, {"status": "asleep"}, {"status": 4}])
def test_a_status_of_no_use_is_written_nowhere(
    rooms: RoomsFunction, monkeypatch: pytest.MonkeyPatch, change: dict[str, Any]
) -> None:
    def note_status(**_: object) -> bool:
        raise AssertionError("it must not come to this")

    monkeypatch.setattr("rooms.call_state.note_status", note_status)
    monkeypatch.setenv("SWITCHBOARD_CALL_TABLE_NAME", "switchboard-dev-calls")

    with pytest.raises(rooms.module.RoomsError, match=r"^unusable_event$"):
        rooms.invoke({**STATUS, **change})


def test_a_status_that_cannot_be_written_comes_again(rooms: RoomsFunction, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SWITCHBOARD_CALL_TABLE_NAME", "switchboard-dev-calls")

    with pytest.raises(rooms.module.RoomsError):
        rooms.invoke(STATUS)


@pytest.mark.parametrize(
    "event",
    [
        {},
        {"type": "resize"},
        {"type": ["sweep"]},
        {**ENDED, "sessionId": SESSION_ID[:-1]},
        {**ENDED, "sessionId": SESSION_ID + "\n"},
        {**ENDED, "sessionId": f"../{SESSION_ID}"},
        {"type": "session-ended"},
        {**READY, "sipUri": "https://example.com"},
        {**READY, "callId": ""},
        {**READY, "callDomain": None},
        {**STATUS, "status": "asleep"},
        {**STATUS, "call": "short"},
        STATUS,
        [],
        "sweep",
        None,
    ],
)
def test_what_nobody_can_act_on_is_an_error_and_changes_nothing(
    rooms: RoomsFunction, daily: DailyStub, aws: AwsStub, event: Any, log_text: io.StringIO
) -> None:
    daily.add_room(ROOM)

    with pytest.raises(rooms.module.RoomsError, match=r"^unusable_event$"):
        rooms.invoke(event)

    assert list(daily.rooms) == [ROOM]
    assert not aws.stop_requests
    assert line_of(log_text)["level"] == "ERROR"
    assert SESSION_ID[:-1] not in log_text.getvalue()


@hypothesis_settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=60)
@given(
    event=st.dictionaries(
        st.sampled_from(["type", "sessionId", "call", "status"]), st.text() | st.none() | st.integers()
    )
)
def test_no_event_of_no_sense_upsets_it(rooms: RoomsFunction, event: dict[str, Any]) -> None:
    with pytest.raises(rooms.module.RoomsError, match=r"^unusable_event$"):
        rooms.invoke(event)


def test_an_unexpected_error_is_told_without_its_words(
    rooms: RoomsFunction, monkeypatch: pytest.MonkeyPatch, log_text: io.StringIO
) -> None:
    def broken(**_: object) -> str:
        raise ValueError(API_KEY)

    monkeypatch.setitem(rooms.module._OPERATIONS, "sweep", broken)

    with pytest.raises(rooms.module.RoomsError, match=r"^internal_error$") as raised:
        rooms.invoke({"type": "sweep"})

    assert raised.value.__cause__ is None
    assert API_KEY not in log_text.getvalue()


def test_a_wrong_deployment_names_its_mistakes(
    rooms: RoomsFunction, monkeypatch: pytest.MonkeyPatch, log_text: io.StringIO
) -> None:
    monkeypatch.delenv("SWITCHBOARD_DAILY_ROOM_PREFIX")
    monkeypatch.setenv("SWITCHBOARD_CALL_TABLE_NAME", "no table!")

    with pytest.raises(rooms.module.RoomsError, match=r"^wrong_setup$"):
        rooms.invoke({"type": "sweep"})

    assert "SWITCHBOARD_DAILY_ROOM_PREFIX: got nothing" in log_text.getvalue()
    assert "SWITCHBOARD_CALL_TABLE_NAME: got 'no table!'" in log_text.getvalue()


def test_the_function_needs_its_own_package_and_the_shared_one_alone() -> None:
    """What is deployed is these two: an import of another package would fail there."""
    script = "import sys, rooms.handler; print(sorted({name.partition('.')[0] for name in sys.modules}))"
    loaded = subprocess.run([sys.executable, "-c", script], check=True, capture_output=True, text=True, cwd=LAMBDA)

    assert "'rooms'" in loaded.stdout
    assert not [name for name in ("connect", "telephony", "boto3") if f"'{name}'" in loaded.stdout]
