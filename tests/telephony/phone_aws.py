"""What the telephony function asks of AWS beside its table: secrets in versions, and AgentCore."""

import json
import time
from dataclasses import dataclass

from tests.connect.aws_stub import AwsStub, Received, Reply


@dataclass(frozen=True, kw_only=True)
class Version:
    text: str
    created_at: float


class PhoneAws(AwsStub):
    """`versions` are by ARN and stage; a stage without one is answered as Secrets Manager answers it."""

    def __init__(self, *, secret_key: str) -> None:
        super().__init__(secret_key=secret_key, session_key="")
        self.versions: dict[tuple[str, str], Version] = {}
        self.asked: list[tuple[str, str]] = []
        self.secret_fails: Reply | None = None

    def put_secret(self, arn: str, value: object) -> None:
        """Rotate: the current version becomes the previous one."""
        if current := self.versions.get((arn, "AWSCURRENT")):
            self.versions[arn, "AWSPREVIOUS"] = current
        text = value if isinstance(value, str) else json.dumps(value)
        self.versions[arn, "AWSCURRENT"] = Version(text=text, created_at=time.time())

    def asked_for(self, arn: str) -> list[str]:
        """The stages of this secret that were read, in order."""
        return [stage for asked, stage in self.asked if asked == arn]

    def _reply_of_service(self, *, received: Received) -> Reply:
        if received.headers.get("x-amz-target") != "secretsmanager.GetSecretValue":
            return super()._reply_of_service(received=received)
        wanted = received.message["SecretId"], received.message["VersionStage"]
        self.asked.append(wanted)
        if self.secret_fails:
            return self.secret_fails
        version = self.versions.get(wanted)
        if version is None:
            return Reply(status=400, body=b'{"__type":"ResourceNotFoundException"}')
        answer = {"ARN": wanted[0], "SecretString": version.text, "CreatedDate": version.created_at}
        return Reply(body=json.dumps(answer).encode())
