"""One call as a webhook tells of it, together with what is needed to answer."""

from dataclasses import dataclass, field

from shared.call_table import CallTable
from shared.credentials import Credentials
from telephony.calls.record import CallRecord, find_call
from telephony.calls.table import call_table
from telephony.carrier import CallContext, Carrier, Direction, Document, RoomCarrier, StreamCarrier, Webhook
from telephony.phone_session import pseudonym, session_id_of
from telephony.plan import Step
from telephony.settings import Settings
from telephony.webhook_urls import call_urls


@dataclass(frozen=True, kw_only=True)
class PhoneCall:
    """A call, known by a webhook that its carrier has signed.

    `call` is our id of an outbound call, empty for an inbound one; `key` is the session key.
    """

    carrier: Carrier
    webhook: Webhook
    call: str
    key: bytes = field(repr=False)
    settings: Settings
    credentials: Credentials

    @property
    def session_id(self) -> str:
        """The session that the call is, from its first webhook to its last."""
        return session_id_of(key=self.key, carrier=self.carrier.name, call_id=self.webhook.call_id)

    @property
    def party(self) -> str:
        """What the other party is called by, to the agent and in the log."""
        return pseudonym(key=self.key, number=self.webhook.caller)

    @property
    def direction(self) -> Direction:
        """Outbound where we placed the call, whatever else the carrier makes of it."""
        return "outbound" if self.call else self.webhook.direction

    @property
    def table(self) -> CallTable:
        """The record of calls."""
        return call_table(settings=self.settings, credentials=self.credentials)

    def record(self) -> CallRecord | None:
        """What is known of a call of ours; None where there is none, or where it is another call of the carrier's.

        Raises `ApiError` (503) where the table can't be read.
        """
        found = find_call(call=self.call, table=self.table) if self.call else None
        if found is None or found.carrier != self.carrier.name:
            return None
        # Empty where the webhook has overtaken the carrier's answer to the request that placed the call.
        return found if found.carrier_call_id in ("", self.webhook.call_id) else None


@dataclass(frozen=True, kw_only=True)
class StreamedCall(PhoneCall):
    """A call whose carrier asks for a document, and streams."""

    carrier: StreamCarrier

    def document(self, *plan: Step) -> Document:
        """The plan in the carrier's language."""
        return self.carrier.render(
            plan=plan,
            context=CallContext(
                urls=call_urls(
                    carrier=self.carrier.name,
                    call=self.call,
                    settings=self.settings,
                    key=self.key,
                    call_id=self.webhook.call_id,
                ),
                language=self.settings.language,
                call_id=self.webhook.call_id,
                max_call_seconds=self.settings.max_call_seconds,
            ),
        )


@dataclass(frozen=True, kw_only=True)
class RoomCall(PhoneCall):
    """A call that comes into a room."""

    carrier: RoomCarrier


@dataclass(frozen=True, kw_only=True)
class Reply:
    """What a webhook is answered with; `metric` is a counter that it adds one to, `note` goes to the log only."""

    document: Document | None = None
    metric: str = ""
    note: str = ""


RECEIVED = Document(content_type="application/json", body='{"status": "ok"}')
"""For a carrier that wants to be answered with 200, and reads nothing."""
