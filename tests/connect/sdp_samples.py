"""Real session descriptions: of aiortc, made when asked for, and of Chromium 156 with documentation addresses."""

import asyncio
import functools
from dataclasses import dataclass
from pathlib import Path

from aiortc import RTCConfiguration, RTCPeerConnection

CHROMIUM_OFFER = (Path(__file__).parent / "data/chromium_156_offer.sdp").read_text().replace("\n", "\r\n")


@dataclass(frozen=True, kw_only=True)
class Exchange:
    offer: str
    answer: str


@functools.cache
def aiortc_exchange() -> Exchange:
    """An offer of audio and a data channel, as the product's own caller makes it, and the answer of an agent."""
    return asyncio.run(_exchange())


async def _exchange() -> Exchange:
    caller, agent = (RTCPeerConnection(RTCConfiguration(iceServers=[])) for _ in range(2))
    try:
        caller.addTransceiver("audio")
        caller.createDataChannel("chat")
        await caller.setLocalDescription(await caller.createOffer())
        await agent.setRemoteDescription(caller.localDescription)
        await agent.setLocalDescription(await agent.createAnswer())
        return Exchange(offer=caller.localDescription.sdp, answer=agent.localDescription.sdp)
    finally:
        await caller.close()
        await agent.close()
