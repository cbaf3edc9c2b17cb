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
    """Why an offer is not answered, or candidates are not taken: `code` is for programs, the message for people."""

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


class CallOutcomeRequest(_Message):
    """Asks how the session's phone call goes on, now that its stream has ended."""

    type: Literal["call-outcome"]


class AnsweringMachine(_Message):
    """Who took the session's phone call, as its carrier found out; it may come before the stream."""

    type: Literal["answering-machine"]
    result: AnsweredBy


type Message = StatusRequest | Offer | IceCandidates | CallOutcomeRequest | AnsweringMachine

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
