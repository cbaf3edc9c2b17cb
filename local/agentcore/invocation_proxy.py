"""Hands an invocation to its agent and its answer, streamed or not, to the caller."""

import asyncio
from collections.abc import Awaitable, Mapping

import httpx

from local.agentcore.errors import AgentCoreCode
from local.agentcore.limits import Limits
from local.agentcore.session import Session
from local.aws_http.asgi import ClientGoneError, Exchange, encode_headers
from local.aws_http.errors import ServiceError

_CONNECT_SECONDS = 5.0


class InvocationProxy:
    """One request to one session's agent."""

    def __init__(self, *, session: Session, exchange: Exchange, limits: Limits) -> None:
        self._session = session
        self._receive = exchange.receive
        self._send = exchange.send
        self._limits = limits
        self._answering = False

    async def run(self, *, body: bytes, agent_headers: Mapping[str, str], caller_headers: Mapping[str, str]) -> None:
        """Raise `RuntimeClientError` when the agent fails before it has begun to answer, `ClientGoneError` after that.

        A failure in the middle of an answer can only cut it short; the caller sees an incomplete body.
        """
        self._session.requests_in_flight += 1
        try:
            await _unless(self._exchange(body, agent_headers, caller_headers), gone=self._until_gone())
        except (httpx.HTTPError, TimeoutError) as error:
            if self._answering:
                raise ClientGoneError from error
            raise self._failure(f"gave no answer ({type(error).__name__})") from error
        finally:
            self._session.requests_in_flight -= 1
            self._session.touch()

    async def _exchange(self, body: bytes, agent_headers: Mapping[str, str], caller_headers: Mapping[str, str]) -> None:
        http = self._session.agent.http
        timeout = httpx.Timeout(None, connect=_CONNECT_SECONDS)
        async with (
            asyncio.timeout(self._limits.invocation_seconds) as deadline,
            http.stream("POST", "/invocations", content=body, headers=agent_headers, timeout=timeout) as answer,
        ):
            if not answer.is_success:
                raise self._failure(f"answered {answer.status_code}")
            content_type = answer.headers.get("content-type", "application/octet-stream")
            if content_type.startswith("text/event-stream"):
                deadline.reschedule(asyncio.get_running_loop().time() + self._limits.websocket_seconds)
            headers = encode_headers({"Content-Type": content_type, **caller_headers})
            self._answering = True
            await self._send({"type": "http.response.start", "status": answer.status_code, "headers": headers})
            async for chunk in answer.aiter_raw():
                await self._send({"type": "http.response.body", "body": chunk, "more_body": True})
        await self._send({"type": "http.response.body", "body": b""})

    async def _until_gone(self) -> None:
        while (await self._receive())["type"] != "http.disconnect":
            pass

    def _failure(self, what: str) -> ServiceError:
        return ServiceError(
            AgentCoreCode.RUNTIME_CLIENT,
            f"the agent {what} on /invocations: see its log {self._session.agent.log_name}",
        )


async def _unless(work: Awaitable[None], *, gone: Awaitable[None]) -> None:
    """Do the work, and drop it when the caller goes away first."""
    tasks = [asyncio.ensure_future(work), asyncio.ensure_future(gone)]
    await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    for task in tasks:
        task.cancel()
    await asyncio.wait(tasks)
    if tasks[0].cancelled():
        raise ClientGoneError
    tasks[0].result()
