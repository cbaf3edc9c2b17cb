"""What a request asks for: the operation, the runtime, the endpoint, the session, and the headers to hand on."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Self

from local.agentcore.limits import Limits
from local.aws_http.errors import CommonCode, ServiceError
from local.aws_http.http_request import HttpRequest
from local.aws_http.signature import SIGNATURE_PARAMETERS

SESSION_HEADER = "X-Amzn-Bedrock-AgentCore-Runtime-Session-Id"
USER_HEADER = "X-Amzn-Bedrock-AgentCore-Runtime-User-Id"
CUSTOM_PREFIX = "X-Amzn-Bedrock-AgentCore-Runtime-Custom-"
_TRACE_HEADERS = ("traceparent", "tracestate", "baggage", "X-Amzn-Trace-Id")
_PAYLOAD_HEADERS = ("Content-Type", "Accept")
_SESSION_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{32,255}")
_CUSTOM_NAME = re.compile(rf"{CUSTOM_PREFIX}[A-Za-z0-9_-]+", re.IGNORECASE)
_HEADER_VALUE = re.compile(r"[\x20-\x7e]*")
_RUNTIME_ARN = re.compile(
    r"arn:aws[a-z-]*:bedrock-agentcore:(?P<region>[a-z0-9-]+):(?P<account_id>\d{12}):runtime/[A-Za-z][A-Za-z0-9_-]*"
)


class Operation(Enum):
    """The three operations by the last segment of their path."""

    INVOKE = "invocations"
    CONNECT = "ws"
    STOP = "stopruntimesession"


_ACTIONS = {
    Operation.INVOKE: "InvokeAgentRuntime",
    Operation.CONNECT: "InvokeAgentRuntimeWithWebSocketStream",
    Operation.STOP: "StopRuntimeSession",
}


@dataclass(frozen=True, kw_only=True)
class RuntimeArn:
    """The ARN of a runtime, with the two of its parts that a request is checked against."""

    arn: str
    region: str
    account_id: str

    @classmethod
    def parse(cls, arn: str) -> Self:
        """Raise `ValidationException` for anything but a runtime's whole ARN (its id alone isn't taken here)."""
        match = _RUNTIME_ARN.fullmatch(arn)
        if match is None:
            raise ServiceError(
                CommonCode.VALIDATION,
                f"the path must hold arn:aws:bedrock-agentcore:REGION:ACCOUNT:runtime/ID, got {arn!r}",
            )
        return cls(arn=arn, region=match["region"], account_id=match["account_id"])


@dataclass(frozen=True, kw_only=True)
class RuntimeRequest:
    """The validated parameters; `session_id` is None where the caller named none, and a new session is meant."""

    operation: Operation
    qualifier: str
    session_id: str | None
    user_id: str | None
    agent_headers: Mapping[str, str]

    @classmethod
    def from_http(cls, request: HttpRequest, *, operation: Operation, limits: Limits) -> Self:
        """Raise `ValidationException` for whatever the service, or this stricter stand-in, doesn't take."""
        _check_query(request, operation)
        session_id = _read_parameter(request, SESSION_HEADER)
        if session_id is not None and not _SESSION_ID.fullmatch(session_id):
            raise ServiceError(
                CommonCode.VALIDATION,
                f"the session id must be 33 to 256 of A-Z a-z 0-9 _ -, got {len(session_id)} characters",
            )
        if session_id is None and operation is Operation.STOP:
            raise ServiceError(CommonCode.VALIDATION, f"the header {SESSION_HEADER} is missing")
        return cls(
            operation=operation,
            qualifier=request.query.get("qualifier", "DEFAULT"),
            session_id=session_id,
            user_id=_read_parameter(request, USER_HEADER),
            agent_headers=_agent_headers(request, operation=operation, limits=limits),
        )

    @property
    def actions(self) -> Iterator[str]:
        """The IAM actions that the caller needs."""
        yield f"bedrock-agentcore:{_ACTIONS[self.operation]}"
        if self.user_id is not None and self.operation is not Operation.STOP:
            yield f"bedrock-agentcore:{_ACTIONS[self.operation]}ForUser"


def is_custom_header(name: str) -> bool:
    """Whether a header is one of the caller's own, of which a runtime says which it lets through."""
    return name.lower().startswith(CUSTOM_PREFIX.lower())


def _check_query(request: HttpRequest, operation: Operation) -> None:
    known = {"qualifier"}
    if operation is Operation.CONNECT:
        known |= {SESSION_HEADER, USER_HEADER, *SIGNATURE_PARAMETERS}
        known |= {name for name in request.query if _CUSTOM_NAME.fullmatch(name)}
    unknown = sorted(request.query.keys() - known)
    if unknown:
        raise ServiceError(CommonCode.VALIDATION, f"unknown query parameters for this operation: {', '.join(unknown)}")


def _read_parameter(request: HttpRequest, name: str) -> str | None:
    """Return a parameter from the query or the header of its name, None where neither is there."""
    values = {values[key] for values, key in ((request.query, name), (request.headers, name.lower())) if key in values}
    if len(values) > 1:
        raise ServiceError(CommonCode.VALIDATION, f"{name} differs between the query and the headers")
    return values.pop() if values else None


def _agent_headers(request: HttpRequest, *, operation: Operation, limits: Limits) -> dict[str, str]:
    """Return what the agent is shown: an allow-list, and so never a credential, cookie or signature."""
    custom = _custom_headers(request, limits=limits)
    passed = (*_TRACE_HEADERS, USER_HEADER, *(_PAYLOAD_HEADERS if operation is Operation.INVOKE else ()))
    plain = {name: value for name in passed if (value := _read_parameter(request, name)) is not None}
    for name, value in (custom | plain).items():
        if not _HEADER_VALUE.fullmatch(value):
            raise ServiceError(CommonCode.VALIDATION, f"{name} must be printable ASCII")
    return custom | plain


def _custom_headers(request: HttpRequest, *, limits: Limits) -> dict[str, str]:
    names = {name.lower(): name for name in (*request.headers, *request.query) if _CUSTOM_NAME.fullmatch(name)}
    custom = {name: value for name in names.values() if (value := _read_parameter(request, name)) is not None}
    longest = max((len(value) for value in custom.values()), default=0)
    if len(custom) > limits.max_custom_headers or longest > limits.max_custom_header_bytes:
        raise ServiceError(
            CommonCode.VALIDATION,
            f"at most {limits.max_custom_headers} custom headers of {limits.max_custom_header_bytes} bytes each, "
            f"got {len(custom)} and {longest} bytes",
        )
    return custom
