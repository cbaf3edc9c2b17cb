"""A bot of Pipecat's that says what it hears: run with the stand-in's `daily` on the path, room URL and token given."""

import asyncio
import sys
from typing import Any

from pipecat.frames.frames import Frame, OutputAudioRawFrame, UserAudioRawFrame
from pipecat.pipeline.pipeline import Pipeline
from pipecat.pipeline.runner import PipelineRunner
from pipecat.pipeline.worker import PipelineWorker
from pipecat.processors.frame_processor import FrameDirection, FrameProcessor
from pipecat.transports.daily.transport import DailyParams, DailyTransport

RATE = 24_000


class Echo(FrameProcessor):
    """Says what it hears."""

    async def process_frame(self, frame: Frame, direction: FrameDirection) -> None:
        """Turn heard audio into said audio."""
        await super().process_frame(frame, direction)
        if isinstance(frame, UserAudioRawFrame):
            await self.push_frame(OutputAudioRawFrame(audio=frame.audio, sample_rate=RATE, num_channels=1))
        else:
            await self.push_frame(frame, direction)


async def main(room_url: str, token: str) -> None:
    """Stay until whoever came has left."""
    params = DailyParams(
        audio_in_enabled=True,
        audio_out_enabled=True,
        audio_in_sample_rate=RATE,
        audio_out_sample_rate=RATE,
        camera_out_enabled=False,
    )
    transport = DailyTransport(room_url, token, "Echo", params)
    worker = PipelineWorker(Pipeline([transport.input(), Echo(), transport.output()]), enable_rtvi=False)

    async def on_participant_left(*_: Any) -> None:
        await worker.cancel()

    transport.add_event_handler("on_participant_left", on_participant_left)
    runner = PipelineRunner(handle_sigint=False)
    await runner.run(worker)


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
