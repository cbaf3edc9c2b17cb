"""Context → parameters → stacks → checks → synth."""

import sys

import aws_cdk as cdk
from cdk_nag import AwsSolutionsChecks

from stacks.application import build_application
from stacks.parameters import ParameterError, load_parameters


def main() -> None:
    """Write the templates of one deployment; mistakes in the parameters are told without a traceback."""
    app = cdk.App()
    try:
        build_application(app, load_parameters(app.node.get_all_context()))
    except ParameterError as error:
        sys.exit(str(error))
    cdk.Validations.of(app).add_plugins(AwsSolutionsChecks(app))
    app.synth()


if __name__ == "__main__":
    main()
