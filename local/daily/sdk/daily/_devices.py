"""`Daily`, the module's beginning and its virtual devices. Devices are silent here: Pipecat's user tracks need none."""

from collections.abc import Callable
from enum import Enum

from ._audio import NativeVad
from ._threads import completions, engine


class LogLevel(Enum):
    """How much the native SDK says."""

    Off = 0
    Error = 1
    Warn = 2
    Info = 3
    Debug = 4
    Trace = 5


class VirtualCameraDevice:
    """A camera that shows nothing to anybody."""

    name: str
    width: int
    height: int
    color_format: str

    def __init__(self, device_name: str, width: int, height: int, color_format: str) -> None:
        self.name = device_name
        self.width = width
        self.height = height
        self.color_format = color_format

    def write_frame(self, frame: bytes) -> None:
        """Take a frame."""


class _AudioDevice:
    name: str
    sample_rate: int
    channels: int

    def __init__(self, device_name: str, sample_rate: int, channels: int) -> None:
        self.name = device_name
        self.sample_rate = sample_rate
        self.channels = channels


class VirtualMicrophoneDevice(_AudioDevice):
    """A microphone that nobody hears."""

    def write_frames(self, frames: bytes, completion: Callable[[int], object] | None = None) -> int:
        """Take samples."""
        count = len(frames) // (2 * self.channels)
        completions().call(completion, count)
        return count


class VirtualSpeakerDevice(_AudioDevice):
    """A speaker in a room that is silent: with nobody else there, the native one returns nothing, too."""

    def read_frames(self, num_frames: int, completion: Callable[[bytes], object] | None = None) -> bytes:
        """Return nothing."""
        completions().call(completion, b"")
        return b""


class Daily:
    """https://reference-python.daily.co/api_reference.html#daily.Daily."""

    @staticmethod
    def init(worker_threads: int = 2, log_level: LogLevel = LogLevel.Off) -> None:
        """Start the thread that carries media."""
        engine()

    @staticmethod
    def deinit() -> None:
        """Do nothing: the threads end with the process."""

    @staticmethod
    def set_log_level(log_level: LogLevel) -> None:
        """Do nothing: the stand-in logs by Python's logging."""

    @staticmethod
    def create_camera_device(
        device_name: str, width: int, height: int, color_format: str = "RGBA"
    ) -> VirtualCameraDevice:
        """Make a camera."""
        return VirtualCameraDevice(device_name, width, height, color_format)

    @staticmethod
    def create_speaker_device(
        device_name: str, sample_rate: int = 16000, channels: int = 1, non_blocking: bool = False
    ) -> VirtualSpeakerDevice:
        """Make a speaker."""
        return VirtualSpeakerDevice(device_name, sample_rate, channels)

    @staticmethod
    def create_microphone_device(
        device_name: str, sample_rate: int = 16000, channels: int = 1, non_blocking: bool = False
    ) -> VirtualMicrophoneDevice:
        """Make a microphone."""
        return VirtualMicrophoneDevice(device_name, sample_rate, channels)

    @staticmethod
    def create_native_vad(reset_period_ms: int = 1000, sample_rate: int = 16000, channels: int = 1) -> NativeVad:
        """Make a detector of voice activity."""
        return NativeVad(reset_period_ms, sample_rate, channels)

    @staticmethod
    def select_speaker_device(device_name: str) -> None:
        """Do nothing: all speakers are silent."""
