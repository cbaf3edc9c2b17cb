"""A stand-in for daily-python, the native SDK, whose own media can reach nothing but Daily's cloud.

It has the names, arguments, callbacks and error texts of daily-python 0.36 that Pipecat's DailyTransport leans on, as
https://reference-python.daily.co documents them and as the native module shows them without a network. Callbacks come
from threads of its own, and a callback that waits for the completion of another request waits for ever, as with the
native one. It joins rooms of the stand-in that DAILY_STAND_IN_URL names. It doesn't prove WebRTC: ICE, DTLS, Opus,
bandwidth, jitter, video, transcription, live streams; or the texts of errors that only Daily's cloud gives.
"""

from ._audio import AudioData, CustomAudioSource, CustomAudioTrack, NativeVad
from ._call_client import CallClient
from ._devices import Daily, LogLevel, VirtualCameraDevice, VirtualMicrophoneDevice, VirtualSpeakerDevice
from ._event_handler import EventHandler
from ._video import CustomVideoSource, CustomVideoTrack, VideoFrame

__all__ = [
    "AudioData",
    "CallClient",
    "CustomAudioSource",
    "CustomAudioTrack",
    "CustomVideoSource",
    "CustomVideoTrack",
    "Daily",
    "EventHandler",
    "LogLevel",
    "NativeVad",
    "VideoFrame",
    "VirtualCameraDevice",
    "VirtualMicrophoneDevice",
    "VirtualSpeakerDevice",
]
