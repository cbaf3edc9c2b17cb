"""The function that carriers ask what to do with a call, and that places calls."""

from collections.abc import Mapping
from pathlib import Path
from typing import Final

from constructs import Construct

from stacks.components.package_function import PackageFunction
from stacks.parameters import OperationsParameters

SOURCE: Final = Path(__file__).parents[2] / "lambda"


class TelephonyFunction(PackageFunction):
    """`telephony.handler` on Lambda. Its dependencies are a layer of their own: callers with a browser need none."""

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
            package="telephony",
            lock_directory=SOURCE / "telephony",
            description="Answers carriers' webhooks with what to do, and places calls",
            layer="Dependencies of the telephony function",
            environment=environment,
            operations=operations,
        )
