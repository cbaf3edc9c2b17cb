"""What every stack of a deployment has in common: its name, account and region, tags and protection."""

import aws_cdk as cdk
from constructs import Construct

from stacks.parameters import Parameters


class DeploymentStack(cdk.Stack):
    """A stack named `{project}-{environment}-{part}`, so that copies of the project live side by side."""

    def __init__(self, scope: Construct, part: str, *, parameters: Parameters, description: str) -> None:
        tags = {
            "project": parameters.project,
            "environment": parameters.environment,
            "owner": parameters.owner,
            "cost-center": parameters.cost_center,
        }
        super().__init__(
            scope,
            f"{parameters.project}-{parameters.environment}-{part}",
            description=description,
            env=cdk.Environment(account=parameters.account_id, region=parameters.region),
            termination_protection=parameters.operations.termination_protection,
            # For the stack itself, and for resources whose construct takes no tags.
            tags=tags,
        )
        for key, value in tags.items():
            cdk.Tags.of(self).add(key, value)

    def add_output(self, name: str, *, value: str, description: str) -> None:
        """Publish a value under a logical id that commands and people rely on."""
        cdk.CfnOutput(self, name, value=value, description=description)

    def output_for_others(self, name: str) -> str:
        """That value, for another stack of the deployment, which has to be deployed after this one."""
        return cdk.Fn.get_stack_output(self.stack_name, name, self.region)
