"""Context → parameters → stacks → checks → synth."""

import os
import sys
from collections.abc import Mapping
from typing import Final

import aws_cdk as cdk
from cdk_nag import AwsSolutionsChecks

from stacks.application import build_application
from stacks.parameters import ParameterError, Parameters, load_parameters

# By these the AWS SDKs, and the CDK CLI, reach AgentCore elsewhere than at its region's endpoint.
ENDPOINT_VARIABLES: Final = ("AWS_ENDPOINT_URL_BEDROCK_AGENTCORE", "AWS_ENDPOINT_URL")


def main() -> None:
    """Write the templates of one deployment; mistakes in the parameters are told without a traceback."""
    app = cdk.App()
    try:
        build_application(app, deployed_parameters(app.node.get_all_context()))
    except ParameterError as error:
        sys.exit(str(error))
    cdk.Validations.of(app).add_plugins(AwsSolutionsChecks(app))
    app.synth()


def deployed_parameters(context: Mapping[str, object]) -> Parameters:
    """The parameters, with the endpoint that this deployment reaches AgentCore at where they name none."""
    parameters = load_parameters(context)
    endpoint_url = next(filter(None, map(os.environ.get, ENDPOINT_VARIABLES)), None)
    if parameters.connect.agentcore_endpoint_url or not endpoint_url:
        return parameters
    return load_parameters({**context, "connect.agentcore_endpoint_url": endpoint_url.removesuffix("/")})


if __name__ == "__main__":
    main()
