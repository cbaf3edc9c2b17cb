"""Custom::VpcRestrictDefaultSG, which the CDK adds to a VPC."""

from typing import Any

from local.cloudformation.resource_type import Properties, Resource, ResourceType
from local.emulator.clients import client


class RestrictedDefaultSecurityGroup(ResourceType):
    """Takes the rules out of a VPC's default security group, and puts them back when it is deleted.

    The CDK's own function for it leans on the AWS SDK for JavaScript, which the Lambda service brings along and this
    cloud doesn't: its work is done here, and the function is deployed but never run.
    """

    name = "Custom::VpcRestrictDefaultSG"
    required = frozenset({"ServiceToken", "DefaultSecurityGroupId", "Account"})
    create_only = frozenset({"DefaultSecurityGroupId"})

    def create(self, properties: Properties) -> Resource:
        """Revoke what every default group begins with."""
        group_id = properties["DefaultSecurityGroupId"]
        client("ec2").revoke_security_group_ingress(GroupId=group_id, IpPermissions=_from_itself(group_id))
        client("ec2").revoke_security_group_egress(GroupId=group_id, IpPermissions=_to_anywhere())
        return Resource(physical_id=group_id)

    def update(self, physical_id: str, properties: Properties) -> Resource:
        """Nothing that changes in place says anything about the rules."""
        return Resource(physical_id=physical_id)

    def delete(self, physical_id: str) -> None:
        """Authorize it again."""
        client("ec2").authorize_security_group_ingress(GroupId=physical_id, IpPermissions=_from_itself(physical_id))
        client("ec2").authorize_security_group_egress(GroupId=physical_id, IpPermissions=_to_anywhere())


def _from_itself(group_id: str) -> list[dict[str, Any]]:
    return [{"IpProtocol": "-1", "UserIdGroupPairs": [{"GroupId": group_id}]}]


def _to_anywhere() -> list[dict[str, Any]]:
    return [{"IpProtocol": "-1", "IpRanges": [{"CidrIp": "0.0.0.0/0"}]}]
