"""The signaling channels of an account in a region."""

import secrets
from collections.abc import Mapping
from dataclasses import dataclass, replace

from local.aws_http.errors import ServiceError
from local.kinesisvideo import arguments
from local.kinesisvideo.errors import KinesisVideoCode

CHANNEL_TYPES = ("SINGLE_MASTER",)
DEFAULT_MESSAGE_TTL_SECONDS = 60
# us-east-1 and us-west-2; it is 5,000 elsewhere.
# https://docs.aws.amazon.com/kinesisvideostreams-webrtc-dg/latest/devguide/kvswebrtc-limits.html
MAX_CHANNELS = 10_000


@dataclass(frozen=True, kw_only=True)
class Channel:
    """A channel; `created` is in milliseconds since the epoch and the last part of the ARN."""

    name: str
    arn: str
    created: int
    message_ttl_seconds: int
    tags: Mapping[str, str]
    version: str


class Channels:
    """Channels by name. Every method takes unchecked values and raises a `ServiceError` for wrong ones."""

    def __init__(self, *, account_id: str, region: str) -> None:
        self._prefix = f"arn:aws:kinesisvideo:{region}:{account_id}:channel"
        self._channels: dict[str, Channel] = {}

    def create(
        self, *, name: object, channel_type: object, message_ttl_seconds: object, tags: object, now: float
    ) -> Channel:
        """Make a channel at the time `now` (Unix seconds); ResourceInUseException when the name is taken."""
        name = arguments.text(name, "ChannelName", arguments.NAME)
        arguments.one_of(channel_type, "ChannelType", CHANNEL_TYPES)
        created = int(now * 1000)
        channel = Channel(
            name=name,
            arn=f"{self._prefix}/{name}/{created}",
            created=created,
            message_ttl_seconds=arguments.message_ttl_seconds(message_ttl_seconds),
            tags=_within_limit(arguments.tags(tags)),
            version=_new_version(),
        )
        if name in self._channels:
            raise ServiceError(KinesisVideoCode.RESOURCE_IN_USE, f"the channel {name} exists already")
        if len(self._channels) >= MAX_CHANNELS:
            raise ServiceError(
                KinesisVideoCode.ACCOUNT_CHANNEL_LIMIT_EXCEEDED, f"the account has {MAX_CHANNELS} channels"
            )
        return self._put(channel)

    def named(self, name: object) -> Channel:
        """Return the channel of this name; ResourceNotFoundException when there is none."""
        return self._existing(self._channels.get(arguments.text(name, "ChannelName", arguments.NAME)), str(name))

    def find(self, arn: object) -> Channel:
        """Return the channel of this ARN, creation time and all; ResourceNotFoundException when there is none."""
        arn = arguments.text(arn, "ChannelARN", arguments.CHANNEL_ARN)
        channel = self._channels.get(arn.split("/")[1])
        return self._existing(channel if channel and channel.arn == arn else None, arn)

    def all(self) -> list[Channel]:
        """Return all channels by name."""
        return sorted(self._channels.values(), key=lambda channel: channel.name)

    def update(self, arn: object, *, version: object, message_ttl_seconds: object) -> Channel:
        """Change how long messages are kept; VersionMismatchException when `version` is not the current one."""
        channel = self._at_version(self.find(arn), version)
        seconds = arguments.message_ttl_seconds(message_ttl_seconds)
        return self._put(replace(channel, message_ttl_seconds=seconds, version=_new_version()))

    def tag(self, arn: object, tags: object) -> Channel:
        """Add tags, or give those that are there another value."""
        channel = self.find(arn)
        return self._put(replace(channel, tags=_within_limit({**channel.tags, **arguments.tags(tags)})))

    def untag(self, arn: object, keys: object) -> Channel:
        """Take tags away."""
        channel = self.find(arn)
        if not isinstance(keys, list) or not keys:
            raise arguments.invalid("TagKeyList has to be a list of keys")
        gone = {arguments.text(key, "TagKeyList", arguments.TAG_KEY) for key in keys}
        return self._put(replace(channel, tags={key: channel.tags[key] for key in channel.tags.keys() - gone}))

    def delete(self, arn: object, *, version: object = None) -> None:
        """Remove a channel, of this version if one is given."""
        channel = self.find(arn)
        if version is not None:
            self._at_version(channel, version)
        del self._channels[channel.name]

    def _put(self, channel: Channel) -> Channel:
        self._channels[channel.name] = channel
        return channel

    def _existing(self, channel: Channel | None, asked: str) -> Channel:
        if channel is None:
            raise ServiceError(KinesisVideoCode.RESOURCE_NOT_FOUND, f"there is no signaling channel {asked}")
        return channel

    def _at_version(self, channel: Channel, version: object) -> Channel:
        if arguments.text(version, "CurrentVersion", arguments.VERSION) != channel.version:
            raise ServiceError(
                KinesisVideoCode.VERSION_MISMATCH, f"the current version of {channel.name} is another: describe it"
            )
        return channel


def _new_version() -> str:
    return secrets.token_hex(10)


def _within_limit(tags: dict[str, str]) -> dict[str, str]:
    if len(tags) > arguments.MAX_TAGS:
        raise ServiceError(
            KinesisVideoCode.TAGS_PER_RESOURCE_EXCEEDED_LIMIT,
            f"a channel has at most {arguments.MAX_TAGS} tags, got {len(tags)}",
        )
    return tags
