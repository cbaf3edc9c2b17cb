"""What the bot tells a client about itself, in an RTVI server message."""

from dataclasses import asdict

from pipecat import version
from pipecat.audio.vad.vad_analyzer import VAD_STOP_SECS

from settings import current_settings
from startup import times


def agent_info() -> dict[str, str | float]:
    """How long the process took to start (seconds), how long the bot waits for silence (seconds), and what it runs."""
    return {
        "type": "agent-info",
        **asdict(times),
        "vad_stop_seconds": VAD_STOP_SECS,
        "pipeline": current_settings().pipeline,
        "pipecat": version(),
    }
