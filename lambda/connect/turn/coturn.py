"""Credentials that our own coturn servers accept, minted here from the secret that they share with us."""

import base64
import hashlib
import hmac
import secrets
import time

from connect.turn.ice import IceAnswer, IceServer, udp_first
from connect.turn.secret import turn_secret
from connect.turn_settings import CoturnTurn
from shared.credentials import Credentials
from shared.errors import wrong_setup

LIFETIME_SECONDS = 300
"""coturn compares the time when an allocation is made and never when it is refreshed
(https://github.com/coturn/coturn/issues/774), so this bounds the set-up of a call and not its length."""

MIN_SECRET_CHARACTERS = 16


def coturn_ice_servers(*, turn: CoturnTurn, credentials: Credentials) -> IceAnswer:
    """The deployment's URLs with a username of the form `EXPIRY:RANDOM` and its HMAC.

    coturn counts its quota by what follows the colon, which is new in every answer: so it is a quota of each call.
    The form is https://datatracker.ietf.org/doc/html/draft-uberti-behave-turn-rest-00 (SHA-1 is all that coturn
    offers). Raises `ApiError` (503, and 500 where the secret is too short to be one).
    """
    secret = turn_secret(secret=turn.secret, credentials=credentials)
    if len(secret) < MIN_SECRET_CHARACTERS or secret != secret.strip():
        raise wrong_setup(
            note=f"coturn's secret has {len(secret)} characters; needed are {MIN_SECRET_CHARACTERS} or more, and no "
            "white space around them"
        )
    username = f"{int(time.time()) + LIFETIME_SECONDS}:{secrets.token_hex(8)}"
    credential = base64.b64encode(hmac.digest(secret.encode(), username.encode(), hashlib.sha1)).decode()
    server = IceServer(urls=udp_first(turn.urls), username=username, credential=credential)
    return IceAnswer(servers=(server,), expires_at=None)
