"""The events of a call client: https://reference-python.daily.co/api_reference.html#daily.EventHandler."""

from collections.abc import Mapping
from typing import Any


class EventHandler:
    """What programs subclass; every event does nothing until it is overridden."""

    def __new__(cls, *args: Any) -> "EventHandler":
        """Take whatever a subclass is made with, but no keywords: as the native class does."""
        return super().__new__(cls)

    def on_active_speaker_changed(self, participant: Mapping[str, Any]) -> None:
        """Handle that somebody else speaks."""

    def on_app_message(self, message: Any, sender: str) -> None:
        """Handle a message of a participant."""

    def on_available_devices_updated(self, available_devices: Mapping[str, Any]) -> None:
        """Handle a device that came or went: the stand-in has none."""

    def on_call_state_updated(self, state: str) -> None:
        """Handle "joining", "joined", "leaving" or "left"."""

    def on_dialin_connected(self, data: Mapping[str, Any]) -> None:
        """Handle a phone that is in the room."""

    def on_dialin_error(self, data: Mapping[str, Any]) -> None:
        """Handle a call in that failed."""

    def on_dialin_ready(self, sip_endpoint: str) -> None:
        """Handle a SIP address that takes calls now."""

    def on_dialin_stopped(self, data: Mapping[str, Any]) -> None:
        """Handle a call in that has ended."""

    def on_dialin_warning(self, data: Mapping[str, Any]) -> None:
        """Handle a warning about a call in."""

    def on_dialout_answered(self, data: Mapping[str, Any]) -> None:
        """Handle a call out that was answered."""

    def on_dialout_connected(self, data: Mapping[str, Any]) -> None:
        """Handle a call out that rings."""

    def on_dialout_error(self, data: Mapping[str, Any]) -> None:
        """Handle a call out that failed."""

    def on_dialout_stopped(self, data: Mapping[str, Any]) -> None:
        """Handle a call out that has ended."""

    def on_dialout_warning(self, data: Mapping[str, Any]) -> None:
        """Handle a warning about a call out."""

    def on_dtmf_event(self, data: Mapping[str, Any]) -> None:
        """Handle a key of a phone."""

    def on_error(self, message: str) -> None:
        """Handle an error."""

    def on_inputs_updated(self, input_settings: Mapping[str, Any]) -> None:
        """Handle changed inputs."""

    def on_live_stream_error(self, stream_id: str, message: str) -> None:
        """Handle an error of a live stream: the stand-in has none."""

    def on_live_stream_started(self, status: Mapping[str, Any]) -> None:
        """Handle a live stream's start: the stand-in has none."""

    def on_live_stream_stopped(self, stream_id: str) -> None:
        """Handle a live stream's end: the stand-in has none."""

    def on_live_stream_updated(self, update: Mapping[str, Any]) -> None:
        """Handle a live stream's change: the stand-in has none."""

    def on_live_stream_warning(self, stream_id: str, message: str) -> None:
        """Handle a live stream's warning: the stand-in has none."""

    def on_network_connection_status_updated(self, status: Mapping[str, Any]) -> None:
        """Handle a connection that was interrupted, or came about."""

    def on_network_stats_updated(self, stats: Mapping[str, Any]) -> None:
        """Handle statistics: the stand-in has none."""

    def on_participant_counts_updated(self, counts: Mapping[str, Any]) -> None:
        """Handle another number of participants."""

    def on_participant_joined(self, participant: Mapping[str, Any]) -> None:
        """Handle somebody who came, or was there already."""

    def on_participant_left(self, participant: Mapping[str, Any], reason: str) -> None:
        """Handle somebody who has gone."""

    def on_participant_updated(self, participant: Mapping[str, Any]) -> None:
        """Handle a participant's changed name or media."""

    def on_publishing_updated(self, publishing_settings: Mapping[str, Any]) -> None:
        """Handle changed publishing."""

    def on_recording_error(self, stream_id: str, message: str) -> None:
        """Handle a recording that failed."""

    def on_recording_started(self, status: Mapping[str, Any]) -> None:
        """Handle a recording that runs."""

    def on_recording_stopped(self, stream_id: str) -> None:
        """Handle a recording that has ended."""

    def on_subscription_profiles_updated(self, subscription_profiles: Mapping[str, Any]) -> None:
        """Handle changed subscription profiles."""

    def on_subscriptions_updated(self, subscriptions: Mapping[str, Any]) -> None:
        """Handle changed subscriptions."""

    def on_transcription_error(self, message: str) -> None:
        """Handle an error of Daily's transcription: the stand-in has none."""

    def on_transcription_message(self, message: Mapping[str, Any]) -> None:
        """Handle words of Daily's transcription: the stand-in has none."""

    def on_transcription_started(self, status: Mapping[str, Any]) -> None:
        """Handle the start of Daily's transcription: the stand-in has none."""

    def on_transcription_stopped(self, stopped_by: str, stopped_by_error: bool) -> None:
        """Handle the end of Daily's transcription: the stand-in has none."""

    def on_transcription_updated(self, update: Mapping[str, Any]) -> None:
        """Handle a change of Daily's transcription: the stand-in has none."""
