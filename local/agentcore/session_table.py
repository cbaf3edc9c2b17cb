"""The sessions that live: found, begun within the quotas, watched, and ended."""

import asyncio
import time

from local.agentcore.control_plane import RuntimeVersion
from local.agentcore.errors import AgentCoreCode
from local.agentcore.launcher import Launcher, events
from local.agentcore.limits import Limits
from local.agentcore.session import Session
from local.agentcore.warm_pool import WarmPool
from local.aws_http.errors import ServiceError
from local.rate_limit import RateLimit

type _Key = tuple[str, str]


class SessionTable:
    """Sessions by runtime ARN and session id; one that has ended may begin anew, with a new process.

    A request for a session that another one begins, or that is ending, is a `RetryableConflictException`. The service
    has it "to prevent orphaned VMs during concurrent session access" and doesn't say when exactly: here it is always.
    https://github.com/aws/aws-sdk-js-v3/blob/main/clients/client-bedrock-agentcore/CHANGELOG.md (3.1050.0)
    """

    def __init__(self, *, launcher: Launcher, pool: WarmPool, limits: Limits) -> None:
        self._launcher = launcher
        self._pool = pool
        self._limits = limits
        self._rate = RateLimit(per_second=limits.new_sessions_per_second)
        self._live: dict[_Key, asyncio.Task[Session]] = {}
        self._ending: dict[_Key, asyncio.Task[None]] = {}
        self._watches: set[asyncio.Task[None]] = set()

    async def acquire(self, *, version: RuntimeVersion, session_id: str) -> Session:
        """Return the session of this id, begun with `version` if there is none; an older one keeps its version.

        Raise `RetryableConflictException` while a session of this id begins or ends, `ThrottlingException` and
        `ServiceQuotaExceededException` for a new one too many, `RuntimeClientError` when its process doesn't start.
        """
        key = (version.runtime_arn, session_id)
        self._refuse_while_it_begins(key)
        if key in self._ending:
            raise ServiceError(AgentCoreCode.RETRYABLE_CONFLICT, "the session is ending: try again")
        if key not in self._live:
            self._admit()
            self._live[key] = asyncio.create_task(self._begin(version, session_id))
        return await _outcome(self._live[key])

    async def stop(self, *, runtime_arn: str, session_id: str) -> None:
        """End a session, without waiting for its process.

        Raise `ResourceNotFoundException` when there is none or it ends already, `RetryableConflictException` while it
        begins.
        """
        key = (runtime_arn, session_id)
        self._refuse_while_it_begins(key)
        if key not in self._live:
            raise ServiceError(AgentCoreCode.RESOURCE_NOT_FOUND, "there is no such session, or it has ended")
        self._end(self._live[key].result(), "stopped")

    async def aclose(self) -> None:
        """End every session, and wait for the processes."""
        starts = [*self._live.values()]
        for start in starts:
            start.cancel()
        for session in await asyncio.gather(*starts, return_exceptions=True):
            if isinstance(session, Session):
                self._end(session, "the data plane is closing")
        await asyncio.gather(*self._ending.values(), *self._watches)

    def _refuse_while_it_begins(self, key: _Key) -> None:
        if key in self._live and not self._live[key].done():
            raise ServiceError(AgentCoreCode.RETRYABLE_CONFLICT, "another request begins this session: try again")

    def _admit(self) -> None:
        if len(self._live) >= self._limits.active_sessions:
            raise ServiceError(
                AgentCoreCode.SERVICE_QUOTA_EXCEEDED,
                f"{self._limits.active_sessions} sessions are active, the quota",
            )
        if not self._rate.admit():
            raise ServiceError(
                AgentCoreCode.THROTTLING,
                f"more than {self._limits.new_sessions_per_second} new sessions in a second",
            )

    async def _begin(self, version: RuntimeVersion, session_id: str) -> Session:
        began = time.monotonic()
        try:
            session = Session(session_id=session_id, agent=await self._pool.take(version))
        except BaseException:
            del self._live[version.runtime_arn, session_id]
            raise
        events.info(
            "session started: session=%s version=%s waited=%.3fs log=%s",
            session_id,
            version.version,
            time.monotonic() - began,
            session.agent.log_name,
        )
        watch = asyncio.create_task(self._watch(session))
        self._watches.add(watch)
        watch.add_done_callback(self._watches.discard)
        return session

    async def _watch(self, session: Session) -> None:
        while session.end_reason is None:
            if reason := await self._check(session):
                self._end(session, reason)

    async def _check(self, session: Session) -> str | None:
        if await session.agent.exited_within(self._limits.ping_interval_seconds):
            return f"the process ended with code {session.agent.exit_code}"
        if self._launcher.deleted(session.agent.version):
            return "the runtime was deleted"
        return session.judge(await session.agent.ping(), now=time.time(), limits=self._limits)

    def _end(self, session: Session, reason: str) -> None:
        if session.end_reason is not None:
            return
        session.end_reason = reason
        key = (session.runtime_arn, session.session_id)
        del self._live[key]
        self._ending[key] = asyncio.create_task(self._launcher.end(session.agent))
        self._ending[key].add_done_callback(lambda _: self._ending.pop(key))
        events.info("session ended: session=%s reason=%s log=%s", session.session_id, reason, session.agent.log_name)


async def _outcome(start: asyncio.Task[Session]) -> Session:
    """Wait for a start: this caller's going away must not cancel it."""
    await asyncio.wait([start])
    if start.cancelled():
        raise ServiceError(AgentCoreCode.INTERNAL_SERVER, "the data plane is closing")
    return start.result()
