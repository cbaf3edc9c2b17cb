"""A domain's configuration: its id, and where Daily asks for a room when one of its numbers is called.

https://docs.daily.co/reference/rest-api/domain/set-domain-config
"""

import base64
import binascii
import secrets
import uuid
from collections.abc import Mapping
from typing import Any, Final

from local.daily.account import Account, PinlessDialin
from local.daily.errors import DailyError
from local.daily.phones import Phones

_MEMBERS: Final = frozenset(
    {"type", "phone_number", "room_creation_api", "hmac", "name_prefix", "hold_music_url", "timeout_config"}
)


def as_json(account: Account) -> Mapping[str, Any]:
    """Return the configuration as the API shows it."""
    return {
        "domain_name": account.domain,
        "domain_id": account.domain_id,
        "config": {"pinless_dialin": [each.as_json() for each in account.pinless]},
    }


def config_json(dialin: PinlessDialin) -> Mapping[str, Any]:
    """Return one dial-in as `/domain-dialin-config` shows it."""
    return {"id": dialin.id, "type": "pinless_dialin", "config": dialin.as_json()}


async def set_pinless(account: Account, items: object, *, phones: Phones) -> None:
    """Replace all pinless dial-in: what isn't given again is gone, and each webhook gets its test request."""
    if not isinstance(items, list):
        raise DailyError.invalid("pinless_dialin has to be an array")
    account.pinless = []
    for item in items:
        await add_pinless(account, item, phones=phones)


async def add_pinless(account: Account, item: object, *, phones: Phones) -> PinlessDialin:
    """Add one; raise `DailyError` for a number that isn't bought or has a configuration already."""
    if not isinstance(item, dict) or item.keys() - _MEMBERS:
        raise DailyError.invalid(f"a dial-in has {', '.join(sorted(_MEMBERS))} at most")
    number = item.get("phone_number")
    if number is not None and number not in {each.number for each in account.numbers}:
        raise DailyError.invalid("phone_number has to be a number bought from Daily, in E.164 format")
    if number is not None and number in {each.phone_number for each in account.pinless}:
        raise DailyError.invalid("phone_number is used by another configuration")
    url = item.get("room_creation_api")
    if not isinstance(url, str) or not url.startswith(("https://", "http://127.0.0.1", "http://localhost")):
        raise DailyError.invalid("room_creation_api has to be a URL with https")
    dialin = PinlessDialin(
        id=str(uuid.uuid4()),
        phone_number=number,
        room_creation_api=url,
        hmac=_secret(item.get("hmac")),
        name_prefix=item.get("name_prefix"),
        sip_uri=f"{secrets.token_hex(8)}--{len(account.pinless)}@{account.domain}.sip.daily.co",
    )
    account.pinless.append(dialin)
    await phones.test_webhook(account, dialin)
    return dialin


def _secret(given: object) -> str:
    if given is None:
        return base64.b64encode(secrets.token_bytes(32)).decode()
    try:
        if isinstance(given, str) and base64.b64decode(given, validate=True):
            return given
    except binascii.Error:
        pass
    raise DailyError.invalid("hmac has to be a secret in base64")
