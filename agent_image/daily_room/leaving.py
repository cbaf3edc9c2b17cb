"""What the agent does for the people in its room before it leaves."""

# mypy: disable-error-code="no-untyped-call"
# Pipecat's transport carries few types.

import asyncio
import logging
from collections.abc import Sequence

from pipecat.frames.frames import OutputAudioRawFrame
from pipecat.transports.daily.transport import DailyTransport, DailyTransportClient, completion_callback

from recordings import recorded_speech

_REQUEST_SECONDS = 2.0
_TRANSFER_SECONDS = 15.0

_logger = logging.getLogger("switchboard.agent")


async def transfer(transport: DailyTransport, *, destination: str | None, alone: asyncio.Event) -> str:
    """Let Daily dial the destination (E.164, or a SIP URI) for who is on the telephone; what went wrong, or nothing.

    The other end leaves the room as soon as the destination is dialled, and the call goes on without the room:
    https://docs.daily.co/docs/guides/features/dial-in-dial-out/transfers
    """
    try:
        async with asyncio.timeout(_TRANSFER_SECONDS):
            if problem := await transport.sip_call_transfer({"toEndPoint": destination}):
                return problem
            await alone.wait()
    except TimeoutError:
        return f"Daily left them in the room for {_TRANSFER_SECONDS:.0f} s"
    return ""


async def apologise(client: DailyTransportClient) -> None:
    """Play the recorded apology: by now no pipeline could say anything."""
    for frame in recorded_speech("apology", sample_rate=client.out_sample_rate):
        if isinstance(frame, OutputAudioRawFrame):
            await client.write_audio_frame(frame)


async def send_out(client: DailyTransportClient, *, people: Sequence[str]) -> None:
    """Send people out of the room, by their ids: who stayed would stay with nobody, and at a price."""
    done = asyncio.get_running_loop().create_future()
    # For which Pipecat has no way of its own.
    client._client.eject_remote_participants([*people], completion=completion_callback(done))
    try:
        async with asyncio.timeout(_REQUEST_SECONDS):
            problem = await done
    except TimeoutError:
        problem = f"no answer within {_REQUEST_SECONDS} s"
    if problem:
        _logger.warning("people are left in a room without the agent, until that is deleted: %s", problem)
