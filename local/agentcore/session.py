"""One session: its process, its traffic, and the moment when its time is over."""

import time
from dataclasses import dataclass, field

from local.agentcore.agent_process import AgentProcess
from local.agentcore.limits import Limits
from local.agentcore.ping import Ping


@dataclass(kw_only=True, eq=False)
class Session:
    """A session of one runtime version; times are in Unix seconds, as `/ping` states them."""

    session_id: str
    agent: AgentProcess
    started_at: float = field(default_factory=time.time)
    requests_in_flight: int = 0
    end_reason: str | None = None
    _last_used: float = field(default_factory=time.time)
    _failed_pings: int = 0

    @property
    def runtime_arn(self) -> str:
        """The runtime that the session belongs to."""
        return self.agent.version.runtime_arn

    def touch(self) -> None:
        """Note traffic: a request, or a WebSocket message either way."""
        self._last_used = time.time()

    def judge(self, ping: Ping | None, *, now: float, limits: Limits) -> str | None:
        """Take in an answer to `/ping`, or its absence; return the reason for which the session ends, if it does."""
        version = self.agent.version
        self._failed_pings = 0 if ping else self._failed_pings + 1
        if self.requests_in_flight:
            self._last_used = now
        if ping:
            self._last_used = max(self._last_used, ping.last_activity(now=now))
        if self._failed_pings >= limits.ping_failures:
            return f"unhealthy: {self._failed_pings} pings failed"
        if now - self.started_at >= version.max_lifetime_seconds:
            return f"maximum lifetime of {version.max_lifetime_seconds:g} s"
        if now - self._last_used >= version.idle_timeout_seconds:
            return f"idle for {version.idle_timeout_seconds:g} s"
        return None
