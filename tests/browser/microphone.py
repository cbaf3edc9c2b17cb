"""What a fake microphone hears: sentences spoken by the repository's own offline voice, in a WAV file."""

import wave
from pathlib import Path

SAMPLE_RATE = 48_000  # what Chromium's fake device runs at
# Sentences without a pause, and which Moonshine's smallest model is known to understand.
HOW_ARE_YOU = "How are you today?"
WHAT_TIME = "What time is it?"
MUSIC = "I like music very much."


def record(path: Path, *sentences: str, lead_seconds: float = 3.0, pause_seconds: float = 4.5) -> Path:
    """Write the sentences, each followed by a pause, after a silence in which the bot may greet; the path."""
    from offline_speech import synthesize  # of agent_image, which is no package: who runs this has it on the path

    parts = [b"\0\0" * int(lead_seconds * SAMPLE_RATE)]
    for sentence in sentences:
        parts += [synthesize(sentence, sample_rate=SAMPLE_RATE), b"\0\0" * int(pause_seconds * SAMPLE_RATE)]
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(SAMPLE_RATE)
        file.writeframes(b"".join(parts))
    path.chmod(0o644)
    return path
