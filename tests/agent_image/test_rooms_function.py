"""What the agent tells the rooms function, through Lambda's API."""

import asyncio
from collections.abc import AsyncIterator
from http import HTTPStatus
from pathlib import Path

import pytest
import pytest_asyncio

import daily_room.rooms_function as module
import role_credentials
from daily_room.rooms_function import RoomsFunction, RoomsFunctionError
from tests.agent_image.rooms_function_stand_in import NAME, RoomsFunctionStandIn
from tests.models.stand_in import REGION

CALLER = {"callId": "call-1", "callDomain": "domain-1", "sipUri": "sip:room@daily.example"}


@pytest_asyncio.fixture
async def function(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[RoomsFunctionStandIn]:
    role_credentials.aws_session.cache_clear()
    monkeypatch.setattr(module, "_NOTICE_SECONDS", 60.0)  # which a busy machine may need
    async with RoomsFunctionStandIn.run(folder=tmp_path) as stand_in:
        for name, value in stand_in.environment().items():
            monkeypatch.setenv(name, value)
        yield stand_in
    role_credentials.aws_session.cache_clear()


def rooms(*, session_id: str | None = "session-1") -> RoomsFunction:
    return RoomsFunction(name=NAME, region=REGION, session_id=session_id)


async def connect(rooms: RoomsFunction) -> None:
    await rooms.connect_caller(call_id="call-1", call_domain="domain-1", sip_uri="sip:room@daily.example")


async def test_the_end_of_a_session_is_an_event_that_is_sent_again_when_lambda_is_busy(
    function: RoomsFunctionStandIn,
) -> None:
    function.refusing = [HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.SERVICE_UNAVAILABLE]
    await rooms().end_session()

    assert function.events == [{"type": "session-ended", "sessionId": "session-1"}]
    assert len(function.requests) == 3


async def test_without_a_session_there_is_nothing_to_end(function: RoomsFunctionStandIn) -> None:
    await rooms(session_id=None).end_session()

    assert function.requests == []


async def test_statuses_come_in_their_order_and_before_the_end(function: RoomsFunctionStandIn) -> None:
    function.refusing = [HTTPStatus.SERVICE_UNAVAILABLE]  # which holds up the first
    told = rooms()
    for status in ("ringing", "answered", "completed"):
        told.report_status("call-1", status)
    await told.end_session()

    assert function.statuses() == ["ringing", "answered", "completed"]
    assert function.kinds()[-1] == "session-ended"
    assert function.events[0] == {
        "type": "call-status", "sessionId": "session-1", "call": "call-1", "status": "ringing"
    }  # fmt: skip


async def test_a_caller_is_put_through_and_what_fails_is_an_error(function: RoomsFunctionStandIn) -> None:
    await connect(rooms())
    assert function.events == [{"type": "dialin-ready", "sessionId": "session-1", **CALLER}]

    function.failing_types = {"dialin-ready"}
    with pytest.raises(RoomsFunctionError, match="the function failed; its log says why"):
        await connect(rooms())
    assert len(function.requests) == 2, "what failed in the function is not tried again"


async def test_a_refusal_is_logged_without_the_request_and_holds_up_nothing(
    function: RoomsFunctionStandIn, caplog: pytest.LogCaptureFixture
) -> None:
    function.failing = "refused"
    await rooms().end_session()

    assert caplog.messages == [
        "the rooms function can't be told session-ended: Lambda answered 403 AccessDeniedException"
    ]
    assert len(function.requests) == 1


async def test_a_network_that_hangs_holds_up_the_end_for_seconds_only(
    function: RoomsFunctionStandIn, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(module, "_NOTICE_SECONDS", 0.2)
    async with await asyncio.start_server(lambda *_: None, "127.0.0.1", 0) as silent:
        monkeypatch.setenv("AWS_ENDPOINT_URL_LAMBDA", f"https://127.0.0.1:{silent.sockets[0].getsockname()[1]}")
        async with asyncio.timeout(30):
            await rooms().end_session()

    assert "the rooms function can't be told session-ended: no answer within 0.2 s" in caplog.messages
