"""Where the ICE servers of WebRTC come from, as the deployment decided: one class a source."""

from dataclasses import dataclass

from shared.environment import Reader, region_of
from shared.secret_reference import SecretReference

_CHANNEL_PREFIX = r"arn:aws(-us-gov)?:kinesisvideo:[a-z0-9-]+:\d{12}:channel/[A-Za-z0-9_.-]+"
_TURN_URL = r"turns?:[A-Za-z0-9.-]+(:[0-9]{1,5})?(\?transport=(udp|tcp))?"
_ICE_URL = rf"(stun:[A-Za-z0-9.-]+(:[0-9]{{1,5}})?|{_TURN_URL})"

CLOUDFLARE_URL = "https://rtc.live.cloudflare.com"
TWILIO_URL = "https://api.twilio.com"


@dataclass(frozen=True, kw_only=True)
class KvsTurn:
    """Credentials from the Kinesis Video Streams signaling channels with these ARNs, all in one region.

    An answer may serve further callers for `reuse_seconds`; 0 asks for each call.
    """

    channel_arns: tuple[str, ...]
    region: str
    endpoint_url: str
    reuse_seconds: int


@dataclass(frozen=True, kw_only=True)
class FixedTurn:
    """Servers with one username and credential for all: `secret` is JSON `{"username", "credential"}`."""

    urls: tuple[str, ...]
    secret: SecretReference


@dataclass(frozen=True, kw_only=True)
class CloudflareTurn:
    """Credentials that Cloudflare mints for a TURN key: `secret` is JSON `{"keyId", "apiToken"}`."""

    secret: SecretReference
    base_url: str


@dataclass(frozen=True, kw_only=True)
class TwilioTurn:
    """Credentials that Twilio mints: `secret` is JSON `{"accountSid", "apiKeySid", "apiKeySecret"}`."""

    secret: SecretReference
    base_url: str


@dataclass(frozen=True, kw_only=True)
class CoturnTurn:
    """coturn servers with `use-auth-secret`; `secret` is what they share with us, as plain text."""

    urls: tuple[str, ...]
    secret: SecretReference


@dataclass(frozen=True, kw_only=True)
class NoTurn:
    """No servers: callers reach the agent's own address."""


type TurnSettings = KvsTurn | FixedTurn | CloudflareTurn | TwilioTurn | CoturnTurn | NoTurn


def read_turn_settings(*, read: Reader) -> TurnSettings:
    """The settings of SWITCHBOARD_TURN_SOURCE; mistakes are collected in `read`."""
    source = read.text(
        "SWITCHBOARD_TURN_SOURCE", pattern="kvs|static|coturn|none", allowed="kvs, static, coturn or none"
    )
    if source == "kvs":
        return _kvs(read=read)
    if source == "static":
        return _static(read=read)
    if source == "coturn":
        return CoturnTurn(urls=_urls(read=read), secret=read.secret("SWITCHBOARD_TURN_SECRET_ARN"))
    return NoTurn()


def _kvs(*, read: Reader) -> KvsTurn:
    """The ARNs are put together from what differs, since Lambda's environment holds 4 KB in all."""
    prefix = read.text(
        "SWITCHBOARD_KVS_CHANNEL_PREFIX",
        pattern=_CHANNEL_PREFIX,
        allowed="the ARNs of the signaling channels, up to the channel's number",
    )
    creation_times = read.text(
        "SWITCHBOARD_KVS_CHANNEL_CREATION_TIMES",
        pattern="[0-9]{1,19}(,[0-9]{1,19})*",
        allowed="a comma list of the last parts of the signaling channels' ARNs",
    ).split(",")
    region = region_of(arn=prefix)
    return KvsTurn(
        channel_arns=tuple(f"{prefix}{number}/{time}" for number, time in enumerate(creation_times)),
        region=region,
        endpoint_url=read.endpoint("Kinesis Video", host_prefix="kinesisvideo", region=region),
        # Credentials live 300 s, and a caller gets none with less than 200 s left.
        reuse_seconds=read.whole_number("SWITCHBOARD_ICE_REUSE_SECONDS", smallest=0, largest=100),
    )


def _static(*, read: Reader) -> FixedTurn | CloudflareTurn | TwilioTurn:
    kind = read.text(
        "SWITCHBOARD_TURN_CREDENTIALS", pattern="fixed|cloudflare|twilio", allowed="fixed, cloudflare or twilio"
    )
    secret = read.secret("SWITCHBOARD_TURN_SECRET_ARN")
    if kind == "cloudflare":
        return CloudflareTurn(secret=secret, base_url=read.url("SWITCHBOARD_CLOUDFLARE_URL", default=CLOUDFLARE_URL))
    if kind == "twilio":
        return TwilioTurn(secret=secret, base_url=read.url("SWITCHBOARD_TWILIO_URL", default=TWILIO_URL))
    return FixedTurn(urls=_urls(read=read), secret=secret)


def _urls(*, read: Reader) -> tuple[str, ...]:
    return tuple(
        read.text(
            "ICE_SERVER_URLS",
            pattern=rf"(?=(.*,)?turns?:){_ICE_URL}(,{_ICE_URL})*",
            allowed="a comma list of stun:HOST[:PORT] and turn[s]:HOST[:PORT][?transport=udp|tcp], one of them TURN",
        ).split(",")
    )
