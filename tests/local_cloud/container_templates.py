"""Resources of a service of containers behind a load balancer."""

from typing import Any

from .templates import Resource, get, ref, resource

CERTIFICATE = "arn:aws:acm:us-east-1:123456789012:certificate/00000000-0000-4000-8000-000000000000"
PULL = (
    "ecr:GetAuthorizationToken",
    "ecr:BatchCheckLayerAvailability",
    "ecr:GetDownloadUrlForLayer",
    "ecr:BatchGetImage",
)
LOG = ("logs:CreateLogStream", "logs:PutLogEvents")


def network() -> dict[str, Resource]:
    """A VPC with two public subnets in two zones."""
    subnets = {
        f"Subnet{number}": resource(
            "AWS::EC2::Subnet", VpcId=ref("Vpc"), CidrBlock=f"10.0.{number}.0/24", AvailabilityZoneId=zone_id
        )
        for number, zone_id in enumerate(("use1-az1", "use1-az2"))
    }
    return {
        "Vpc": resource("AWS::EC2::VPC", CidrBlock="10.0.0.0/16"),
        "Gateway": resource("AWS::EC2::InternetGateway"),
        "Attachment": resource("AWS::EC2::VPCGatewayAttachment", VpcId=ref("Vpc"), InternetGatewayId=ref("Gateway")),
        **subnets,
        "Public": resource("AWS::EC2::SecurityGroup", VpcId=ref("Vpc"), GroupDescription="load balancer"),
        "Tasks": resource("AWS::EC2::SecurityGroup", VpcId=ref("Vpc"), GroupDescription="tasks"),
        "FromPublic": resource(
            "AWS::EC2::SecurityGroupIngress",
            GroupId=get("Tasks", "GroupId"),
            SourceSecurityGroupId=get("Public", "GroupId"),
            IpProtocol="tcp",
            FromPort=8080,
            ToPort=8080,
        ),
        "ToTasks": resource(
            "AWS::EC2::SecurityGroupEgress",
            GroupId=get("Public", "GroupId"),
            DestinationSecurityGroupId=get("Tasks", "GroupId"),
            IpProtocol="tcp",
            FromPort=8080,
            ToPort=8080,
        ),
    }


def load_balancer(**attributes: Any) -> dict[str, Resource]:
    """A load balancer with its listener and its target group, whose targets may drain for half a minute."""
    given = [{"Key": key, "Value": value} for key, value in attributes.items()]
    balancer = resource(
        "AWS::ElasticLoadBalancingV2::LoadBalancer",
        Scheme="internet-facing",
        Type="application",
        Subnets=[ref("Subnet0"), ref("Subnet1")],
        SecurityGroups=[get("Public", "GroupId")],
        LoadBalancerAttributes=given,
    )
    return {
        "Balancer": balancer | {"DependsOn": "Attachment"},
        "Targets": resource(
            "AWS::ElasticLoadBalancingV2::TargetGroup",
            Port=8080,
            Protocol="HTTP",
            TargetType="ip",
            VpcId=ref("Vpc"),
            HealthCheckPath="/health",
            HealthCheckIntervalSeconds=5,
            HealthCheckTimeoutSeconds=4,
            TargetGroupAttributes=[{"Key": "deregistration_delay.timeout_seconds", "Value": "30"}],
        ),
        "Listener": resource(
            "AWS::ElasticLoadBalancingV2::Listener",
            LoadBalancerArn=ref("Balancer"),
            Port=443,
            Protocol="HTTPS",
            SslPolicy="ELBSecurityPolicy-TLS13-1-2-2021-06",
            Certificates=[{"CertificateArn": CERTIFICATE}],
            DefaultActions=[{"Type": "forward", "TargetGroupArn": ref("Targets")}],
        ),
    }


