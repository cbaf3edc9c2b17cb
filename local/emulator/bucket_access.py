"""Whether a bucket's policy lets one of AWS's services write to it."""

from ministack.core import iam_evaluator
from ministack.core.responses import get_region
from ministack.services import s3

from local.state import ACCOUNT_ID


def may_put(bucket: str, key: str, *, service: str, account_id: str | None) -> bool:
    """Ask the policy alone, for the service and, where it still writes as an account of AWS's, for that."""
    policy = s3._bucket_policies.get(bucket)
    principals = [(service, "Service", "", service)]
    if account_id:
        principals.append((f"arn:aws:iam::{account_id}:root", "AWS", account_id, ""))
    for arn, kind, owner, name in principals:
        context = iam_evaluator.EvalContext(
            principal_arn=arn,
            principal_type=kind,
            principal_account=owner,
            action="s3:PutObject",
            resource_arn=f"arn:aws:s3:::{bucket}/{key}",
            region=get_region(),
            secure_transport=True,
            service_context={"aws:sourceaccount": ACCOUNT_ID},
        )
        if iam_evaluator.evaluate_resource_policy(policy, context, service=name).decision == "Allow":
            return True
    return False
