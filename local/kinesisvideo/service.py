"""The operations of `kinesisvideo` on signaling channels, and of `kinesis-video-signaling`, behind their HTTP paths.

Who asks, and whether that is allowed, is settled in front of it.
"""

import base64
import binascii
import json
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import Enum
from http import HTTPStatus
from typing import Any

from local.aws_http.errors import CommonCode, ServiceError
from local.kinesisvideo import arguments
from local.kinesisvideo.channels import DEFAULT_MESSAGE_TTL_SECONDS, Channel, Channels
from local.kinesisvideo.credentials import TurnServers, ice_server_list
from local.kinesisvideo.limits import GET_ICE_SERVER_CONFIG, GET_SIGNALING_CHANNEL_ENDPOINT, Meter

DEFAULT_PAGE = 10_000

type Members = Mapping[str, Any]


class Operation(Enum):
    """The operations by their path; `action` is the name that IAM knows each by."""

    CREATE_SIGNALING_CHANNEL = "/createSignalingChannel"
    DESCRIBE_SIGNALING_CHANNEL = "/describeSignalingChannel"
    LIST_SIGNALING_CHANNELS = "/listSignalingChannels"
    UPDATE_SIGNALING_CHANNEL = "/updateSignalingChannel"
    DELETE_SIGNALING_CHANNEL = "/deleteSignalingChannel"
    TAG_RESOURCE = "/TagResource"
    UNTAG_RESOURCE = "/UntagResource"
    LIST_TAGS_FOR_RESOURCE = "/ListTagsForResource"
    GET_SIGNALING_CHANNEL_ENDPOINT = "/getSignalingChannelEndpoint"
    GET_ICE_SERVER_CONFIG = "/v1/get-ice-server-config"

    @property
    def action(self) -> str:
        """`kinesisvideo:` and the operation's name."""
        return f"kinesisvideo:{self.name.title().replace('_', '')}"


PATHS = frozenset(operation.value for operation in Operation)


@dataclass(frozen=True, kw_only=True)
class Response:
    """An HTTP answer; the body is JSON."""

    status: int
    headers: Mapping[str, str]
    body: bytes


