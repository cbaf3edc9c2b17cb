"""What a coturn instance is made of: its files, and the cloud-init document that brings them there."""

import json
import shlex
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from stacks.components.coturn.configuration import firewall, turnserver_conf
from stacks.components.coturn.telemetry import cloudwatch_agent

# The release of Debian that the package comes from, and so the image: both have to change together.
DEBIAN_RELEASE: Final = "12"
# Upstream's version and Debian's revision of it; the asterisk lets Debian's security updates (+deb12u1) in.
COTURN_VERSION: Final = "4.6.1-1*"
CLOUDWATCH_AGENT_KEY: Final = "937616F3450B7D806CBD9725D58167303B789C72"

DIRECTORY: Final = "/etc/coturn-server"
LOG_FILE: Final = "/var/log/turnserver/turnserver.log"
BOOT: Final = "/usr/local/sbin/coturn-boot"
_SOURCE: Final = Path(__file__).parent / "instance"
_STATIC_FILES: Final = {
    BOOT: "coturn-boot",
    "/usr/local/sbin/coturn-check": "coturn-check",
    "/etc/systemd/system/coturn-check.service": "coturn-check.service",
    "/etc/systemd/system/coturn-check.timer": "coturn-check.timer",
    "/etc/systemd/system/coturn.service.d/switchboard.conf": "coturn.service.conf",
    f"{DIRECTORY}/logrotate.conf": "logrotate.conf",
}
# An instance that ends holds its address until it is gone: ten minutes of attempts.
_BOOT_SETTINGS: Final = {
    "COTURN_VERSION": COTURN_VERSION,
    "CLOUDWATCH_AGENT_KEY": CLOUDWATCH_AGENT_KEY,
    "CLAIM_ATTEMPTS": "60",
    "PAUSE_SECONDS": "10",
    "GRACE_MINUTES": "5",
}


def files(
    *, realm: str, settings: Mapping[str, str], log_group_name: str, metrics_namespace: str
) -> dict[str, tuple[str, str]]:
    """Content and mode of each file by its path. `settings` are the boot script's variables.

    They are REGION, STACK_NAME, LOGICAL_RESOURCE_ID (of the auto-scaling group), ADDRESSES (`eipalloc-…=ADDRESS`, with
    spaces between), SHARED_SECRET_ARN and CERTIFICATE_SECRET_ARN. Nothing here is secret.
    """
    agent = cloudwatch_agent(
        log_group_name=log_group_name, metrics_namespace=metrics_namespace, coturn_log_file=LOG_FILE
    )
    lines = [f"{name}={shlex.quote(value)}" for name, value in {**_BOOT_SETTINGS, **settings}.items()]
    return {
        f"{DIRECTORY}/settings": ("\n".join(lines) + "\n", "0644"),
        f"{DIRECTORY}/turnserver.conf.in": (
            turnserver_conf(realm=realm, directory=DIRECTORY, log_file=LOG_FILE),
            "0644",
        ),
        f"{DIRECTORY}/firewall.nft.in": (firewall(), "0644"),
        f"{DIRECTORY}/cloudwatch-agent.json.in": (agent, "0644"),
        **{path: (_SOURCE.joinpath(name).read_text(), _mode(path)) for path, name in _STATIC_FILES.items()},
    }


def cloud_config(contents: Mapping[str, tuple[str, str]]) -> str:
    """User data that writes the files, without their comments, and then boots the server. JSON is YAML.

    EC2 takes 16 KB: https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/user-data.html.
    """
    write_files = [
        {"path": path, "content": _uncommented(content), "permissions": mode}
        for path, (content, mode) in contents.items()
    ]
    return "#cloud-config\n" + json.dumps({"write_files": write_files, "runcmd": [[BOOT]]})


def _uncommented(content: str) -> str:
    """Without blank lines and lines of comment, but with the first: it may name an interpreter."""
    first, *rest = content.splitlines(keepends=True)
    return "".join([first, *(line for line in rest if line.strip() and not line.lstrip().startswith("#"))])


def _mode(path: str) -> str:
    return "0755" if path.startswith("/usr/local/sbin/") else "0644"
