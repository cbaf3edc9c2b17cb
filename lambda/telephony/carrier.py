"""What a carrier's module can do: tell a true webhook from a false one and read it; and what comes then, by its kind.

There are two kinds. A `StreamCarrier` asks what to do with a call, is answered with a document, streams the call's
audio to the agent, and dials and hangs up by its REST API. A `RoomCarrier` has neither documents nor streams: the call
waits until an agent is in a room for it, and the agent itself lets it in, dials, transfers, and tells how it stands.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, Protocol, runtime_checkable

from shared.call_status import CallStatus
from shared.https_request import HttpResponse
from telephony.plan import Step

type Kind = Literal["answer", "consent", "next", "events", "machine"]
type Direction = Literal["inbound", "outbound"]
type Machine = Literal["human", "machine", "unknown"]
type Reason = Literal["unsigned", "malformed", "stale", "wrong signature"]
type Secret = Mapping[str, str]
"""The JSON of one version of a carrier's secret: its fields by name."""

KINDS: tuple[Kind, ...] = ("answer", "consent", "next", "events", "machine")


class SignatureError(Exception):
    """A webhook that its carrier did not sign so; `reason` is one of a few fixed words, nothing of the request.

    Only "wrong signature" may have its cause in an old secret: with it alone, another version of the secret is tried.
    """

    def __init__(self, reason: Reason) -> None:
        super().__init__(reason)
        self.reason = reason


class MalformedWebhookError(Exception):
    """A webhook that is signed and lacks what its carrier documents; the message names a field and never its value."""


class CarrierError(Exception):
    """A carrier that did not do what it was asked for.

    `status` is its HTTP status, 0 where no answer came. `carried_out` is False only where the request is known not to
    have been carried out, so that asking again dials nobody twice. `note` is for the log: fixed words, no value.
    """

    def __init__(self, *, status: int, carried_out: bool, note: str) -> None:
        super().__init__(note)
        self.status = status
        self.carried_out = carried_out
        self.note = note


@dataclass(frozen=True, kw_only=True)
class WebhookRequest:
    """A webhook as API Gateway handed it over, before anybody has looked at its signature.

    `url` is the public URL as the carrier called it, query included; `headers` have names in lower case; `body` is
    decoded from Base64 where it came so; `received_at` is in seconds since the epoch.
    """

    kind: Kind
    url: str = field(repr=False)
    query: Mapping[str, str] = field(repr=False)
    headers: Mapping[str, str] = field(repr=False)
    body: bytes = field(repr=False)
    received_at: float


@dataclass(frozen=True, kw_only=True)
class Webhook:
    """What a true webhook says.

    `call_id` is the carrier's own, the same in all webhooks of one call; `caller` is the other party's number in E.164,
    empty where withheld; `called` is ours. `replay_key` is what makes this webhook unique: a token's id, a nonce, or
    the signature. `digit` is empty where none was pressed; `status` and `machine` are None where the webhook says
    nothing of them, or nothing that matters here. `domain` is where the carrier knows the call by its id, for carriers
    that want it back; empty for the others.
    """

    call_id: str = field(repr=False)
    direction: Direction
    caller: str = field(repr=False)
    called: str = field(repr=False)
    replay_key: str = field(repr=False)
    digit: str = ""
    status: CallStatus | None = None
    machine: Machine | None = None
    domain: str = field(default="", repr=False)


@dataclass(frozen=True, kw_only=True)
class UrlTest:
    """A true webhook that is about no call: the carrier tries the URL that it was given. `replay_key` is as above."""

    replay_key: str


@dataclass(frozen=True, kw_only=True)
class CallContext:
    """What an answer needs to know of its call.

    `urls` are absolute, by webhook; `language` is a BCP 47 tag; `call_id` is the carrier's own.
    """

    urls: Mapping[Kind, str] = field(repr=False)
    language: str
    call_id: str = field(repr=False)
    max_call_seconds: int


@dataclass(frozen=True, kw_only=True)
class Document:
    """An answer in a carrier's own language; it may hold a signed URL, so it stays out of `repr`."""

    content_type: str
    body: str = field(repr=False)


@dataclass(frozen=True, kw_only=True)
class DialOrder:
    """A call to place: numbers in E.164, our own id of it, and the URLs that the carrier is to call for it.

    `machine_detection` asks to tell people from answering machines: the carrier by the webhook `machine`, or an agent
    in a room. `body` is compact JSON for the agent, empty without any: only who starts the agent at once needs it.
    """

    to: str = field(repr=False)
    from_: str = field(repr=False)
    call: str = field(repr=False)
    urls: Mapping[Kind, str] = field(repr=False)
    machine_detection: bool
    max_call_seconds: int
    body: str = field(default="", repr=False)


class Http(Protocol):
    """`shared.https_request.request`: one HTTPS request, one try."""

    def __call__(
        self, *, method: str, url: str, headers: Mapping[str, str], body: bytes, timeout_seconds: float
    ) -> HttpResponse:
        """Any status is an answer; raises `UnreachableError`: its `sent` says whether the request may have arrived."""


class Carrier(Protocol):
    """One carrier, of either kind. Its module in `telephony.carriers` exports an instance as CARRIER."""

    @property
    def name(self) -> str:
        """As in routes, parameters and variables: twilio, vonage, telnyx, plivo or daily."""

    @property
    def secret_fields(self) -> tuple[str, ...]:
        """The names that its secret must have, none of them empty."""

    def verify(self, *, request: WebhookRequest, secret: Secret) -> None:
        """Raise `SignatureError` unless the carrier has signed this request with this secret, just now.

        Pure, without I/O, and as fast for a nearly right signature as for a wrong one.
        """

    def read(self, *, request: WebhookRequest) -> Webhook | UrlTest:
        """What a verified request says; raises `MalformedWebhookError`."""


class StreamCarrier(Carrier, Protocol):
    """A carrier that does with a call what a document says, and streams its audio to the agent."""

    def read(self, *, request: WebhookRequest) -> Webhook:
        """What a verified request says, which is about a call; raises `MalformedWebhookError`."""

    def render(self, *, plan: Sequence[Step], context: CallContext) -> Document:
        """The plan as the carrier's document; an empty plan is the document that does nothing."""

    def dial(self, *, order: DialOrder, secret: Secret, http: Http, api_url: str) -> str:
        """Place a call and return the carrier's id of it; raises `CarrierError`.

        `api_url` is the base URL of the carrier's REST API, without a trailing slash.
        """

    def hang_up(self, *, call_id: str, secret: Secret, http: Http, api_url: str) -> None:
        """End a call; one that has ended already is no error. Raises `CarrierError`."""


@runtime_checkable
class StartsRecordings(Protocol):
    """A carrier that can't record beside a stream by a step of its document, and does so by a request instead."""

    def start_recording(self, *, call_id: str, secret: Secret, http: Http, api_url: str) -> None:
        """Record both sides from now on; raises `CarrierError`."""


@runtime_checkable
class RoomCarrier(Carrier, Protocol):
    """A carrier whose calls come into a room: what the agent there is told, as `phone` of its message `join`.

    `transfer_to` is a number in E.164 or a SIP URI, empty where nobody takes a call over.
    """

    def answered(self, *, webhook: Webhook, transfer_to: str) -> dict[str, object]:
        """To let in the call that waits."""

    def dialed(self, *, order: DialOrder, transfer_to: str) -> dict[str, object]:
        """To place this call; `order.from_` is what the deployment gave as its number at this carrier."""
