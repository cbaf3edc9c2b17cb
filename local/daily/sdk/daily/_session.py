"""A client's time in a room: its state, what it sends and hears, and the events it tells of."""

from collections.abc import Callable, Mapping
from typing import Any

from ._audio import AudioData, CustomAudioSource, source_of_track
from ._connection import Connection, JoinError
from ._event_handler import EventHandler
from ._participants import Participants
from ._renderer import Renderer
from ._settings import SettingsError
from ._threads import Dispatcher


class Session:
    """What a call client is while it isn't released. Coroutines run on the engine's loop."""

    def __init__(self, *, handler: EventHandler, events: Dispatcher) -> None:
        self.handler = handler
        self.participants = Participants()
        self.user_name = ""
        self.inputs: dict[str, Any] = {}
        self.publishing: dict[str, Any] = {}
        self.subscriptions: dict[str, Any] = {}
        self.subscription_profiles: dict[str, Any] = {}
        self.ice_config: Mapping[str, Any] | None = None
        self._events = events
        self._connection: Connection | None = None
        self._source: CustomAudioSource | None = None
        self._renderers: dict[tuple[str, str], Renderer] = {}

    @property
    def is_joined(self) -> bool:
        """Whether the client is in a room."""
        return self._connection is not None

    async def join(self, url: str, token: str | None, settings: Mapping[str, Any]) -> Mapping[str, Any]:
        """Join a room: those who are there already are told of like those who come later."""
        if self._connection:
            raise SettingsError("CallState(AlreadyInACall)")
        self._tell("on_call_state_updated", "joining")
        connection = Connection(on_event=self._take, on_audio=self._hear, on_lost=self._lost)
        self.inputs |= settings.get("inputs", {})
        self.publishing |= settings.get("publishing", {})
        try:
            answer = await connection.join(
                url=url, token=token, userName=self.user_name, microphone=self._microphone_is_on()
            )
        except JoinError as error:
            await connection.close()
            self._tell("on_call_state_updated", "left")
            raise SettingsError(str(error)) from error
        self._connection = connection
        self.participants.join(answer)
        self._connect_microphone()
        self._tell("on_network_connection_status_updated", {"connection": "signalling", "event": "connected"})
        self._tell("on_call_state_updated", "joined")
        for each in answer["others"]:
            self._tell("on_participant_joined", each)
        return {"meetingSession": {"id": answer["session"]}, "participants": self.participants.as_mapping()}

    async def leave(self) -> None:
        """Leave the room; outside of one, the states are told all the same, as the native SDK does."""
        self._tell("on_call_state_updated", "leaving")
        await self.abandon()
        self._tell("on_call_state_updated", "left")

    async def abandon(self) -> None:
        """Leave the room, if in one, and tell nobody."""
        if connection := self._end():
            await connection.close()

    async def ask(self, message: Mapping[str, Any], *, area: str) -> object:
        """Send a request and return its result; raise `SettingsError` with the reason where there is none."""
        if self._connection is None:
            not_joined = f"{area}(CallState(NotInACall))" if area else "AppMessage(Signalling(ChannelNotOpen))"
            raise SettingsError(not_joined)
        reply = await self._connection.ask(message)
        if reply.get("error"):
            raise SettingsError(str(reply["error"]))
        return reply.get("result")

    async def update_inputs(self, settings: Mapping[str, Any]) -> None:
        """Take over inputs' settings."""
        self.inputs.update(settings)
        if self._connection:
            self._connect_microphone()
            await self._connection.ask({"type": "microphone", "on": self._microphone_is_on()})
        self._tell("on_inputs_updated", self.inputs)

    def set_renderer(
        self, participant_id: str, callback: Callable[[str, AudioData, str], object], *, audio_source: str,
        sample_rate: int, interval_ms: int,
    ) -> None:  # fmt: skip
        """Render a participant's audio, in place of what rendered it before."""
        key = (participant_id, audio_source)
        if before := self._renderers.pop(key, None):
            before.close()
        if audio_source != "microphone":
            return
        renderer = Renderer(
            callback=callback,
            participant_id=participant_id,
            audio_source=audio_source,
            sample_rate=sample_rate,
            interval_ms=interval_ms,
        )
        participant = self.participants.others.get(participant_id)
        renderer.is_on = participant is not None and _microphone_of(participant)
        self._renderers[key] = renderer

    def _tell(self, event: str, *arguments: object) -> None:
        self._events.call(getattr(self.handler, event), *arguments)

    def _microphone_is_on(self) -> bool:
        settings = self.inputs.get("microphone")
        return bool(settings.get("isEnabled", True)) if isinstance(settings, Mapping) else bool(settings)

    def _connect_microphone(self) -> None:
        """Send what the track of the settings plays."""
        settings = self.inputs.get("microphone")
        track = settings.get("settings", {}).get("customTrack", {}) if isinstance(settings, Mapping) else {}
        source = source_of_track(str(track.get("id")))
        if self._source and self._connection:
            self._source.disconnect(self._connection)
        self._source = source
        if source and self._connection:
            source.connect(self._connection)

    def _end(self) -> Connection | None:
        connection, self._connection = self._connection, None
        if connection and self._source:
            self._source.disconnect(connection)
        self.participants.leave()
        for renderer in self._renderers.values():
            renderer.close()
        self._renderers = {}
        return connection

    def _lost(self) -> None:
        """Go the way of a client whose connection ended without its doing."""
        if self._end():
            self._tell("on_network_connection_status_updated", {"connection": "signalling", "event": "interrupted"})
            self._tell("on_error", "WebSocket closed by remote")
            self._tell("on_call_state_updated", "left")

    def _hear(self, participant_id: str, pcm: bytes, sample_rate: int) -> None:
        if renderer := self._renderers.get((participant_id, "microphone")):
            renderer.push(pcm, sample_rate)

    def _take(self, event: Mapping[str, Any]) -> None:
        kind = event["type"]
        if kind.startswith(("participant-", "active-speaker")):
            self._take_participant(kind, event["participant"], event.get("reason"))
        elif kind == "app-message":
            self._tell("on_app_message", event["data"], event["from"])
        elif kind == "dialin-ready":
            self._tell("on_dialin_ready", event["sipEndpoint"])
        elif kind.startswith(("dialin-", "dialout-", "dtmf-")):
            self._tell(f"on_{kind.replace('-', '_')}", event["data"])
        elif kind == "recording-started":
            self._tell("on_recording_started", event["status"])
        elif kind == "recording-stopped":
            self._tell("on_recording_stopped", event["streamId"])
        elif kind == "ejected":
            self._put_out(event["reason"])

    def _take_participant(self, kind: str, participant: Mapping[str, Any], reason: str | None) -> None:
        if kind == "active-speaker-changed":
            self.participants.active_speaker = participant
            self._tell("on_active_speaker_changed", participant)
            return
        if kind == "participant-left":
            self.participants.remove(participant["id"])
            if renderer := self._renderers.pop((participant["id"], "microphone"), None):
                renderer.close()
            self._tell("on_participant_left", participant, reason)
        else:
            self.participants.put(participant)
            if renderer := self._renderers.get((participant["id"], "microphone")):
                renderer.is_on = _microphone_of(participant)
            self._tell(f"on_{kind.replace('-', '_')}", participant)
        if kind != "participant-updated":
            self._tell("on_participant_counts_updated", self.participants.counts())

    def _put_out(self, reason: str) -> None:
        """Be ejected: the native SDK tells an error and the state."""
        if self._end():
            self._tell("on_error", "Ejecting due to expiration" if reason == "expired" else "Ejected from the meeting")
            self._tell("on_call_state_updated", "left")


def _microphone_of(participant: Mapping[str, Any]) -> bool:
    return bool(participant["media"]["microphone"]["state"] != "off")
