"""Warm `cdk synth` of all stacks as a ratio to `cdk synth` of an app with one bucket, alternating in one run."""

import json
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parent.parent
REPETITIONS = 5
ONE_BUCKET = """
import aws_cdk as cdk
from aws_cdk import aws_s3 as s3

app = cdk.App()
s3.Bucket(cdk.Stack(app, "OneBucket"), "Bucket")
app.synth()
"""


def synth_seconds(*, folder: Path, arguments: list[str]) -> float:
    """Wall-clock seconds of one `cdk synth` in the folder."""
    cdk = REPOSITORY / "node_modules" / ".bin" / "cdk"
    start = time.perf_counter()
    subprocess.run([cdk, "synth", "--quiet", *arguments], cwd=folder, check=True, capture_output=True)
    return time.perf_counter() - start


def write_one_bucket_app(folder: Path) -> None:
    """Write the smallest useful app, with the kit's own feature flags, into the folder."""
    settings = json.loads((REPOSITORY / "cdk.json").read_text())
    context = {key: value for key, value in settings["context"].items() if key != "environments"}
    (folder / "app.py").write_text(ONE_BUCKET)
    (folder / "cdk.json").write_text(json.dumps({"app": f"{sys.executable} app.py", "context": context}))


def main() -> None:
    """Measure both, warm, and print the ratio of the medians."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write_one_bucket_app(folder)
        apps: dict[str, tuple[Path, list[str]]] = {
            "one bucket": (folder, []),
            "all stacks": (REPOSITORY, ["-c", "env=prod", "-o", f"{name}/out"]),
        }
        seconds: dict[str, list[float]] = {label: [] for label in apps}
        for repetition in range(REPETITIONS + 1):
            for label, (where, arguments) in apps.items():
                elapsed = synth_seconds(folder=where, arguments=arguments)
                if repetition > 0:  # the first one warms the caches
                    seconds[label].append(elapsed)
    medians = {label: statistics.median(values) for label, values in seconds.items()}
    for label, median in medians.items():
        print(f"cdk synth, warm, {label:<11} {median:6.2f} s (median of {REPETITIONS})")
    print(f"all stacks / one bucket   {medians['all stacks'] / medians['one bucket']:6.2f} x")


if __name__ == "__main__":
    main()
