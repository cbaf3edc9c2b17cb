"""Credentials of Twilio's Network Traversal Service, minted with the API key that a secret holds."""

import base64
import re
from urllib.parse import quote, urlencode

from connect.turn.broker import LIFETIME_SECONDS, ask_broker, malformed, rtc_ice_servers
from connect.turn.ice import IceAnswer
from connect.turn.secret import turn_secret_fields
from connect.turn_settings import TwilioTurn
from shared.credentials import Credentials


def twilio_ice_servers(*, turn: TwilioTurn, credentials: Credentials) -> IceAnswer:
    """Mint credentials for one call, as https://www.twilio.com/docs/stun-turn/api says.

    The answer is 201 with `ice_servers` and `ttl` (seconds, in a text). Requests are signed in with an API key and not
    with the account's own token (https://www.twilio.com/docs/iam/api-keys).

    Raises `ApiError`: 500 where Twilio refuses the key, 503 where it can't answer.
    """
    account_sid, key_sid, key_secret = turn_secret_fields(
        secret=turn.secret, names=("accountSid", "apiKeySid", "apiKeySecret"), credentials=credentials
    )
    signed_in = base64.b64encode(f"{key_sid}:{key_secret}".encode()).decode()
    answer = ask_broker(
        broker="Twilio",
        url=f"{turn.base_url}/2010-04-01/Accounts/{quote(account_sid, safe='')}/Tokens.json",
        headers={"Authorization": f"Basic {signed_in}", "Content-Type": "application/x-www-form-urlencoded"},
        body=urlencode({"Ttl": LIFETIME_SECONDS}).encode(),
    )
    lifetime = str(answer.fields.get("ttl"))
    if not re.fullmatch(r"[0-9]{1,9}", lifetime):
        raise malformed(broker="Twilio", reason="its ttl is no number of seconds")
    return IceAnswer(
        servers=rtc_ice_servers(broker="Twilio", value=answer.fields.get("ice_servers")),
        expires_at=answer.asked_at + int(lifetime),
    )
