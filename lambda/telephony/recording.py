"""Recording a call: a step of the carrier's document, or a request where the carrier has no such step."""

from shared import https_request
from shared.errors import ApiError
from telephony.carrier import CarrierError, StartsRecordings
from telephony.carrier_secret import current_secret
from telephony.phone_call import StreamedCall
from telephony.plan import Record


def recording_step(*, call: StreamedCall) -> tuple[Record, str]:
    """The step, and a note for the log where a recording could not be started: a call isn't dropped for that."""
    carrier = call.carrier
    if not isinstance(carrier, StartsRecordings):
        return Record(), ""
    try:
        carrier.start_recording(
            call_id=call.webhook.call_id,
            secret=current_secret(carrier=carrier, settings=call.settings, credentials=call.credentials),
            http=https_request.request,
            api_url=call.settings.api_url(carrier.name),
        )
    except (ApiError, CarrierError) as error:
        return Record(), f"not recorded: {error.note}"
    return Record(), ""
