"""Which session a phone call is, and what its other party is called by: worked out from the call, kept in no table."""

import hashlib
import hmac

# No session id of the connect API's is an HMAC-SHA384, and none of its keys is derived by this label.
_SESSION_LABEL = b"switchboard phone"
_PARTY_LABEL = b"switchboard phone party"


def session_id_of(*, key: bytes, carrier: str, call_id: str) -> str:
    """96 hexadecimal characters, the same for every webhook of a call; `key` is the session key.

    `call_id` is the carrier's own. Without the key, nobody who learns that id knows the session.
    """
    return hmac.digest(key, _SESSION_LABEL + carrier.encode() + b"\0" + call_id.encode(), hashlib.sha384).hex()


def pseudonym(*, key: bytes, number: str) -> str:
    """16 hexadecimal characters that stand for a number in E.164, for the agent and the log; empty for no number.

    There are few numbers, so a plain hash of one could be undone by trying them all; hence the key.
    """
    if not number:
        return ""
    return hmac.digest(hmac.digest(key, _PARTY_LABEL, hashlib.sha256), number.encode(), hashlib.sha256).hex()[:16]
