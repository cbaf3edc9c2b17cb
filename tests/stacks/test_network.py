"""The network: zones that AgentCore accepts, a way out for what was chosen, and no way in."""

from collections.abc import Mapping

import pytest

from tests.stacks.synthesis import TELEPHONY, TURN_SOURCES, VARIANTS, Json, Synthesize, only, readable, resources

ANYWHERE = "0.0.0.0/0"


@pytest.mark.parametrize(
    ("region", "platform_version", "zone_ids"),
    [
        ("us-east-1", "V2", ["use1-az1", "use1-az2"]),
        ("us-east-1", "V2", ["use1-az1", "use1-az2", "use1-az4"]),
        ("ap-northeast-1", "V2", ["apne1-az1", "apne1-az2", "apne1-az4"]),
        ("ca-central-1", "V1", ["cac1-az1", "cac1-az2", "cac1-az4"]),
        ("us-west-1", "V1", ["usw1-az1", "usw1-az3"]),
    ],
)
def test_subnets_lie_in_zones_that_agentcore_accepts(
    synthesize: Synthesize, region: str, platform_version: str, zone_ids: list[str]
) -> None:
    overrides = {
        "region": region,
        "transports": "websocket",
        "agent.platform_version": platform_version,
        "network.availability_zone_count": str(len(zone_ids)),
    }
    template = synthesize("dev", **overrides).templates["network"]
    subnets = [subnet["Properties"] for subnet in resources(template, "AWS::EC2::Subnet").values()]
    assert [subnet["AvailabilityZoneId"] for subnet in subnets] == zone_ids + zone_ids  # public, then private
    assert not any("AvailabilityZone" in subnet for subnet in subnets)


def test_nothing_is_looked_up_even_in_a_named_account(synthesize: Synthesize) -> None:
    deployment = synthesize("dev", account_id="123456789012")
    assert "missing" not in deployment.manifest()


@pytest.mark.parametrize(
    ("choice", "zones", "gateways"), [("one", "2", 1), ("one_per_zone", "2", 2), ("one_per_zone", "3", 3)]
)
def test_nat_gateways_are_counted_as_chosen(synthesize: Synthesize, choice: str, zones: str, gateways: int) -> None:
    overrides = {"network.nat_gateways": choice, "network.availability_zone_count": zones}
    template = synthesize("dev", **overrides).templates["network"]
    assert len(resources(template, "AWS::EC2::NatGateway")) == gateways
    assert len(resources(template, "AWS::EC2::EIP")) == gateways
    used = [route for route in _default_routes(template) if "NatGatewayId" in route]
    assert len(used) == int(zones)
    assert len({str(route["NatGatewayId"]) for route in used}) == gateways


def test_subnets_have_the_chosen_sizes_and_give_no_public_addresses(synthesize: Synthesize) -> None:
    overrides = {"network.public_subnet_prefix_length": "27", "network.private_subnet_prefix_length": "21"}
    template = synthesize("dev", **overrides, **{"network.cidr": "10.8.0.0/17"}).templates["network"]
    subnets = [subnet["Properties"] for subnet in resources(template, "AWS::EC2::Subnet").values()]
    assert only(template, "AWS::EC2::VPC")["CidrBlock"] == "10.8.0.0/17"
    assert [subnet["CidrBlock"].partition("/")[2] for subnet in subnets] == ["27", "27", "21", "21"]
    assert not any(subnet["MapPublicIpOnLaunch"] for subnet in subnets)


TLS = ("tcp", 443, 443)
TURN = {("udp", 3478, 3478), ("tcp", 3478, 3478)}
TURN_OVER_TLS = ("tcp", 5349, 5349)
DAILY = {("udp", 3478, 3478), ("udp", 23000, 26999), ("udp", 40000, 49999)}


@pytest.mark.parametrize(
    ("overrides", "egress"),
    [
        ({}, {TLS, ("udp", 443, 443)}),
        ({"transports": "websocket"}, {TLS}),
        ({"transports": "websocket", "turn.source": "coturn"}, {TLS}),
        (TURN_SOURCES["fixed"], {TLS, ("udp", 3478, 3478)}),
        (
            {
                **TURN_SOURCES["fixed"],
                "turn.ice_server_urls": "stun:a.example:9,turns:b.example,turns:b.example:6?transport=udp,"
                "turn:b.example:80?transport=tcp,turn:b.example:81",
            },
            {TLS, TURN_OVER_TLS, ("tcp", 80, 80), ("udp", 81, 81)},
        ),
        (TURN_SOURCES["cloudflare"], {TLS, *TURN, TURN_OVER_TLS}),
        (TURN_SOURCES["twilio"], {TLS, *TURN}),
        (TURN_SOURCES["coturn"], {TLS, *TURN}),
        (TURN_SOURCES["none"], {TLS, ("udp", 1024, 65535)}),
        ({"transports": "daily"}, {TLS, *DAILY}),
        ({"transports": "websocket,webrtc,daily"}, {TLS, ("udp", 443, 443), *DAILY}),
        ({**TURN_SOURCES["twilio"], "transports": "webrtc,daily"}, {TLS, *TURN, *DAILY}),
        ({"transports": "websocket", "agent.pipeline": "cascaded"}, {TLS, ("tcp", 8443, 8443)}),
        ({**VARIANTS["keyed speech"], "transports": "websocket"}, {TLS}),
        ({"transports": "websocket", "agent.pipeline": "speech_to_speech"}, {TLS}),
    ],
)
def test_the_agent_reaches_what_was_chosen_and_no_more(
    synthesize: Synthesize, overrides: Mapping[str, str], egress: set[tuple[str, int, int]]
) -> None:
    rules = only(synthesize("dev", **overrides).templates["network"], "AWS::EC2::SecurityGroup")["SecurityGroupEgress"]
    found = [(rule["IpProtocol"], rule["FromPort"], rule["ToPort"]) for rule in rules]
    assert sorted(found) == sorted(egress)
    assert all(rule["CidrIp"] == ANYWHERE and len(rule["Description"]) > 5 for rule in rules)


