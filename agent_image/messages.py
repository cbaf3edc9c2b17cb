"""What POST /invocations takes, JSON objects told apart by their `type`, and how it refuses."""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError
from pydantic.alias_generators import to_camel

from custom_headers import CALLER_PATTERN
from ice_servers import IceServer
from phone import AnsweredBy


class MessageError(ValueError):
    """A message that this agent doesn't understand; the text names each mistake and what is allowed."""


class CallError(Exception):
    """Why an offer isn't answered, candidates aren't taken, or a room isn't joined: `code` is for programs, the message
    for people."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


class _Message(BaseModel):
    # Members that are not known are passed over: a newer connect API may call an older agent.
    model_config = ConfigDict(alias_generator=to_camel, strict=True, frozen=True)


class StatusRequest(_Message):
    """Asks what this process does."""

    type: Literal["status"]


class Offer(_Message):
    """An SDP offer: of a new call, or with a `pc_id` of one that lives, which `restart` gives a new peer connection."""

    type: Literal["offer"]
    sdp: str = Field(repr=False)
    pc_id: str | None = None
    restart: bool = False
    ice_servers: list[IceServer]
    body: dict[str, object] = {}
    caller: str = Field(default="", pattern=rf"^({CALLER_PATTERN})?$")


class Candidate(_Message):
    """An ICE candidate as browsers give it; an empty one is the end of candidates (RFC 8840)."""

    candidate: str = Field(repr=False)
    sdp_mid: str | None = None
    sdp_m_line_index: int | None = Field(default=None, alias="sdpMLineIndex")


class IceCandidates(_Message):
    """Candidates that the caller found after its offer."""

    type: Literal["ice-candidates"]
    pc_id: str
    candidates: list[Candidate]


class DialIn(_Message):
    """A phone call that waits at Daily for the room; `transfer_to` is a number in E.164, or a SIP URI."""

    direction: Literal["inbound"]
    call_id: str = Field(repr=False)
    call_domain: str = Field(repr=False)
    transfer_to: str | None = Field(default=None, repr=False)


class DialOut(_Message):
    """A phone call to be placed from the room: to `number` (E.164), from the number with Daily's id `caller_id`.

    `call` is the connect API's id of it, by which its status is reported.
    """

    direction: Literal["outbound"]
    call: str
    number: str = Field(repr=False)
    caller_id: str | None = Field(default=None, repr=False)
    transfer_to: str | None = Field(default=None, repr=False)


class Join(_Message):
    """Asks the agent into a Daily room, with an owner's meeting token; `expires` is the room's end in Unix seconds."""

    type: Literal["join"]
    room_url: str = Field(repr=False, pattern=r"^https?://[^/]+/[^/?#]+$")
    token: str = Field(repr=False, min_length=1)
    expires: int
    body: dict[str, object] = {}
    caller: str = Field(default="", pattern=rf"^({CALLER_PATTERN})?$")
    phone: Annotated[DialIn | DialOut, Field(discriminator="direction")] | None = None


class CallOutcomeRequest(_Message):
    """Asks how the session's phone call goes on, now that its stream has ended."""

    type: Literal["call-outcome"]


class AnsweringMachine(_Message):
    """Who took the session's phone call, as its carrier found out; it may come before the stream."""

    type: Literal["answering-machine"]
    result: AnsweredBy


type Message = StatusRequest | Offer | IceCandidates | Join | CallOutcomeRequest | AnsweringMachine

_MESSAGES: TypeAdapter[Message] = TypeAdapter(Annotated[Message, Field(discriminator="type")])


def read_message(payload: bytes) -> Message:
    """Read a request's body. Raises `MessageError`, whose text quotes nothing of it but an unknown type."""
    try:
        return _MESSAGES.validate_json(payload)
    except ValidationError as error:
        mistakes = error.errors(include_url=False, include_input=False)
        raise MessageError("; ".join(": ".join([*_path(each["loc"]), each["msg"]]) for each in mistakes)) from error


def _path(location: tuple[int | str, ...]) -> list[str]:
    return [".".join(map(str, location))] if location else []
