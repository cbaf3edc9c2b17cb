"""The caller's voice and ear: the ones of the agent's offline pipeline, so that a call needs no account."""

import sys
from pathlib import Path
from typing import Protocol

_AGENT_IMAGE = Path(__file__).resolve().parent.parent / "agent_image"


class Speech(Protocol):
    """Mono PCM16 both ways."""

    def synthesize(self, text: str, *, sample_rate: int) -> bytes:
        """Speak the text."""

    def transcribe(self, pcm: bytes, *, sample_rate: int) -> str:
        """Hear the words."""


def load_speech() -> Speech:
    """Import agent_image/offline_speech.py; the folder is a source root of its own, as it is in the image."""
    if str(_AGENT_IMAGE) not in sys.path:
        sys.path.append(str(_AGENT_IMAGE))
    import offline_speech

    return offline_speech
