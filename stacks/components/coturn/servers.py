"""The coturn instances: an auto-scaling group that keeps them alive and replaces them one by one."""

from collections.abc import Sequence
from typing import Final, cast

import aws_cdk as cdk
from aws_cdk import aws_autoscaling as autoscaling
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_iam as iam
from constructs import Construct

from stacks.components.acknowledgements import acknowledge
from stacks.components.coturn.instance import DEBIAN_RELEASE
from stacks.components.coturn.security_group import CoturnSecurityGroup

# The boot script signals under this name.
LOGICAL_ID: Final = "Servers"
IMAGE_PARAMETER: Final = f"/aws/service/debian/release/{DEBIAN_RELEASE}/latest/arm64"
# Packages, up to ten minutes for an address that the instance before still holds, and the start of coturn.
BOOT_TIMEOUT: Final = cdk.Duration.minutes(20)


class CoturnServers(Construct):
    """As many instances as addresses, in the VPC's public subnets. A dead one powers itself off and is replaced."""

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        vpc: ec2.IVpc,
        addresses: Sequence[ec2.CfnEIP],
        instance_type: str,
        role: iam.IRole,
        user_data: str,
    ) -> None:
        super().__init__(scope, construct_id)
        launch_template = self._launch_template(vpc=vpc, instance_type=instance_type, role=role, user_data=user_data)
        count = len(addresses)
        group = autoscaling.AutoScalingGroup(
            self,
            "Group",
            vpc=vpc,
            vpc_subnets=ec2.SubnetSelection(subnet_type=ec2.SubnetType.PUBLIC),
            launch_template=launch_template,
            min_capacity=count,
            max_capacity=count,
            signals=autoscaling.Signals.wait_for_count(count, timeout=BOOT_TIMEOUT),
            # An address serves one instance: the old one goes before the new one comes.
            update_policy=autoscaling.UpdatePolicy.rolling_update(
                max_batch_size=1,
                min_instances_in_service=count - 1,
                pause_time=BOOT_TIMEOUT,
                wait_on_resource_signals=True,
            ),
            group_metrics=[autoscaling.GroupMetrics.all()],
        )
        acknowledge(
            group, {"AwsSolutions-AS3": "The group's metrics tell of replacements; nobody to notify is known here"}
        )
        # The role's permissions ask for this name.
        cdk.Tags.of(self).add("Name", cdk.Stack.of(self).stack_name, priority=200)
        cast(autoscaling.CfnAutoScalingGroup, group.node.default_child).override_logical_id(LOGICAL_ID)

    def _launch_template(
        self, *, vpc: ec2.IVpc, instance_type: str, role: iam.IRole, user_data: str
    ) -> ec2.LaunchTemplate:
        volume = ec2.BlockDeviceVolume.ebs(8, encrypted=True, volume_type=ec2.EbsDeviceVolumeType.GP3)
        return ec2.LaunchTemplate(
            self,
            "LaunchTemplate",
            machine_image=ec2.MachineImage.from_ssm_parameter(
                IMAGE_PARAMETER, os=ec2.OperatingSystemType.LINUX, user_data=ec2.UserData.custom(user_data)
            ),
            instance_type=ec2.InstanceType(instance_type),
            role=role,
            security_group=CoturnSecurityGroup(self, "SecurityGroup", vpc=vpc),
            # The way to packages and APIs until the instance has taken its own address.
            associate_public_ip_address=True,
            block_devices=[ec2.BlockDevice(device_name="/dev/xvda", volume=volume)],
            detailed_monitoring=True,
            http_tokens=ec2.LaunchTemplateHttpTokens.REQUIRED,
            http_put_response_hop_limit=1,
            instance_initiated_shutdown_behavior=ec2.InstanceInitiatedShutdownBehavior.TERMINATE,
        )
