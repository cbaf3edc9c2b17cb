"""Credentials and IAM decisions, asked of ministack inside its own process."""

import secrets
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from ministack.core import iam_evaluator
from ministack.services import iam, sts

AGENTCORE_PRINCIPAL = "bedrock-agentcore.amazonaws.com"
ECS_TASKS_PRINCIPAL = "ecs-tasks.amazonaws.com"
LAMBDA_PRINCIPAL = "lambda.amazonaws.com"
SESSION_SECONDS = 3600


@dataclass(frozen=True, kw_only=True)
class Key:
    """An access key that can sign now."""

    access_key_id: str
    secret_access_key: str
    session_token: str | None
    principal_arn: str
    account_id: str


def key(access_key_id: str, *, account_id: str) -> Key | None:
    """Look an access key up; None when it is unknown, inactive or expired."""
    found = iam_evaluator.resolve_credential(access_key_id, account_id)
    if isinstance(found, iam_evaluator.CredentialResolutionError):
        return None
    return Key(
        access_key_id=found.access_key_id,
        secret_access_key=found.secret_access_key,
        session_token=found.session_token,
        principal_arn=found.principal_arn,
        account_id=found.account_id,
    )


@dataclass(frozen=True, kw_only=True)
class Session:
    """Temporary credentials of a role; `expires_at` in seconds since the epoch."""

    access_key_id: str
    secret_access_key: str
    token: str
    expires_at: float
    role_arn: str

    def for_container(self) -> dict[str, str]:
        """Return the credentials as a container credentials provider spells them."""
        return {
            "AccessKeyId": self.access_key_id,
            "SecretAccessKey": self.secret_access_key,
            "Token": self.token,
            "Expiration": datetime.fromtimestamp(self.expires_at, UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
            "RoleArn": self.role_arn,
        }


def is_allowed(access_key_id: str, *, account_id: str, region: str, action: str, resource_arn: str) -> bool:
    """Evaluate the identity's policies, permissions boundary and session policies for one resource."""
    principal = iam_evaluator.resolve_principal(access_key_id, account_id)
    if isinstance(principal, iam_evaluator.AuthError):
        return False
    context = iam_evaluator.EvalContext(
        principal_arn=principal.arn,
        principal_type=principal.type,
        principal_account=principal.account,
        action=action,
        resource_arn=resource_arn,
        region=region,
        secure_transport=True,  # see corrections.trust_loopback
        principal_keys=principal.keys,
    )
    return bool(iam_evaluator.evaluate(context, principal.policies, *principal.limits).decision == "Allow")


def service_session(
    role_arn: str, *, session_name: str, source_arn: str, region: str, principal: str = AGENTCORE_PRINCIPAL
) -> Session:
    """Assume a role as a service does for the resource `source_arn`, and return the session.

    Raises PermissionError when there is no such role, or when its trust policy refuses the service.
    """
    account_id, name = role_arn.split(":")[4], role_arn.rpartition("/")[2]
    role: Mapping[str, Any] | None = iam._roles.get_scoped(account_id, None, name)
    if role is None or role["Arn"] != role_arn:
        raise PermissionError(f"The role {role_arn} does not exist.")
    trust = iam_evaluator.evaluate_resource_policy(
        role["AssumeRolePolicyDocument"],
        iam_evaluator.EvalContext(
            principal_arn=principal,
            principal_type="Service",
            principal_account="",
            action="sts:AssumeRole",
            resource_arn=role_arn,
            region=region,
            service_context={"aws:sourceaccount": account_id, "aws:sourcearn": source_arn},
        ),
        service=principal,
    )
    if trust.decision != "Allow":
        raise PermissionError(f"The trust policy of {role_arn} does not let {principal} assume it for {source_arn}.")
    return _register_session(role, session_name=session_name, account_id=account_id)


def _register_session(role: Mapping[str, Any], *, session_name: str, account_id: str) -> Session:
    session = Session(
        access_key_id=f"ASIA{secrets.token_hex(8).upper()}",
        secret_access_key=secrets.token_urlsafe(30),
        token=secrets.token_urlsafe(96),
        expires_at=time.time() + SESSION_SECONDS,
        role_arn=role["Arn"],
    )
    sts.register_session(
        session.access_key_id,
        {
            "Arn": f"arn:aws:sts::{account_id}:assumed-role/{role['RoleName']}/{session_name}",
            "UserId": f"{role['RoleId']}:{session_name}",
            "SecretAccessKey": session.secret_access_key,
            "SessionToken": session.token,
            "Expiration": session.expires_at,
        },
    )
    return session
