"""The functions before the stand-in of the embedded cloud, whose room lets in only whom a token lets in."""

import asyncio
from collections.abc import Iterator

import pytest

from local.daily.admin_client import Account, Admin
from local.daily.participant import NotAdmittedError, Participant
from local.daily.stand_in import serve
from rooms import sweep as sweep_module
from rooms.settings import load_settings
from rooms.sweep import sweep
from shared.credentials import load_credentials
from shared.daily import key
from tests.connect.aws_stub import AwsStub
from tests.connect.conftest import CREDENTIALS, VARIABLES, Function
from tests.connect.conftest import function as function  # the fixture
from tests.rooms.daily_stub import DAILY_SECRET, DAILY_VARIABLES, daily_secret


@pytest.fixture
def stand_in() -> Iterator[Admin]:
    with serve() as admin:
        yield admin


@pytest.fixture
def account(stand_in: Admin) -> Account:
    return stand_in.add_account(domain="acme")


@pytest.fixture
def connected(
    function: Function, stand_in: Admin, account: Account, aws: AwsStub, monkeypatch: pytest.MonkeyPatch
) -> Function:
    """The connect function of a deployment whose Daily is the stand-in, before an agent that takes every call."""
    aws.other_secrets[DAILY_SECRET] = daily_secret(api_key=account.api_key, domain_id=account.domain_id)
    variables = {**DAILY_VARIABLES, "SWITCHBOARD_TRANSPORTS": "daily", "DAILY_API_URL": stand_in.api_url}
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(key, "_cache", {})
    return function


def sweep_now(*, stand_in: Admin, aws: AwsStub, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setattr(sweep_module, "MIN_AGE_SECONDS", 0)
    variables = {**VARIABLES, **DAILY_VARIABLES, "DAILY_API_URL": stand_in.api_url, "AWS_REGION": "eu-west-1"}
    settings = load_settings(environ={**variables, "AWS_ENDPOINT_URL": aws.url})
    return sweep(event={}, settings=settings, credentials=load_credentials(environ=CREDENTIALS))


async def test_agent_caller_and_guest_meet_and_the_sweep_clears_up_after_a_killed_agent(
    connected: Function, stand_in: Admin, account: Account, aws: AwsStub, monkeypatch: pytest.MonkeyPatch
) -> None:
    started = await asyncio.to_thread(connected.start_daily)
    invited = await asyncio.to_thread(connected.invite, started.session_id, {"name": "Ümit"})
    url, agents_token = started.body["dailyRoom"], aws.invoke_requests[0].message["token"]
    base = stand_in.base_url

    with pytest.raises(NotAdmittedError):
        async with Participant.join(base, room_url=url):
            pass
    async with (
        Participant.join(base, room_url=url, token=started.body["dailyToken"]) as caller,
        Participant.join(base, room_url=invited.body["dailyRoom"], token=invited.body["dailyToken"]) as guest,
    ):
        async with Participant.join(base, room_url=url, token=agents_token) as agent:
            assert [person.info["isOwner"] for person in (agent, caller, guest)] == [True, False, False]
            assert [person.info["userName"] for person in (agent, caller, guest)] == ["Agent", "Caller", "Ümit"]
            note = await asyncio.to_thread(sweep_now, stand_in=stand_in, aws=aws, monkeypatch=monkeypatch)
            assert (note, len(stand_in.rooms(account))) == ("0 rooms deleted", 1)
        await caller.event("participant-left")
        note = await asyncio.to_thread(sweep_now, stand_in=stand_in, aws=aws, monkeypatch=monkeypatch)
        assert (note, stand_in.rooms(account)) == ("1 rooms deleted", [])
        for person in (caller, guest):
            assert (await person.event("ejected"))["reason"] == "ejected"


async def test_a_caller_s_end_of_the_session_ends_its_room(
    connected: Function, stand_in: Admin, account: Account
) -> None:
    started = await asyncio.to_thread(connected.start_daily)
    await asyncio.to_thread(connected.stop, started.session_id)

    assert stand_in.rooms(account) == []
    with pytest.raises(NotAdmittedError):
        async with Participant.join(
            stand_in.base_url, room_url=started.body["dailyRoom"], token=started.body["dailyToken"]
        ):
            pass
    assert (await asyncio.to_thread(connected.invite, started.session_id)).code == "session_over"
