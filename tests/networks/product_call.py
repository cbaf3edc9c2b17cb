"""A call between the product's own programs: starts the caller's part in its namespace, and reads its outcome."""

import os
import subprocess
import sys
from pathlib import Path

from tests.networks.call_program import PLAN, Plan
from tests.networks.lab import Namespace
from tests.networks.outcome import OUTCOME, Outcome

_REPOSITORY = str(Path(__file__).parents[2])
_MARGIN_SECONDS = 60


def product_call(plan: Plan, *, caller: Namespace, ca_file: Path) -> Outcome:
    """Place the call. Raises `RuntimeError` with the end of its error output when the caller's part fails."""
    command = caller.command(sys.executable, "-m", "tests.networks.call_program")
    done = subprocess.run(
        command,
        input=PLAN.dump_json(plan).decode(),
        env={"PATH": os.environ["PATH"], "PYTHONPATH": _REPOSITORY, "SSL_CERT_FILE": str(ca_file)},
        capture_output=True,
        text=True,
        timeout=60 * plan.minutes + _MARGIN_SECONDS,
        check=False,
    )
    if done.returncode:
        raise RuntimeError(f"the caller ended with {done.returncode}: {done.stderr[-2000:]}")
    return OUTCOME.validate_json(done.stdout)
