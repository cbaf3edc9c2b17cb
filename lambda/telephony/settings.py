"""The function's one look at its environment, taken once; a wrong deployment fails here with every mistake named."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal, cast

from shared.environment import Reader, SettingsError
from shared.runtime import RuntimeTarget, read_runtime
from shared.secret_reference import SecretReference

if TYPE_CHECKING:
    from shared.daily.settings import DailySettings

__all__ = [
    "API_URLS",
    "CARRIERS",
    "MAX_SPOKEN_CHARACTERS",
    "RELAYED",
    "Relay",
    "Settings",
    "SettingsError",
    "daily_of",
    "load_settings",
]

API_URLS = {
    "vonage": "https://api.nexmo.com",
    "twilio": "https://api.twilio.com",
    "telnyx": "https://api.telnyx.com",
    "plivo": "https://api.plivo.com",
}
"""The carriers that stream, and the public hosts of their REST APIs."""

CARRIERS = (*API_URLS, "daily")
"""All carriers; the last one's calls come into rooms, and its API is `shared.daily`'s."""

RELAYED = frozenset({"twilio"})
"""Carriers that strip the query from a stream's URL, and with it AgentCore's signature."""

MAX_SPOKEN_CHARACTERS = 240
"""Of an announcement or a recording sentence: 12 to 30 s of speech, which the way into the session must outlive."""

type Recording = Literal["off", "announced", "consent"]

_CARRIERS = "({0})(,({0}))*".format("|".join(CARRIERS))
_E164 = r"\+[1-9][0-9]{6,14}"
_UUID = "[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}"
_NUMBERS = {"daily": (_UUID, "Daily's id of a number, a UUID in lower case")}
_TRANSFER_TO = rf'({_E164}|sips?:[^\s<>"]{{3,200}})?'
_COUNTRIES = "([A-Z]{2}(,[A-Z]{2})*)?"
_HOURS = "([01][0-9]|2[0-3]):[0-5][0-9]"
# RFC 6749, 3.3: a scope's characters.
_SCOPE = r"[!#-\[\]-~]{1,256}"


@dataclass(frozen=True, kw_only=True)
class Relay:
    """The service that streams of `RELAYED` carriers go through: its `wss://` URL, and the key of its tokens."""

    url: str
    key: SecretReference


@dataclass(frozen=True, kw_only=True)
class Settings:
    """What the deployment decided.

    `secrets` and `numbers` are by carrier; a carrier without a number places no calls, and what is about placing calls
    (the last fields) is asked for only where one has a number. Numbers are in E.164; Daily's is its own id of one,
    since Daily takes nothing else. `daily` is there with that carrier only, and `api_urls` have all the others.
    `public_url` is what carriers call, and sign. Texts are empty where there is nothing to say, and `transfer_to` where
    nobody takes a call over.
    """

    runtime: RuntimeTarget
    session_key: SecretReference
    presigned_url_lifetime_seconds: int
    public_url: str
    carriers: tuple[str, ...]
    secrets: Mapping[str, SecretReference]
    api_urls: Mapping[str, str]
    call_table_name: str
    call_table_region: str
    dynamodb_url: str
    relay: Relay | None
    transfer_to: str = field(repr=False)
    announcement: str
    recording: Recording
    recording_sentence: str
    language: str
    max_call_seconds: int
    daily: "DailySettings | None"
    authenticated: bool
    numbers: Mapping[str, str] = field(repr=False)
    machine_detection: bool
    allowed_countries: tuple[str, ...]
    calls_per_minute: int
    calls_per_minute_per_caller: int
    quiet_hours: str
    calls_scope: str

    def api_url(self, carrier: str) -> str:
        """The base URL of a carrier's REST API, without a trailing slash."""
        return self.api_urls[carrier]


def daily_of(settings: Settings) -> "DailySettings":
    """What was decided about rooms, in a deployment that has carrier daily."""
    if settings.daily is None:
        raise SettingsError("carrier daily is used where SWITCHBOARD_CARRIERS has none")
    return settings.daily


def load_settings(*, environ: Mapping[str, str]) -> Settings:
    """Read and check the environment variables; raises `SettingsError` with all mistakes at once."""
    read = Reader(environ=environ)
    carriers = _carriers(read=read)
    numbers = _numbers(read=read, carriers=carriers)
    recording = _recording(read=read)
    region = read.text("AWS_REGION", pattern="[a-z0-9-]{1,32}", allowed="a region's name, which Lambda sets")
    settings = Settings(
        runtime=read_runtime(read=read),
        session_key=read.secret("SWITCHBOARD_SESSION_KEY_SECRET_ARN"),
        # AgentCore's own client signs for 300 s at most (bedrock_agentcore, MAX_PRESIGNED_URL_TIMEOUT).
        presigned_url_lifetime_seconds=read.whole_number("SWITCHBOARD_PRESIGNED_URL_LIFETIME_SECONDS", largest=300),
        public_url=read.url("SWITCHBOARD_PUBLIC_URL", default=""),
        carriers=carriers,
        secrets={name: read.secret(f"SWITCHBOARD_{name.upper()}_SECRET_ARN") for name in carriers},
        api_urls=_api_urls(read=read, carriers=carriers),
        call_table_name=_table_name(read=read),
        call_table_region=region,
        dynamodb_url=read.endpoint("DynamoDB", host_prefix="dynamodb", region=region),
        relay=_relay(read=read) if RELAYED & set(carriers) else None,
        transfer_to=_transfer_to(read=read),
        announcement=_spoken(read=read, name="SWITCHBOARD_ANNOUNCEMENT", fewest=0),
        recording=recording,
        recording_sentence=_spoken(read=read, name="SWITCHBOARD_RECORDING_SENTENCE", fewest=int(recording != "off")),
        language=_language(read=read),
        max_call_seconds=read.whole_number("SWITCHBOARD_MAX_CALL_SECONDS", largest=3600),
        daily=_daily(read=read) if "daily" in carriers else None,
        authenticated=_authorizer(read=read) != "none",
        numbers=numbers,
        machine_detection=bool(numbers) and _machine_detection(read=read) == "on",
        allowed_countries=_allowed_countries(read=read) if numbers else (),
        calls_per_minute=_rate(read=read, name="SWITCHBOARD_CALLS_PER_MINUTE") if numbers else 0,
        calls_per_minute_per_caller=_rate(read=read, name="SWITCHBOARD_CALLS_PER_MINUTE_PER_CALLER") if numbers else 0,
        quiet_hours=_quiet_hours(read=read) if numbers else "off",
        calls_scope=_scope(read=read) if numbers else "",
    )
    read.raise_problems()
    return settings


