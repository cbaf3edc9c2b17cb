"""The turn stack: coturn servers in the VPC, for deployments that relay WebRTC media through servers of their own."""

from collections.abc import Sequence

from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_secretsmanager as secretsmanager
from constructs import Construct

from stacks.components.acknowledgements import acknowledge
from stacks.components.coturn.configuration import LISTENING_PORT, TLS_PORT
from stacks.components.coturn.instance import cloud_config, files
from stacks.components.coturn.log import CoturnLog
from stacks.components.coturn.names import CoturnNames
from stacks.components.coturn.role import CoturnRole
from stacks.components.coturn.servers import LOGICAL_ID, CoturnServers
from stacks.components.deployment_stack import DeploymentStack
from stacks.components.log_group import removal_policy
from stacks.parameters import OperationsParameters, Parameters, TurnParameters


class TurnStack(DeploymentStack):
    """Servers with public addresses of their own, and the secret that the connect function makes credentials with.

    `vpc` needs public subnets. `ice_server_urls` are in the order in which to try them: UDP, TCP, TLS.
    """

    shared_secret: secretsmanager.ISecret
    ice_server_urls: tuple[str, ...]

    def __init__(self, scope: Construct, *, parameters: Parameters, vpc: ec2.IVpc) -> None:
        super().__init__(scope, "turn", parameters=parameters, description="coturn servers that relay WebRTC media")
        turn, operations = parameters.turn, parameters.operations
        domain_name, certificate_secret_arn = _of_coturn(turn)
        self.shared_secret = self._shared_secret(operations)
        self.ice_server_urls = (
            f"turn:{domain_name}:{LISTENING_PORT}?transport=udp",
            f"turn:{domain_name}:{LISTENING_PORT}?transport=tcp",
            f"turns:{domain_name}:{TLS_PORT}?transport=tcp",
        )
        addresses = [ec2.CfnEIP(self, f"Address{number}", domain="vpc") for number in range(turn.server_count)]
        log_group = CoturnLog(self, "Log", metrics_namespace=self.stack_name, operations=operations).log_group
        secret_arns = [self.shared_secret.secret_arn, certificate_secret_arn]
        contents = files(
            realm=domain_name,
            settings=self._boot_settings(addresses, certificate_secret_arn=certificate_secret_arn),
            log_group_name=log_group.log_group_name,
            metrics_namespace=self.stack_name,
        )
        CoturnServers(
            self,
            "Coturn",
            vpc=vpc,
            addresses=addresses,
            instance_type=turn.instance_type,
            role=CoturnRole(self, "Role", vpc=vpc, addresses=addresses, secret_arns=secret_arns, log_group=log_group),
            user_data=cloud_config(contents),
        )
        if turn.hosted_zone_id:
            CoturnNames(self, "Names", domain_name=domain_name, hosted_zone_id=turn.hosted_zone_id, addresses=addresses)
        self.add_output(
            "ServerAddresses",
            value=",".join(address.ref for address in addresses),
            description=f"Addresses that {domain_name} has to have, by A records",
        )

    def _shared_secret(self, operations: OperationsParameters) -> secretsmanager.Secret:
        secret = secretsmanager.Secret(
            self,
            "SharedSecret",
            description="Key that coturn and the connect function make callers' credentials with",
            generate_secret_string=secretsmanager.SecretStringGenerator(exclude_punctuation=True, password_length=64),
            removal_policy=removal_policy(operations),
        )
        acknowledge(
            secret,
            {"AwsSolutions-SMG4": "Servers read it when they boot, so it changes with them: docs/turn.md says how"},
        )
        return secret

    def _boot_settings(self, addresses: Sequence[ec2.CfnEIP], *, certificate_secret_arn: str) -> dict[str, str]:
        return {
            "REGION": self.region,
            "STACK_NAME": self.stack_name,
            "LOGICAL_RESOURCE_ID": LOGICAL_ID,
            "ADDRESSES": " ".join(f"{address.attr_allocation_id}={address.ref}" for address in addresses),
            "SHARED_SECRET_ARN": self.shared_secret.secret_arn,
            "CERTIFICATE_SECRET_ARN": certificate_secret_arn,
        }


def _of_coturn(turn: TurnParameters) -> tuple[str, str]:
    """What the parameters' rules ask for with source coturn."""
    if turn.domain_name is None or turn.certificate_secret_arn is None:
        raise ValueError("turn.source coturn needs turn.domain_name and turn.certificate_secret_arn")
    return turn.domain_name, turn.certificate_secret_arn
