"""The process of the embedded cloud: ministack with what it lacks in front of it, on one loopback port."""

import argparse
import asyncio
import json
import logging
import os
import signal
import socket
from asyncio import constants
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import boto3
from hypercorn.asyncio import serve
from hypercorn.config import Config

from local import processes
from local.agentcore import DataPlane, create_data_plane
from local.agentcore.close_frames import show_close_frames
from local.aws_http.errors import ServiceError
from local.certificates import make_certificates
from local.cloudformation.agentcore import Runtime, RuntimeEndpoint
from local.cloudformation.auto_delete import AutoDeleteObjects
from local.cloudformation.autoscaling import ScalableTarget, ScalingPolicy
from local.cloudformation.bucket_deployment import BucketDeployment
from local.cloudformation.default_security_group import RestrictedDefaultSecurityGroup
from local.cloudformation.ec2 import ElasticIp, FlowLog, NatGateway
from local.cloudformation.ecs import Service, TaskDefinition
from local.cloudformation.kinesisvideo import SignalingChannel
from local.cloudformation.load_balancing import Listener, LoadBalancer, TargetGroup
from local.cloudformation.memory import Memory
from local.cloudformation.security_group_rules import SecurityGroupEgress, SecurityGroupIngress
from local.cloudfront.front import Front as CloudFront
from local.container_services import ContainerServices
from local.control_plane import EmulatedControlPlane
from local.daily.addresses import agent_environment, daily_url
from local.daily.service import DailyService
from local.emulator.application import emulator
from local.emulator.corrections import correct
from local.emulator.distributions import serve_distributions
from local.emulator.provisioning import add_resource_type
from local.images import ImageStore
from local.kinesisvideo.channels import Channels
from local.kinesisvideo.coturn import Coturn, KeyPair
from local.kinesisvideo.front import Front
from local.kinesisvideo.service import KinesisVideo
from local.state import ACCOUNT_ID, REGION, CloudDirectory, CloudState

# Browsers take every name under localhost for this machine (RFC 6761, section 6.3), so no resolver has to know it.
DISTRIBUTIONS = "cloudfront.localhost"
HANDSHAKE_SECONDS = 5.0
GOODBYE_SECONDS = 0.5
OPERATOR = "operator"
OPERATOR_POLICY = {"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Action": "*", "Resource": "*"}}

logger = logging.getLogger(__name__)


async def run(*, directory: CloudDirectory, listener: int, ready: int, agent_python: Path) -> None:
    """Serve until SIGTERM; write the state file and close `ready`, a pipe's end, once everything answers."""
    endpoint = os.environ["AWS_ENDPOINT_URL"]
    control_plane = EmulatedControlPlane(images=ImageStore(directory=directory.images), agent_python=agent_python)
    data_plane = create_data_plane(
        control_plane=control_plane,
        log_dir=directory.agents,
        base_url=endpoint,
        ca_bundle=directory.ca_bundle,
        environment=agent_environment(daily_url(endpoint)),
    )
    daily = DailyService()
    key_pair = _make_key_pair(directory)
    coturn = Coturn(directory=directory.coturn, key_pair=key_pair)
    kinesis_video = KinesisVideo(account_id=ACCOUNT_ID, region=REGION, base_url=endpoint, turn=coturn.servers)
    signaling = Front(service=kinesis_video, identity=control_plane, account_id=ACCOUNT_ID, region=REGION)
    correct(endpoint=endpoint)
    edge = _listener()
    serve_distributions(domain=f"{DISTRIBUTIONS}:{edge.getsockname()[1]}")
    show_close_frames()
    containers = ContainerServices(
        directory=directory,
        images=control_plane.images,
        python=agent_python,
        certificate=key_pair.certificate,
        key=key_pair.key,
        base_url=endpoint,
    )
    _add_resource_types(
        on_live=_warming_up(data_plane, control_plane), channels=kinesis_video.channels, containers=containers
    )

    terminated = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, terminated.set)

    async def until_calls_have_ended() -> None:
        await terminated.wait()
        await asyncio.gather(data_plane.aclose(), containers.aclose(), daily.aclose())
        coturn.stop()

    config = Config()
    config.bind = [f"fd://{listener}"]
    config.keep_alive_timeout = 75  # longer than the SDKs keep a connection unused, so none meets a closed one
    application = _application(data_plane, signaling, containers, daily)
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(serve(application, config, shutdown_trigger=until_calls_have_ended))
        tasks.create_task(_serve_pages(edge, key_pair, until=terminated.wait))
        directory.write_state(await asyncio.to_thread(_make_operator, endpoint))
        os.close(ready)
        logger.info("the embedded cloud is ready at %s", endpoint)


