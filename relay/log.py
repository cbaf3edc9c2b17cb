"""Every line of the log is a JSON object, and none quotes a token, a URL or a session id."""

import hashlib
import json
import logging
import sys
import time
import traceback
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import override

_LOGGER = "switchboard.relay"


def configure_logs() -> None:
    """Send the relay's own lines from INFO on to stdout, all others' from WARNING on."""
    handler = logging.StreamHandler(sys.stdout)
    handler.setFormatter(_JsonFormatter())
    logging.basicConfig(level=logging.WARNING, handlers=[handler])
    logging.getLogger(_LOGGER).setLevel(logging.INFO)


def session_label(session_id: str) -> str:
    """A short hash that links the lines of a session, the agent's and the API's too, without giving its id away."""
    return hashlib.sha256(session_id.encode()).hexdigest()[:16]


def write_metrics(metrics: Mapping[str, int], *, service: str) -> None:
    """Write a service's counts as CloudWatch's embedded metrics.

    https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html
    """
    directive = {
        "Namespace": "Switchboard",
        "Dimensions": [["Service"]],
        "Metrics": [{"Name": name, "Unit": "Count"} for name in metrics],
    }
    header = {"Timestamp": int(time.time() * 1000), "CloudWatchMetrics": [directive]}
    sys.stdout.write(json.dumps({"_aws": header, "Service": service, **metrics}) + "\n")
    sys.stdout.flush()


class _JsonFormatter(logging.Formatter):
    @override
    def format(self, record: logging.LogRecord) -> str:
        """One line; `extra={"fields": {…}}` adds members. Of others' lines it says whence they come, and no more."""
        own = record.name == _LOGGER
        members: dict[str, object] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname,
            "logger": record.name,
            "message": record.getMessage() if own else f"withheld: {record.module}:{record.lineno}",
            **getattr(record, "fields", {}),
        }
        if record.exc_info and (error := record.exc_info[1]):
            frames = traceback.extract_tb(error.__traceback__)
            places = [f"{frame.filename}:{frame.lineno} in {frame.name}" for frame in frames]
            members["error"] = " > ".join([*places, type(error).__name__])
        return json.dumps(members)
