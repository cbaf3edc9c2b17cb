"""All of the relay: the key of its tokens, its image, containers, load balancer and name."""

import aws_cdk as cdk
from aws_cdk import aws_route53 as route53
from aws_cdk import aws_secretsmanager as secretsmanager
from constructs import Construct

from stacks.components.acknowledgements import acknowledge
from stacks.components.call_table import CallTable
from stacks.components.log_group import LogGroup, removal_policy
from stacks.components.relay.image import RelayImage
from stacks.components.relay.load_balancer import RelayLoadBalancer
from stacks.components.relay.roles import RelayExecutionRole, RelayTaskRole
from stacks.components.relay.service import PORT, RelayService
from stacks.network import AgentNetwork
from stacks.parameters import OperationsParameters, Parameters


class Relay(Construct):
    """Takes Twilio's media streams, which can't be sent to AgentCore: Twilio strips the query of a stream's URL.

    The telephony function makes tokens with `key`; the load balancer has `load_balancer_name`, by DNS.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        parameters: Parameters,
        network: AgentNetwork,
        runtime_arn: str,
        endpoint_name: str,
        table: CallTable,
    ) -> None:
        super().__init__(scope, construct_id)
        telephony, operations = parameters.telephony, parameters.operations
        if telephony.relay_domain_name is None or telephony.relay_certificate_arn is None:
            raise ValueError("carrier twilio needs telephony.relay_domain_name and telephony.relay_certificate_arn")
        self.domain_name = telephony.relay_domain_name
        self.key = self._key(operations)
        image = RelayImage(self, "Image", parameters=parameters)
        log_group = LogGroup(self, "LogGroup", operations=operations)
        service = RelayService(
            self,
            "Tasks",
            vpc=network.vpc,
            subnets=network.subnets,
            image_uri=image.uri,
            execution_role=RelayExecutionRole(
                self, "ExecutionRole", repository=image.repository, log_group=log_group
            ).without_policy_updates(),
            task_role=RelayTaskRole(
                self,
                "TaskRole",
                runtime_arn=runtime_arn,
                endpoint_name=endpoint_name,
                key_secret_arn=self.key.secret_arn,
                table_arn=table.table_arn,
            ).without_policy_updates(),
            log_group=log_group,
            environment={
                "AWS_REGION": parameters.region,
                "SWITCHBOARD_CALL_TABLE_NAME": table.table_name,
                "SWITCHBOARD_ENDPOINT_NAME": endpoint_name,
                # Two deployments may share an account, and with it the metrics that each is scaled by.
                "SWITCHBOARD_METRICS_SERVICE": f"{parameters.project}-{parameters.environment}-relay",
                "SWITCHBOARD_RELAY_KEY_SECRET_ARN": self.key.secret_arn,
                "SWITCHBOARD_RUNTIME_ARN": runtime_arn,
            },
            parameters=parameters,
        )
        public_end = RelayLoadBalancer(
            self,
            "Public",
            vpc=network.vpc,
            subnets=network.public_subnets,
            certificate_arn=telephony.relay_certificate_arn,
            port=PORT,
            longest_stream=cdk.Duration.seconds(telephony.max_call_seconds),
            operations=operations,
        )
        service.service.attach_to_application_target_group(public_end.target_group)
        # ECS takes no target group that no listener has.
        service.service.node.add_dependency(public_end.listener)
        if network.endpoints:
            network.endpoints.admit(service.security_group, "HTTPS from the relay")
        self.load_balancer_name = public_end.load_balancer.load_balancer_dns_name
        if telephony.relay_hosted_zone_id:
            self._name(telephony.relay_hosted_zone_id, public_end)

    def _key(self, operations: OperationsParameters) -> secretsmanager.Secret:
        secret = secretsmanager.Secret(
            self,
            "Key",
            description="Key of the tokens that let one media stream in",
            generate_secret_string=secretsmanager.SecretStringGenerator(exclude_punctuation=True, password_length=64),
            removal_policy=removal_policy(operations),
        )
        acknowledge(
            secret,
            {"AwsSolutions-SMG4": "Its tokens last a minute and a stream each; put in by hand, old and new are taken"},
        )
        return secret

    def _name(self, hosted_zone_id: str, public_end: RelayLoadBalancer) -> None:
        route53.CfnRecordSet(
            self,
            "Name",
            hosted_zone_id=hosted_zone_id,
            name=self.domain_name,
            type="A",
            alias_target=route53.CfnRecordSet.AliasTargetProperty(
                dns_name=public_end.load_balancer.load_balancer_dns_name,
                hosted_zone_id=public_end.load_balancer.load_balancer_canonical_hosted_zone_id,
                evaluate_target_health=False,
            ),
        )
