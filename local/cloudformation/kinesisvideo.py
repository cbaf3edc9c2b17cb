"""AWS::KinesisVideo::SignalingChannel."""

import time

from local.aws_http.errors import ServiceError
from local.cloudformation.resource_type import Properties, Resource, ResourceType
from local.emulator.clients import region
from local.kinesisvideo.channels import DEFAULT_MESSAGE_TTL_SECONDS, Channel, Channels
from local.kinesisvideo.errors import KinesisVideoCode
from local.state import REGION


class SignalingChannel(ResourceType):
    """AWS::KinesisVideo::SignalingChannel; Ref is its name, and its ARN ends with the time when it was made."""

    name = "AWS::KinesisVideo::SignalingChannel"
    required = frozenset({"Name"})
    optional = frozenset({"Type", "MessageTtlSeconds", "Tags"})
    create_only = frozenset({"Name"})

    def __init__(self, *, channels: Channels) -> None:
        self._channels = channels

    def create(self, properties: Properties) -> Resource:
        """Make the channel; ValueError, as CloudFormation says it, when there is one of this name."""
        if region() != REGION:
            raise ValueError(f"{self.name}: the embedded cloud has signaling channels in {REGION} only.")
        try:
            channel = self._channels.create(
                name=properties["Name"],
                channel_type=properties.get("Type", "SINGLE_MASTER"),
                message_ttl_seconds=_message_ttl_seconds(properties),
                tags=properties.get("Tags", []),
                now=time.time(),
            )
        except ServiceError as error:
            if error.code is not KinesisVideoCode.RESOURCE_IN_USE:
                raise
            raise ValueError(
                f"Resource of type '{self.name}' with identifier '{properties['Name']}' already exists. "
                "(HandlerErrorCode: AlreadyExists)"
            ) from error
        return _resource(channel)

    def update(self, physical_id: str, properties: Properties) -> Resource:
        """Change how long messages are kept, and the tags."""
        channel = self._channels.named(physical_id)
        channel = self._channels.update(
            channel.arn, version=channel.version, message_ttl_seconds=_message_ttl_seconds(properties)
        )
        if channel.tags:
            self._channels.untag(channel.arn, list(channel.tags))
        return _resource(self._channels.tag(channel.arn, properties.get("Tags", [])))

    def delete(self, physical_id: str) -> None:
        """Delete the channel."""
        try:
            self._channels.delete(self._channels.named(physical_id).arn)
        except ServiceError as error:
            if error.code is not KinesisVideoCode.RESOURCE_NOT_FOUND:
                raise


def _message_ttl_seconds(properties: Properties) -> object:
    """Return the seconds as a number: a template may hold one as text."""
    seconds = properties.get("MessageTtlSeconds", DEFAULT_MESSAGE_TTL_SECONDS)
    return int(seconds) if isinstance(seconds, str) and seconds.isdecimal() else seconds


def _resource(channel: Channel) -> Resource:
    return Resource(physical_id=channel.name, attributes={"Arn": channel.arn})
