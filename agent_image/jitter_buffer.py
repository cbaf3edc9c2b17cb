"""Why aiortc's jitter buffer is replaced for the caller's voice: it delays it by 80 ms, and by 280 after a loss."""

import aiortc.rtcrtpreceiver
from aiortc.jitterbuffer import JitterBuffer, JitterFrame

# How many packets, of 20 ms each, may come before one that is missing. Then it is lost, and those are given out.
_CAPACITY = 4


class VoiceBuffer(JitterBuffer):
    """Gives out each packet of Opus when it is the next one: what listens here needs no steady pace.

    aiortc's waits for four more packets, as a loudspeaker needs it. When one is lost, it drops those four, waits for
    sixteen, and gives out one for each that comes: to the end of the call it is fourteen packets late. This one drops
    none, and is then three packets late.
    """

    def _remove_frame(self, sequence_number: int) -> JitterFrame | None:
        """The next frame: one packet, as RFC 7587 (4.2) says of Opus."""
        packet = self._packets[(self._origin or 0) % self._capacity]
        if packet is None:
            return None
        self.remove(1)
        return JitterFrame(data=packet._data, timestamp=packet.timestamp)  # type: ignore[attr-defined]


def create_buffer(capacity: int, prefetch: int = 0, is_video: bool = False) -> JitterBuffer:
    """What aiortc calls for every track that comes."""
    return JitterBuffer(capacity, prefetch, is_video) if is_video else VoiceBuffer(_CAPACITY)


def install() -> None:
    """Let every peer connection of this process use it."""
    aiortc.rtcrtpreceiver.JitterBuffer = create_buffer  # type: ignore[assignment,attr-defined]
