"""Resources of the tests' templates."""

from typing import Any

Resource = dict[str, Any]


def resource(resource_type: str, **properties: Any) -> Resource:
    return {"Type": resource_type, "Properties": properties}


def get(logical_id: str, attribute: str) -> Resource:
    return {"Fn::GetAtt": [logical_id, attribute]}


def ref(logical_id: str) -> Resource:
    return {"Ref": logical_id}


def network(*, zone_id: str = "use1-az4") -> dict[str, Resource]:
    """A VPC with one subnet, an internet gateway and a security group."""
    return {
        "Vpc": resource("AWS::EC2::VPC", CidrBlock="10.0.0.0/16"),
        "Gateway": resource("AWS::EC2::InternetGateway"),
        "Attachment": resource("AWS::EC2::VPCGatewayAttachment", VpcId=ref("Vpc"), InternetGatewayId=ref("Gateway")),
        "Subnet": resource("AWS::EC2::Subnet", VpcId=ref("Vpc"), CidrBlock="10.0.0.0/24", AvailabilityZoneId=zone_id),
        "Group": resource("AWS::EC2::SecurityGroup", VpcId=ref("Vpc"), GroupDescription="agents"),
    }


def execution_role(*, source_account: str = "123456789012", actions: tuple[str, ...] = ("ecr:*",)) -> Resource:
    """A role that AgentCore may assume for this account's runtimes."""
    trust = {
        "Effect": "Allow",
        "Principal": {"Service": "bedrock-agentcore.amazonaws.com"},
        "Action": "sts:AssumeRole",
        "Condition": {
            "StringEquals": {"aws:SourceAccount": source_account},
            "ArnLike": {"aws:SourceArn": "arn:aws:bedrock-agentcore:us-east-1:123456789012:*"},
        },
    }
    return resource(
        "AWS::IAM::Role",
        AssumeRolePolicyDocument={"Version": "2012-10-17", "Statement": [trust]},
        Policies=[
            {
                "PolicyName": "pull",
                "PolicyDocument": {
                    "Version": "2012-10-17",
                    "Statement": [{"Effect": "Allow", "Action": list(actions), "Resource": "*"}],
                },
            }
        ],
    )


def runtime(image: str, name: str, **properties: Any) -> Resource:
    """A runtime of this image; the properties add to the least or replace them."""
    least = {
        "AgentRuntimeName": name,
        "AgentRuntimeArtifact": {"ContainerConfiguration": {"ContainerUri": image}},
        "RoleArn": get("Role", "Arn"),
        "NetworkConfiguration": {"NetworkMode": "PUBLIC"},
    }
    return resource("AWS::BedrockAgentCore::Runtime", **least | properties)


def endpoint(name: str, **properties: Any) -> Resource:
    """An endpoint of the template's runtime."""
    return resource(
        "AWS::BedrockAgentCore::RuntimeEndpoint",
        AgentRuntimeId=get("Runtime", "AgentRuntimeId"),
        Name=name,
        **properties,
    )
