"""How a call's audio passes through its Daily room."""

# mypy: disable-error-code="no-untyped-call, override"
# Pipecat's transports carry few types, and set up what their base class sets up otherwise.

from typing import TYPE_CHECKING, Any

from pipecat.frames.frames import StartFrame, UserAudioRawFrame
from pipecat.processors.frame_processor import FrameProcessorSetup
from pipecat.transports.base_input import BaseInputTransport
from pipecat.transports.base_output import BaseOutputTransport
from pipecat.transports.daily.transport import DailyInputTransport, DailyOutputTransport

from daily_room.floor import Floor

if TYPE_CHECKING:
    from daily import AudioData

    from daily_room.transport import RoomTransport


class RoomInput(DailyInputTransport):
    """Hears one of the people in the room at a time: who has the floor. Frames say whose audio they are."""

    def __init__(self, room: "RoomTransport", *arguments: Any, floor: Floor, **more: Any) -> None:
        super().__init__(room, *arguments, **more)
        self._room = room
        self._floor = floor

    async def setup(self, setup: FrameProcessorSetup) -> None:
        """As Pipecat's, but the room is joined over a path that is known to be open."""
        await BaseInputTransport.setup(self, setup)
        await self._client.setup(setup)
        await self._room.join()

    async def start(self, frame: StartFrame) -> None:
        """Hear the room, and only then dial: who takes a call waits for nothing."""
        await super().start(frame)
        self._room.start()

    async def _on_participant_audio_data(self, participant_id: str, audio: "AudioData", audio_source: str) -> None:
        if not self._room.begun:
            return
        for pcm in self._floor.take(participant_id, audio.audio_frames):
            frame = UserAudioRawFrame(
                user_id=participant_id, audio=pcm, sample_rate=audio.sample_rate, num_channels=audio.num_channels
            )
            frame.transport_source = audio_source
            await self.push_audio_frame(frame)


class RoomOutput(DailyOutputTransport):
    """Leaves the room when the last word has been heard, and nobody behind in it."""

    def __init__(self, room: "RoomTransport", *arguments: Any, **more: Any) -> None:
        super().__init__(room, *arguments, **more)
        self._room = room

    async def setup(self, setup: FrameProcessorSetup) -> None:
        """As the input's."""
        await BaseOutputTransport.setup(self, setup)
        await self._client.setup(setup)
        await self._room.join()

    async def _teardown(self) -> None:
        await self._room.finish()
        await super()._teardown()
