"""The relay's container image."""

from pathlib import Path
from typing import Final

from constructs import Construct

from stacks.components.container_image import ContainerImage, existing_image
from stacks.parameters import Parameters

SOURCE: Final = Path(__file__).parents[3] / "relay"


class RelayImage(ContainerImage):
    """Made the same way as the agent's."""

    def __init__(self, scope: Construct, construct_id: str, *, parameters: Parameters) -> None:
        telephony = parameters.telephony
        super().__init__(
            scope,
            construct_id,
            directory=SOURCE,
            build_args={},
            existing=existing_image(
                repository_name=telephony.relay_image_repository_name, digest=telephony.relay_image_digest
            ),
            agent=parameters.agent,
            operations=parameters.operations,
        )
