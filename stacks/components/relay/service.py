"""The relay's containers: on Fargate, in the private subnets, as many as the open streams need."""

from collections.abc import Mapping
from typing import Final

import aws_cdk as cdk
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_ecs as ecs
from aws_cdk import aws_iam as iam
from aws_cdk import aws_logs as logs
from constructs import Construct

from stacks.components.acknowledgements import acknowledge
from stacks.parameters import Parameters

PORT: Final = 8_080
# Less than a core is given out in slices, and a frame would wait for the next one.
CPU_UNITS: Final = 1_024
# The least that comes with a core.
MEMORY_MIB: Final = 2_048
# What one core holds: docs/decisions/0028-relay.md.
MAX_STREAMS: Final = 300
# Two sockets a stream, and one for each of the rest.
OPEN_FILES: Final = 65_536
# The longest that Fargate waits; by then the load balancer has let all streams end.
STOP_TIMEOUT: Final = cdk.Duration.seconds(120)
SCALE_OUT_COOLDOWN: Final = cdk.Duration.seconds(60)
# A task that goes is billed until its longest call may have ended: to need it again at once would be a waste.
SCALE_IN_COOLDOWN: Final = cdk.Duration.minutes(15)


class RelayService(Construct):
    """A new release starts beside the old one, which goes when its last call has ended."""

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        vpc: ec2.IVpc,
        subnets: ec2.SubnetSelection,
        image_uri: str,
        execution_role: iam.IRole,
        task_role: iam.IRole,
        log_group: logs.ILogGroup,
        environment: Mapping[str, str],
        parameters: Parameters,
    ) -> None:
        super().__init__(scope, construct_id)
        cluster = ecs.Cluster(self, "Cluster", vpc=vpc, container_insights_v2=ecs.ContainerInsights.DISABLED)
        acknowledge(
            cluster,
            {"AwsSolutions-ECS4": "The relay counts its streams; Container Insights bills every metric of a task"},
        )
        self.security_group = ec2.SecurityGroup(
            self, "SecurityGroup", vpc=vpc, description="Relay of media streams", allow_all_outbound=False
        )
        self.security_group.add_egress_rule(
            ec2.Peer.any_ipv4(), ec2.Port.tcp(443), "HTTPS: AgentCore, the key, the table, image layers and the log"
        )
        self.service = ecs.FargateService(
            self,
            "Service",
            cluster=cluster,
            task_definition=self._task_definition(
                image_uri=image_uri,
                execution_role=execution_role,
                task_role=task_role,
                log_group=log_group,
                environment=environment,
            ),
            vpc_subnets=subnets,
            security_groups=[self.security_group],
            assign_public_ip=False,
            # The number that runs is the scaling's: a deployment that named one would reset it.
            min_healthy_percent=100,
            max_healthy_percent=200,
            circuit_breaker=ecs.DeploymentCircuitBreaker(enable=True, rollback=True),
            health_check_grace_period=cdk.Duration.seconds(60),
            propagate_tags=ecs.PropagatedTagSource.SERVICE,
        )
        self._scale(parameters, metrics_service=environment["SWITCHBOARD_METRICS_SERVICE"])

    def _task_definition(
        self,
        *,
        image_uri: str,
        execution_role: iam.IRole,
        task_role: iam.IRole,
        log_group: logs.ILogGroup,
        environment: Mapping[str, str],
    ) -> ecs.FargateTaskDefinition:
        task_definition = ecs.FargateTaskDefinition(
            self,
            "Task",
            cpu=CPU_UNITS,
            memory_limit_mib=MEMORY_MIB,
            execution_role=execution_role,
            task_role=task_role,
            runtime_platform=ecs.RuntimePlatform(
                cpu_architecture=ecs.CpuArchitecture.ARM64, operating_system_family=ecs.OperatingSystemFamily.LINUX
            ),
        )
        container = task_definition.add_container(
            "Relay",
            image=ecs.ContainerImage.from_registry(image_uri),
            environment={"PORT": str(PORT), "SWITCHBOARD_MAX_STREAMS": str(MAX_STREAMS), **environment},
            logging=ecs.LogDrivers.aws_logs(stream_prefix="relay", log_group=log_group),
            port_mappings=[ecs.PortMapping(container_port=PORT)],
            readonly_root_filesystem=True,
            stop_timeout=STOP_TIMEOUT,
        )
        container.add_ulimits(ecs.Ulimit(name=ecs.UlimitName.NOFILE, soft_limit=OPEN_FILES, hard_limit=OPEN_FILES))
        acknowledge(
            task_definition,
            {"AwsSolutions-ECS2": "Names of what the stack deployed; the key itself is read from Secrets Manager"},
        )
        return task_definition

    def _scale(self, parameters: Parameters, *, metrics_service: str) -> None:
        telephony = parameters.telephony
        self.service.auto_scale_task_count(
            min_capacity=parameters.relay_min_tasks, max_capacity=telephony.relay_max_tasks
        ).scale_to_track_custom_metric(
            "OpenStreams",
            # Every task tells its own as often as the others, so the average is a task's.
            metric=cloudwatch.Metric(
                namespace="Switchboard",
                metric_name="OpenStreams",
                dimensions_map={"Service": metrics_service},
                statistic="Average",
                period=cdk.Duration.minutes(1),
            ),
            target_value=telephony.relay_streams_per_task,
            scale_in_cooldown=SCALE_IN_COOLDOWN,
            scale_out_cooldown=SCALE_OUT_COOLDOWN,
        )
