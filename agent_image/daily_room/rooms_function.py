"""Tells the rooms function, which holds Daily's API key, what the agent can't do without that.

https://docs.aws.amazon.com/lambda/latest/api/API_Invoke.html
"""

import asyncio
import json
import logging
import random
from typing import TYPE_CHECKING, Literal
from urllib.parse import quote

from telemetry.metrics import record

if TYPE_CHECKING:
    from aws_request import AwsAnswer

type CallStatus = Literal["ringing", "answered", "completed", "busy", "no-answer", "failed", "canceled"]
"""What can become of a call that the agent places; after `answered` there is one more."""

FINAL_STATUSES: frozenset[CallStatus] = frozenset({"completed", "busy", "no-answer", "failed", "canceled"})

# The agent's end has 15 s in all, and a caller who dials in hears music while they wait.
_NOTICE_SECONDS = 5.0
_DIALIN_SECONDS = 15.0
_ATTEMPTS = 3
_RETRY_SECONDS = 0.2
_TOO_MANY_REQUESTS, _SERVER_ERROR = 429, 500
# https://docs.aws.amazon.com/lambda/latest/dg/invocation-async.html#invocation-async-api: 202; synchronous: 200.
_ACCEPTED = (200, 202)

_logger = logging.getLogger("switchboard.agent")


class RoomsFunctionError(Exception):
    """The function could not be reached, refused, or failed; the message says so without anything of the request."""


class RoomsFunction:
    """The rooms function of the deployment, as one session sees it."""

    def __init__(self, *, name: str, region: str, session_id: str | None) -> None:
        self._name = name
        self._region = region
        self._session_id = session_id
        self._reporting: asyncio.Task[None] | None = None

    async def end_session(self) -> None:
        """Let it delete the room and end the session, after all that is still to be told; a failure is logged only.

        What this can't tell the function, its own sweep finds out within minutes.
        """
        if self._reporting:
            await asyncio.wait([self._reporting])
        if self._session_id:
            await self._notify("session-ended")

    async def connect_caller(self, *, call_id: str, call_domain: str, sip_uri: str) -> None:
        """Let Daily put the waiting caller through to the room, whose SIP URI this is. Raises `RoomsFunctionError`."""
        members = {"callId": call_id, "callDomain": call_domain, "sipUri": sip_uri}
        async with asyncio.timeout(_DIALIN_SECONDS):
            await self._invoke("dialin-ready", invocation="RequestResponse", **members)

    def report_status(self, call: str, status: CallStatus) -> None:
        """Tell how a call goes that the agent placed: in the background, in the order of the reports."""
        self._reporting = asyncio.create_task(self._report(call, status, before=self._reporting))

    async def _report(self, call: str, status: CallStatus, *, before: asyncio.Task[None] | None) -> None:
        if before:
            await asyncio.wait([before])
        await self._notify("call-status", invocation="RequestResponse", call=call, status=status)

    async def _notify(
        self, kind: str, *, invocation: Literal["Event", "RequestResponse"] = "Event", **members: str
    ) -> None:
        try:
            async with asyncio.timeout(_NOTICE_SECONDS):
                await self._invoke(kind, invocation=invocation, **members)
        except (RoomsFunctionError, TimeoutError) as error:
            why = str(error) or f"no answer within {_NOTICE_SECONDS} s"
            _logger.warning("the rooms function can't be told %s: %s", kind, why)
            record("RoomFailures", 1, unit="Count", kind=kind)

    async def _invoke(self, kind: str, *, invocation: Literal["Event", "RequestResponse"], **members: str) -> None:
        body = json.dumps({"type": kind, "sessionId": self._session_id, **members}).encode()
        for attempt in range(1, _ATTEMPTS + 1):
            problem, passing = await self._try(body, invocation=invocation)
            if not problem:
                return
            if not passing or attempt == _ATTEMPTS:
                raise RoomsFunctionError(problem)
            await asyncio.sleep(attempt * _RETRY_SECONDS * (0.5 + random.random()))  # noqa: S311 - to spread retries

    async def _try(self, body: bytes, *, invocation: str) -> tuple[str, bool]:
        """What went wrong, empty if nothing did, and whether it may go well the next time."""
        from aws_request import AwsRequestError, endpoint, post  # its AWS libraries take long to import

        url = endpoint("lambda", host=f"lambda.{self._region}.amazonaws.com")
        url += f"2015-03-31/functions/{quote(self._name, safe='')}/invocations"
        headers = {"Content-Type": "application/json", "X-Amz-Invocation-Type": invocation}
        try:
            answer = await post(url, body=body, headers=headers, signing_name="lambda", region=self._region)
        except AwsRequestError as error:
            return str(error), error.passing
        return _problem(answer)


def _problem(answer: "AwsAnswer") -> tuple[str, bool]:
    if answer.status not in _ACCEPTED:
        passing = answer.status == _TOO_MANY_REQUESTS or answer.status >= _SERVER_ERROR
        code = answer.headers.get("x-amzn-errortype", "").partition(":")[0]
        return f"Lambda answered {answer.status} {code}".strip(), passing
    if answer.headers.get("x-amz-function-error"):
        return "the function failed; its log says why", False
    return "", False
