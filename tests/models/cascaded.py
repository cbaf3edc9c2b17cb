"""All stand-ins of the cascaded pipeline, on free ports, with the environment that leads an agent to them."""

import tempfile
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.models.cartesia import CartesiaStandIn
from tests.models.certificates import Certificates
from tests.models.converse import ConverseStandIn
from tests.models.credentials import ContainerCredentialsEndpoint
from tests.models.deepgram import DeepgramStandIn
from tests.models.polly import PollyStandIn
from tests.models.secrets import SECRET_ARN, SecretsStandIn
from tests.models.stand_in import REGION, StandIn
from tests.models.transcribe import TranscribeStandIn

MODEL = "amazon.nova-lite-v1:0"


@dataclass(frozen=True, kw_only=True)
class CascadedModels:
    credentials: ContainerCredentialsEndpoint
    certificates: Certificates
    transcribe: TranscribeStandIn
    converse: ConverseStandIn
    polly: PollyStandIn
    secrets: SecretsStandIn
    deepgram: DeepgramStandIn
    cartesia: CartesiaStandIn

    def environment(self) -> dict[str, str]:
        """The environment of an agent with the cascaded pipeline: Transcribe, Nova Lite, Polly."""
        return {
            "SWITCHBOARD_PIPELINE": "cascaded",
            "SWITCHBOARD_MODEL_ID": MODEL,
            "SWITCHBOARD_SPEECH_SECRET_ARN": SECRET_ARN,
            "SWITCHBOARD_DEEPGRAM_URL": self.deepgram.url,
            "SWITCHBOARD_CARTESIA_URL": self.cartesia.url,
            "AWS_REGION": REGION,
            "AWS_ENDPOINT_URL_TRANSCRIBE_STREAMING": self.transcribe.url,
            "AWS_ENDPOINT_URL_BEDROCK_RUNTIME": self.converse.url,
            "AWS_ENDPOINT_URL_POLLY": self.polly.url,
            "AWS_ENDPOINT_URL_SECRETS_MANAGER": self.secrets.url,
            **self.credentials.environment(),
            **self.certificates.environment(),
        }


@asynccontextmanager
async def run_cascaded_models(*, lifetime_seconds: float = 60.0) -> AsyncIterator[CascadedModels]:
    """Serve all of them until the end of the block; credentials live `lifetime_seconds`."""
    async with AsyncExitStack() as servers:
        folder = servers.enter_context(tempfile.TemporaryDirectory())
        certificates = Certificates.make(Path(folder))
        credentials = servers.enter_context(ContainerCredentialsEndpoint.run(lifetime_seconds=lifetime_seconds))

        async def serve[S: StandIn](stand_in: S) -> S:
            await servers.enter_async_context(stand_in.serve(certificates=certificates))
            return stand_in

        yield CascadedModels(
            credentials=credentials,
            certificates=certificates,
            transcribe=await serve(TranscribeStandIn(credentials=credentials)),
            converse=await serve(ConverseStandIn(credentials=credentials)),
            polly=await serve(PollyStandIn(credentials=credentials)),
            secrets=await serve(SecretsStandIn(credentials=credentials)),
            deepgram=await serve(DeepgramStandIn()),
            cartesia=await serve(CartesiaStandIn()),
        )
