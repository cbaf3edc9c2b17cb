"""How a phone call's audio passes through a carrier's stream."""

import asyncio
import logging
from typing import Any

from pipecat.frames.frames import EndFrame, Frame, InterruptionFrame, OutputAudioRawFrame
from pipecat.transports.websocket.fastapi import FastAPIWebsocketParams

from call_socket import CallSocket
from phone import PhoneStream
from phone.marks import are_last_words_played, last_words_mark
from phone.serializers import create_serializer
from socket_transport import PatientOutput, SocketTransport

# Vonage takes audio in packets like those that it sends: 20 ms each.
_PACKETS_A_SECOND = 50
_BYTES_A_SAMPLE = 2
# With so much silence behind it, the last word comes out of the resampler whole.
_SILENCE_SECONDS = 0.1
# Pipecat sends 80 ms ahead, and a carrier plays what it has got; a longer wait is for a network that falters.
_PLAYED_SECONDS = 3.0

_logger = logging.getLogger("switchboard.agent")


class PhoneOutput(PatientOutput):
    """Ends a stream when the carrier has played the last words: what still waits there is lost with the stream."""

    def __init__(self, *arguments: Any, stream: PhoneStream, **more: Any) -> None:
        super().__init__(*arguments, **more)
        self._stream = stream
        self._playing: asyncio.Task[None] | None = None

    async def stop(self, frame: EndFrame) -> None:
        """Say what is still to be said, and close the stream when that is played."""
        # The pipeline's input receives no more by now, and what nobody takes would pile up in front of the carrier's
        # word.
        self._playing = self.create_task(self._wait_until_played()) if self._client.is_connected else None
        await super().stop(frame)

    async def _write_frame(self, frame: Frame) -> bool:
        # Once the call is to end, nothing cuts the last words short here, so the carrier must not drop them either.
        if isinstance(frame, InterruptionFrame) and self.socket.ending:
            return True
        if isinstance(frame, EndFrame):  # it comes when all audio is sent, and just before the stream is closed
            await self._play_out()
            return True
        return await super()._write_frame(frame)

    async def _play_out(self) -> None:
        if self._playing is None:
            return
        silence = bytes(int(_SILENCE_SECONDS * self.sample_rate) * _BYTES_A_SAMPLE)
        await super()._write_frame(OutputAudioRawFrame(silence, self.sample_rate, 1))
        await self._client.send(last_words_mark(self._stream))
        try:
            async with asyncio.timeout(_PLAYED_SECONDS):
                await self._playing
        except TimeoutError:
            _logger.warning(
                "%s did not say in %s s that it played the last words", self._stream.carrier, _PLAYED_SECONDS
            )

    async def _wait_until_played(self) -> None:
        """Take what comes until the carrier has played the last words, or the stream has ended."""
        while (message := await self.socket.receive())["type"] != "websocket.disconnect":
            if are_last_words_played(message):
                return


class PhoneTransport(SocketTransport):
    """A carrier's stream. RTVI's messages, which no telephone understands, are left out by Pipecat's serializers."""

    def __init__(self, *, socket: CallSocket, stream: PhoneStream) -> None:
        self._stream = stream
        super().__init__(
            socket=socket,
            serializer=create_serializer(stream),
            fixed_audio_packet_size=_packet_bytes(stream),
            audio_out_end_silence_secs=0,
        )

    def _create_output(self, socket: CallSocket, params: FastAPIWebsocketParams) -> PhoneOutput:
        return PhoneOutput(self, self._client, params, name=self._output_name, socket=socket, stream=self._stream)


def _packet_bytes(stream: PhoneStream) -> int | None:
    """Only Vonage's audio comes as it is, and not within a message."""
    return stream.sample_rate // _PACKETS_A_SECOND * _BYTES_A_SAMPLE if stream.encoding == "L16" else None
