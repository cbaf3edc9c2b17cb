"""Stands in for what the sources of ICE servers ask: KVS, Secrets Manager, Cloudflare and Twilio; it can say no."""

import json
from collections import Counter
from typing import Any, override
from urllib.parse import unquote

from tests.connect.aws_stub import AwsStub, Received, Reply
from tests.connect.conftest import SECRET_KEY, SESSION_KEY, VARIABLES

PREFIX = "arn:aws:kinesisvideo:eu-west-1:123456789012:channel/switchboard-dev-turn-"
TURN_SECRET_ARN = "arn:aws:secretsmanager:eu-west-1:123456789012:secret:turn-AbCdEf"
PASSWORD = "kvs-password-EXAMPLE"
KVS_URIS = ("turn:{0}:443?transport=udp", "turns:{0}:443?transport=udp", "turns:{0}:443?transport=tcp")
REFUSED = {"x-amzn-errortype": "ClientLimitExceededException:http://internal.amazon.com/coral/"}


def throttled() -> Reply:
    return Reply(status=400, headers=REFUSED, body=b'{"Message":"Rate exceeded"}')


def kvs_answer(*, name: str, ttl: object = 300) -> dict[str, Any]:
    """What KVS answers: two servers of three URIs, UDP first."""
    return {
        "IceServerList": [
            {
                "Uris": [uri.format(f"{host}.example.com") for uri in KVS_URIS],
                "Username": f"1893456000:{name}",
                "Password": PASSWORD,
                "Ttl": ttl,
            }
            for host in ("a", "b")
        ]
    }


class TurnCloud(AwsStub):
    """`endpoint_replies` and `ice_replies` override, by channel name, what KVS would answer; `ttl` is its Ttl.

    `endpoint` is what GetSignalingChannelEndpoint answers, by default this server under another name. `secrets` are
    by ARN. `broker` answers Cloudflare and Twilio, whose requests bear no AWS signature.
    """

    def __init__(self) -> None:
        super().__init__(secret_key=SECRET_KEY, session_key=SESSION_KEY)
        self.secrets = {VARIABLES["SWITCHBOARD_SESSION_KEY_SECRET_ARN"]: SESSION_KEY}
        self.ttl: object = 300
        self.endpoint = ""
        self.endpoint_replies: dict[str, Reply] = {}
        self.ice_replies: dict[str, Reply] = {}
        self.endpoint_requests: list[Received] = []
        self.ice_requests: list[Received] = []
        self.broker = Reply(status=201)
        self.broker_requests: list[Received] = []

    @property
    def asked(self) -> Counter[str]:
        """GetIceServerConfig by channel."""
        return Counter(channel_name(received) for received in self.ice_requests)

    @override
    def reply_to(self, *, received: Received) -> Reply:
        if received.target.startswith(("/v1/turn/keys/", "/2010-04-01/Accounts/")):
            self.broker_requests.append(received)
            return self.broker
        return super().reply_to(received=received)

    @override
    def _reply_of_service(self, *, received: Received) -> Reply:
        if received.headers.get("x-amz-target") == "secretsmanager.GetSecretValue":
            self.secret_requests.append(received)
            text = self.secrets.get(received.message["SecretId"])
            if text is None:
                return Reply(status=400, body=b'{"__type":"ResourceNotFoundException"}')
            return Reply(body=json.dumps({"SecretString": text}).encode())
        if received.target == "/getSignalingChannelEndpoint":
            self.endpoint_requests.append(received)
            endpoint = self.endpoint or self.url.replace("127.0.0.1", "localhost")
            listed = [{"Protocol": "HTTPS", "ResourceEndpoint": endpoint}]
            usual = Reply(body=json.dumps({"ResourceEndpointList": listed}).encode())
            return self.endpoint_replies.get(channel_name(received), usual)
        if received.target == "/v1/get-ice-server-config":
            self.ice_requests.append(received)
            name = channel_name(received)
            usual = Reply(body=json.dumps(kvs_answer(name=name, ttl=self.ttl)).encode())
            return self.ice_replies.get(name, usual)
        return super()._reply_of_service(received=received)


def channel_name(received: Received) -> str:
    """The last part of a channel's name: its number in the pool."""
    return str(received.message["ChannelARN"]).removeprefix(PREFIX).partition("/")[0]


def target_parts(received: Received) -> list[str]:
    return [unquote(part) for part in received.target.split("/")]
