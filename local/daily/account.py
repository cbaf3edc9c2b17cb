"""Accounts with Daily: a domain, its API key, its phone numbers, its rooms and how many requests it may make."""

import secrets
import uuid
from dataclasses import dataclass, field
from http import HTTPStatus

from local.daily.errors import DailyError
from local.daily.limits import RequestLimits
from local.daily.room import Room


@dataclass(frozen=True, kw_only=True)
class PhoneNumber:
    """A number bought from Daily; `id` is what `callerId` takes."""

    id: str
    number: str


@dataclass(kw_only=True)
class PinlessDialin:
    """Where Daily asks for a room when a number is called; `hmac` is the secret in base64."""

    id: str
    phone_number: str | None
    room_creation_api: str
    hmac: str = field(repr=False)
    name_prefix: str | None
    sip_uri: str

    def as_json(self) -> dict[str, object]:
        """Return it as the domain's configuration shows it."""
        shown = {
            "phone_number": self.phone_number,
            "room_creation_api": self.room_creation_api,
            "hmac": self.hmac,
            "name_prefix": self.name_prefix,
            "sip_uri": self.sip_uri,
        }
        return {name: value for name, value in shown.items() if value is not None}


@dataclass(kw_only=True)
class Account:
    """One domain. `call_domain` is its id in the SIP network, which webhooks call `callDomain`.

    The last members are for tests: how this account's requests are answered, and what came of them.
    """

    domain: str
    api_key: str = field(default_factory=lambda: secrets.token_hex(32), repr=False)
    domain_id: str = field(default_factory=lambda: str(uuid.uuid4()))
    call_domain: str = field(default_factory=lambda: str(uuid.uuid4()))
    dial_out: bool = True
    pinless_seconds: bool = False
    numbers: list[PhoneNumber] = field(default_factory=list)
    pinless: list[PinlessDialin] = field(default_factory=list)
    limits: RequestLimits = field(default_factory=RequestLimits)
    rooms: dict[str, Room] = field(default_factory=dict)
    batch_member: str = "room_names"
    retry_after: int | None = None
    failures: list[int] = field(default_factory=list)
    requests: list[dict[str, object]] = field(default_factory=list)
    joins: list[dict[str, object]] = field(default_factory=list)

    def room(self, name: str, *, now: float) -> Room:
        """Return a room; raise `DailyError` where there is none, or none any more."""
        room = self.rooms.get(name)
        if room is None or room.has_expired(now):
            raise DailyError.not_found(f"room {name} does not exist")
        return room

    def open_rooms(self, *, now: float) -> list[Room]:
        """Return the rooms that have not expired, the newest first."""
        rooms = [room for room in self.rooms.values() if not room.has_expired(now)]
        return sorted(rooms, key=lambda room: room.order, reverse=True)

    def caller_number(self, caller_id: object) -> str:
        """Return the number behind a `callerId`, by default the oldest; raise `DailyError` where it is none of ours."""
        if not self.numbers:
            raise DailyError.invalid("this domain has no phone number to call from")
        if caller_id is None:
            return self.numbers[0].number
        for each in self.numbers:
            if each.id == caller_id:
                return each.number
        raise DailyError.invalid("callerId has to be the id of a number that this domain has bought")


class Accounts:
    """All accounts."""

    def __init__(self) -> None:
        self._by_domain: dict[str, Account] = {}

    def add(self, account: Account) -> None:
        """Add an account; ValueError where its domain or its key is taken."""
        if account.domain in self._by_domain or self.with_key(account.api_key):
            raise ValueError(f"There is an account with the domain {account.domain} or with its key already.")
        self._by_domain[account.domain] = account

    def remove(self, domain: str) -> None:
        """Forget an account."""
        self._by_domain.pop(domain, None)

    def named(self, domain: str) -> Account | None:
        """Return the account with a domain."""
        return self._by_domain.get(domain)

    def with_key(self, api_key: str) -> Account | None:
        """Return the account with an API key."""
        return next((each for each in self._by_domain.values() if each.api_key == api_key), None)

    def with_pinless_number(self, number: str) -> tuple[Account, PinlessDialin] | None:
        """Return whom a call to a number is for."""
        for account in self._by_domain.values():
            for each in account.pinless:
                if each.phone_number == number:
                    return account, each
        return None


def authenticate(accounts: Accounts, authorization: str | None) -> Account:
    """Return who asks; raise `DailyError` as Daily does: 400 without a bearer, 401 with a key that isn't valid.

    https://docs.daily.co/docs/rest-api/authentication
    """
    scheme, _, key = (authorization or "").partition(" ")
    if scheme != "Bearer" or not key:
        raise DailyError(HTTPStatus.BAD_REQUEST, "authorization-header-error")
    account = accounts.with_key(key)
    if account is None:
        raise DailyError(HTTPStatus.UNAUTHORIZED, "authentication-error")
    return account
