"""The availability zones that AgentCore accepts in VPC mode.

A copy of AWS's own, not of the kit's: checking the kit's zones against themselves would prove nothing.
https://docs.aws.amazon.com/bedrock-agentcore/latest/devguide/agentcore-vpc.html (table of 2026-10-02)
"""

_FIRST_THREE = frozenset({"az1", "az2", "az3"})
_OTHERS = {
    "ap-northeast-1": frozenset({"az1", "az2", "az4"}),
    "ca-central-1": frozenset({"az1", "az2", "az4"}),
    "us-east-1": frozenset({"az1", "az2", "az4"}),
    "us-west-1": frozenset({"az1", "az3"}),
}


def is_accepted(zone_id: str, *, region: str) -> bool:
    """Whether a runtime may have a subnet in this zone, by its id such as use1-az4."""
    return zone_id.rpartition("-")[2] in _OTHERS.get(region, _FIRST_THREE)