@pytest.mark.parametrize("name", VARIANTS)
def test_nobody_reaches_the_agent(synthesize: Synthesize, name: str) -> None:
    network = synthesize("dev", **VARIANTS[name]).templates.get("network", {"Resources": {}})
    groups = resources(network, "AWS::EC2::SecurityGroup")
    ingress = [
        *resources(network, "AWS::EC2::SecurityGroupIngress").values(),
        *(group for group in groups.values() if "SecurityGroupIngress" in group["Properties"]),
    ]
    assert not [rule for rule in ingress if "InterfaceEndpoints" not in str(rule)]


def test_interface_endpoints_are_open_to_the_agent_only(synthesize: Synthesize) -> None:
    names = VARIANTS["interface endpoints"]["network.interface_endpoints"]
    template = synthesize("dev", **VARIANTS["interface endpoints"]).templates["network"]
    endpoints = [
        endpoint["Properties"]
        for endpoint in resources(template, "AWS::EC2::VPCEndpoint").values()
        if endpoint["Properties"]["VpcEndpointType"] == "Interface"
    ]
    services = [endpoint["ServiceName"].removeprefix("com.amazonaws.us-east-1.") for endpoint in endpoints]
    assert sorted(services) == sorted(names.split(","))
    assert all(endpoint["PrivateDnsEnabled"] and len(endpoint["SubnetIds"]) == 2 for endpoint in endpoints)
    assert {str(readable(endpoint["SecurityGroupIds"])) for endpoint in endpoints} == {
        "['<InterfaceEndpointsSecurityGroup.GroupId>']"
    }
    assert readable(only(template, "AWS::EC2::SecurityGroupIngress")) == {
        "Description": "HTTPS from the agent",
        "FromPort": 443,
        "ToPort": 443,
        "IpProtocol": "tcp",
        "GroupId": "<InterfaceEndpointsSecurityGroup.GroupId>",
        "SourceSecurityGroupId": "<AgentSecurityGroup.GroupId>",
    }


def test_image_layers_come_through_the_s3_gateway_endpoint(synthesize: Synthesize) -> None:
    template = synthesize("dev").templates["network"]
    endpoint = only(template, "AWS::EC2::VPCEndpoint")
    assert readable(endpoint["ServiceName"]) == "com.amazonaws.<AWS::Region>.s3"
    assert endpoint["VpcEndpointType"] == "Gateway"
    private = {name for name in resources(template, "AWS::EC2::RouteTable") if "Private" in name}
    assert private <= {table["Ref"] for table in endpoint["RouteTableIds"]}


def test_the_relay_marks_its_tokens_through_a_gateway_endpoint(synthesize: Synthesize) -> None:
    template = synthesize("dev", **TELEPHONY["Twilio"]).templates["network"]
    services = [
        readable(endpoint["Properties"]["ServiceName"])
        for endpoint in resources(template, "AWS::EC2::VPCEndpoint").values()
    ]
    assert sorted(services) == [f"com.amazonaws.<AWS::Region>.{service}" for service in ("dynamodb", "s3")]


def test_flow_logs_can_be_left_out(synthesize: Synthesize) -> None:
    kept = only(synthesize("dev").templates["network"], "AWS::EC2::FlowLog")
    assert kept["TrafficType"] == "ALL"
    assert readable(kept["LogGroupName"]) == "<AgentVpcFlowLogGroup>"
    assert not resources(synthesize("dev", **{"network.flow_logs": "false"}).templates["network"], "AWS::EC2::FlowLog")


def test_the_default_security_group_is_emptied(synthesize: Synthesize) -> None:
    emptied = only(synthesize("dev").templates["network"], "Custom::VpcRestrictDefaultSG")
    assert readable(emptied["DefaultSecurityGroupId"]) == "<AgentVpc.DefaultSecurityGroup>"


def test_an_existing_vpc_gets_a_security_group_and_nothing_else(synthesize: Synthesize) -> None:
    deployment = synthesize("dev", **VARIANTS["existing VPC"])
    template = deployment.templates["network"]
    assert [resource["Type"] for resource in template["Resources"].values()] == ["AWS::EC2::SecurityGroup"]
    assert only(template, "AWS::EC2::SecurityGroup")["VpcId"] == "vpc-0123456789abcdef0"
    assert template["Outputs"]["VpcId"]["Value"] == "vpc-0123456789abcdef0"
    runtime = only(deployment.templates["agent"], "AWS::BedrockAgentCore::Runtime")
    assert readable(runtime["NetworkConfiguration"]["NetworkModeConfig"]) == {
        "SecurityGroups": ["<switchboard-dev-network!PublishOutputFnGetAttAgentSecurityGroupGroupId>"],
        "Subnets": ["subnet-0aaaaaaaaaaaaaaaa", "subnet-0bbbbbbbbbbbbbbbb"],
    }


def test_public_mode_has_no_network_at_all(synthesize: Synthesize) -> None:
    deployment = synthesize("dev", **VARIANTS["public"])
    assert set(deployment.templates) == {"agent", "web", "connect", "page"}
    runtime = only(deployment.templates["agent"], "AWS::BedrockAgentCore::Runtime")
    assert runtime["NetworkConfiguration"] == {"NetworkMode": "PUBLIC"}


def _default_routes(template: Json) -> list[Json]:
    routes = [route["Properties"] for route in resources(template, "AWS::EC2::Route").values()]
    return [route for route in routes if route["DestinationCidrBlock"] == ANYWHERE]
