"""Administer a running stand-in from a test, over HTTP: it may be the embedded cloud's."""

import ssl
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

import httpx

from local.daily.addresses import agent_environment, api_url


@dataclass(frozen=True, kw_only=True)
class PhoneNumber:
    """A number of the account; its id is the `callerId` of calls out."""

    id: str
    number: str


@dataclass(frozen=True, kw_only=True)
class Account:
    """An account at the stand-in."""

    domain: str
    api_key: str = field(repr=False)
    domain_id: str
    numbers: list[PhoneNumber]


class Admin:
    """What a test may ask of the stand-in at `base_url`: `http://127.0.0.1:PORT/daily`."""

    def __init__(self, base_url: str) -> None:
        self.base_url = base_url
        # There is nothing to verify, and no authority's certificate to be read for it.
        no_tls = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        self._http = httpx.Client(base_url=f"{base_url}/admin/accounts", trust_env=False, verify=no_tls)

    @property
    def api_url(self) -> str:
        """The URL of the REST API."""
        return api_url(self.base_url)

    @property
    def agent_environment(self) -> dict[str, str]:
        """The variables by which an agent gets the stand-in's `daily` module, and that module the stand-in."""
        return agent_environment(self.base_url)

    def add_account(
        self,
        *,
        domain: str | None = None,
        api_key: str | None = None,
        domain_id: str | None = None,
        dial_out: bool = True,
        numbers: Sequence[str | PhoneNumber] = (),
        pinless_seconds: bool = False,
    ) -> Account:
        """Make an account; what isn't given is made up. `pinless_seconds`: webhooks' timestamps in whole seconds."""
        asked = {
            "domain": domain,
            "apiKey": api_key,
            "domainId": domain_id,
            "dialOut": dial_out,
            "numbers": [{"number": each} if isinstance(each, str) else asdict(each) for each in numbers],
            "pinlessSeconds": pinless_seconds,
        }
        made = self._ask("POST", "", asked)
        return Account(
            domain=made["domain"],
            api_key=made["apiKey"],
            domain_id=made["domainId"],
            numbers=[PhoneNumber(**each) for each in made["numbers"]],
        )

    def remove_account(self, account: Account) -> None:
        """Forget an account and all its rooms."""
        self._ask("DELETE", account.domain)

    def rooms(self, account: Account) -> list[dict[str, Any]]:
        """Return the account's rooms, with `participants`, `recording` and `sipEndpoints`."""
        rooms: list[dict[str, Any]] = self._ask("GET", f"{account.domain}/rooms")
        return rooms

    def calls(self, account: Account) -> dict[str, Any]:
        """Return the calls on hold (`held`), and each webhook that was sent with the status of its answer."""
        calls: dict[str, Any] = self._ask("GET", f"{account.domain}/calls")
        return calls

    def joins(self, account: Account) -> list[dict[str, Any]]:
        """Return who has joined: the `room`, the `claims` of the token, and when (`at`); rooms that are gone too."""
        joins: list[dict[str, Any]] = self._ask("GET", f"{account.domain}/joins")
        return joins

    def requests(self, account: Account) -> list[dict[str, Any]]:
        """Return what the account has asked of the REST API: `method`, `path`, and the answer's `status`."""
        requests: list[dict[str, Any]] = self._ask("GET", f"{account.domain}/requests")
        return requests

    def set_batch_member(self, account: Account, name: str) -> None:
        """Let `DELETE /batch/rooms` take its names in `rooms` or in `room_names`, and refuse the other."""
        self._ask("PUT", f"{account.domain}/answers", {"batchMember": name})

    def set_retry_after(self, account: Account, seconds: int | None) -> None:
        """Send a Retry-After with each 429, or none."""
        self._ask("PUT", f"{account.domain}/answers", {"retryAfter": seconds})

    def set_limits(self, account: Account, **per_second: int) -> None:
        """Set `most`, `deletions` or `starts` a second; nothing given: what Daily documents."""
        self._ask("PUT", f"{account.domain}/limits", per_second)

    def set_api_key(self, account: Account, api_key: str) -> None:
        """Replace the key, as an operator does who regenerates it."""
        self._ask("PUT", f"{account.domain}/key", {"apiKey": api_key})

    def fail(self, account: Account, *, status: int, times: int = 1) -> None:
        """Let the next requests be answered with a status."""
        self._ask("PUT", f"{account.domain}/failures", {"status": status, "times": times})

    def close(self) -> None:
        """Close the connections."""
        self._http.close()

    def _ask(self, method: str, path: str, body: Mapping[str, Any] | None = None) -> Any:
        answer = self._http.request(method, f"/{path}".rstrip("/"), json=body if body is not None else {})
        answer.raise_for_status()
        return answer.json()
