"""How a function makes and ends rooms at Daily: what it is told of the parameters, and the key that it may read."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from aws_cdk import aws_iam as iam

from stacks.parameters import Parameters


@dataclass(frozen=True, kw_only=True)
class DailyAccess:
    """Variables and permissions of a function; none of either where no call takes place in a room."""

    environment: Mapping[str, str] = field(default_factory=dict)
    permissions: tuple[iam.PolicyStatement, ...] = ()


def daily_access(parameters: Parameters, *, secret_arn: str) -> DailyAccess:
    """What lambda/shared/daily/settings.py reads. A value that was left out has no variable."""
    daily = parameters.daily
    return DailyAccess(
        environment={
            "SWITCHBOARD_DAILY_MAX_PARTICIPANTS": str(daily.max_participants),
            "SWITCHBOARD_DAILY_RECORDING": daily.recording,
            "SWITCHBOARD_DAILY_ROOM_PREFIX": parameters.room_prefix,
            "SWITCHBOARD_DAILY_SECRET_ARN": secret_arn,
            "SWITCHBOARD_DAILY_SESSION_SECONDS": str(daily.session_seconds),
            **({"SWITCHBOARD_DAILY_GEO": daily.geo} if daily.geo else {}),
            **({"DAILY_API_URL": daily.api_url} if daily.api_url else {}),
        },
        permissions=(
            iam.PolicyStatement(sid="DailyKey", actions=["secretsmanager:GetSecretValue"], resources=[secret_arn]),
        ),
    )
