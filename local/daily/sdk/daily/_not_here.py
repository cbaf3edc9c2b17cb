"""What `CallClient` has natively and not here: each is refused, so that nothing seems done that wasn't."""

from collections.abc import Callable, Mapping
from typing import Any

type Completion = Callable[..., object] | None


class NotHere:
    """The methods, with their native arguments."""

    def _refuse(self, name: str, completion: Completion, *, has_result: bool = False) -> None:
        """Tell the completion, and `on_error`, that this isn't done."""
        raise NotImplementedError

    def update_permissions(self, permissions: Mapping[str, Any], completion: Completion = None) -> None:
        """Refuse: the stand-in knows owners only."""
        self._refuse("updatePermissions", completion)

    def add_custom_audio_track(
        self, track_name: str, audio_track: Any, ignore_audio_level: bool | None = None, completion: Completion = None
    ) -> None:
        """Refuse: the microphone is the only track."""
        self._refuse("addCustomAudioTrack", completion)

    def update_custom_audio_track(
        self, track_name: str, audio_track: Any, ignore_audio_level: bool | None = None, completion: Completion = None
    ) -> None:
        """Refuse: the microphone is the only track."""
        self._refuse("updateCustomAudioTrack", completion)

    def remove_custom_audio_track(self, track_name: str, completion: Completion = None) -> None:
        """Refuse: the microphone is the only track."""
        self._refuse("removeCustomAudioTrack", completion)

    def add_custom_video_track(self, track_name: str, video_track: Any, completion: Completion = None) -> None:
        """Refuse: there is no video."""
        self._refuse("addCustomVideoTrack", completion)

    def update_custom_video_track(self, track_name: str, video_track: Any, completion: Completion = None) -> None:
        """Refuse: there is no video."""
        self._refuse("updateCustomVideoTrack", completion)

    def remove_custom_video_track(self, track_name: str, completion: Completion = None) -> None:
        """Refuse: there is no video."""
        self._refuse("removeCustomVideoTrack", completion)

    def start_live_stream_with_endpoints(
        self,
        endpoints: list[str],
        streaming_settings: Mapping[str, Any] | None = None,
        stream_id: str | None = None,
        force_new: bool | None = None,
        completion: Completion = None,
    ) -> None:
        """Refuse: there are no live streams."""
        self._refuse("startLiveStream", completion, has_result=True)

    def start_live_stream_with_rtmp_urls(
        self,
        rtmp_urls: list[str],
        streaming_settings: Mapping[str, Any] | None = None,
        stream_id: str | None = None,
        force_new: bool | None = None,
        completion: Completion = None,
    ) -> None:
        """Refuse: there are no live streams."""
        self._refuse("startLiveStream", completion, has_result=True)

    def stop_live_stream(self, stream_id: str | None = None, completion: Completion = None) -> None:
        """Refuse: there are no live streams."""
        self._refuse("stopLiveStream", completion)

    def update_live_stream(
        self, update_settings: Mapping[str, Any], stream_id: str | None = None, completion: Completion = None
    ) -> None:
        """Refuse: there are no live streams."""
        self._refuse("updateLiveStream", completion)

    def add_live_streaming_endpoints(
        self, endpoints: list[str], stream_id: str | None = None, completion: Completion = None
    ) -> None:
        """Refuse: there are no live streams."""
        self._refuse("addLiveStreamingEndpoints", completion)

    def remove_live_streaming_endpoints(
        self, endpoints: list[str], stream_id: str | None = None, completion: Completion = None
    ) -> None:
        """Refuse: there are no live streams."""
        self._refuse("removeLiveStreamingEndpoints", completion)

    def update_recording(
        self, update_settings: Mapping[str, Any], stream_id: str | None = None, completion: Completion = None
    ) -> None:
        """Refuse: a recording of the stand-in has nothing to change."""
        self._refuse("updateRecording", completion)

    def start_transcription(self, settings: Mapping[str, Any] | None = None, completion: Completion = None) -> None:
        """Refuse: there is no transcription."""
        self._refuse("startTranscription", completion)

    def stop_transcription(self, completion: Completion = None) -> None:
        """Refuse: there is no transcription."""
        self._refuse("stopTranscription", completion)

    def update_transcription(
        self, participants: list[str] | None = None, instance_id: str | None = None, completion: Completion = None
    ) -> None:
        """Refuse: there is no transcription."""
        self._refuse("updateTranscription", completion)

    def sip_refer(self, settings: Mapping[str, Any], completion: Completion = None) -> None:
        """Refuse: the stand-in transfers, and refers nobody."""
        self._refuse("sipRefer", completion)

    def send_prebuilt_chat_message(
        self, message: str, user_name: str | None = None, completion: Completion = None
    ) -> None:
        """Refuse: nobody here has Daily's own page."""
        self._refuse("sendPrebuiltChatMessage", completion)

    def set_proxy_url(self, proxy_url: str | None = None, completion: Completion = None) -> None:
        """Refuse: the stand-in is on this machine."""
        self._refuse("setProxyUrl", completion)
