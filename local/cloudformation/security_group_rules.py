"""AWS::EC2::SecurityGroupIngress and SecurityGroupEgress: rules beside their group. Nothing is ever filtered here."""

from typing import Any, ClassVar

from local.cloudformation.resource_type import Properties, Resource, ResourceType
from local.emulator.clients import client

_RULE = frozenset({"GroupId", "IpProtocol", "FromPort", "ToPort"})


class _Rule(ResourceType):
    """A rule of one port range towards one other side; Ref is its id. Only its description changes in place."""

    other_group: ClassVar[str]
    is_egress: ClassVar[bool]
    required = _RULE

    def create(self, properties: Properties) -> Resource:
        """Authorize it."""
        ec2 = client("ec2")
        authorize = ec2.authorize_security_group_egress if self.is_egress else ec2.authorize_security_group_ingress
        answer = authorize(GroupId=properties["GroupId"], IpPermissions=[self._permission(properties)])
        rule_id = answer["SecurityGroupRules"][0]["SecurityGroupRuleId"]
        return Resource(physical_id=rule_id, attributes={"Id": rule_id})

    def update(self, physical_id: str, properties: Properties) -> Resource:
        """Nothing that a packet could feel changes in place."""
        return Resource(physical_id=physical_id, attributes={"Id": physical_id})

    def delete(self, physical_id: str) -> None:
        """Revoke it; it is gone already where its group is."""
        ec2 = client("ec2")
        for rule in ec2.describe_security_group_rules()["SecurityGroupRules"]:
            if rule["SecurityGroupRuleId"] == physical_id:
                revoke = ec2.revoke_security_group_egress if self.is_egress else ec2.revoke_security_group_ingress
                revoke(GroupId=rule["GroupId"], SecurityGroupRuleIds=[physical_id])

    def _permission(self, properties: Properties) -> dict[str, Any]:
        sides = properties.keys() & {self.other_group, "CidrIp"}
        if len(sides) != 1:
            raise ValueError(f"{self.name}: one of {self.other_group} and CidrIp has to be given.")
        description = {"Description": properties["Description"]} if "Description" in properties else {}
        permission = {
            "IpProtocol": properties["IpProtocol"],
            "FromPort": int(properties["FromPort"]),
            "ToPort": int(properties["ToPort"]),
        }
        if "CidrIp" in sides:
            return permission | {"IpRanges": [{"CidrIp": properties["CidrIp"], **description}]}
        group_id = properties[self.other_group]
        client("ec2").describe_security_groups(GroupIds=[group_id])
        return permission | {"UserIdGroupPairs": [{"GroupId": group_id, **description}]}


class SecurityGroupIngress(_Rule):
    """A rule for what comes in."""

    name = "AWS::EC2::SecurityGroupIngress"
    other_group = "SourceSecurityGroupId"
    is_egress = False
    optional = frozenset({"CidrIp", "Description", other_group})
    create_only = _RULE | {"CidrIp", other_group}


class SecurityGroupEgress(_Rule):
    """A rule for what goes out."""

    name = "AWS::EC2::SecurityGroupEgress"
    other_group = "DestinationSecurityGroupId"
    is_egress = True
    optional = frozenset({"CidrIp", "Description", other_group})
    create_only = _RULE | {"CidrIp", other_group}
