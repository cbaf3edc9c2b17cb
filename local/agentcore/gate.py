"""Decides whether a request may pass: its operation, signature, parameters, permissions and target."""

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from urllib.parse import unquote

from local.agentcore.control_plane import ControlPlane, RuntimeVersion
from local.agentcore.errors import AgentCoreCode
from local.agentcore.limits import Limits
from local.agentcore.runtime_request import Operation, RuntimeArn, RuntimeRequest, is_custom_header
from local.aws_http.errors import CommonCode, ServiceError
from local.aws_http.http_request import HttpRequest
from local.aws_http.identity import Credential
from local.aws_http.signature import verify

_SIGNING_NAME = "bedrock-agentcore"
_OPERATIONS = "|".join(operation.value for operation in Operation)
_RAW_PATH = re.compile(rf"/runtimes/(?P<arn>[^/]+)/(?P<operation>{_OPERATIONS})")
# Decoded, an ARN has a slash of its own; other paths below /runtimes/ are the control plane's.
_PATH = re.compile(rf"/runtimes/(?:[^/]+:runtime/)?[^/]+/(?:{_OPERATIONS})")


def is_runtime_path(path: str) -> bool:
    """Whether a path, raw or decoded, is that of an operation of the data plane."""
    return _PATH.fullmatch(path) is not None


@dataclass(frozen=True, kw_only=True)
class Admission:
    """A request that passed: what it asks for, and the version that its endpoint points to."""

    request: RuntimeRequest
    version: RuntimeVersion

    @property
    def agent_headers(self) -> dict[str, str]:
        """What the agent is shown; a custom header only if the runtime's configuration names it.

        https://docs.aws.amazon.com/bedrock-agentcore/latest/devguide/runtime-header-allowlist.html
        """
        return {
            name: value
            for name, value in self.request.agent_headers.items()
            if not is_custom_header(name) or name.lower() in self.version.allowed_headers
        }


class Gate:
    """The checks in the order of the service: who asks is settled before anything is said about the request."""

    def __init__(self, *, control_plane: ControlPlane, limits: Limits) -> None:
        self._control_plane = control_plane
        self._limits = limits

    def admit(self, http: HttpRequest, *, websocket: bool) -> Admission:
        """Return what passed, or raise the service's refusal."""
        operation, arn = _read_target(http, websocket=websocket)
        credential = verify(
            http,
            service=_SIGNING_NAME,
            region=arn.region,
            find_credential=self._control_plane.credential,
            now=datetime.now(UTC),
        )
        request = RuntimeRequest.from_http(http, operation=operation, limits=self._limits)
        self._authorise(credential, arn=arn, request=request)
        version = self._control_plane.resolve(runtime_arn=arn.arn, qualifier=request.qualifier)
        if version is None:
            raise ServiceError(
                AgentCoreCode.RESOURCE_NOT_FOUND,
                f"there is no endpoint {request.qualifier!r} of {arn.arn}, or no such runtime",
            )
        return Admission(request=request, version=version)

    def _authorise(self, credential: Credential, *, arn: RuntimeArn, request: RuntimeRequest) -> None:
        endpoint_arn = self._control_plane.endpoint_arn(runtime_arn=arn.arn, qualifier=request.qualifier)
        for action in request.actions:
            allowed = credential.account_id == arn.account_id and self._control_plane.allowed(
                credential=credential, action=action, resources=[arn.arn, endpoint_arn]
            )
            if not allowed:
                raise ServiceError(
                    CommonCode.ACCESS_DENIED,
                    f"{credential.principal_arn} is not authorized to perform {action} on {arn.arn} and {endpoint_arn}",
                )


def _read_target(http: HttpRequest, *, websocket: bool) -> tuple[Operation, RuntimeArn]:
    path = _RAW_PATH.fullmatch(http.raw_path)
    if path is None or http.method != ("GET" if path["operation"] == Operation.CONNECT.value else "POST"):
        raise ServiceError(CommonCode.UNKNOWN_OPERATION, f"there is no such operation for {http.method}")
    operation = Operation(path["operation"])
    if (operation is Operation.CONNECT) != websocket:
        raise ServiceError(CommonCode.VALIDATION, "/ws takes a WebSocket handshake, and nothing else does")
    return operation, RuntimeArn.parse(unquote(path["arn"]))
