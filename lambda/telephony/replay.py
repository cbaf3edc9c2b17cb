"""Each webhook once: who has seen a signed request must not use it again."""

import hashlib
import time
from typing import Protocol

SEEN_SECONDS = 90 * 24 * 3600
"""How long a webhook is remembered: far beyond the few minutes for which signatures with a time in them are accepted.

Twilio's and Plivo's have none, so they are right for ever: one of theirs that a thief holds can be used once more after
90 days. It gives them a new session under the id of a call that is over, at the deployment's cost, and nothing of what
was said in it.
"""


class Marks(Protocol):
    """The part of `shared.call_table.CallTable` that this needs."""

    def put_once(self, *, key: str, expires: int) -> bool:
        """Whether nobody has put this key before."""

    def delete(self, *, key: str) -> None:
        """Take a key away."""


def mark_seen(*, marks: Marks, carrier: str, replay_key: str) -> bool:
    """Whether this webhook is new; from now on it isn't."""
    return marks.put_once(key=_key(carrier=carrier, replay_key=replay_key), expires=int(time.time()) + SEEN_SECONDS)


def forget(*, marks: Marks, carrier: str, replay_key: str) -> None:
    """Let the same webhook come again: the carrier will send it a second time, since we failed to serve it."""
    marks.delete(key=_key(carrier=carrier, replay_key=replay_key))


def _key(*, carrier: str, replay_key: str) -> str:
    return "seen#" + hashlib.sha256(f"{carrier}\0{replay_key}".encode()).hexdigest()
