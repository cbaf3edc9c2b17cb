"""Finds a deployment by the outputs of its CloudFormation stacks."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from botocore.exceptions import BotoCoreError, ClientError

from switchboard.errors import ExitCode, OperatorError

if TYPE_CHECKING:
    from mypy_boto3_cloudformation import CloudFormationClient

_CDK_JSON = Path(__file__).resolve().parent.parent / "cdk.json"
_DEFAULT_REGION = "us-east-1"


@dataclass(frozen=True, slots=True, kw_only=True)
class Deployment:
    """What a caller needs to know of one environment. No user pool: another issuer, or no authorizer at all."""

    api_url: str = field(repr=False)
    runtime_version: str
    user_pool_id: str | None
    user_pool_client_id: str | None
    issuer: str | None


def configured_region(*, environment: str, cdk_json: Path = _CDK_JSON) -> str:
    """The region that cdk.json gives the environment; the parameters' default where it gives none."""
    environments = json.loads(cdk_json.read_text())["context"]["environments"]
    return str(environments.get(environment, {}).get("region", _DEFAULT_REGION))


def find_deployment(*, cloudformation: "CloudFormationClient", project: str, environment: str) -> Deployment:
    """Read the outputs of the stacks `{project}-{environment}-agent` and `-connect`.

    Raises OperatorError (DEPLOYMENT) naming the stack and what is missing.
    """
    deploy = f"deploy it: npx cdk deploy --all -c env={environment}"
    agent = _outputs(cloudformation, f"{project}-{environment}-agent", needed="RuntimeVersion", deploy=deploy)
    connect = _outputs(cloudformation, f"{project}-{environment}-connect", needed="ApiUrl", deploy=deploy)
    return Deployment(
        api_url=connect["ApiUrl"],
        runtime_version=agent["RuntimeVersion"],
        user_pool_id=connect.get("UserPoolId"),
        user_pool_client_id=connect.get("UserPoolClientId"),
        issuer=connect.get("Issuer"),
    )


def page_url(*, cloudformation: "CloudFormationClient", project: str, environment: str) -> str:
    """The address of the deployment's page. Raises OperatorError (DEPLOYMENT), also where there is no page."""
    deploy = f"deploy it with web.enabled: npx cdk deploy --all -c env={environment}"
    return _outputs(cloudformation, f"{project}-{environment}-web", needed="PageUrl", deploy=deploy)["PageUrl"]


def _outputs(cloudformation: "CloudFormationClient", name: str, *, needed: str, deploy: str) -> Mapping[str, str]:
    try:
        stack = cloudformation.describe_stacks(StackName=name)["Stacks"][0]
    except ClientError as error:
        message = error.response["Error"]["Message"]
        if "does not exist" in message:
            region = cloudformation.meta.region_name
            raise _failure(f"stack {name} does not exist in {region}", next_step=deploy) from None
        next_step = "allow cloudformation:DescribeStacks for these credentials"
        raise _failure(f"stack {name} cannot be read: {message}", next_step=next_step) from None
    except BotoCoreError as error:
        raise _failure(f"stack {name} cannot be read: {error}", next_step="check the AWS credentials") from None
    outputs = {output["OutputKey"]: output["OutputValue"] for output in stack.get("Outputs", [])}
    if needed not in outputs:
        raise _failure(f"stack {name} is {stack['StackStatus']} and has no output {needed}", next_step=deploy)
    return outputs


def _failure(problem: str, *, next_step: str) -> OperatorError:
    return OperatorError(
        exit_code=ExitCode.DEPLOYMENT,
        problem=problem,
        causes=["the environment is not deployed", "another account, region or project is meant"],
        next_steps=[next_step, "or name the right one with --env, --project, --region, AWS_PROFILE"],
    )
