"""What a carrier's account is reached with, and what its webhooks are verified with: a secret for each carrier."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from aws_cdk import aws_secretsmanager as secretsmanager
from constructs import Construct

from stacks.components.acknowledgements import acknowledge
from stacks.components.log_group import removal_policy
from stacks.configuration.values import Carrier
from stacks.parameters import OperationsParameters


@dataclass(frozen=True, kw_only=True)
class SecretForm:
    """Names of what is in the secret; `verifies` is what webhooks are verified with."""

    verifies: str
    others: tuple[str, ...]


FORMS: Final[Mapping[Carrier, SecretForm]] = {
    "twilio": SecretForm(verifies="authToken", others=("accountSid",)),
    "vonage": SecretForm(verifies="signatureSecret", others=("applicationId", "privateKey")),
    "telnyx": SecretForm(verifies="publicKey", others=("apiKey", "accountSid", "applicationId")),
    "plivo": SecretForm(verifies="authToken", others=("authId",)),
}


class CarrierSecrets(Construct):
    """The operator fills them in. Until then no signature fits: Secrets Manager makes up what verifies them.

    Daily's is not among them, as rooms without a phone need it too.
    CloudFormation writes a secret's value anew only when the form changes.
    https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-secretsmanager-secret.html
    """

    def __init__(
        self, scope: Construct, construct_id: str, *, carriers: Iterable[Carrier], operations: OperationsParameters
    ) -> None:
        super().__init__(scope, construct_id)
        self.arns = {carrier: self._secret(carrier, operations).secret_arn for carrier in carriers if carrier in FORMS}

    def _secret(self, carrier: Carrier, operations: OperationsParameters) -> secretsmanager.Secret:
        form = FORMS[carrier]
        secret = secretsmanager.Secret(
            self,
            carrier.capitalize(),
            description=f"Account at {carrier.capitalize()}: {', '.join(sorted([form.verifies, *form.others]))}",
            generate_secret_string=secretsmanager.SecretStringGenerator(
                secret_string_template=json.dumps(dict.fromkeys(form.others, "")),
                generate_string_key=form.verifies,
                exclude_punctuation=True,
                password_length=64,
            ),
            removal_policy=removal_policy(operations),
        )
        acknowledge(
            secret,
            {"AwsSolutions-SMG4": "The carrier issues what is in it; put in by hand, old and new are taken for a day"},
        )
        return secret
