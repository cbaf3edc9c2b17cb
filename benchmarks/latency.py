"""Where the time goes between the end of a caller's speech and the first audio of the bot, part by part.

The bot is the echo brain, which answers as soon as the voice stops. One caller calls over a WebSocket, then one over
WebRTC through a real coturn; the agent's process and the callers note moments of one clock, at the same places that
every call passes. "The rest" is all but the wait of the voice activity detection.
"""

import argparse
import asyncio
import base64
import json
import os
import statistics
import struct
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

_ROOT = Path(__file__).parents[1]
sys.path[:0] = [str(_ROOT), str(_ROOT / "agent_image")]

if TYPE_CHECKING:
    from tests.agent_image.agent_process import AgentProcess
    from tests.agent_image.caller import Caller

_LOUD = 500
_ECHO = {"brain": "echo"}
_SERVER = "from benchmarks.latency import serve\nraise SystemExit(serve())\n"
_SENTENCE = "I like music very much."  # without a pause
_PAUSE_SECONDS = 0.5
_UINT32 = 2**32

type Moments = dict[str, float]
"""Monotonic seconds by the name of a place, in the order in which the audio passes them."""

_WEBSOCKET = {
    "input": "WebSocket to the agent",
    "stopped": "voice activity wait",
    "written": "pipeline",
    "heard": "WebSocket to the caller",
}
_WEBRTC = {
    "caller sent": "caller: Opus, packets of 20 ms",
    "agent received": "relay",
    "agent released": "agent: jitter buffer",
    "input": "agent: Opus to PCM",
    "stopped": "voice activity wait",
    "written": "pipeline",
    "taken": "agent: pace of 10 ms",
    "agent sent": "agent: Opus, packets of 20 ms",
    "caller received": "relay, back",
    "caller released": "caller: jitter buffer",
    "heard": "caller: Opus to PCM",
}


class Trace:
    """What passed where and when: (monotonic seconds, place, RTP or media timestamp)."""

    def __init__(self, events: Iterable[tuple[float, str, int]] = ()) -> None:
        self.events = list(events)

    def mark(self, place: str, value: int = 0) -> None:
        """Note that something passes now."""
        self.events.append((time.monotonic(), place, value))

    def first(self, place: str, *, after: float, value: int | None = None) -> tuple[float, int]:
        """The first moment after a moment, and its timestamp."""
        found = ((at, each) for at, name, each in self.events if name == place and at >= after)
        return next((at, each) for at, each in found if value in (None, each))

    def last(self, place: str, *, before: float) -> tuple[float, int]:
        """The last moment before a moment, and its timestamp."""
        return next((at, each) for at, name, each in reversed(self.events) if name == place and at < before)


