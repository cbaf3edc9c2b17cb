"""Meeting tokens: what lets one participant into one room, signed here with the API key and asked of nobody.

https://docs.daily.co/docs/guides/privacy-and-security/self-signing-tokens names the claims.
"""

import secrets
import time
from typing import Final, Literal

import jwt

from shared.credentials import Credentials
from shared.daily.key import daily_key
from shared.daily.rooms import Room
from shared.daily.settings import DailySettings

type Role = Literal["agent", "caller", "guest"]

AGENT_USER_ID: Final = "agent"
"""What presence calls an agent; nobody else gets a token of this user."""


def room_token(*, room: Room, daily: DailySettings, credentials: Credentials, role: Role, name: str) -> str:
    """A token for this room, until its end; only the agent owns the room, and records it where that is wanted.

    `name` is what the others in the room see. Raises `ApiError` as `daily_key` does.
    """
    key = daily_key(daily=daily, credentials=credentials)
    claims: dict[str, object] = {
        "r": room.name,
        "d": key.domain_id,
        "iat": int(time.time()),
        "exp": room.expires,
        "ejt": True,
        "o": role == "agent",
        "u": name,
        "ud": f"guest-{secrets.token_hex(4)}" if role == "guest" else role,
    }
    if role == "agent" and daily.recording != "off":
        claims |= {"sr": True, "er": daily.recording}
    return jwt.encode(claims, key.api_key, algorithm="HS256")