def _carriers(*, read: Reader) -> tuple[str, ...]:
    names = read.text("SWITCHBOARD_CARRIERS", pattern=_CARRIERS, allowed=f"a comma list of {', '.join(CARRIERS)}")
    return tuple(names.split(",")) if names else ()


def _api_urls(*, read: Reader, carriers: tuple[str, ...]) -> dict[str, str]:
    return {name: read.url(f"{name.upper()}_API_URL", default=API_URLS[name]) for name in carriers if name in API_URLS}


def _numbers(*, read: Reader, carriers: tuple[str, ...]) -> dict[str, str]:
    numbers = {name: _number(read=read, carrier=name) for name in carriers}
    return {name: number for name, number in numbers.items() if number}


def _number(*, read: Reader, carrier: str) -> str:
    pattern, allowed = _NUMBERS.get(carrier, (_E164, "a number in E.164"))
    return read.text(f"SWITCHBOARD_{carrier.upper()}_NUMBER", pattern=f"({pattern})?", allowed=allowed)


def _daily(*, read: Reader) -> "DailySettings":
    from shared.daily.settings import read_daily  # here, so that a deployment without rooms doesn't wait for it

    return read_daily(read=read)


def _recording(*, read: Reader) -> Recording:
    value = read.text(
        "SWITCHBOARD_RECORDING", pattern="off|announced|consent", allowed="off, announced or consent", default="off"
    )
    return cast("Recording", value)


def _spoken(*, read: Reader, name: str, fewest: int) -> str:
    return read.text(
        name,
        pattern=f".{{{fewest},{MAX_SPOKEN_CHARACTERS}}}",
        allowed=f"a text of {fewest} to {MAX_SPOKEN_CHARACTERS} characters in one line",
    )


def _relay(*, read: Reader) -> Relay:
    return Relay(
        url=read.text(
            "SWITCHBOARD_RELAY_URL",
            pattern=r"wss://[A-Za-z0-9.-]+(:[0-9]{1,5})?",
            allowed="wss:// with a host, and at most a port",
        ),
        key=read.secret("SWITCHBOARD_RELAY_KEY_SECRET_ARN"),
    )


def _allowed_countries(*, read: Reader) -> tuple[str, ...]:
    codes = read.text(
        "SWITCHBOARD_ALLOWED_COUNTRIES", pattern=_COUNTRIES, allowed="a comma list of ISO 3166 codes, as US,CA"
    )
    return tuple(codes.split(",")) if codes else ()


def _scope(*, read: Reader) -> str:
    return read.text("SWITCHBOARD_CALLS_SCOPE", pattern=_SCOPE, allowed="the scope that POST /calls needs")


def _table_name(*, read: Reader) -> str:
    return read.text("SWITCHBOARD_CALL_TABLE_NAME", pattern="[A-Za-z0-9_.-]{3,255}", allowed="a DynamoDB table's name")


def _transfer_to(*, read: Reader) -> str:
    return read.text(
        "SWITCHBOARD_TRANSFER_TO", pattern=_TRANSFER_TO, allowed="a number in E.164, as +15551234567, or a sip: URI"
    )


def _language(*, read: Reader) -> str:
    return read.text(
        "SWITCHBOARD_LANGUAGE",
        pattern="[a-z]{2,3}(-[A-Za-z0-9]{2,8}){0,3}",
        allowed="a BCP 47 tag, as en-US",
        default="en-US",
    )


def _authorizer(*, read: Reader) -> str:
    return read.text(
        "SWITCHBOARD_AUTHORIZER", pattern="cognito|oidc|none", allowed="cognito, oidc or none", default="cognito"
    )


def _machine_detection(*, read: Reader) -> str:
    return read.text("SWITCHBOARD_MACHINE_DETECTION", pattern="on|off", allowed="on or off", default="off")


def _rate(*, read: Reader, name: str) -> int:
    return read.whole_number(name, largest=100_000)


def _quiet_hours(*, read: Reader) -> str:
    return read.text(
        "SWITCHBOARD_QUIET_HOURS", pattern=f"off|{_HOURS}-{_HOURS}", allowed="off, or hours as 21:00-08:00"
    )