def _make_key_pair(directory: CloudDirectory) -> KeyPair:
    """Make the certificate that the TURN server, CloudFront and load balancers show."""
    key_pair = KeyPair(certificate=directory.coturn / "certificate.pem", key=directory.coturn / "key.pem")
    make_certificates(
        certificate=key_pair.certificate,
        key=key_pair.key,
        bundle=directory.ca_bundle,
        authority_file=directory.authority,
    )
    return key_pair


def _listener() -> socket.socket:
    listener = socket.create_server(("127.0.0.1", 0))
    listener.setblocking(False)
    return listener


async def _serve_pages(edge: socket.socket, key_pair: KeyPair, *, until: Callable[[], Awaitable[object]]) -> None:
    """Serve the distributions over HTTP/1.1 and 2."""
    config = Config()
    config.bind = [f"fd://{edge.detach()}"]
    config.certfile, config.keyfile = str(key_pair.certificate), str(key_pair.key)
    # A viewer that connects but says nothing would hold up the cloud's end, in its beginning or, where hypercorn has no
    # setting, in its own end.
    config.ssl_handshake_timeout = HANDSHAKE_SECONDS
    constants.SSL_SHUTDOWN_TIMEOUT = GOODBYE_SECONDS
    await serve(CloudFront().asgi, config, shutdown_trigger=until)


def _add_resource_types(
    *, on_live: Callable[[str, str], None], channels: Channels, containers: ContainerServices
) -> None:
    for resource_type in (
        ElasticIp(),
        NatGateway(),
        FlowLog(),
        RestrictedDefaultSecurityGroup(),
        BucketDeployment(),
        AutoDeleteObjects(),
        Runtime(),
        RuntimeEndpoint(on_live=on_live),
        SignalingChannel(channels=channels),
        Memory(),
        SecurityGroupIngress(),
        SecurityGroupEgress(),
        LoadBalancer(containers.balancers),
        TargetGroup(containers.balancers),
        Listener(containers.balancers),
        TaskDefinition(containers.services),
        Service(containers.services),
        ScalableTarget(containers.services),
        ScalingPolicy(),
    ):
        add_resource_type(resource_type)


def _warming_up(data_plane: DataPlane, control_plane: EmulatedControlPlane) -> Callable[[str, str], None]:
    """Return what starts one process of an endpoint's version ahead: callable from any thread, it doesn't wait."""
    loop = asyncio.get_running_loop()

    async def warm(runtime_arn: str, endpoint: str) -> None:
        version = control_plane.resolve(runtime_arn=runtime_arn, qualifier=endpoint)
        try:
            if version:
                await data_plane.warm(version)
        except ServiceError as error:
            logger.warning("no agent process was started ahead for %s: %s", runtime_arn, error)

    def warm_up(runtime_arn: str, endpoint: str) -> None:
        asyncio.run_coroutine_threadsafe(warm(runtime_arn, endpoint), loop)

    return warm_up


def _application(data_plane: DataPlane, signaling: Front, containers: ContainerServices, daily: DailyService) -> Any:
    async def application(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] != "lifespan" and data_plane.handles(scope["path"]):
            await data_plane.asgi(scope, receive, send)
        elif scope["type"] == "http" and signaling.handles(scope["path"]):
            await signaling.asgi(scope, receive, send)
        elif scope["type"] == "http" and containers.handles(scope["path"]):
            await containers.asgi(scope, receive, send)
        elif scope["type"] != "lifespan" and daily.handles(scope["path"]):
            await daily.asgi(scope, receive, send)
        else:
            await emulator(scope, receive, send)

    return application


def _make_operator(endpoint: str) -> CloudState:
    """Make the IAM user whose credentials the commands use: unlike the root user's, its signatures are verified."""
    iam = boto3.client("iam")
    iam.create_user(UserName=OPERATOR)
    iam.put_user_policy(UserName=OPERATOR, PolicyName="everything", PolicyDocument=json.dumps(OPERATOR_POLICY))
    key = iam.create_access_key(UserName=OPERATOR)["AccessKey"]
    return CloudState(
        endpoint=endpoint,
        pid=os.getpid(),
        started=str(processes.started(os.getpid())),
        access_key_id=key["AccessKeyId"],
        secret_access_key=key["SecretAccessKey"],
    )


def main() -> None:
    """Run the cloud; `lifecycle.start` gives the arguments."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--directory", type=Path, required=True)
    parser.add_argument("--listener", type=int, required=True, help="file descriptor of the listening socket")
    parser.add_argument("--ready", type=int, required=True, help="file descriptor to close when ready")
    parser.add_argument("--agent-python", type=Path, required=True)
    options = parser.parse_args()
    asyncio.run(
        run(
            directory=CloudDirectory(path=options.directory),
            listener=options.listener,
            ready=options.ready,
            agent_python=options.agent_python,
        )
    )


if __name__ == "__main__":
    main()
