"""What is to happen to a call, step by step, in no carrier's language; each carrier's module writes it in its own."""

from dataclasses import dataclass, field


@dataclass(frozen=True, kw_only=True)
class Say:
    """Speak `text` in the call's language; the next step begins when it has been said."""

    text: str


@dataclass(frozen=True, kw_only=True)
class Ask:
    """Speak `question` and take one digit; the carrier then asks the webhook `consent`, with no digit after silence.

    It ends the plan: what follows is in the answer of that webhook.
    """

    question: str


@dataclass(frozen=True, kw_only=True)
class Record:
    """Record the call from here to its end, both sides; the carrier keeps the recording."""


@dataclass(frozen=True, kw_only=True)
class Connect:
    """Stream the call's audio both ways over the WebSocket at `url`; the next step begins when the stream has ended."""

    url: str = field(repr=False)


@dataclass(frozen=True, kw_only=True)
class Next:
    """Ask the webhook `next` what follows."""


@dataclass(frozen=True, kw_only=True)
class Transfer:
    """Dial `target`, an E.164 number or a `sip:` URI, and join both; the call ends when either side hangs up."""

    target: str = field(repr=False)


@dataclass(frozen=True, kw_only=True)
class HangUp:
    """End the call."""


type Step = Say | Ask | Record | Connect | Next | Transfer | HangUp
