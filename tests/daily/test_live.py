"""A call in a room at Daily itself, with Daily's own library on both sides: what no stand-in proves.

It needs an account's API key and a network that lets WebRTC out, and costs a few participant-minutes.
"""

import asyncio
import json
import os
import secrets
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from shared.credentials import Credentials
from shared.daily import key as daily_key
from shared.daily.key import DailyKey
from shared.daily.rooms import Room, create_room, delete_room, find_room
from shared.daily.settings import API_URL, DailySettings
from shared.daily.tokens import room_token
from shared.secret_reference import SecretReference
from tests.agent_image.agent_process import run_agent

API_KEY = os.environ.get("DAILY_API_KEY", "")
CALL_SECONDS = 180.0

pytestmark = [
    pytest.mark.daily_api_key,
    pytest.mark.skipif(
        not API_KEY,
        reason="NOT RUN, so nothing here has met Daily itself: its media servers, its codecs, its own checks of rooms "
        "and tokens. DAILY_API_KEY=… pytest tests/daily runs it, with the API key of an account at https://daily.co",
    ),
]


@pytest.fixture
def settings(monkeypatch: pytest.MonkeyPatch) -> DailySettings:
    """The product's settings for the account of the key, which is in no Secrets Manager here."""
    domain = httpx.get(f"{API_URL}/", headers={"Authorization": f"Bearer {API_KEY}"}).raise_for_status().json()
    arn = "arn:aws:secretsmanager:us-east-1:123456789012:secret:live-AbCdEf"
    key = DailyKey(api_key=API_KEY, domain_id=domain["domain_id"])
    monkeypatch.setitem(daily_key._cache, arn, (time.time(), key))
    return DailySettings(
        secret=SecretReference(arn=arn, region="us-east-1", endpoint_url="https://secretsmanager.invalid"),
        api_url=API_URL,
        room_prefix="switchboard-live-test",
        session_seconds=600,
        max_participants=4,
        recording="off",
        geo="",
    )


class Session:
    """One room of the product's own making; deleted whatever happens."""

    def __init__(self, settings: DailySettings) -> None:
        self.id = secrets.token_hex(48)
        self.settings = settings
        self.credentials = Credentials(access_key="none", secret_key="none")
        self.room: Room = create_room(
            session_id=self.id, daily=settings, credentials=self.credentials, deadline=time.monotonic() + 20
        )

    def token(self, role: Any) -> str:
        return room_token(room=self.room, daily=self.settings, credentials=self.credentials, role=role, name=str(role))

    def delete(self) -> bool:
        deadline = time.monotonic() + 20
        return delete_room(session_id=self.id, daily=self.settings, credentials=self.credentials, deadline=deadline)

    def is_there(self) -> bool:
        deadline = time.monotonic() + 20
        found = find_room(session_id=self.id, daily=self.settings, credentials=self.credentials, deadline=deadline)
        return found is not None


@pytest.fixture
def session(settings: DailySettings) -> Iterator[Session]:
    session = Session(settings)
    yield session
    session.delete()


async def test_a_call_at_daily_itself(session: Session, tmp_path: Path) -> None:
    join = {
        "type": "join",
        "roomUrl": session.room.url,
        "token": session.token("agent"),
        "expires": session.room.expires,
        "body": {},
        "caller": "",
        "phone": None,
    }
    log = tmp_path / "agent.log"
    async with run_agent(log=log, SWITCHBOARD_ROOMS_FUNCTION="none", AWS_REGION="us-east-1") as agent:
        await agent.ready()
        answer = await agent.http.post("/invocations", json=join, timeout=30)
        assert answer.json() == {}, answer.text
        report = await call(session, wav=tmp_path / "call.wav")
        assert report["exit_code"] == 0, f"{report['errors']}\n{agent.log.read_text()}"
        assert all(turn["answer_heard"] for turn in report["call"]["turns"])
        assert report["call"]["ended_by"] == "bot"
        for secret in (API_KEY, join["token"]):
            assert str(secret) not in agent.log.read_text()
    assert session.is_there()
    assert session.delete()
    assert not session.is_there()


async def call(session: Session, *, wav: Path) -> dict[str, Any]:
    """What the caller's process prints."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "tests.daily.live_caller"),
        cwd=Path(__file__).parents[2],
        env={
            "PATH": os.environ["PATH"],
            "DAILY_ROOM_URL": session.room.url,
            "DAILY_TOKEN": session.token("caller"),
            "DAILY_WAV": str(wav),
        },
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    async with asyncio.timeout(CALL_SECONDS):
        printed, problems = await process.communicate()
    assert printed, problems.decode()
    report: dict[str, Any] = json.loads(printed)
    return report