class KinesisVideo:
    """Both services of one account in one region. It may be asked from several threads.

    `turn` is called for each GetIceServerConfig and returns where TURN is; what it raises as a `ServiceError` is
    answered. `base_url` is the endpoint that every channel has. `clock` returns Unix seconds.
    """

    def __init__(
        self,
        *,
        account_id: str,
        region: str,
        base_url: str,
        turn: Callable[[], TurnServers],
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.channels = Channels(account_id=account_id, region=region)
        self.ice_server_configs = Meter(limits=GET_ICE_SERVER_CONFIG, clock=clock)
        self.endpoints = Meter(limits=GET_SIGNALING_CHANNEL_ENDPOINT, clock=clock)
        self._base_url = base_url
        self._turn = turn
        self._clock = clock
        self._lock = threading.Lock()
        self._operations: dict[Operation, Callable[[Members], Members]] = {
            Operation.CREATE_SIGNALING_CHANNEL: self._create,
            Operation.DESCRIBE_SIGNALING_CHANNEL: self._describe,
            Operation.LIST_SIGNALING_CHANNELS: self._list,
            Operation.UPDATE_SIGNALING_CHANNEL: self._update,
            Operation.DELETE_SIGNALING_CHANNEL: self._delete,
            Operation.TAG_RESOURCE: self._tag,
            Operation.UNTAG_RESOURCE: self._untag,
            Operation.LIST_TAGS_FOR_RESOURCE: self._list_tags,
            Operation.GET_SIGNALING_CHANNEL_ENDPOINT: self._endpoint,
            Operation.GET_ICE_SERVER_CONFIG: self._ice_server_config,
        }

    def answer(self, *, method: str, path: str, body: bytes) -> Response:
        """Answer a request, refusals included."""
        if method != "POST" or path not in PATHS:
            return refusal(ServiceError(CommonCode.UNKNOWN_OPERATION, f"there is no operation {method} {path}"))
        try:
            with self._lock:
                members = self._operations[Operation(path)](arguments.parse(body))
        except ServiceError as error:
            return refusal(error)
        return _json(HTTPStatus.OK, members)

    def _create(self, members: Members) -> Members:
        arguments.only(members, ("ChannelName", "ChannelType", "SingleMasterConfiguration", "Tags"))
        channel = self.channels.create(
            name=members.get("ChannelName"),
            channel_type=members.get("ChannelType", "SINGLE_MASTER"),
            message_ttl_seconds=_message_ttl_seconds(members),
            tags=members.get("Tags", []),
            now=self._clock(),
        )
        return {"ChannelARN": channel.arn}

    def _describe(self, members: Members) -> Members:
        arguments.only(members, ("ChannelName", "ChannelARN"))
        if ("ChannelName" in members) == ("ChannelARN" in members):
            raise arguments.invalid("one of ChannelName and ChannelARN has to be given")
        by_name = "ChannelName" in members
        channel = self.channels.named(members["ChannelName"]) if by_name else self.channels.find(members["ChannelARN"])
        return {"ChannelInfo": _info(channel)}

    def _list(self, members: Members) -> Members:
        arguments.only(members, ("MaxResults", "NextToken", "ChannelNameCondition"))
        begin, after = _prefix(members), _last_listed(members)
        found = [channel for channel in self.channels.all() if channel.name.startswith(begin) and channel.name > after]
        page = found[: _page_size(members)]
        more = {"NextToken": base64.b64encode(page[-1].name.encode()).decode()} if len(found) > len(page) else {}
        return {"ChannelInfoList": [_info(channel) for channel in page], **more}

    def _update(self, members: Members) -> Members:
        arguments.only(members, ("ChannelARN", "CurrentVersion", "SingleMasterConfiguration"))
        self.channels.update(
            members.get("ChannelARN"),
            version=members.get("CurrentVersion"),
            message_ttl_seconds=_message_ttl_seconds(members),
        )
        return {}

    def _delete(self, members: Members) -> Members:
        arguments.only(members, ("ChannelARN", "CurrentVersion"))
        self.channels.delete(members.get("ChannelARN"), version=members.get("CurrentVersion"))
        return {}

    def _tag(self, members: Members) -> Members:
        arguments.only(members, ("ResourceARN", "Tags"))
        self.channels.tag(members.get("ResourceARN"), members.get("Tags"))
        return {}

    def _untag(self, members: Members) -> Members:
        arguments.only(members, ("ResourceARN", "TagKeyList"))
        self.channels.untag(members.get("ResourceARN"), members.get("TagKeyList"))
        return {}

    def _list_tags(self, members: Members) -> Members:
        arguments.only(members, ("ResourceARN",))
        return {"Tags": dict(self.channels.find(members.get("ResourceARN")).tags)}

    def _endpoint(self, members: Members) -> Members:
        arguments.only(members, ("ChannelARN", "SingleMasterChannelEndpointConfiguration"))
        channel = self.channels.find(members.get("ChannelARN"))
        asked = arguments.structure(
            members.get("SingleMasterChannelEndpointConfiguration"), "SingleMasterChannelEndpointConfiguration"
        )
        arguments.only(asked, ("Protocols", "Role"))
        arguments.one_of(asked.get("Role"), "Role", ("MASTER", "VIEWER"))
        if asked.get("Protocols") != ["HTTPS"]:
            raise arguments.invalid(
                f"Protocols has to be ['HTTPS'] in the embedded cloud, got {asked.get('Protocols')!r}"
            )
        self.endpoints.admit(channel.name)
        return {"ResourceEndpointList": [{"Protocol": "HTTPS", "ResourceEndpoint": self._base_url}]}

    def _ice_server_config(self, members: Members) -> Members:
        arguments.only(members, ("ChannelARN", "ClientId", "Service", "Username"))
        channel = self.channels.find(members.get("ChannelARN"))
        arguments.one_of(members.get("Service", "TURN"), "Service", ("TURN",))
        for name in members.keys() & {"ClientId", "Username"}:
            arguments.text(members[name], name, arguments.NAME)
        self.ice_server_configs.admit(channel.name)
        return {"IceServerList": ice_server_list(self._turn(), channel=channel.name, now=self._clock())}


def refusal(error: ServiceError) -> Response:
    """Answer with an error in the services' shape."""
    headers = {"x-amzn-ErrorType": error.code.code}
    return _json(error.code.status, {"Message": error.message}, headers=headers)


def _json(status: HTTPStatus, members: Members, *, headers: Mapping[str, str] | None = None) -> Response:
    return Response(
        status=int(status),
        headers={"Content-Type": "application/json", **(headers or {})},
        body=json.dumps(members).encode(),
    )


def _info(channel: Channel) -> Members:
    return {
        "ChannelName": channel.name,
        "ChannelARN": channel.arn,
        "ChannelType": "SINGLE_MASTER",
        "ChannelStatus": "ACTIVE",
        "CreationTime": channel.created / 1000,
        "SingleMasterConfiguration": {"MessageTtlSeconds": channel.message_ttl_seconds},
        "Version": channel.version,
    }


def _message_ttl_seconds(members: Members) -> object:
    configuration = arguments.structure(members.get("SingleMasterConfiguration", {}), "SingleMasterConfiguration")
    arguments.only(configuration, ("MessageTtlSeconds",))
    return configuration.get("MessageTtlSeconds", DEFAULT_MESSAGE_TTL_SECONDS)


def _prefix(members: Members) -> str:
    if "ChannelNameCondition" not in members:
        return ""
    condition = arguments.structure(members["ChannelNameCondition"], "ChannelNameCondition")
    arguments.only(condition, ("ComparisonOperator", "ComparisonValue"))
    arguments.one_of(condition.get("ComparisonOperator"), "ComparisonOperator", ("BEGINS_WITH",))
    return arguments.text(condition.get("ComparisonValue"), "ComparisonValue", arguments.NAME)


def _last_listed(members: Members) -> str:
    token = members.get("NextToken", "")
    try:
        return base64.b64decode(token, validate=True).decode()
    except (TypeError, binascii.Error, UnicodeDecodeError) as error:
        raise arguments.invalid("NextToken has to be one that ListSignalingChannels answered") from error


def _page_size(members: Members) -> int:
    size = members.get("MaxResults", DEFAULT_PAGE)
    if isinstance(size, bool) or not isinstance(size, int) or not 1 <= size <= DEFAULT_PAGE:
        raise arguments.invalid(f"MaxResults has to be 1 to {DEFAULT_PAGE}, got {size!r}")
    return size
