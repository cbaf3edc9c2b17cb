"""The function that lets callers in: it makes a session and signs the way to it."""

from collections.abc import Mapping
from pathlib import Path
from typing import Final

from constructs import Construct

from stacks.components.package_function import PackageFunction
from stacks.parameters import OperationsParameters

SOURCE: Final = Path(__file__).parents[2] / "lambda"


class ConnectFunction(PackageFunction):
    """`connect.handler` on Lambda."""

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        environment: Mapping[str, str],
        operations: OperationsParameters,
    ) -> None:
        super().__init__(
            scope,
            construct_id,
            source=SOURCE,
            package="connect",
            lock_directory=SOURCE,
            description="Makes sessions with the voice agent and signs the way to them",
            layer="Dependencies of the functions",
            environment=environment,
            operations=operations,
        )
