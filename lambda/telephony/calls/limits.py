"""How many calls a minute may be placed, by one caller and in all: counted in the table, so over all functions."""

import time

from shared.call_table import CallTable
from shared.errors import ApiError

WINDOW_SECONDS = 60


def count_call(*, table: CallTable, owner: str, per_caller: int, in_all: int) -> None:
    """Count one more call in this minute of the clock; raises `ApiError` (429) where a limit is reached.

    The caller's own limit is looked at first: whoever is over it takes nothing of what is left to all the others.
    """
    now = time.time()
    window = int(now) // WINDOW_SECONDS
    wait = WINDOW_SECONDS - int(now) % WINDOW_SECONDS
    for whose, limit, text in ((owner, per_caller, "by this caller"), ("all", in_all, "by this service")):
        key = f"rate#{window}#{whose}"
        if not table.count(key=key, limit=limit, expires=(window + 2) * WINDOW_SECONDS):
            raise ApiError(
                status=429,
                code="too_many_calls",
                message=f"No more than {limit} calls a minute can be placed {text}. Try again in {wait} s.",
                headers={"retry-after": str(wait)},
                note=f"limit of calls {text}",
            )
