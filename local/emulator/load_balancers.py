"""ministack's load balancers: what they are called, and how their targets are."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any
from xml.sax.saxutils import escape

from ministack.services import alb

# Address, port and state of each target of a target group.
Targets = Callable[[str], Iterable[tuple[str, int, str]]]


def rename(arn: str, *, dns_name: str) -> None:
    """Let DescribeLoadBalancers give this DNS name."""
    alb._lbs[arn]["DNSName"] = dns_name


def tell_health(targets: Targets) -> None:
    """Let DescribeTargetHealth give the real targets; `targets` raises LookupError for an unknown group."""

    def describe(parameters: Mapping[str, Any]) -> Any:
        arn = alb._p(parameters, "TargetGroupArn")
        try:
            found = targets(arn)
        except LookupError as error:
            return alb._error("TargetGroupNotFound", str(error))
        members = "".join(
            f"<member><Target><Id>{escape(host)}</Id><Port>{port}</Port></Target>"
            f"<TargetHealth><State>{state}</State></TargetHealth></member>"
            for host, port, state in found
        )
        return alb._xml(200, "DescribeTargetHealth", f"<TargetHealthDescriptions>{members}</TargetHealthDescriptions>")

    alb._describe_target_health = describe
    alb._ACTION_MAP["DescribeTargetHealth"] = describe
