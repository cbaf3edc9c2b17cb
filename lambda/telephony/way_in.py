"""The URL that a carrier streams a call to: AgentCore's own, or the relay's for carriers that would break that one."""

import base64
import json
import math

from shared.errors import RETRY_LATER, ApiError
from shared.presign import presigned_websocket_url
from shared.secret_cache import secret_string
from shared.secret_value import SecretUnavailableError
from telephony.phone_call import PhoneCall
from telephony.relay_token import relay_token
from telephony.settings import RELAYED, Relay

TOKEN_SECONDS = 60
MAX_PRESIGNED_SECONDS = 300
"""AgentCore's own client signs for no longer."""

CHARACTERS_PER_SECOND = 8
"""Slow speech: carriers' voices speak 12 to 20. A stream is opened when what is said before it has been spoken."""

_KEY_SECONDS = 2


def way_in(*, call: PhoneCall, body: str, spoken_characters: int) -> str:
    """A `wss://` URL into the call's session, which opens once or for a minute after what is spoken before.

    `body` is the JSON that an outbound call carries for the agent, empty for none. Raises `ApiError` (503) where the
    relay's key can't be read.
    """
    speech_seconds = math.ceil(spoken_characters / CHARACTERS_PER_SECOND)
    phone, encoded_body = _base64url(_phone(call=call)), _base64url(body)
    if call.carrier.name in RELAYED and call.settings.relay is not None:
        token = relay_token(
            key=_relay_key(relay=call.settings.relay, call=call),
            session_id=call.session_id,
            phone=phone,
            body=encoded_body,
            lifetime_seconds=TOKEN_SECONDS + speech_seconds,
        )
        return f"{call.settings.relay.url}/streams/{token}"
    wanted = min(call.settings.presigned_url_lifetime_seconds + speech_seconds, MAX_PRESIGNED_SECONDS)
    return presigned_websocket_url(
        runtime=call.settings.runtime,
        credentials=call.credentials,
        session_id=call.session_id,
        custom={"Phone": phone, "Body": encoded_body},
        lifetime_seconds=int(min(wanted, call.credentials.seconds_left())),
    )


def _phone(*, call: PhoneCall) -> str:
    """What the agent is told of the call: no number, and whether there is somebody to hand it to."""
    told = {
        "carrier": call.carrier.name,
        "direction": call.direction,
        "caller": call.party,
        "transfer": bool(call.settings.transfer_to),
    }
    return json.dumps(told, separators=(",", ":"))


def _base64url(text: str) -> str:
    return base64.urlsafe_b64encode(text.encode()).rstrip(b"=").decode()


def _relay_key(*, relay: Relay, call: PhoneCall) -> str:
    try:
        return secret_string(secret=relay.key, credentials=call.credentials, timeout_seconds=_KEY_SECONDS)
    except SecretUnavailableError as error:
        raise ApiError(
            status=503,
            code="relay_key_unavailable",
            message="The service could not read its relay key. Try again in a moment.",
            headers=RETRY_LATER,
            note=f"GetSecretValue of the relay key: {error}",
        ) from None
