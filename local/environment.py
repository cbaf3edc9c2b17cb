"""The environment variables of the embedded cloud, and of a command that talks to it."""

import os
import secrets
import sys
from collections.abc import Mapping
from pathlib import Path

from local.daily.addresses import daily_url, function_environment
from local.state import ACCOUNT_ID, PROJECT_DIRECTORY, REGION, CloudDirectory, CloudState

DIRECTORY_VARIABLE = "SWITCHBOARD_CLOUD_DIRECTORY"


def cloud_environment(directory: CloudDirectory, *, port: int) -> dict[str, str]:
    """Return the environment of the cloud's process: ministack's settings, and nothing of the user's AWS.

    Functions inherit it; what a template says of a variable wins.
    The access key is that of the account's root user, which nobody but the cloud itself knows.
    """
    return {
        **_without_aws(os.environ),
        **_no_user_files(),
        "AWS_ACCESS_KEY_ID": f"AKIA{secrets.token_hex(8).upper()}",
        "AWS_SECRET_ACCESS_KEY": secrets.token_urlsafe(30),
        "AWS_ENDPOINT_URL": f"http://127.0.0.1:{port}",
        **function_environment(daily_url(f"http://127.0.0.1:{port}")),
        "AWS_REGION": REGION,
        "AWS_DEFAULT_REGION": REGION,
        "AUTH": "true",
        "GATEWAY_PORT": str(port),
        "MINISTACK_HOST": "127.0.0.1",
        "MINISTACK_ACCOUNT_ID": ACCOUNT_ID,
        "MINISTACK_REGION": REGION,
        "LAMBDA_EXECUTOR": "local",
        "IOT_MTLS_ENABLED": "0",
        "SFTP_ENABLED": "0",
        "STATE_DIR": str(directory.temporary),
        "S3_DATA_DIR": str(directory.temporary / "s3"),
        "TMPDIR": str(directory.temporary),
        "DOCKER_HOST": f"unix://{directory.temporary}/no-docker.sock",
        "PATH": _path_with_this_environment(os.environ),
    }


def command_environment(state: CloudState, directory: CloudDirectory) -> dict[str, str]:
    """Return the environment in which the AWS SDKs and the CDK CLI reach the embedded cloud and nothing else.

    The CDK CLI keeps the account of every access key in its home: it gets one of its own, so the user's stays as it is.
    """
    return {
        **_without_aws(os.environ),
        **_no_user_files(),
        "AWS_ENDPOINT_URL": state.endpoint,
        "AWS_ACCESS_KEY_ID": state.access_key_id,
        "AWS_SECRET_ACCESS_KEY": state.secret_access_key,
        "AWS_REGION": REGION,
        "AWS_DEFAULT_REGION": REGION,
        "SSL_CERT_FILE": str(directory.ca_bundle),
        "CDK_HOME": str(directory.path / "cdk"),
        "CDK_DOCKER": str(PROJECT_DIRECTORY / "local" / "docker"),
        DIRECTORY_VARIABLE: str(directory.path),
        "PATH": _path_with_this_environment(os.environ),
    }


def _without_aws(environment: Mapping[str, str]) -> dict[str, str]:
    """Drop every AWS_* variable, and keep HTTP proxies away from this machine's own addresses."""
    kept = {name: value for name, value in environment.items() if not name.startswith("AWS_")}
    for name in ("NO_PROXY", "no_proxy"):
        kept[name] = ",".join(filter(None, [environment.get(name), "127.0.0.1"]))
    return kept


def _no_user_files() -> dict[str, str]:
    """Leave out the user's profiles, and the instance metadata of a machine that is itself on EC2."""
    return {
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
        "AWS_EC2_METADATA_DISABLED": "true",
    }


def _path_with_this_environment(environment: Mapping[str, str]) -> str:
    """Put this virtual environment first: node, npx and python are its own."""
    return os.pathsep.join(filter(None, [str(Path(sys.executable).parent), environment.get("PATH")]))