def main() -> None:
    """Print both tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--turns", type=int, default=12)
    asyncio.run(measure(turns=parser.parse_args().turns))


async def measure(*, turns: int) -> None:
    """Hold both calls, then print what they passed."""
    from loguru import logger

    from tests.agent_image.agent_process import run_agent
    from tests.agent_image.turn_server import run_turn_server

    logger.disable("pipecat")  # its words about each message would bury the tables
    caller_trace = Trace()
    probe_peers(caller_trace)
    with tempfile.TemporaryDirectory() as folder:
        directory = Path(folder)
        (directory / "server.py").write_text(_SERVER)
        environment = {
            "PYTHONPATH": f"{_ROOT}:{_ROOT / 'agent_image'}",
            "LATENCY_TRACE": str(directory / "trace"),
        }
        async with (
            run_turn_server(directory) as turn_server,
            run_agent(log=directory / "log", image=directory, **environment) as agent,
        ):
            await agent.answers()
            await agent.ready()
            socket_turns = await call_by_websocket(agent, turns=turns)
            peer_turns = await call_by_webrtc(agent, turns=turns, ice_servers=[turn_server.ice_server("udp")])
            await agent.terminated()
        agent_trace = Trace((at, place, value) for at, place, value in json.loads((directory / "trace").read_text()))
    report("WebSocket", _WEBSOCKET, [websocket_moments(agent_trace, *turn) for turn in socket_turns])
    report("WebRTC, relayed", _WEBRTC, [webrtc_moments(agent_trace, caller_trace, *turn) for turn in peer_turns])


async def call_by_websocket(agent: "AgentProcess", *, turns: int) -> list[tuple[float, float]]:
    """(end of speech, first audio of the bot) of each turn."""
    from tests.agent_image.caller import SocketCaller

    body = base64.urlsafe_b64encode(json.dumps(_ECHO).encode()).decode().rstrip("=")
    headers = {"X-Amzn-Bedrock-AgentCore-Runtime-Custom-Body": body}
    async with SocketCaller.connect(agent.url, headers=headers) as caller:
        return [await take_turn(caller) for _ in range(turns)]


async def call_by_webrtc(
    agent: "AgentProcess", *, turns: int, ice_servers: list[dict[str, Any]]
) -> list[tuple[float, float]]:
    """As by WebSocket."""
    from tests.agent_image.peer_caller import PeerCaller

    async with PeerCaller.connect(agent, ice_servers=ice_servers, body=_ECHO) as caller:
        return [await take_turn(caller) for _ in range(turns)]


async def take_turn(caller: "Caller") -> tuple[float, float]:
    """Say something when the bot is silent; (end of speech, first audio of the bot)."""
    await caller.message("bot-ready")
    spoken = await caller.say(_SENTENCE)
    heard = await caller.bot_audio(after=spoken)
    await caller.message("bot-stopped-speaking", after=heard)
    await asyncio.sleep(_PAUSE_SECONDS)
    return spoken, heard


def websocket_moments(agent: Trace, spoken: float, heard: float) -> Moments:
    """Where the audio of one turn passed, and when."""
    return {"spoken": spoken, **agent_moments(agent, spoken)[0], "heard": heard}


def webrtc_moments(agent: Trace, caller: Trace, spoken: float, heard: float) -> Moments:
    """The same, with the packets that carried the end of the speech and the first of the answer."""
    inside, media_timestamp = agent_moments(agent, spoken)
    origin = agent.first("released", after=0)[1]  # where media timestamps begin
    asked = (origin + media_timestamp) % _UINT32
    taken, _ = agent.first("taken", after=inside["written"])
    sent, answered = agent.first("sent", after=taken)
    return {
        "spoken": spoken,
        "caller sent": caller.first("sent", after=0, value=asked)[0],
        "agent received": agent.first("received", after=0, value=asked)[0],
        "agent released": agent.first("released", after=0, value=asked)[0],
        **inside,
        "taken": taken,
        "agent sent": sent,
        "caller received": caller.first("received", after=0, value=answered)[0],
        "caller released": caller.first("released", after=0, value=answered)[0],
        "heard": heard,
    }


def agent_moments(agent: Trace, spoken: float) -> tuple[Moments, int]:
    """What happened within the agent after the end of speech, and the media timestamp of the last voice."""
    stopped, _ = agent.first("stopped", after=spoken)
    heard, media_timestamp = agent.last("input", before=stopped)
    written, _ = agent.first("written", after=stopped)
    return {"input": heard, "stopped": stopped, "written": written}, media_timestamp


def report(title: str, parts: Mapping[str, str], turns: list[Moments]) -> None:
    """Print the medians of the parts in milliseconds, of the whole, and of all but the wait."""
    print(f"\n{title}, milliseconds: median, least and most of {len(turns)} turns")
    spans: dict[str, list[float]] = {label: [] for label in parts.values()}
    for moments in turns:
        before = moments["spoken"]
        for place, label in parts.items():
            spans[label].append(1_000 * (moments[place] - before))
            before = moments[place]
    whole = [sum(each) for each in zip(*spans.values(), strict=True)]
    waits = spans["voice activity wait"]
    rest = [each - wait for each, wait in zip(whole, waits, strict=True)]
    for label, values in [*spans.items(), ("end of speech to first audio", whole), ("all but the wait", rest)]:
        print(f"{label:32}{statistics.median(values):8.1f}{min(values):8.1f}{max(values):8.1f}")


def serve() -> int:
    """The agent's server, unchanged but that it notes what passes; writes that to $LATENCY_TRACE at its end."""
    import server
    from loading import BotLoader

    trace = Trace()

    def probe(_: object) -> None:
        probe_agent(trace)
        probe_peers(trace)

    after(BotLoader, "load", probe)
    code = server.main()
    Path(os.environ["LATENCY_TRACE"]).write_text(json.dumps(trace.events))
    return code


