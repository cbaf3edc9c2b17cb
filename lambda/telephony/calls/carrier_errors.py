"""What a carrier's refusal means for the caller of the API, and which of them the operator has to hear of."""

from shared.errors import RETRY_LATER, ApiError
from shared.safe_log import create_logger
from telephony.carrier import CarrierError

# Not signed in, not paid, not permitted: nothing that a caller can mend.
_OUR_ACCOUNT = (401, 402, 403)


def dial_error(*, error: CarrierError, carrier: str) -> ApiError:
    """Why a call was not placed; nothing was dialed, so the caller may ask again, with the same key."""
    note = _note(error=error, carrier=carrier)
    if error.status in _OUR_ACCOUNT:
        return account_refused(error=error, carrier=carrier)
    if 400 <= error.status < 500 and error.status != 429:
        return ApiError(
            status=422,
            code="carrier_refused",
            message=(
                "The carrier refused to call this number. Check it; if it is right, the service's operator finds the"
                " reason in the carrier's own log."
            ),
            note=note,
        )
    return unavailable(error=error, carrier=carrier, message="The carrier did not take the call, and dialed nobody.")


def unavailable(*, error: CarrierError, carrier: str, message: str) -> ApiError:
    """The carrier is busy, failing or out of reach; `message` says what was not done, as a sentence."""
    return ApiError(
        status=503,
        code="carrier_busy" if error.status == 429 else "carrier_unavailable",
        message=f"{message} Try again in a moment.",
        headers=RETRY_LATER,
        note=_note(error=error, carrier=carrier),
    )


def account_refused(*, error: CarrierError, carrier: str) -> ApiError:
    """The carrier doesn't take our account: no call will go through until the operator has seen to it."""
    create_logger().error(
        "the carrier refused this deployment's account: look at its secret, its balance and its permissions",
        extra={"carrier": carrier, "status": error.status},
    )
    return ApiError(
        status=503,
        code="carrier_account_refused",
        message="The carrier refused this service's own account. Tell the service's operator this request id.",
        note=_note(error=error, carrier=carrier),
    )


def hang_up_error(*, error: CarrierError, carrier: str) -> ApiError:
    """Why a call could not be ended; it may still be going on."""
    if error.status in _OUR_ACCOUNT:
        return account_refused(error=error, carrier=carrier)
    return unavailable(
        error=error, carrier=carrier, message="The carrier did not end the call, which may still be going on."
    )


def _note(*, error: CarrierError, carrier: str) -> str:
    return f"{carrier}: {error.note}"
