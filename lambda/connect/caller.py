"""What the agent may know a caller by, where it remembers its callers."""

import hashlib
import hmac

from connect.settings import Settings
from shared.credentials import Credentials
from shared.session_key import session_key

# Neither a session id's proof nor a ticket's key is made over a text like this.
_KEY_LABEL = b"switchboard caller"


def caller_pseudonym(*, subject: str, settings: Settings, credentials: Credentials) -> str:
    """What the agent may know this caller by: 64 hexadecimal digits, the same in every session of theirs.

    Empty where nothing is to be remembered of them: without memory, and without sign-in, where all are one. Replacing
    the session key makes strangers of all callers. Raises `ApiError` as `session_key` does.
    """
    if not (settings.memory and settings.authenticated):
        return ""
    key = hmac.digest(session_key(secret=settings.session_key, credentials=credentials), _KEY_LABEL, hashlib.sha256)
    return hmac.new(key, subject.encode(), hashlib.sha256).hexdigest()
