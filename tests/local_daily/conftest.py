"""One stand-in for all tests of this folder, and an account of its own for each."""

import ssl
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import httpx
import pytest

from local.daily import tokens
from local.daily.admin_client import Account, Admin
from local.daily.stand_in import serve

NUMBER = "+15550100001"
# There is nothing to verify, and no authority's certificate to be read for each client.
NO_TLS = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)


@dataclass(frozen=True)
class Daily:
    """An account, a client of its REST API, and what a program with its key can make."""

    admin: Admin
    account: Account
    http: httpx.Client

    @property
    def base_url(self) -> str:
        return self.admin.base_url

    def make_room(self, name: str = "a-room", *, privacy: str = "private", **properties: object) -> dict[str, Any]:
        answer = self.http.post("/rooms", json={"name": name, "privacy": privacy, "properties": properties})
        assert answer.status_code == 200, answer.text
        room: dict[str, Any] = answer.json()
        return room

    def token(self, *, room: str | None = "a-room", api_key: str | None = None, **claims: object) -> str:
        """A token for a caller; claims that are None are left out."""
        now = int(time.time())
        all_claims: Mapping[str, object] = {
            "r": room, "d": self.account.domain_id, "iat": now, "exp": now + 600, "o": False, **claims,
        }  # fmt: skip
        given = {name: value for name, value in all_claims.items() if value is not None}
        return tokens.sign(given, api_key=api_key or self.account.api_key)

    def people(self, room: str = "a-room") -> list[str]:
        """The user ids of those in a room."""
        (found,) = [each for each in self.admin.rooms(self.account) if each["name"] == room]
        return [each["userId"] for each in found["participants"]]


@pytest.fixture(scope="session")
def stand_in() -> Iterator[Admin]:
    with serve() as admin:
        yield admin


@pytest.fixture
def daily(stand_in: Admin) -> Iterator[Daily]:
    account = stand_in.add_account(numbers=[NUMBER])
    headers = {"Authorization": f"Bearer {account.api_key}"}
    with httpx.Client(base_url=stand_in.api_url, headers=headers, trust_env=False, verify=NO_TLS) as http:
        yield Daily(admin=stand_in, account=account, http=http)
    stand_in.remove_account(account)
