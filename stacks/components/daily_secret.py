"""What the deployment's account at Daily is reached with, and what Daily's webhook is verified with."""

import json
from typing import Final

from aws_cdk import aws_secretsmanager as secretsmanager
from constructs import Construct

from stacks.components.acknowledgements import acknowledge
from stacks.components.log_group import removal_policy
from stacks.parameters import OperationsParameters

FILLED_IN: Final = ("apiKey", "domainId")
# Of letters and digits, as many as make it valid base64, which is the form that Daily wants the key in.
# https://docs.daily.co/reference/rest-api/domainDialinConfig
GENERATED: Final = "webhookHmac"
GENERATED_LENGTH: Final = 64


class DailySecret(secretsmanager.Secret):
    """The operator fills in `apiKey` and `domainId`. Until then no room is made, and no webhook's signature fits.

    Only functions read it: the agent gets the token of one room. CloudFormation writes a secret's value anew only when
    its form changes.
    https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-secretsmanager-secret.html
    """

    def __init__(self, scope: Construct, construct_id: str, *, operations: OperationsParameters) -> None:
        super().__init__(
            scope,
            construct_id,
            description=f"Account at Daily: {', '.join(sorted([*FILLED_IN, GENERATED]))}",
            generate_secret_string=secretsmanager.SecretStringGenerator(
                secret_string_template=json.dumps(dict.fromkeys(FILLED_IN, "")),
                generate_string_key=GENERATED,
                exclude_punctuation=True,
                password_length=GENERATED_LENGTH,
            ),
            removal_policy=removal_policy(operations),
        )
        acknowledge(
            self,
            {"AwsSolutions-SMG4": "Daily issues what is in it; a new key is put in by hand, as docs/daily.md says"},
        )
