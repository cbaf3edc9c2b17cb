"""Deepgram: Pipecat's service with its key from Secrets Manager. Imported only where it is chosen: 0.2 s, 11 MB."""

import os

from botocore.exceptions import BotoCoreError, ClientError
from deepgram import AsyncDeepgramClient
from pipecat.services.deepgram.stt import DeepgramSTTService

from secrets_manager import SecretError, SpeechKeys

_URL = "wss://api.deepgram.com"
# Only a transcript that comes late, or never, waits so long; see below.
_LATEST_SECONDS = 1.0


class SecretDeepgramSTTService(DeepgramSTTService):
    """Hears through one WebSocket of Deepgram, opened with the key `deepgramApiKey` of the secret.

    When the voice stops, Pipecat asks Deepgram to finalize what it has heard, and the turn ends with that answer. By
    itself Deepgram would end a segment after 10 ms of silence: then nothing is left to finalize, the answer is empty,
    and the turn waits for a time-out. So its own endpointing is off, and the time-out is long enough for a slow answer.
    Sources: https://developers.deepgram.com/docs/finalize, https://developers.deepgram.com/docs/endpointing
    """

    def __init__(self, *, keys: SpeechKeys, language: str) -> None:
        super().__init__(
            api_key="",  # comes with the connection
            base_url=os.environ.get("SWITCHBOARD_DEEPGRAM_URL", _URL),
            settings=self.Settings(language=language, endpointing=False),
            ttfs_p99_latency=_LATEST_SECONDS,
        )
        self._keys = keys

    async def _connect(self) -> None:
        try:
            key = await self._keys.key("deepgramApiKey")
        except (BotoCoreError, ClientError, SecretError) as error:
            await self.push_error(str(error), exception=error, force_treat_as_permanent=True)
            return
        environment = self._client._client_wrapper.get_environment()
        self._client = AsyncDeepgramClient(api_key=key, environment=environment)
        await super()._connect()  # type: ignore[no-untyped-call]
