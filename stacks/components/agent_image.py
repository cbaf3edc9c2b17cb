"""The agent's container image."""

from pathlib import Path
from typing import Final

from constructs import Construct

from stacks.components.container_image import ContainerImage, existing_image
from stacks.parameters import AgentParameters, OperationsParameters

SOURCE: Final = Path(__file__).parents[2] / "agent_image"


class AgentImage(ContainerImage):
    """With what its pipeline needs, and no more."""

    def __init__(
        self, scope: Construct, construct_id: str, *, agent: AgentParameters, operations: OperationsParameters
    ) -> None:
        super().__init__(
            scope,
            construct_id,
            directory=SOURCE,
            build_args={"PIPELINE": agent.pipeline},
            existing=existing_image(repository_name=agent.image_repository_name, digest=agent.image_digest),
            agent=agent,
            operations=operations,
        )
