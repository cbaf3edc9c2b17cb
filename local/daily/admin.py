"""What tests ask of the stand-in that Daily has no API for: accounts, limits, failures, and what is there."""

import json
from collections.abc import Callable, Mapping
from http import HTTPStatus
from typing import Any
from uuid import uuid4

from local.daily.account import Account, Accounts, PhoneNumber
from local.daily.limits import RequestClass, RequestLimits
from local.daily.phones import Phones
from local.daily.room import Room


class Admin:
    """Answers below `/admin`; it is for this machine only, and asks nobody who they are."""

    def __init__(self, *, accounts: Accounts, phones: Phones) -> None:
        self._accounts = accounts
        self._phones = phones
        self._answers: Mapping[tuple[str, str], Callable[[Account, dict[str, Any]], Any]] = {
            ("GET", ""): self._show,
            ("DELETE", ""): self._remove,
            ("GET", "rooms"): self._rooms,
            ("GET", "calls"): self._calls,
            ("GET", "joins"): lambda account, _asked: account.joins,
            ("GET", "requests"): lambda account, _asked: account.requests,
            ("PUT", "answers"): self._set_answers,
            ("PUT", "limits"): self._set_limits,
            ("PUT", "key"): self._set_key,
            ("PUT", "failures"): self._set_failures,
        }

    def answer(self, *, method: str, path: str, body: bytes) -> tuple[HTTPStatus, Any]:
        """Answer a request: `accounts`, or `accounts/DOMAIN` and what of it."""
        first, _, rest = path.strip("/").partition("/")
        domain, _, what = rest.partition("/")
        asked = json.loads(body) if body else {}
        if first != "accounts" or (not domain and method != "POST"):
            return HTTPStatus.NOT_FOUND, {"error": f"there is no {method} {path}"}
        if not domain:
            return self._add(asked)
        account, answer = self._accounts.named(domain), self._answers.get((method, what))
        if account is None or answer is None:
            return HTTPStatus.NOT_FOUND, {"error": f"there is no {method} {path}"}
        return HTTPStatus.OK, answer(account, asked)

    def _add(self, asked: Mapping[str, Any]) -> tuple[HTTPStatus, Any]:
        """Make an account; what isn't given is made up."""
        given = {
            name: asked[key]
            for key, name in (("apiKey", "api_key"), ("domainId", "domain_id"))
            if asked.get(key) is not None
        }
        account = Account(
            domain=asked.get("domain") or f"domain-{uuid4().hex[:8]}",
            dial_out=asked.get("dialOut", True),
            pinless_seconds=asked.get("pinlessSeconds", False),
            numbers=[
                PhoneNumber(id=each.get("id") or str(uuid4()), number=each["number"])
                for each in asked.get("numbers", [])
            ],
            **given,
        )
        try:
            self._accounts.add(account)
        except ValueError as error:
            return HTTPStatus.CONFLICT, {"error": str(error)}
        return HTTPStatus.CREATED, self._show(account, {})

    def _show(self, account: Account, _asked: object) -> Mapping[str, Any]:
        return {
            "domain": account.domain,
            "apiKey": account.api_key,
            "domainId": account.domain_id,
            "callDomain": account.call_domain,
            "numbers": [{"id": each.id, "number": each.number} for each in account.numbers],
        }

    def _remove(self, account: Account, _asked: object) -> Mapping[str, Any]:
        self._accounts.remove(account.domain)
        return {}

    def _rooms(self, account: Account, _asked: object) -> list[Mapping[str, Any]]:
        return [_room(room) for room in account.rooms.values()]

    def _calls(self, account: Account, _asked: object) -> Mapping[str, Any]:
        webhooks = [{"call": call, "status": status} for call, status in self._phones.webhooks]
        return {"held": self._phones.on_hold(account), "webhooks": webhooks}

    def _set_limits(self, account: Account, asked: Mapping[str, int]) -> Mapping[str, Any]:
        """Set a class's requests a second; an empty object brings back what is documented."""
        if not asked:
            account.limits = RequestLimits()
        for name, per_second in asked.items():
            account.limits.set(RequestClass(name), per_second=per_second)
        return {}

    def _set_key(self, account: Account, asked: Mapping[str, str]) -> Mapping[str, Any]:
        """Replace the API key: what was signed with the old one opens nothing any more."""
        account.api_key = asked["apiKey"]
        return self._show(account, {})

    def _set_answers(self, account: Account, asked: Mapping[str, Any]) -> Mapping[str, Any]:
        """Choose between what Daily's documentation leaves open."""
        account.batch_member = asked.get("batchMember", account.batch_member)
        account.retry_after = asked.get("retryAfter", account.retry_after)
        return {}

    def _set_failures(self, account: Account, asked: Mapping[str, int]) -> Mapping[str, Any]:
        """Answer the next requests with a status."""
        account.failures = [asked["status"]] * asked.get("times", 1)
        return {}


def _room(room: Room) -> Mapping[str, Any]:
    return {
        **room.as_json(),
        "participants": room.meeting.as_json(),
        "recording": room.meeting.recording,
        "sipEndpoints": room.sip_endpoints,
    }
