"""The network: zones that AgentCore accepts, a way out for what was chosen, and no way in."""

import re
from collections.abc import Mapping

import pytest

from tests.stacks.synthesis import (
    DAILY,
    DAILY_SERVICE,
    TELEPHONY,
    TURN_SOURCES,
    VARIANTS,
    Json,
    Synthesize,
    only,
    readable,
    resources,
)

ANYWHERE = "0.0.0.0/0"
# https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_IpRange.html
DESCRIPTION = r"[a-zA-Z0-9. _:/()#,@\[\]+=&;{}!$*-]{1,255}"
# What CDK and agent_egress.py write where nothing is let out by address.
NOWHERE = ("255.255.255.255/32", "127.0.0.1/32")


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
DAILY_PORTS = {("udp", 3478, 3478), ("udp", 23000, 26999), ("udp", 40000, 49999), ("tcp", 40000, 49999)}


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
        ({"transports": "daily"}, {TLS, *DAILY_PORTS}),
        ({"transports": "websocket,webrtc,daily"}, {TLS, ("udp", 443, 443), *DAILY_PORTS}),
        ({**TURN_SOURCES["twilio"], "transports": "webrtc,daily"}, {TLS, *TURN, *DAILY_PORTS}),
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
    assert not [rule for rule in ingress if not re.search("(InterfaceEndpoints|DailyEndpoint)SecurityGroup", str(rule))]
    assert not [rule for rule in ingress if "AgentSecurityGroup" in str(rule["Properties"].get("GroupId"))]


def test_a_closed_agent_reaches_endpoints_and_nothing_else(synthesize: Synthesize) -> None:
    template = synthesize("dev", **VARIANTS["PrivateLink"]).templates["network"]
    aws, daily = "<InterfaceEndpointsSecurityGroup.GroupId>", "<DailyEndpointSecurityGroup.GroupId>"
    ways = {
        (aws, "tcp", 443),
        (aws, "tcp", 8443),  # Transcribe's streams
        (daily, "tcp", 443),
        (daily, "tcp", 3478),
        (daily, "udp", 3478),
    }
    assert _inline_egress(template, "AgentSecurityGroup") == set()
    assert _rules_between(template, "Egress", "<AgentSecurityGroup.GroupId>") == ways
    for group in (aws, daily):
        opened = {("<AgentSecurityGroup.GroupId>", *way[1:]) for way in ways if way[0] == group}
        assert _rules_between(template, "Ingress", group) == opened


def test_daily_is_behind_an_endpoint_under_its_own_names(synthesize: Synthesize) -> None:
    for name in ("PrivateLink", "PrivateLink in an existing VPC"):
        template = synthesize("dev", **VARIANTS[name]).templates["network"]
        (endpoint,) = (
            found
            for found in (resource["Properties"] for resource in resources(template, "AWS::EC2::VPCEndpoint").values())
            if found["ServiceName"] == DAILY_SERVICE
        )
        assert (endpoint["VpcEndpointType"], endpoint["PrivateDnsEnabled"]) == ("Interface", True)
        assert readable(endpoint["SecurityGroupIds"]) == ["<DailyEndpointSecurityGroup.GroupId>"]
        assert len(endpoint["SubnetIds"]) == 2
        assert _inline_egress(template, "DailyEndpointSecurityGroup") == set()


def test_the_ports_of_daily_can_be_others(synthesize: Synthesize) -> None:
    closed = {**VARIANTS["PrivateLink"], "daily.media_ports": "udp:443,tcp:443,udp:5000-5009"}
    template = synthesize("dev", **closed).templates["network"]
    daily = resources(template, "AWS::EC2::SecurityGroupEgress").values()
    found = {
        (rule["IpProtocol"], rule["FromPort"], rule["ToPort"])
        for rule in (resource["Properties"] for resource in daily)
        if "DailyEndpoint" in str(rule["DestinationSecurityGroupId"])
    }
    assert found == {("tcp", 443, 443), ("udp", 443, 443), ("udp", 5000, 5009)}


