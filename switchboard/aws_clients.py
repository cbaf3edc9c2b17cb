"""Makes the AWS clients that the commands need, or says what is wrong with this machine's AWS configuration."""

from typing import TYPE_CHECKING

import boto3
from botocore.exceptions import BotoCoreError

from switchboard.errors import ExitCode, OperatorError

if TYPE_CHECKING:
    from mypy_boto3_cloudformation import CloudFormationClient
    from mypy_boto3_cognito_idp import CognitoIdentityProviderClient


def aws_clients(*, region: str) -> tuple["CloudFormationClient", "CognitoIdentityProviderClient"]:
    """Clients by the standard chain of settings and credentials. Raises OperatorError (DEPLOYMENT)."""
    try:
        return boto3.client("cloudformation", region_name=region), boto3.client("cognito-idp", region_name=region)
    except BotoCoreError as error:
        raise OperatorError(
            exit_code=ExitCode.DEPLOYMENT,
            problem=f"AWS cannot be asked: {error}",
            causes=["the AWS configuration on this machine is incomplete"],
            next_steps=["check AWS_PROFILE and ~/.aws/config"],
        ) from None
