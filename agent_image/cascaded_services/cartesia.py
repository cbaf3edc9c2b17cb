"""Cartesia: Pipecat's service with its key from Secrets Manager."""

import os

from botocore.exceptions import BotoCoreError, ClientError
from pipecat.services.cartesia.tts import CartesiaTTSService

from secrets_manager import SecretError, SpeechKeys

_URL = "wss://api.cartesia.ai"


class SecretCartesiaTTSService(CartesiaTTSService):
    """Speaks through one WebSocket of Cartesia, opened with the key `cartesiaApiKey` of the secret."""

    def __init__(self, *, keys: SpeechKeys, voice: str, language: str) -> None:
        super().__init__(
            api_key="",  # comes with the connection
            url=f"{os.environ.get('SWITCHBOARD_CARTESIA_URL', _URL)}/tts/websocket",
            settings=self.Settings(voice=voice, language=language),
        )
        self._keys = keys

    async def _connect_websocket(self) -> None:
        try:
            self._api_key = await self._keys.key("cartesiaApiKey")
        except (BotoCoreError, ClientError, SecretError) as error:
            await self.push_error(str(error), exception=error, force_treat_as_permanent=True)
            return
        await super()._connect_websocket()  # type: ignore[no-untyped-call]
