"""What phone calls leave behind for a while: replays, calls that went out, limits, and streams that were opened."""

from typing import Final

from aws_cdk import aws_dynamodb as dynamodb
from constructs import Construct

from stacks.components.acknowledgements import acknowledge
from stacks.components.log_group import removal_policy
from stacks.parameters import OperationsParameters

KEY: Final = "pk"
EXPIRY: Final = "expires"


class CallTable(dynamodb.Table):
    """One table, whose items end by themselves; a prefix of the key says what an item is. Billed by request."""

    def __init__(self, scope: Construct, construct_id: str, *, operations: OperationsParameters) -> None:
        super().__init__(
            scope,
            construct_id,
            partition_key=dynamodb.Attribute(name=KEY, type=dynamodb.AttributeType.STRING),
            time_to_live_attribute=EXPIRY,
            billing_mode=dynamodb.BillingMode.PAY_PER_REQUEST,
            encryption=dynamodb.TableEncryption.AWS_MANAGED,
            removal_policy=removal_policy(operations),
        )
        acknowledge(self, {"AwsSolutions-DDB3": "Its items are of use for days: a backup would outlive them"})
