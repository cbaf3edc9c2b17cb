"""The network resource types that the embedded cloud adds to ministack, and its subnets."""

from typing import Any

from .conftest import Cloud
from .templates import get, network, ref, resource


def nat_gateway(**properties: Any) -> dict[str, Any]:
    return (
        resource("AWS::EC2::NatGateway", SubnetId=ref("Subnet"), AllocationId=get("Address", "AllocationId"))
        | properties
    )


def test_the_network_of_a_runtime_is_made_changed_and_removed(cloud: Cloud) -> None:
    ec2 = cloud.client("ec2")
    resources = network() | {
        "Address": resource("AWS::EC2::EIP", Domain="vpc"),
        "Nat": nat_gateway(DependsOn="Attachment"),
        "LogGroup": resource("AWS::Logs::LogGroup", RetentionInDays=1),
        "FlowLog": resource(
            "AWS::EC2::FlowLog",
            ResourceId=ref("Vpc"),
            ResourceType="VPC",
            TrafficType="ALL",
            LogGroupName=ref("LogGroup"),
            DeliverLogsPermissionArn="arn:aws:iam::123456789012:role/flow-logs",
        ),
    }
    outputs = {"Ip": ref("Address"), "Nat": ref("Nat"), "FlowLog": get("FlowLog", "Id"), "Subnet": ref("Subnet")}

    made = cloud.deploy("network", resources, **outputs)

    assert made.status == "CREATE_COMPLETE", made.reasons
    (address,) = ec2.describe_addresses()["Addresses"]
    (nat,) = ec2.describe_nat_gateways(NatGatewayIds=[made.outputs["Nat"]])["NatGateways"]
    (flow_log,) = ec2.describe_flow_logs(FlowLogIds=[made.outputs["FlowLog"]])["FlowLogs"]
    assert address["PublicIp"] == made.outputs["Ip"]
    assert (nat["State"], nat["SubnetId"]) == ("available", made.outputs["Subnet"])
    assert flow_log["TrafficType"] == "ALL"

    resources["Address"] = resource("AWS::EC2::EIP", Domain="vpc", Tags=[{"Key": "owner", "Value": "voice"}])
    resources["FlowLog"]["Properties"]["TrafficType"] = "REJECT"
    changed = cloud.deploy("network", resources, **outputs)

    assert changed.status == "UPDATE_COMPLETE", changed.reasons
    assert changed.outputs["Ip"] == made.outputs["Ip"]
    assert ec2.describe_addresses()["Addresses"][0]["Tags"] == [{"Key": "owner", "Value": "voice"}]
    (flow_log,) = ec2.describe_flow_logs()["FlowLogs"]
    assert (flow_log["FlowLogId"], flow_log["TrafficType"]) == (changed.outputs["FlowLog"], "REJECT")
    assert changed.outputs["FlowLog"] != made.outputs["FlowLog"]

    assert cloud.destroy("network").status == "DELETE_COMPLETE"
    assert ec2.describe_addresses()["Addresses"] == []
    assert ec2.describe_nat_gateways(NatGatewayIds=[made.outputs["Nat"]])["NatGateways"][0]["State"] == "deleted"
    assert ec2.describe_flow_logs()["FlowLogs"] == []


def test_a_subnet_is_put_into_the_zone_that_its_id_names(cloud: Cloud) -> None:
    made = cloud.deploy(
        "zone", network(zone_id="use1-az4"), Subnet=ref("Subnet"), Zone=get("Subnet", "AvailabilityZone")
    )

    (subnet,) = cloud.client("ec2").describe_subnets(SubnetIds=[made.outputs["Subnet"]])["Subnets"]
    assert subnet["AvailabilityZoneId"] == "use1-az4"
    assert made.outputs["Zone"] == subnet["AvailabilityZone"] == "us-east-1d"


def test_a_zone_id_of_another_region_is_refused(cloud: Cloud) -> None:
    made = cloud.deploy("zone-elsewhere", network(zone_id="euw1-az1"))

    assert made.status == "ROLLBACK_COMPLETE"
    assert any("euw1-az1" in reason and "availabilityZoneId" in reason for reason in made.reasons)


def test_a_nat_gateway_before_its_internet_gateway_is_refused(cloud: Cloud) -> None:
    resources = network() | {"Address": resource("AWS::EC2::EIP"), "Nat": nat_gateway()}
    resources["Attachment"]["DependsOn"] = "Nat"

    made = cloud.deploy("nat-too-early", resources)

    assert made.status == "ROLLBACK_COMPLETE"
    assert any("has no Internet gateway attached" in reason for reason in made.reasons)
    assert cloud.client("ec2").describe_addresses()["Addresses"] == []


def test_a_default_security_group_is_emptied_and_filled_again(cloud: Cloud) -> None:
    def rules(group_id: str) -> tuple[int, int]:
        (group,) = cloud.client("ec2").describe_security_groups(GroupIds=[group_id])["SecurityGroups"]
        return len(group["IpPermissions"]), len(group["IpPermissionsEgress"])

    default_group = get("Vpc", "DefaultSecurityGroup")
    resources = network() | {
        "Restricted": resource(
            "Custom::VpcRestrictDefaultSG",
            ServiceToken="arn:aws:lambda:us-east-1:123456789012:function:never-run",
            DefaultSecurityGroupId=default_group,
            Account=ref("AWS::AccountId"),
        )
    }
    group_id = cloud.deploy("restricted", network(), Group=default_group).outputs["Group"]
    assert rules(group_id)[1] == 1

    assert cloud.deploy("restricted", resources).status == "UPDATE_COMPLETE"
    assert rules(group_id) == (0, 0)

    assert cloud.deploy("restricted", network()).status == "UPDATE_COMPLETE"
    assert rules(group_id) == (1, 1)


def test_a_property_that_would_be_ignored_is_refused_and_a_missing_one_too(cloud: Cloud) -> None:
    unknown = cloud.deploy("unknown", {"Address": resource("AWS::EC2::EIP", PublicIpv4Pool="pool")})
    missing = cloud.deploy("missing", {"Nat": resource("AWS::EC2::NatGateway", ConnectivityType="private")})

    assert any("key [PublicIpv4Pool] is not supported" in reason for reason in unknown.reasons)
    assert any("required key [AllocationId] not found" in reason for reason in missing.reasons)