def role(*actions: str) -> Resource:
    """A role that ECS may assume for tasks."""
    trust = {"Effect": "Allow", "Principal": {"Service": "ecs-tasks.amazonaws.com"}, "Action": "sts:AssumeRole"}
    allowed = {"Effect": "Allow", "Action": list(actions), "Resource": "*"}
    policies = [{"PolicyName": "all", "PolicyDocument": {"Statement": [allowed]}}] if actions else []
    return resource("AWS::IAM::Role", AssumeRolePolicyDocument={"Statement": [trust]}, Policies=policies)


def task_definition(image: str, *, variables: dict[str, Any] | None = None, **container: Any) -> Resource:
    """A task definition of one container; what is given adds to the least of the container or replaces it."""
    given = {"VERSION": "1", "REPLACED": "of the template"} | (variables or {})
    least = {
        "Name": "Server",
        "Image": image,
        "Essential": True,
        "PortMappings": [{"ContainerPort": 8080, "Protocol": "tcp"}],
        "Environment": [{"Name": name, "Value": value} for name, value in given.items()],
        "Secrets": [
            {"Name": "WHOLE", "ValueFrom": ref("Secret")},
            {"Name": "FIELD", "ValueFrom": {"Fn::Join": [":", [ref("Secret"), "field::"]]}},
        ],
        "StopTimeout": 2,
        "LogConfiguration": {
            "LogDriver": "awslogs",
            "Options": {"awslogs-group": ref("Log"), "awslogs-stream-prefix": "server", "awslogs-region": "us-east-1"},
        },
    }
    return resource(
        "AWS::ECS::TaskDefinition",
        Family="server",
        Cpu="256",
        Memory="512",
        NetworkMode="awsvpc",
        RequiresCompatibilities=["FARGATE"],
        RuntimePlatform={"CpuArchitecture": "ARM64", "OperatingSystemFamily": "LINUX"},
        ExecutionRoleArn=get("ExecutionRole", "Arn"),
        TaskRoleArn=get("TaskRole", "Arn"),
        ContainerDefinitions=[least | container],
    )


def service(image: str, *, count: int = 1, **definition: Any) -> dict[str, Resource]:
    """A cluster with a service, and what its tasks need; scaled by a policy that does nothing here."""
    network_of_tasks = {"Subnets": [ref("Subnet0"), ref("Subnet1")], "SecurityGroups": [get("Tasks", "GroupId")]}
    resource_id = {"Fn::Join": ["/", ["service", ref("Cluster"), get("Service", "Name")]]}
    metric = {"MetricName": "Open", "Namespace": "Test", "Statistic": "Average"}
    return {
        "Log": resource("AWS::Logs::LogGroup"),
        "Secret": resource("AWS::SecretsManager::Secret", SecretString='{"field": "of the secret"}'),
        "ExecutionRole": role(*PULL, *LOG, "secretsmanager:GetSecretValue"),
        "TaskRole": role(),
        "Cluster": resource("AWS::ECS::Cluster"),
        "Definition": task_definition(image, **definition),
        "Service": resource(
            "AWS::ECS::Service",
            Cluster=ref("Cluster"),
            TaskDefinition=ref("Definition"),
            LaunchType="FARGATE",
            DesiredCount=count,
            HealthCheckGracePeriodSeconds=30,
            DeploymentConfiguration={"MaximumPercent": 200, "MinimumHealthyPercent": 100},
            NetworkConfiguration={"AwsvpcConfiguration": network_of_tasks},
            LoadBalancers=[{"ContainerName": "Server", "ContainerPort": 8080, "TargetGroupArn": ref("Targets")}],
        )
        | {"DependsOn": "Listener"},
        "Scaled": resource(
            "AWS::ApplicationAutoScaling::ScalableTarget",
            MinCapacity=1,
            MaxCapacity=3,
            ResourceId=resource_id,
            ScalableDimension="ecs:service:DesiredCount",
            ServiceNamespace="ecs",
        ),
        "Scaling": resource(
            "AWS::ApplicationAutoScaling::ScalingPolicy",
            PolicyName="open",
            PolicyType="TargetTrackingScaling",
            ScalingTargetId=ref("Scaled"),
            TargetTrackingScalingPolicyConfiguration={"CustomizedMetricSpecification": metric, "TargetValue": 10},
        ),
    }
