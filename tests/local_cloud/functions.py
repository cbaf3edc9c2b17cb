"""Functions of the tests' templates: Python in the template itself."""

from .templates import Resource, get, resource

LAMBDA_TRUST = {
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}],
}


def function(code: str, **properties: object) -> dict[str, Resource]:
    """A function, `Function`, with the code and a role that may nothing."""
    return {
        "FunctionRole": resource("AWS::IAM::Role", AssumeRolePolicyDocument=LAMBDA_TRUST),
        "Function": resource(
            "AWS::Lambda::Function",
            Runtime="python3.13",
            Handler="index.handler",
            Role=get("FunctionRole", "Arn"),
            Code={"ZipFile": code},
            **properties,
        ),
    }
