"""A service with a clock that the test moves, and the way to ask it."""

import json
from dataclasses import dataclass, field
from typing import Any

from local.kinesisvideo.credentials import TurnServers
from local.kinesisvideo.service import KinesisVideo, Operation

ACCOUNT = "123456789012"
REGION = "us-east-1"
BASE_URL = "http://127.0.0.1:4000"
NOW = 1_800_000_000.0
TURN = TurnServers(addresses=("192.0.2.1:3478", "192.0.2.2:3478"), secret="the shared secret")


class RefusedError(Exception):
    """An answer that is an error: its status and its code."""

    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(status, code, message)
        self.status, self.code, self.message = status, code, message


@dataclass
class Clock:
    now: float = NOW

    def __call__(self) -> float:
        return self.now


@dataclass
class Signaling:
    clock: Clock = field(default_factory=Clock)

    def __post_init__(self) -> None:
        self.service = KinesisVideo(
            account_id=ACCOUNT, region=REGION, base_url=BASE_URL, turn=lambda: TURN, clock=self.clock
        )

    def ask(self, operation: Operation, **members: Any) -> Any:
        """Return what a request is answered; raise RefusedError for an error."""
        answer = self.service.answer(method="POST", path=operation.value, body=json.dumps(members).encode())
        body = json.loads(answer.body)
        if answer.status != 200:
            raise RefusedError(answer.status, answer.headers["x-amzn-ErrorType"], body["Message"])
        return body

    def create(self, name: str, **members: Any) -> str:
        arn: str = self.ask(Operation.CREATE_SIGNALING_CHANNEL, ChannelName=name, **members)["ChannelARN"]
        return arn

    def ice_servers(self, arn: str, **members: Any) -> Any:
        return self.ask(Operation.GET_ICE_SERVER_CONFIG, ChannelARN=arn, **members)["IceServerList"]

    def endpoint(self, arn: str, *, protocols: Any = ("HTTPS",), role: Any = "MASTER") -> Any:
        configuration = {"Protocols": list(protocols), "Role": role}
        return self.ask(
            Operation.GET_SIGNALING_CHANNEL_ENDPOINT,
            ChannelARN=arn,
            SingleMasterChannelEndpointConfiguration=configuration,
        )["ResourceEndpointList"]
