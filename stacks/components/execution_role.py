"""The role that AgentCore takes on to start the agent, and whose credentials the agent has."""

from collections.abc import Iterable, Iterator
from typing import Final

import aws_cdk as cdk
from aws_cdk import aws_ecr as ecr
from aws_cdk import aws_iam as iam
from constructs import Construct

from stacks.components.acknowledgements import acknowledge_wildcards
from stacks.components.model_access import model_access, model_wildcards
from stacks.parameters import Parameters

SERVICE: Final = "bedrock-agentcore"


class ExecutionRole(iam.Role):
    """What AWS lists for a runtime, what the models need, and no more.

    The permissions are part of the role itself, so they exist before a runtime can refer to it: creating a V2 runtime
    already starts the container.
    https://docs.aws.amazon.com/bedrock-agentcore/latest/devguide/runtime-permissions.html
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        repository: ecr.IRepository,
        parameters: Parameters,
        memory_access: Iterable[iam.PolicyStatement],
    ) -> None:
        stack, runtime_name = cdk.Stack.of(scope), parameters.agent_runtime_name
        tracing = parameters.operations.tracing
        statements = [
            *_image_access(repository),
            *_logs(stack, runtime_name=runtime_name),
            *(_traces(stack, runtime_name=runtime_name) if tracing else ()),
            _metrics(),
            _workload_identity(stack, runtime_name=runtime_name),
            *model_access(stack, parameters=parameters),
            *memory_access,
            *([_rooms(stack, parameters.rooms_function_name)] if parameters.has_rooms else ()),
        ]
        super().__init__(
            scope,
            construct_id,
            description="Execution role of the voice agent's AgentCore runtime",
            assumed_by=_agentcore_of_this_account(stack),
            inline_policies={"Agent": iam.PolicyDocument(statements=statements)},
        )
        acknowledge_wildcards(
            self, _wildcards(stack, runtime_name=runtime_name) | model_wildcards(stack, parameters=parameters)
        )


def _agentcore_of_this_account(stack: cdk.Stack) -> iam.ServicePrincipal:
    """Both conditions keep the service from being talked into using the role for somebody else (confused deputy)."""
    return iam.ServicePrincipal(
        f"{SERVICE}.amazonaws.com",
        conditions={
            "StringEquals": {"aws:SourceAccount": stack.account},
            "ArnLike": {"aws:SourceArn": f"arn:{stack.partition}:{SERVICE}:{stack.region}:{stack.account}:*"},
        },
    )


def _image_access(repository: ecr.IRepository) -> Iterator[iam.PolicyStatement]:
    yield iam.PolicyStatement(
        sid="PullImage",
        actions=["ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"],
        resources=[repository.repository_arn],
    )
    yield iam.PolicyStatement(sid="SignInToRegistry", actions=["ecr:GetAuthorizationToken"], resources=["*"])


def _logs(stack: cdk.Stack, *, runtime_name: str) -> Iterator[iam.PolicyStatement]:
    log_groups = _log_groups(stack, runtime_name)
    yield iam.PolicyStatement(
        sid="LogGroups",
        actions=["logs:CreateLogGroup", "logs:DescribeLogStreams"],
        resources=[log_groups],
    )
    yield iam.PolicyStatement(
        sid="LogStreams",
        actions=["logs:CreateLogStream", "logs:PutLogEvents"],
        resources=[f"{log_groups}:log-stream:*"],
    )
    yield iam.PolicyStatement(
        sid="FindLogGroups", actions=["logs:DescribeLogGroups"], resources=[_log_group_arn(stack, "*")]
    )


def _traces(stack: cdk.Stack, *, runtime_name: str) -> Iterator[iam.PolicyStatement]:
    """Spans go to X-Ray, which writes them to the runtime's own log group if a policy of that group lets it."""
    yield iam.PolicyStatement(
        sid="SpansInLogGroups",
        actions=["logs:PutResourcePolicy"],
        resources=[_log_groups(stack, runtime_name)],
    )
    yield iam.PolicyStatement(
        sid="Traces",
        actions=[
            "xray:PutTraceSegments",
            "xray:PutTelemetryRecords",
            "xray:GetSamplingRules",
            "xray:GetSamplingTargets",
        ],
        resources=["*"],
    )


def _metrics() -> iam.PolicyStatement:
    return iam.PolicyStatement(
        sid="Metrics",
        actions=["cloudwatch:PutMetricData"],
        resources=["*"],
        conditions={"StringEquals": {"cloudwatch:namespace": SERVICE}},
    )


def _workload_identity(stack: cdk.Stack, *, runtime_name: str) -> iam.PolicyStatement:
    return iam.PolicyStatement(
        sid="WorkloadIdentity",
        actions=[
            f"{SERVICE}:GetWorkloadAccessToken",
            f"{SERVICE}:GetWorkloadAccessTokenForJWT",
            f"{SERVICE}:GetWorkloadAccessTokenForUserId",
        ],
        resources=[_directory_arn(stack), _identities(stack, runtime_name)],
    )


def _rooms(stack: cdk.Stack, function_name: str) -> iam.PolicyStatement:
    """By its name: the function's stack needs this one, so it comes later."""
    return iam.PolicyStatement(
        sid="Rooms",
        actions=["lambda:InvokeFunction"],
        resources=[f"arn:{stack.partition}:lambda:{stack.region}:{stack.account}:function:{function_name}"],
    )


def _log_group_arn(stack: cdk.Stack, name: str) -> str:
    return f"arn:{stack.partition}:logs:{stack.region}:{stack.account}:log-group:{name}"


def _log_groups(stack: cdk.Stack, runtime_name: str) -> str:
    """AgentCore names them by the runtime's id, which is its name, a hyphen and ten characters of its own choice."""
    return _log_group_arn(stack, f"/aws/bedrock-agentcore/runtimes/{runtime_name}-*")


def _directory_arn(stack: cdk.Stack) -> str:
    directory = "workload-identity-directory/default"
    return f"arn:{stack.partition}:{SERVICE}:{stack.region}:{stack.account}:{directory}"


def _identities(stack: cdk.Stack, runtime_name: str) -> str:
    return f"{_directory_arn(stack)}/workload-identity/{runtime_name}-*"


def _wildcards(stack: cdk.Stack, *, runtime_name: str) -> dict[str, str]:
    log_groups = _log_groups(stack, runtime_name)
    unknown_id = "AgentCore chooses the last ten characters when it creates the runtime, which needs this role first"
    return {
        "*": "Signing in to ECR, traces, metrics, Transcribe's streams and Polly's voices have no resource type that "
        "applies (service authorization reference); a condition binds the metrics to one namespace",
        log_groups: unknown_id,
        f"{log_groups}:log-stream:*": unknown_id,
        _log_group_arn(stack, "*"): "logs:DescribeLogGroups lists; AWS documents it with this resource",
        _identities(stack, runtime_name): unknown_id,
    }
