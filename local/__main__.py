"""`python -m local`: start the embedded cloud, run a command against it, end it."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from local import lifecycle
from local.environment import DIRECTORY_VARIABLE, command_environment
from local.state import DEFAULT_DIRECTORY, CloudDirectory, CloudState

app = typer.Typer(
    add_completion=False, help="The embedded cloud: this kit's templates on this machine, without an AWS account."
)
console = Console(stderr=True, highlight=False)

NOT_PROVEN = (
    "It does not prove: that AWS accepts the templates, or that the role CloudFormation works with may make them; "
    "network routes and security groups; that the arm64 images build and start; most quotas, access logs; autoscaling; "
    "CloudFront's caches; KVS's own TURN servers (here it is coturn); Daily's cloud and its media (here its documented "
    "API, and a hub); V2 snapshots; AWS's latency. "
    "IAM policies of agents, functions and callers are enforced, approximately."
)

Directory = Annotated[
    Path, typer.Option(help="The folder that holds the cloud.", envvar=DIRECTORY_VARIABLE, resolve_path=True)
]


@app.command()
def up(directory: Directory = DEFAULT_DIRECTORY) -> None:
    """Start the embedded cloud, or find the one that runs."""
    cloud = CloudDirectory(path=directory)
    with console.status("Starting the embedded cloud …"), _telling_errors():
        state, is_new = lifecycle.start(cloud)
    _describe(state, cloud, "The embedded cloud is up" if is_new else "The embedded cloud was already up")
    console.print(NOT_PROVEN, style="dim", soft_wrap=True)


@app.command()
def down(directory: Directory = DEFAULT_DIRECTORY) -> None:
    """End the embedded cloud and all its processes, and forget everything in it."""
    with _telling_errors():
        ended = lifecycle.stop(CloudDirectory(path=directory))
    console.print("The embedded cloud is down." if ended else "No embedded cloud was running.")


@app.command()
def status(directory: Directory = DEFAULT_DIRECTORY) -> None:
    """Say whether the embedded cloud runs, and where. Exit code 1 when it does not."""
    cloud = CloudDirectory(path=directory)
    _describe(_running(cloud), cloud, "The embedded cloud is up")


@app.command("exec", context_settings={"ignore_unknown_options": True})
def execute(command: list[str], directory: Directory = DEFAULT_DIRECTORY) -> None:
    """Run a command against the embedded cloud: `exec -- npx cdk diff -c env=local`."""
    cloud = CloudDirectory(path=directory)
    environment = command_environment(_running(cloud), cloud)
    try:
        os.execvpe(command[0], command, environment)
    except OSError as error:
        console.print(f"Can't run {command[0]}: {error.strerror}.", style="red", markup=False)
        raise typer.Exit(127) from error


@contextmanager
def _telling_errors() -> Iterator[None]:
    try:
        yield
    except lifecycle.CloudError as error:
        console.print(str(error), style="red", markup=False, soft_wrap=True)
        raise typer.Exit(1) from error


def _running(cloud: CloudDirectory) -> CloudState:
    state = lifecycle.find(cloud)
    if state is None:
        console.print("No embedded cloud is running. Start it with `make up` (python -m local up).")
        raise typer.Exit(1)
    return state


def _describe(state: CloudState, cloud: CloudDirectory, sentence: str) -> None:
    console.print(f"{sentence}: [bold]{state.endpoint}[/bold]  (log: {cloud.log_file})", soft_wrap=True)
    console.print("Reach it with: python -m local exec -- npx cdk diff -c env=local", soft_wrap=True)


if __name__ == "__main__":
    app()
