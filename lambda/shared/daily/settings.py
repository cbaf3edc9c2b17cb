"""What a deployment decided about its Daily rooms; the API key itself stays in Secrets Manager."""

from dataclasses import dataclass
from typing import Literal, cast

from shared.environment import Reader
from shared.secret_reference import SecretReference

API_URL = "https://api.daily.co/v1"

type Recording = Literal["off", "cloud", "cloud-audio-only", "raw-tracks"]

# A room's name has at most 128 characters (https://docs.daily.co/reference/rest-api/rooms/config), and ours end in a
# hyphen and 32 digits.
_PREFIX = "[a-z0-9][a-z0-9-]{0,94}"


@dataclass(frozen=True, kw_only=True)
class DailySettings:
    """`secret` is JSON `{"apiKey", "domainId", "webhookHmac"}`; `api_url` has no trailing slash.

    A room is named `{room_prefix}-` and 32 hexadecimal digits, and lives `session_seconds`. `geo` is the region of its
    media server, empty where Daily is to choose.
    """

    secret: SecretReference
    api_url: str
    room_prefix: str
    session_seconds: int
    max_participants: int
    recording: Recording
    geo: str


def read_daily(*, read: Reader) -> DailySettings:
    """SWITCHBOARD_DAILY_* and DAILY_API_URL; mistakes are collected in `read`."""
    recording = read.text(
        "SWITCHBOARD_DAILY_RECORDING",
        pattern="off|cloud|cloud-audio-only|raw-tracks",
        allowed="off, cloud, cloud-audio-only or raw-tracks",
        default="off",
    )
    return DailySettings(
        secret=read.secret("SWITCHBOARD_DAILY_SECRET_ARN"),
        api_url=read.url("DAILY_API_URL", default=API_URL),
        room_prefix=read.text(
            "SWITCHBOARD_DAILY_ROOM_PREFIX", pattern=_PREFIX, allowed="at most 95 of a-z, 0-9 and hyphen"
        ),
        session_seconds=read.whole_number("SWITCHBOARD_DAILY_SESSION_SECONDS", smallest=60, largest=28_800),
        # https://docs.daily.co/reference/rest-api/rooms/config: more than 200 by arrangement only.
        max_participants=read.whole_number("SWITCHBOARD_DAILY_MAX_PARTICIPANTS", smallest=2, largest=200),
        recording=cast("Recording", recording),
        geo=read.text(
            "SWITCHBOARD_DAILY_GEO", pattern="[a-z0-9-]{0,32}", allowed="one of Daily's regions, as us-east-1"
        ),
    )
