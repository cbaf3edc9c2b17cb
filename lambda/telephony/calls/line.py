"""How a call is placed and ended, by its carrier's kind: through its REST API, or by the agent in a room."""

from dataclasses import dataclass, field
from typing import Protocol

from shared import https_request
from shared.credentials import Credentials
from shared.errors import RETRY_LATER, ApiError
from telephony.calls.carrier_errors import hang_up_error
from telephony.calls.record import CallRecord
from telephony.carrier import CarrierError, DialOrder, RoomCarrier, Secret, StreamCarrier
from telephony.carrier_secret import current_secret
from telephony.settings import Settings


class Line(Protocol):
    """A carrier as this deployment places calls with it."""

    def dial(self, *, order: DialOrder) -> str:
        """Place a call and return the id that it is ended by.

        Raises `CarrierError`, and `ApiError` where nobody was dialed.
        """

    def hang_up(self, *, record: CallRecord) -> None:
        """End a call, also one that has ended already; raises `ApiError` where it may still be going on."""


def open_line(*, carrier: StreamCarrier | RoomCarrier, settings: Settings, credentials: Credentials) -> Line:
    """Raises `ApiError` (503) where the carrier's secret can't be used: so it is known before anything is written."""
    if not isinstance(carrier, RoomCarrier):
        secret = current_secret(carrier=carrier, settings=settings, credentials=credentials)
        return RestLine(carrier=carrier, secret=secret, api_url=settings.api_url(carrier.name))
    from telephony.calls.room_line import open_room_line  # here, so that no other call waits for what rooms need

    return open_room_line(carrier=carrier, settings=settings, credentials=credentials)


@dataclass(frozen=True, kw_only=True)
class RestLine:
    """A carrier that is asked for it; its webhooks tell how the call stands."""

    carrier: StreamCarrier
    secret: Secret = field(repr=False)
    api_url: str

    def dial(self, *, order: DialOrder) -> str:
        """Return the carrier's id of the call; raises `CarrierError`."""
        return self.carrier.dial(order=order, secret=self.secret, http=https_request.request, api_url=self.api_url)

    def hang_up(self, *, record: CallRecord) -> None:
        """Raises `ApiError`: 409 for a call that the carrier has told no id of, 503 where it does not end it."""
        call_id = record.carrier_call_id or record.dialed_id
        if not call_id:
            raise ApiError(
                status=409,
                code="call_not_known",
                message=(
                    "The carrier has not said whether it placed this call, so it can't be ended yet. Try again later."
                ),
                headers=RETRY_LATER,
            )
        try:
            self.carrier.hang_up(call_id=call_id, secret=self.secret, http=https_request.request, api_url=self.api_url)
        except CarrierError as error:
            raise hang_up_error(error=error, carrier=self.carrier.name) from None
