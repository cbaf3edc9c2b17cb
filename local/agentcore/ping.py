"""What an agent says on `/ping`, and what follows from it for the life of its session.

The rule, where the documents and the reports about the service differ, is the stricter of them:

- `HealthyBusy` keeps a session alive only with a `time_of_last_update` in Unix seconds. The guide calls the field
  optional; an agent without it was seen to be ended at the idle time-out while it was busy.
- `Healthy` counts from that time, if it is sent, or else from the last traffic. An agent that stamps every answer with
  the time of now is therefore never idle, and lives until the maximum lifetime, as the guide warns.
- A time that isn't a number, or lies in the future (milliseconds), is no time.

Source: https://docs.aws.amazon.com/bedrock-agentcore/latest/devguide/runtime-http-protocol-contract.html
"""

import json
from dataclasses import dataclass
from typing import Self

_CLOCK_TOLERANCE_SECONDS = 1.0


@dataclass(frozen=True, kw_only=True)
class Ping:
    """A well-formed answer; `time_of_last_update` is in Unix seconds, None when it was left out or unusable."""

    busy: bool
    time_of_last_update: float | None

    @classmethod
    def parse(cls, body: bytes, *, now: float) -> Self | None:
        """Read an answer's body at the time `now` (Unix seconds); None when it isn't what the contract asks for."""
        try:
            answer = json.loads(body)
        except ValueError:
            return None
        if not isinstance(answer, dict) or answer.get("status") not in {"Healthy", "HealthyBusy"}:
            return None
        updated = answer.get("time_of_last_update")
        if not isinstance(updated, int | float) or not 0 < updated <= now + _CLOCK_TOLERANCE_SECONDS:
            updated = None
        return cls(busy=answer["status"] == "HealthyBusy", time_of_last_update=updated)

    def last_activity(self, *, now: float) -> float:
        """When the agent was last at work, in Unix seconds; 0 where this answer doesn't say."""
        if self.time_of_last_update is None:
            return 0.0
        return now if self.busy else self.time_of_last_update
