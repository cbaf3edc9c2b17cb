"""Reads the header that announces a phone call: the connect API's word, which the signature of the URL covers."""

import re
from collections.abc import Mapping

from custom_body import BodyError, decode_body
from custom_headers import PHONE_HEADER, HeaderError
from phone import PhoneCall

_CALLER = re.compile("([0-9a-f]{16})?")
_WRONG = "phone: not what the connect API signs; use the URL as it was signed"


def read_phone_call(headers: Mapping[str, str]) -> PhoneCall | None:
    """The phone call that is to come over this connection; None without the header. Raises `HeaderError`.

    Members that are not known are passed over: a newer connect API may call an older agent.
    """
    header = headers.get(PHONE_HEADER)
    if header is None:
        return None
    try:
        members = decode_body(header)
    except BodyError as error:
        raise HeaderError(_WRONG) from error
    match members:
        case {
            "carrier": "plivo" | "telnyx" | "twilio" | "vonage" as carrier,
            "direction": "inbound" | "outbound" as direction,
            "caller": str(caller),
            "transfer": bool(can_transfer),
        } if _CALLER.fullmatch(caller):
            return PhoneCall(carrier=carrier, direction=direction, caller=caller, can_transfer=can_transfer)
    raise HeaderError(_WRONG)
