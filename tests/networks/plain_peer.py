"""Plain aiortc at either end of a call, for the cases whose point is what the networks do, whatever the product does.

Offer and answer are lines on standard input and output: the test carries them, no network does.
"""

import asyncio
import json
import sys
import time
from contextlib import suppress

from aiortc import MediaStreamTrack, RTCConfiguration, RTCIceServer, RTCPeerConnection, RTCSessionDescription
from aiortc.mediastreams import AudioStreamTrack, MediaStreamError

_PATIENCE_SECONDS = 5.0


async def offer(connection: RTCPeerConnection) -> None:
    """Print an offer, read the answer, and print how it went."""
    media: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    @connection.on("track")
    async def receive(track: MediaStreamTrack) -> None:
        await track.recv()
        media.set_result(None)

    connection.addTrack(AudioStreamTrack())
    await connection.setLocalDescription(await connection.createOffer())
    started = time.monotonic()
    tell({"sdp": connection.localDescription.sdp})
    await connection.setRemoteDescription(RTCSessionDescription(sdp=(await listen())["sdp"], type="answer"))
    arrived, _ = await asyncio.wait([media], timeout=_PATIENCE_SECONDS)
    tell({"pair": pair(connection) if arrived else None, "seconds": time.monotonic() - started})


async def answer(connection: RTCPeerConnection) -> None:
    """Read an offer, print the answer, and talk until the input ends; to each line, say how many frames have come."""
    frames = 0

    @connection.on("track")
    async def receive(track: MediaStreamTrack) -> None:
        nonlocal frames
        with suppress(MediaStreamError):  # the end
            while True:
                await track.recv()
                frames += 1

    connection.addTrack(AudioStreamTrack())
    await connection.setRemoteDescription(RTCSessionDescription(sdp=(await listen())["sdp"], type="offer"))
    await connection.setLocalDescription(await connection.createAnswer())
    tell({"sdp": connection.localDescription.sdp})
    while await asyncio.to_thread(sys.stdin.readline):
        tell({"frames": frames})


def pair(connection: RTCPeerConnection) -> str:
    """The types of the candidates that ICE chose: ours, then the peer's."""
    ice = connection.getTransceivers()[0].receiver.transport.transport
    chosen = ice._connection._nominated[1]
    return f"{chosen.local_candidate.type}-{chosen.remote_candidate.type}"


def tell(message: dict[str, object]) -> None:
    """Print one line."""
    sys.stdout.write(json.dumps(message) + "\n")
    sys.stdout.flush()


async def listen() -> dict[str, str]:
    """Read one line."""
    message: dict[str, str] = json.loads(await asyncio.to_thread(sys.stdin.readline))
    return message


async def main() -> None:
    """Be what the command line says, with its ICE servers."""
    role, servers = sys.argv[1], json.loads(sys.argv[2])
    connection = RTCPeerConnection(RTCConfiguration([RTCIceServer(**server) for server in servers]))
    await {"offer": offer, "answer": answer}[role](connection)
    await connection.close()


if __name__ == "__main__":
    asyncio.run(main())
