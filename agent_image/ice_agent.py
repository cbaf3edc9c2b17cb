"""Where aiortc 1.16 and aioice 0.13 fall short of the RFCs, to the cost of calls through a relay."""

import asyncio
import re

import aioice.turn
import aiortc.rtcicetransport
from aioice.ice import CandidatePair, Connection, StunProtocol
from aioice.stun import Class, Message, Method

from turn_allocation import create_turn_endpoint

# RFC 7065, 3.1: a TURN URI may have an IPv6 address, in brackets. NAT64 needs it.
_TURN_URI = re.compile(
    r"(?P<scheme>turns?):\[?(?P<host>(?<=\[)[^\]]+(?=\])|[^\[\]?:]+)\]?(:(?P<port>[0-9]+))?(\?transport=(?P<transport>.*))?"
)


class PromptConnection(Connection):
    """Lets no check of the caller wait: aioice would repeat after half a second what a relay has dropped meanwhile."""

    async def gather_candidates(self) -> None:
        """Gather, and let the relay take packets from all candidates of the offer before the answer brings any.

        aioice asks for a permission (RFC 8656, 9) with its own checks, which come later and one by one.
        """
        await super().gather_candidates()
        for protocol in self._protocols:
            if protocol.local_candidate.type == "relay":
                for candidate in self._remote_candidates:
                    indication = Message(message_method=Method.BINDING, message_class=Class.INDICATION)
                    protocol.send_stun(indication, (candidate.host, candidate.port))
        await asyncio.sleep(0)  # what sends them are tasks

    def check_incoming(self, message: Message, addr: tuple[str, int], protocol: StunProtocol) -> None:
        """Answer a check with one of our own, also while an earlier one is under way, as RFC 8445, 7.3.1.4, asks."""
        waiting = [pair for pair in self._check_list if pair.state == CandidatePair.State.IN_PROGRESS]
        super().check_incoming(message, addr, protocol)
        for pair in waiting:
            if pair.protocol is protocol and pair.remote_addr == addr and pair.task:
                pair.task.cancel()
                pair.task = None
                self.check_start_task(pair)


def install() -> None:
    """Let every peer connection of this process use these."""
    aiortc.rtcicetransport.TURN_REGEX = _TURN_URI
    aiortc.rtcicetransport.Connection = PromptConnection  # type: ignore[attr-defined]
    aioice.turn.create_turn_endpoint = create_turn_endpoint
