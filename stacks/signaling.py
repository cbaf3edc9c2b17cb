"""The signaling stack: the pool of KVS signaling channels, whose TURN servers relay WebRTC media."""

from typing import Final

import aws_cdk as cdk
from aws_cdk import aws_kinesisvideo as kinesisvideo
from constructs import Construct

from stacks.components.deployment_stack import DeploymentStack
from stacks.components.ice_source import kvs_ice_source
from stacks.parameters import Parameters

# The only type there is. Nothing is signaled over the channels: they are asked for ICE servers only.
CHANNEL_TYPE: Final = "SINGLE_MASTER"
CREATION_TIMES: Final = "ChannelCreationTimes"


class SignalingStack(DeploymentStack):
    """As many channels as the peaks need; stacks/channel_pool.py has the arithmetic."""

    def __init__(self, scope: Construct, *, parameters: Parameters) -> None:
        super().__init__(
            scope, "signaling", parameters=parameters, description="KVS signaling channels, for their TURN servers"
        )
        # The connect function puts a channel's ARN together from this, its number and its creation time.
        name_prefix = f"{parameters.project}-{parameters.environment}-turn-"
        channels = [
            kinesisvideo.CfnSignalingChannel(self, f"Channel{number}", name=f"{name_prefix}{number}", type=CHANNEL_TYPE)
            for number in range(parameters.turn.channel_count)
        ]
        self.add_output(
            CREATION_TIMES,
            value=",".join(map(_creation_time, channels)),
            description="Last part of each channel's ARN, in the order of their numbers",
        )
        self.ice_source = kvs_ice_source(
            arn_prefix=f"arn:{self.partition}:kinesisvideo:{self.region}:{self.account}:channel/{name_prefix}",
            creation_times=self.output_for_others(CREATION_TIMES),
            arns=[channel.attr_arn for channel in channels],
            reuse_seconds=parameters.turn.reuse_seconds,
        )


def _creation_time(channel: kinesisvideo.CfnSignalingChannel) -> str:
    """Out of `arn:aws:kinesisvideo:REGION:ACCOUNT:channel/NAME/CREATION_TIME`."""
    return cdk.Fn.select(2, cdk.Fn.split("/", channel.attr_arn))
