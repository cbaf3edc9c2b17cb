"""The caller's part of a call, in its namespace: the client of switchboard/, and an outcome as JSON.

What to do comes as JSON on standard input, see `Plan`.
"""

import asyncio
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from time import monotonic
from typing import Any

import httpx
from pydantic import TypeAdapter

from switchboard.errors import ExitCode, OperatorError
from switchboard.ice import IcePolicy
from switchboard.session import Session
from switchboard.signaling import Answer, Candidate, IceServer, RefusedError
from switchboard.webrtc_session import open_webrtc_session
from tests.networks.cases import IceServers, Side
from tests.networks.outcome import OUTCOME, Outcome

_ANSWER_SECONDS = 6.0
_HTTP_SECONDS = 10.0
_SILENCE_SECONDS = 0.5  # that ends an answer


@dataclass(frozen=True, kw_only=True)
class Plan:
    """The call to place. `patience` is how many seconds a path may take.

    `speech` is a file of PCM16 at 16 kHz. It is said until it was answered once, `tries` times at most, and then again
    until `minutes` are over, with a `pause` of seconds after each answer.
    """

    socket: str
    speech: str
    caller: Side
    agent: Side
    policy: IcePolicy
    patience: float
    tries: int = 1
    minutes: float = 0.0
    pause: float = 0.0


PLAN = TypeAdapter(Plan)


class AgentRefusedError(RefusedError):
    """The agent answered with an error; `code` is its name."""

    def __init__(self, *, code: str, message: str) -> None:
        super().__init__(exit_code=ExitCode.SIGNING, problem=message)
        self.code = code


class SocketSignaling:
    """Signaling as the connect API does it, straight to the agent's /invocations through its UNIX socket."""

    def __init__(self, plan: Plan) -> None:
        self._plan = plan
        self._agent_servers = plan.agent.servers()

    async def offer(self, *, sdp: str, pc_id: str | None, restart: bool) -> Answer:
        """Send an offer, with the ICE servers that the agent is to use."""
        body = {"brain": "echo"}
        offer = {"type": "offer", "sdp": sdp, "pcId": pc_id, "restart": restart, "iceServers": self._agent_servers}
        answer = await self._invoke({**offer, "body": body})
        return Answer(sdp=answer["sdp"], pc_id=answer["pc_id"])

    async def candidates(self, *, pc_id: str, candidates: Sequence[Candidate]) -> None:
        """Send candidates."""
        told = [{"candidate": c.candidate, "sdpMid": c.sdp_mid, "sdpMLineIndex": c.sdp_mline_index} for c in candidates]
        await self._invoke({"type": "ice-candidates", "pcId": pc_id, "candidates": told})

    async def fresh_ice_servers(self) -> list[IceServer]:
        """New credentials for both sides."""
        self._agent_servers = self._plan.agent.servers()
        return ice_servers(self._plan.caller.servers())

    async def _invoke(self, payload: dict[str, object]) -> dict[str, Any]:
        transport = httpx.AsyncHTTPTransport(uds=self._plan.socket)
        async with httpx.AsyncClient(transport=transport, base_url="http://agent", timeout=_HTTP_SECONDS) as http:
            response = await http.post("/invocations", json=payload)
        answer: dict[str, Any] = response.raise_for_status().json()
        if error := answer.get("error"):
            raise AgentRefusedError(code=error["code"], message=error["message"])
        return answer


def ice_servers(servers: IceServers) -> list[IceServer]:
    """In the caller's words."""
    return [IceServer(**{**server, "urls": tuple(server["urls"])}) for server in servers]  # type: ignore[arg-type]


async def place(plan: Plan) -> Outcome:
    """The call from its offer to its end."""
    signaling = SocketSignaling(plan)
    speech = await asyncio.to_thread(Path(plan.speech).read_bytes)
    started = monotonic()
    try:
        async with open_webrtc_session(
            signaling=signaling,
            ice_servers=ice_servers(plan.caller.servers()),
            timeout_seconds=plan.patience,
            policy=plan.policy,
        ) as session:
            latencies = await talk(session, plan, speech=speech)
            return _connected(session, latencies)
    except AgentRefusedError as error:
        return Outcome(error=error.code, seconds=monotonic() - started)
    except OperatorError as error:
        return Outcome(problem=error.problem, seconds=monotonic() - started)


async def talk(session: Session, plan: Plan, *, speech: bytes) -> list[float | None]:
    """Speak and listen, as the plan says; seconds from each end of speech to the first sound of its answer."""
    until = monotonic() + 60 * plan.minutes
    await session.until(lambda: any(session.messages("bot-ready")), timeout_seconds=_ANSWER_SECONDS)
    latencies: list[float | None] = []
    while not session.over and (monotonic() < until or (not any(latencies) and len(latencies) < plan.tries)):
        if latencies:
            await pause(session, seconds=plan.pause)
        latencies.append(await exchange(session, speech))
    return latencies


async def exchange(session: Session, speech: bytes) -> float | None:
    """Say it and wait for an answer; None when none came."""
    session.microphone.say(speech)
    await session.until(lambda: not session.microphone.speaking, timeout_seconds=_ANSWER_SECONDS)
    spoken = session.microphone.spoken_until

    def answered() -> float | None:
        return session.loudspeaker.first_sound(after=spoken)

    await session.until(answered, timeout_seconds=_ANSWER_SECONDS)
    heard = answered()
    return None if heard is None else heard - spoken


async def pause(session: Session, *, seconds: float) -> None:
    """Wait until the answer is over, and then so long."""

    def quiet() -> bool:
        return monotonic() > session.loudspeaker.last_sound + _SILENCE_SECONDS

    await session.until(quiet, timeout_seconds=_ANSWER_SECONDS)
    await asyncio.sleep(seconds)


def _connected(session: Session, latencies: list[float | None]) -> Outcome:
    first, *restarts = session.paths
    assert first.media_seconds is not None, "the call connected, but no media came"
    return Outcome(
        pair=f"{first.local_candidate}-{first.remote_candidate}",
        seconds=first.media_seconds,
        latencies=latencies,
        interruptions=[path.interruption_seconds or 0.0 for path in restarts],
        ending=str(session.ending) if session.over else "",
        frames=session.loudspeaker.frames,
    )


def main() -> None:
    """Place the call and print its outcome."""
    outcome = asyncio.run(place(PLAN.validate_json(sys.stdin.read())))
    sys.stdout.write(OUTCOME.dump_json(outcome).decode())


if __name__ == "__main__":
    main()
