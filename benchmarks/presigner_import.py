"""The pre-signer's cold start, import to first pre-signed URL, against the same with AgentCore's own client.

Run: python benchmarks/presigner_import.py
"""

import subprocess
import sys
import tempfile
from pathlib import Path
from statistics import median

from rich.console import Console
from rich.table import Table

RUNS = 15
RUNTIME_ARN = "arn:aws:bedrock-agentcore:us-east-1:123456789012:runtime/switchboard-a1b2c3d4e5"
ENVIRONMENT = {
    "AWS_ACCESS_KEY_ID": "AKIDEXAMPLE",
    "AWS_SECRET_ACCESS_KEY": "example",
    "AWS_SESSION_TOKEN": "example",
    "AWS_REGION": "us-east-1",
    "POWERTOOLS_METRICS_NAMESPACE": "Switchboard",
    "POWERTOOLS_SERVICE_NAME": "connect",
    "SWITCHBOARD_RUNTIME_ARN": RUNTIME_ARN,
    "SWITCHBOARD_ENDPOINT_NAME": "live",
    "SWITCHBOARD_SESSION_KEY_SECRET_ARN": "arn:aws:secretsmanager:us-east-1:123456789012:secret:key-AbCdEf",
    "SWITCHBOARD_PRESIGNED_URL_LIFETIME_SECONDS": "60",
    "SWITCHBOARD_TRANSPORTS": "websocket",
    "SWITCHBOARD_MAX_BODY_BYTES": "4096",
    "PYTHONPATH": str(Path(__file__).parents[1] / "lambda"),
}
PROGRAM = """
import time
began = time.perf_counter()
{body}
elapsed = time.perf_counter() - began
assert url.startswith("wss://") and "X-Amz-Signature=" in url
print(elapsed)
"""
OURS = """
import os
from connect.handler import cached_settings
from shared.presign import presigned_websocket_url
from connect.session_id import new_session_id
from shared.credentials import load_credentials
url = presigned_websocket_url(
    runtime=cached_settings().runtime,
    credentials=load_credentials(environ=os.environ),
    session_id=new_session_id(key=b"k" * 32, subject="someone"),
    custom={},
    lifetime_seconds=60,
)
"""
THEIRS = f"""
from bedrock_agentcore.runtime import AgentCoreRuntimeClient
url = AgentCoreRuntimeClient("us-east-1").generate_presigned_url("{RUNTIME_ARN}", endpoint_name="live", expires=60)
"""


def cold_seconds(*, body: str, bytecode: str) -> float:
    """Seconds in a fresh interpreter, from its first statement to a signed URL."""
    run = subprocess.run(
        [sys.executable, "-c", PROGRAM.format(body=body)],
        env={**ENVIRONMENT, "PYTHONPYCACHEPREFIX": bytecode},
        check=True,
        capture_output=True,
        text=True,
    )
    return float(run.stdout)


def measure() -> tuple[list[float], list[float]]:
    """Both programs in turn, so that a busy machine slows both; a first run of each only compiles."""
    ours, theirs = [], []
    with tempfile.TemporaryDirectory() as bytecode:
        for _ in range(RUNS + 1):
            ours.append(cold_seconds(body=OURS, bytecode=bytecode))
            theirs.append(cold_seconds(body=THEIRS, bytecode=bytecode))
    return ours[1:], theirs[1:]


def main() -> None:
    """Print best and median of both, and their ratio."""
    ours, theirs = measure()
    table = Table(title=f"Import to first pre-signed URL, {RUNS} cold runs each")
    for heading in ("", "connect.handler (ms)", "AgentCoreRuntimeClient (ms)", "ratio"):
        table.add_column(heading, justify="right" if heading else "left")
    for name, statistic in (("best", min), ("median", median)):
        mine, other = statistic(ours), statistic(theirs)
        table.add_row(name, f"{mine * 1000:.0f}", f"{other * 1000:.0f}", f"{mine / other:.2f}")
    console = Console()
    console.print(table)
    console.print(
        "Only the left one includes Powertools Logger and Metrics. Not shown: Lambda's own start and processor, "
        "and the first request's reading of the session key from Secrets Manager.",
        highlight=False,
    )


if __name__ == "__main__":
    main()
