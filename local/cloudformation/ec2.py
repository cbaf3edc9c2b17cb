"""AWS::EC2::EIP, NatGateway and FlowLog: what the network of a runtime in VPC mode needs besides a VPC."""

from typing import Any

from local.cloudformation.resource_type import Properties, Resource, ResourceType
from local.emulator.clients import client


class ElasticIp(ResourceType):
    """AWS::EC2::EIP; Ref is the address."""

    name = "AWS::EC2::EIP"
    optional = frozenset({"Domain", "Tags"})

    def create(self, properties: Properties) -> Resource:
        """Allocate an address."""
        address = client("ec2").allocate_address(Domain="vpc", TagSpecifications=_tags("elastic-ip", properties))
        return self._resource(address)

    def update(self, physical_id: str, properties: Properties) -> Resource:
        """Replace the tags, all that can change in place."""
        address = self._addresses()[physical_id]
        _replace_tags(address["AllocationId"], properties)
        return self._resource(address)

    def delete(self, physical_id: str) -> None:
        """Release the address."""
        address = self._addresses().get(physical_id)
        if address:
            client("ec2").release_address(AllocationId=address["AllocationId"])

    def _addresses(self) -> dict[str, dict[str, Any]]:
        return {address["PublicIp"]: address for address in client("ec2").describe_addresses()["Addresses"]}

    def _resource(self, address: dict[str, Any]) -> Resource:
        attributes = {"PublicIp": address["PublicIp"], "AllocationId": address["AllocationId"]}
        return Resource(physical_id=address["PublicIp"], attributes=attributes)


class NatGateway(ResourceType):
    """AWS::EC2::NatGateway, the public kind."""

    name = "AWS::EC2::NatGateway"
    required = frozenset({"SubnetId", "AllocationId"})
    optional = frozenset({"ConnectivityType", "Tags"})
    create_only = frozenset({"SubnetId", "AllocationId", "ConnectivityType"})

    def create(self, properties: Properties) -> Resource:
        """Make the gateway; ValueError, as EC2 refuses it, when its VPC has no internet gateway yet."""
        subnet = client("ec2").describe_subnets(SubnetIds=[properties["SubnetId"]])["Subnets"][0]
        attached = [{"Name": "attachment.vpc-id", "Values": [subnet["VpcId"]]}]
        if not client("ec2").describe_internet_gateways(Filters=attached)["InternetGateways"]:
            raise ValueError(f"Network {subnet['VpcId']} has no Internet gateway attached (depend on the attachment).")
        gateway = client("ec2").create_nat_gateway(
            SubnetId=properties["SubnetId"],
            AllocationId=properties["AllocationId"],
            TagSpecifications=_tags("natgateway", properties),
        )["NatGateway"]
        return self._resource(gateway["NatGatewayId"])

    def update(self, physical_id: str, properties: Properties) -> Resource:
        """Replace the tags, all that can change in place."""
        _replace_tags(physical_id, properties)
        return self._resource(physical_id)

    def delete(self, physical_id: str) -> None:
        """Delete the gateway; EC2 goes on listing it as deleted for a while."""
        client("ec2").delete_nat_gateway(NatGatewayId=physical_id)

    def _resource(self, physical_id: str) -> Resource:
        return Resource(physical_id=physical_id, attributes={"NatGatewayId": physical_id})


class FlowLog(ResourceType):
    """AWS::EC2::FlowLog into CloudWatch Logs. Nothing is ever logged: no packet passes through this VPC."""

    name = "AWS::EC2::FlowLog"
    required = frozenset({"ResourceId", "ResourceType", "TrafficType", "LogGroupName", "DeliverLogsPermissionArn"})
    optional = frozenset({"LogDestinationType", "LogFormat", "MaxAggregationInterval", "Tags"})
    create_only = (required | optional) - {"Tags"}

    def create(self, properties: Properties) -> Resource:
        """Make the flow log."""
        answer = client("ec2").create_flow_logs(
            ResourceIds=[properties["ResourceId"]],
            ResourceType=properties["ResourceType"],
            TrafficType=properties["TrafficType"],
            LogGroupName=properties["LogGroupName"],
            DeliverLogsPermissionArn=properties["DeliverLogsPermissionArn"],
            TagSpecifications=_tags("vpc-flow-log", properties),
        )
        return self._resource(answer["FlowLogIds"][0])

    def update(self, physical_id: str, properties: Properties) -> Resource:
        """Replace the tags, all that can change in place."""
        _replace_tags(physical_id, properties)
        return self._resource(physical_id)

    def delete(self, physical_id: str) -> None:
        """Delete the flow log."""
        client("ec2").delete_flow_logs(FlowLogIds=[physical_id])

    def _resource(self, physical_id: str) -> Resource:
        return Resource(physical_id=physical_id, attributes={"Id": physical_id})


def _tags(resource_type: str, properties: Properties) -> list[dict[str, Any]]:
    tags = properties.get("Tags")
    return [{"ResourceType": resource_type, "Tags": tags}] if tags else []


def _replace_tags(resource_id: str, properties: Properties) -> None:
    ec2 = client("ec2")
    ec2.delete_tags(Resources=[resource_id])
    ec2.create_tags(Resources=[resource_id], Tags=properties.get("Tags", []))
