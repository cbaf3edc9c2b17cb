"""What the bot tells a client about itself, in an RTVI server message."""

from dataclasses import asdict

from pipecat import version
from pipecat.audio.vad.vad_analyzer import VAD_STOP_SECS
from pipecat.runner.types import RunnerArguments, SmallWebRTCRunnerArguments

from relay_probe import Relay
from settings import current_settings
from startup import times


def agent_info(runner_args: RunnerArguments) -> dict[str, str | float]:
    """How long the process took to start (seconds), how long the bot waits for silence (seconds), and what it runs.

    For a WebRTC call also `relay`, how it reaches its TURN server (udp, tls or tcp; none where the network is flat),
    and `relay_probe_seconds`, how long it took to find that out.
    """
    return {
        "type": "agent-info",
        **asdict(times),
        "vad_stop_seconds": VAD_STOP_SECS,
        "pipeline": current_settings().pipeline,
        "pipecat": version(),
        **_relay(runner_args),
    }


def _relay(runner_args: RunnerArguments) -> dict[str, str | float]:
    if not isinstance(runner_args, SmallWebRTCRunnerArguments):
        return {}
    relay: Relay | None = runner_args.webrtc_connection.relay
    if relay is None:
        return {"relay": "none", "relay_probe_seconds": 0.0}
    return {"relay": relay.server.transport, "relay_probe_seconds": relay.probe_seconds}