def test_s3_is_found_inside_although_there_is_a_gateway(synthesize: Synthesize) -> None:
    template = synthesize("dev", **VARIANTS["PrivateLink"]).templates["network"]
    endpoints = [found["Properties"] for found in resources(template, "AWS::EC2::VPCEndpoint").values()]
    inside = {
        endpoint["ServiceName"].rpartition(".")[2]: endpoint.get("DnsOptions")
        for endpoint in endpoints
        if endpoint["VpcEndpointType"] == "Interface" and endpoint["ServiceName"] != DAILY_SERVICE
    }
    assert inside.pop("s3") == {"PrivateDnsOnlyForInboundResolverEndpoint": "AllResolvers"}
    assert set(inside.values()) == {None}


def test_a_closed_agent_in_an_existing_vpc_reaches_aws_through_the_endpoints_there(synthesize: Synthesize) -> None:
    template = synthesize("dev", **VARIANTS["PrivateLink in an existing VPC"]).templates["network"]
    assert _inline_egress(template, "AgentSecurityGroup") == set()
    ways = _rules_between(template, "Egress", "<AgentSecurityGroup.GroupId>")
    assert {way for way in ways if "Daily" not in way[0]} == {("sg-0123456789abcdef0", "tcp", 443)}
    assert readable(template["Outputs"]["AgentSecurityGroupId"]["Value"]) == "<AgentSecurityGroup.GroupId>"


def test_media_servers_of_the_customer_are_reached_in_their_networks_only(synthesize: Synthesize) -> None:
    template = synthesize("dev", **VARIANTS["customer's VPC"]).templates["network"]
    assert _inline_egress(template, "AgentSecurityGroup") == {(ANYWHERE, *TLS)} | {
        (cidr, *ports) for cidr in ("10.90.0.0/16", "192.0.2.0/24") for ports in DAILY_PORTS
    }
    assert not [name for name in resources(template, "AWS::EC2::VPCEndpoint") if "Daily" in name]


@pytest.mark.parametrize("name", VARIANTS)
def test_no_security_group_is_open_because_it_has_no_rule(synthesize: Synthesize, name: str) -> None:
    network = synthesize("dev", **VARIANTS[name]).templates.get("network", {"Resources": {}})
    for group in resources(network, "AWS::EC2::SecurityGroup").values():
        assert group["Properties"]["SecurityGroupEgress"]


@pytest.mark.parametrize("name", ["all transports", "cascaded", "none", *DAILY])
def test_ec2_takes_what_is_said_about_a_rule(synthesize: Synthesize, name: str) -> None:
    network = synthesize("dev", **VARIANTS[name]).templates["network"]
    described = [
        found["Properties"]
        for direction in ("Egress", "Ingress")
        for found in resources(network, f"AWS::EC2::SecurityGroup{direction}").values()
    ]
    for group in resources(network, "AWS::EC2::SecurityGroup").values():
        described += group["Properties"]["SecurityGroupEgress"]
        assert re.fullmatch(DESCRIPTION, group["Properties"]["GroupDescription"])
    assert not [rule for rule in described if not re.fullmatch(DESCRIPTION, rule["Description"])]


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


def _inline_egress(template: Json, group: str) -> set[tuple[str, str, int, int]]:
    """Networks and ports that a security group lets out to; there has to be a rule, or EC2 adds one for everywhere."""
    (found,) = (
        resource["Properties"]
        for name, resource in resources(template, "AWS::EC2::SecurityGroup").items()
        if readable({"Ref": name}) == f"<{group}>"
    )
    rules = [rule for rule in found["SecurityGroupEgress"] if rule["CidrIp"] not in NOWHERE]
    return {(rule["CidrIp"], rule["IpProtocol"], rule["FromPort"], rule["ToPort"]) for rule in rules}


def _rules_between(template: Json, direction: str, group: str) -> set[tuple[str, str, int]]:
    """The other group, the protocol and the port of a group's rules that name another."""
    other = {"Egress": "DestinationSecurityGroupId", "Ingress": "SourceSecurityGroupId"}[direction]
    found = resources(template, f"AWS::EC2::SecurityGroup{direction}").values()
    rules = [readable(resource["Properties"]) for resource in found]
    return {(rule[other], rule["IpProtocol"], rule["FromPort"]) for rule in rules if rule["GroupId"] == group}


def _default_routes(template: Json) -> list[Json]:
    routes = [route["Properties"] for route in resources(template, "AWS::EC2::Route").values()]
    return [route for route in routes if route["DestinationCidrBlock"] == ANYWHERE]