def probe_agent(trace: Trace) -> None:
    """Note voice that enters the pipeline, the end of a voice, and audio that leaves for a WebSocket or a track."""
    from pipecat.transports.base_input import BaseInputTransport
    from pipecat.transports.smallwebrtc.transport import RawAudioTrack, SmallWebRTCClient
    from pipecat.transports.websocket.fastapi import FastAPIWebsocketOutputTransport

    from echo import EchoBrain

    def entered(_: object, frame: Any) -> None:
        if loud(frame.audio):
            trace.mark("input", frame.pts or 0)

    def taken(frame: Any) -> None:
        if loud(frame.to_ndarray().tobytes()):
            trace.mark("taken")

    before(BaseInputTransport, "push_audio_frame", entered)
    before(EchoBrain, "_play_back", lambda _: trace.mark("stopped"))
    for transport in (FastAPIWebsocketOutputTransport, SmallWebRTCClient):
        before(transport, "write_audio_frame", lambda *_: trace.mark("written"))
    after(RawAudioTrack, "recv", taken)


def probe_peers(trace: Trace) -> None:
    """Note RTP packets that leave, that come, and that the jitter buffer gives out."""
    from aiortc.jitterbuffer import JitterBuffer
    from aiortc.rtcdtlstransport import RTCDtlsTransport
    from aiortc.rtcrtpreceiver import RTCRtpReceiver
    from aiortc.rtp import is_rtcp

    def sent(_: object, data: bytes) -> None:
        if not is_rtcp(data):
            trace.mark("sent", struct.unpack_from("!L", data, 4)[0])

    add = JitterBuffer.add

    def add_and_note(buffer: JitterBuffer, packet: Any) -> Any:
        flag, frame = add(buffer, packet)
        if frame:
            trace.mark("released", frame.timestamp)
        return flag, frame

    setattr(JitterBuffer, "add", add_and_note)  # noqa: B010 - mypy minds the plain assignment
    before(RTCDtlsTransport, "_send_rtp", sent)
    before(RTCRtpReceiver, "_handle_rtp_packet", lambda _, packet, **__: trace.mark("received", packet.timestamp))


def before(owner: type, name: str, note: Callable[..., object]) -> None:
    """Let a coroutine method note its arguments first."""
    method = getattr(owner, name)

    async def noting(*arguments: Any, **named: Any) -> Any:
        note(*arguments, **named)
        return await method(*arguments, **named)

    setattr(owner, name, noting)


def after(owner: type, name: str, note: Callable[..., object]) -> None:
    """Let a coroutine method note its result."""
    method = getattr(owner, name)

    async def noting(*arguments: Any) -> Any:
        result = await method(*arguments)
        note(result)
        return result

    setattr(owner, name, noting)


def loud(pcm: bytes) -> bool:
    """Whether there is more than silence, and more than what Opus makes of silence, in PCM of 16 bits."""
    import numpy as np

    return bool(np.abs(np.frombuffer(pcm, np.int16).astype(np.int32)).max() > _LOUD)


if __name__ == "__main__":
    main()
