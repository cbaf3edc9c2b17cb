"""Which functions EventBridge may invoke: ministack invokes any, while AWS asks the function's own policy first."""

import logging
from collections.abc import Mapping
from typing import Any, Final

from ministack.core import iam_evaluator
from ministack.core.responses import get_region
from ministack.services import eventbridge, lambda_svc

from local.state import ACCOUNT_ID

EVENTS_PRINCIPAL: Final = "events.amazonaws.com"

logger = logging.getLogger(__name__)


def ask_functions_policies() -> None:
    """Let a rule reach only functions that let it, be it by its schedule or by an event; others hear nothing of it.

    https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-use-resource-based.html
    """
    invoke_target = eventbridge._invoke_target

    def corrected(target: Mapping[str, Any], event: Any, rule: Mapping[str, Any], *rest: Any) -> None:
        arn = str(target.get("Arn"))
        if arn.startswith("arn:aws:lambda:") and not _may_invoke(arn, rule_arn=rule["Arn"]):
            logger.warning("%s may not be invoked by %s: its policy doesn't say so", arn, rule["Arn"])
            return
        invoke_target(target, event, rule, *rest)

    eventbridge._invoke_target = corrected


def _may_invoke(function_arn: str, *, rule_arn: str) -> bool:
    found = lambda_svc.function_policy_for_arn(function_arn)
    context = iam_evaluator.EvalContext(
        principal_arn=EVENTS_PRINCIPAL,
        principal_type="Service",
        principal_account="",
        action="lambda:InvokeFunction",
        resource_arn=function_arn,
        region=get_region(),
        service_context={"aws:sourceaccount": ACCOUNT_ID, "aws:sourcearn": rule_arn},
    )
    decision = iam_evaluator.evaluate_resource_policy(found[0] if found else None, context, service=EVENTS_PRINCIPAL)
    return bool(decision.decision == "Allow")
