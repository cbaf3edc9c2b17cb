"""What the servers tell CloudWatch: their log without addresses, and figures about themselves."""

import json
from collections.abc import Mapping
from typing import Final

# The agent ships a line only if this is not in it: callers' and peers' addresses stay on the instance.
IPV4_ADDRESS: Final = r"[0-9]+\.[0-9]+\.[0-9]+\.[0-9]+"
# Every client is asked for its credentials first, with this line; a flood of such requests is not worth a log.
CHALLENGE: Final = r"user <>: incoming packet .* error 401"

# Name of the metric to the words that coturn 4.6.1 says when it happens, once each time.
LOG_METRICS: Final[Mapping[str, str]] = {
    "Allocations": "ALLOCATE processed, success",
    "RefusedCredentials": "check_stun_auth: Cannot find credentials",
    "QuotaReached": "ALLOCATE processed, error 486",
    "DeniedPeers": "message processed, error 403",
}


def cloudwatch_agent(*, log_group_name: str, metrics_namespace: str, coturn_log_file: str) -> str:
    """Configuration of the CloudWatch agent, JSON; the boot script puts the server's own address in for @ADDRESS@.

    EC2 itself has processor and network: these are what it can't see. An allocation is one UDP socket.
    https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch-Agent-Configuration-File-Details.html
    """
    excluded = [{"type": "exclude", "expression": expression} for expression in (IPV4_ADDRESS, CHALLENGE)]
    streams: list[dict[str, object]] = [
        {"file_path": coturn_log_file, "log_stream_name": "{instance_id}/coturn", "filters": excluded},
        {"file_path": "/var/log/cloud-init-output.log", "log_stream_name": "{instance_id}/boot"},
    ]
    measured = {
        "mem": ["mem_used_percent"],
        "netstat": ["udp_socket", "tcp_established"],
        "disk": ["disk_used_percent"],
    }
    collected: dict[str, dict[str, object]] = {
        plugin: {"measurement": names, "append_dimensions": {"Server": "@ADDRESS@"}}
        for plugin, names in measured.items()
    }
    collected["disk"] |= {"resources": ["/"], "drop_device": True}
    configuration = {
        "agent": {"metrics_collection_interval": 60, "omit_hostname": True},
        "logs": {
            "logs_collected": {
                "files": {"collect_list": [{"log_group_name": log_group_name, **stream} for stream in streams]}
            }
        },
        "metrics": {"namespace": metrics_namespace, "metrics_collected": collected},
    }
    return json.dumps(configuration)
