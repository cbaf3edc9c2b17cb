"""What `daily` says to a client that is in no room: run with the native module, and with the stand-in on the path."""

import json
import threading
import time
from collections.abc import Callable
from typing import Any

import daily

SECONDS = 20
PARTICIPANT = "7e2a8f0c-96d6-4d0b-9d0c-0d4b8b6f1a11"
TURN = {"urls": ["turn:192.0.2.1:3478?transport=udp"], "username": "user", "credential": "a credential"}


class Handler(daily.EventHandler):
    """Keeps states and errors."""

    def __init__(self) -> None:
        super().__init__()
        self.states: list[str] = []
        self.errors: list[str] = []

    def on_call_state_updated(self, state: str) -> None:
        """Keep a state."""
        self.states.append(state)

    def on_error(self, message: str) -> None:
        """Keep an error."""
        self.errors.append(message)

    def wait(self, count: int) -> list[str]:
        """Return so many errors, sorted: natively one may be told after the completion of a later request."""
        deadline = time.monotonic() + SECONDS
        while len(self.errors) < count and time.monotonic() < deadline:
            time.sleep(0.01)
        return sorted(self.errors)


def completed(method: Callable[..., None], *arguments: Any, **named: Any) -> Any:
    """Call a method and return what its completion got, and whether that came from another thread."""
    got: list[Any] = []
    done = threading.Event()

    def completion(*results: Any) -> None:
        got.extend([*results, threading.current_thread() is threading.main_thread()])
        done.set()

    method(*arguments, completion=completion, **named)
    if not done.wait(SECONDS):
        raise TimeoutError(f"{method} has not completed")
    return got


def raised(method: Callable[..., Any], *arguments: Any) -> str:
    """Call a method and return the exception that it raises."""
    try:
        method(*arguments)
    except (RuntimeError, TypeError, ValueError) as error:
        return f"{type(error).__name__}: {error}"
    return "nothing"


def main() -> None:
    """Print everything as JSON."""
    daily.Daily.init()
    handler = Handler()
    client = daily.CallClient(event_handler=handler)
    said: dict[str, Any] = {
        "participants": list(client.participants()),
        "local": sorted(client.participants()["local"]),
        "media": client.participants()["local"]["media"],
        "counts": client.participant_counts(),
        "speaker": client.active_speaker(),
        "message": completed(client.send_app_message, {"a": 1}),
        "unsendable": raised(client.send_app_message, {"a": object()}),
        "dtmf": completed(client.send_dtmf, {"sessionId": PARTICIPANT, "tones": "1"}),
        "dialout": completed(client.start_dialout, {"phoneNumber": "+15550100003"}),
        "dialout, settings": completed(client.start_dialout, {"number": "+15550100003"}),
        "stop": completed(client.stop_dialout, PARTICIPANT),
        "transfer": completed(client.sip_call_transfer, {"sessionId": PARTICIPANT, "toEndPoint": "+15550100003"}),
        "transfer, settings": completed(client.sip_call_transfer, {"toEndPoint": "+15550100003"}),
        "eject": completed(client.eject_remote_participants, [PARTICIPANT]),
        "remote": completed(client.update_remote_participants, {PARTICIPANT: {"inputsEnabled": {"microphone": False}}}),
        "ice": completed(client.set_ice_config, {"placement": "replace", "iceServers": [TURN]}),
        "ice, placement": completed(client.set_ice_config, {"placement": "beside", "iceServers": []}),
        "ice, none": completed(client.set_ice_config, None),
        "profiles": completed(client.update_subscription_profiles, {"base": {"camera": "unsubscribed"}}),
        "subscriptions": completed(client.update_subscriptions, {PARTICIPANT: {"media": {"microphone": "subscribed"}}}),
        "recording": completed(client.start_recording),
        "join, url": completed(client.join, "not a url", "token"),
        "join, settings": completed(client.join, "https://a.daily.co/b", "token", client_settings={"input": {}}),
        "leave": completed(client.leave),
        "source": raised(daily.CustomAudioSource(16_000, 1).write_frames, b"odd"),
        "written": daily.CustomAudioSource(16_000, 1).write_frames(bytes(640)),
        "states": handler.states,
    }
    completions = [got for got in said.values() if isinstance(got, list) and isinstance(got[-1], bool)]
    said["errors"] = handler.wait(sum(isinstance(error, str) for *_, error, _from_main_thread in completions))
    client.release()
    print(json.dumps({**said, "released": raised(client.leave)}, default=str))  # noqa: T201


if __name__ == "__main__":
    main()
