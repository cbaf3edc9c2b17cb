"""`CallClient`: https://reference-python.daily.co/api_reference.html#daily.CallClient.

What a method doesn't do here, it refuses: nothing succeeds that wasn't done, but for video and the settings of media
that the stand-in doesn't carry.
"""

import itertools
import json
from collections.abc import Callable, Coroutine, Mapping
from typing import Any

from . import _settings as settings_checks
from ._audio import AudioData
from ._event_handler import EventHandler
from ._not_here import Completion, NotHere
from ._session import Session
from ._threads import Dispatcher, run_on_engine

_clients = itertools.count()


class CallClient(NotHere):
    """A participant of a meeting."""

    def __init__(self, event_handler: EventHandler | None = None) -> None:
        self._events = Dispatcher(f"daily events {next(_clients)}")
        self._session = Session(handler=event_handler or EventHandler(), events=self._events)
        self._released = False

    def release(self) -> None:
        """Leave without a word, and be of no use any more."""
        session = self._used()
        self._released = True
        self._events.close()
        run_on_engine(session.abandon()).result()

    def join(
        self,
        meeting_url: str,
        meeting_token: str | None = None,
        client_settings: Mapping[str, Any] | None = None,
        completion: Completion = None,
    ) -> None:
        """Join a meeting; the completion gets who is there, and why not."""
        session = self._used()

        async def joining() -> object:
            settings_checks.check_url(meeting_url)
            settings_checks.check_client_settings(client_settings)
            return await session.join(meeting_url, meeting_token, client_settings or {})

        self._run("join", joining(), completion, has_result=True)

    def leave(self, completion: Completion = None) -> None:
        """Leave the meeting."""
        self._run("leave", self._used().leave(), completion)

    def set_user_name(self, user_name: str) -> None:
        """Say what others see as this client's name; a token's name wins."""
        session = self._used()
        session.user_name = user_name
        if session.is_joined:
            self._request("setUserName", {"type": "user-name", "userName": user_name}, None)

    def active_speaker(self) -> Mapping[str, Any] | None:
        """Return who spoke last."""
        return self._used().participants.active_speaker

    def participants(self) -> Mapping[str, Any]:
        """Return everybody in the meeting."""
        return self._used().participants.as_mapping()

    def participant_counts(self) -> Mapping[str, Any]:
        """Return how many are in the meeting."""
        return self._used().participants.counts()

    def update_remote_participants(self, remote_participants: Mapping[str, Any], completion: Completion = None) -> None:
        """Switch others' microphones off; other updates are refused."""
        muted = [
            each for each, update in remote_participants.items() if update == {"inputsEnabled": {"microphone": False}}
        ]
        known = len(muted) == len(remote_participants)
        self._request(
            "updateRemoteParticipants", {"type": "mute" if known else "update", "ids": muted}, completion,
            area="RemoteParticipants", check=lambda: settings_checks.check_participant_ids(remote_participants),
        )  # fmt: skip

    def eject_remote_participants(self, ids: list[str], completion: Completion = None) -> None:
        """Put others out."""
        self._request(
            "ejectRemoteParticipants", {"type": "eject", "ids": list(ids)}, completion,
            area="RemoteParticipants", check=lambda: settings_checks.check_participant_ids(ids),
        )  # fmt: skip

    def inputs(self) -> Mapping[str, Any]:
        """Return the settings of this client's inputs."""
        return self._used().inputs

    def update_inputs(self, input_settings: Mapping[str, Any], completion: Completion = None) -> None:
        """Switch the microphone, or give it another track; other inputs are remembered only."""
        self._run("updateInputs", self._used().update_inputs(input_settings), completion)

    def publishing(self) -> Mapping[str, Any]:
        """Return the settings of what is sent."""
        return self._used().publishing

    def update_publishing(self, publishing_settings: Mapping[str, Any], completion: Completion = None) -> None:
        """Remember settings of what is sent."""
        self._used().publishing.update(publishing_settings)
        self._events.call(completion, None)

    def subscriptions(self) -> Mapping[str, Any]:
        """Return the settings of what is received, by participant."""
        return self._used().subscriptions

    def update_subscriptions(
        self,
        participant_settings: Mapping[str, Any] | None = None,
        profile_settings: Mapping[str, Any] | None = None,
        completion: Completion = None,
    ) -> None:
        """Remember settings of what is received: audio is, whatever they say."""
        self._used().subscriptions.update(participant_settings or {})
        self._session.subscription_profiles.update(profile_settings or {})
        self._events.call(completion, None)

    def subscription_profiles(self) -> Mapping[str, Any]:
        """Return the profiles of what is received."""
        return self._used().subscription_profiles

    def update_subscription_profiles(self, profile_settings: Mapping[str, Any], completion: Completion = None) -> None:
        """Remember profiles of what is received."""
        self.update_subscriptions(None, profile_settings, completion)

    def start_recording(
        self,
        streaming_settings: Mapping[str, Any] | None = None,
        stream_id: str | None = None,
        force_new: bool | None = None,
        completion: Completion = None,
    ) -> None:
        """Start a recording where the room has one; the completion gets its stream, and why not."""
        self._request("startRecording", {"type": "start-recording"}, completion, area="Recording", has_result=True)

    def stop_recording(self, stream_id: str | None = None, completion: Completion = None) -> None:
        """Stop the recording."""
        self._request("stopRecording", {"type": "stop-recording", "streamId": stream_id}, completion, area="Recording")

    def start_dialout(self, settings: Mapping[str, Any], completion: Completion = None) -> None:
        """Call a number; the completion gets the session's id, and why not."""
        self._request(
            "startDialout", {"type": "start-dialout", "settings": dict(settings)}, completion,
            area="Dialout", check=lambda: settings_checks.check_dialout(settings), has_result=True,
        )  # fmt: skip

    def stop_dialout(self, participant_id: str, completion: Completion = None) -> None:
        """Hang up a call."""
        self._request("stopDialout", {"type": "stop-dialout", "id": participant_id}, completion, area="Dialout")

    def send_dtmf(self, settings: Mapping[str, Any], completion: Completion = None) -> None:
        """Send tones to a phone."""
        self._request(
            "sendDTMF", {"type": "send-dtmf", "settings": dict(settings)}, completion, area="Dialout",
            check=lambda: settings_checks.check_session(settings, what="DTMF", needed=("sessionId", "tones")),
        )  # fmt: skip

    def sip_call_transfer(self, settings: Mapping[str, Any], completion: Completion = None) -> None:
        """Send a call to another number."""
        needed = ("sessionId", "toEndPoint")
        self._request(
            "sipCallTransfer", {"type": "transfer", "settings": dict(settings)}, completion, area="Sip",
            check=lambda: settings_checks.check_session(settings, what="SIP call transfer", needed=needed),
        )  # fmt: skip

    def send_app_message(self, message: Any, participant_id: str | None = None, completion: Completion = None) -> None:
        """Send a message to one participant, or to all others."""
        if _is_unsendable(message):
            raise TypeError("unsupported type object")
        self._request("sendAppMessage", {"type": "app-message", "data": message, "to": participant_id}, completion)

    def get_network_stats(self) -> Mapping[str, Any]:
        """Return nothing: there are no statistics."""
        self._used()
        return {}

    def set_audio_renderer(
        self,
        participant_id: str,
        callback: Callable[[str, AudioData, str], object],
        audio_source: str = "microphone",
        sample_rate: int = 16000,
        callback_interval_ms: int = 20,
        logging_interval_ms: int = 10000,
    ) -> None:
        """Call back with a participant's audio."""
        self._used().set_renderer(
            participant_id,
            callback,
            audio_source=audio_source,
            sample_rate=sample_rate,
            interval_ms=callback_interval_ms,
        )

    def set_video_renderer(
        self,
        participant_id: str,
        callback: Callable[..., object],
        video_source: str = "camera",
        color_format: str = "RGBA",
        logging_interval_ms: int = 10000,
    ) -> None:
        """Take a callback that is never called: there is no video."""
        self._used()

    def set_ice_config(self, ice_config: Mapping[str, Any] | None = None, completion: Completion = None) -> None:
        """Remember ICE servers, and use none: media takes the hub's WebSocket."""
        session = self._used()

        async def setting() -> None:
            settings_checks.check_ice_config(ice_config)
            session.ice_config = ice_config

        self._run("setIceConfig", setting(), completion)

    def _used(self) -> Session:
        if self._released:
            raise RuntimeError("this object has already been released")
        return self._session

    def _request(
        self,
        name: str,
        message: Mapping[str, Any],
        completion: Completion,
        *,
        area: str = "",
        check: Callable[[], None] | None = None,
        has_result: bool = False,
    ) -> None:
        session = self._used()

        async def asking() -> object:
            if check:
                check()
            return await session.ask(message, area=area)

        self._run(name, asking(), completion, has_result=has_result)

    def _refuse(self, name: str, completion: Completion, *, has_result: bool = False) -> None:
        self._used()

        async def refusing() -> None:
            raise settings_checks.SettingsError("the stand-in for daily-python doesn't do this")

        self._run(name, refusing(), completion, has_result=has_result)

    def _run(
        self, name: str, work: Coroutine[Any, Any, Any], completion: Completion, *, has_result: bool = False
    ) -> None:
        """Work on the engine's loop; then tell the completion, and `on_error` of an error, as the native SDK does."""

        async def working() -> None:
            try:
                result, error = await work, None
            except settings_checks.SettingsError as refused:
                result, error = None, str(refused)
            self._events.call(completion, *((result, error) if has_result else (error,)))
            if error is not None:
                self._events.call(self._session.handler.on_error, f"Error handling {name}: {error}")

        run_on_engine(working())


def _is_unsendable(message: Any) -> bool:
    try:
        json.dumps(message)
    except (TypeError, ValueError):
        return True
    return False
