"""The kit in small: a carrier's module behind a webhook server, and a bot that a test speaks for.

Webhooks are verified and read, and answers written, by the module that the deployed function has. All else of the kit
is left out: sessions, replays, secrets, and the signing of the way in.
"""

import asyncio
import json
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any, get_args

from aiohttp import WSMsgType, web

from telephony.carrier import CallContext, Kind, SignatureError, StreamCarrier, Webhook, WebhookRequest
from telephony.plan import Step
from tests.models.certificates import Certificates

PATIENCE_SECONDS = 30.0
WAY_IN = "wss://relay.switchboard.test"
"""No name of the world; a stand-in finds the tiny kit by its resolver, and verifies its certificate by this name."""


class Bot:
    """The bot's end of a stream: `messages` are what the carrier has sent, texts as JSON."""

    def __init__(self, socket: web.WebSocketResponse, request: web.Request) -> None:
        self.path = request.path_qs
        self.headers = request.headers
        self.messages: list[Any] = []
        self.close_code: int | None = None
        self.closed = asyncio.Event()
        self._socket = socket
        self._came = asyncio.Condition()

    async def listen(self) -> None:
        """Take what comes until the socket is closed."""
        async for message in self._socket:
            async with self._came:
                self.messages.append(json.loads(message.data) if message.type == WSMsgType.TEXT else message.data)
                self._came.notify_all()
        self.close_code = self._socket.close_code
        self.closed.set()

    def of(self, event: str) -> list[dict[str, Any]]:
        """The messages of one kind."""
        return [each for each in self.messages if isinstance(each, dict) and each.get("event") == event]

    async def hears(self, event: str, *, times: int = 1) -> dict[str, Any]:
        """Wait for so many messages of a kind; returns the last of them."""
        async with asyncio.timeout(PATIENCE_SECONDS), self._came:
            await self._came.wait_for(lambda: len(self.of(event)) >= times)
        return self.of(event)[times - 1]

    async def says(self, *messages: Mapping[str, Any]) -> None:
        """Send messages as JSON."""
        for message in messages:
            await self._socket.send_str(json.dumps(message))

    async def says_raw(self, message: str | bytes) -> None:
        """Send what may be no message at all."""
        await (self._socket.send_str(message) if isinstance(message, str) else self._socket.send_bytes(message))

    async def closes(self) -> None:
        """End the stream."""
        await self._socket.close()


class TinyKit:
    """`plans` say how webhooks are answered, `raw` with which text instead; `refuses` is a status for every stream."""

    def __init__(self, *, carrier: StreamCarrier, secret: Mapping[str, str]) -> None:
        self.carrier = carrier
        self.secret = secret
        self.plans: dict[Kind, tuple[Step, ...]] = {}
        self.raw: dict[Kind, str] = {}
        self.query = ""
        self.refuses: int | None = None
        self.webhooks: list[tuple[Kind, Webhook]] = []
        self.refused = 0
        self.port = 0
        self._bots: asyncio.Queue[Bot] = asyncio.Queue()
        self._came = asyncio.Condition()

    @asynccontextmanager
    async def serve(self, *, certificates: Certificates) -> AsyncIterator[None]:
        """Serve until the end of the block."""
        application = web.Application()
        application.add_routes(
            [web.post(f"/telephony/{self.carrier.name}/{{kind}}", self._webhook), web.get("/{way:.*}", self._stream)]
        )
        runner = web.AppRunner(application, access_log=None, shutdown_timeout=1)
        await runner.setup()
        tls = certificates.server_context(alpn=["http/1.1"])
        await web.TCPSite(runner, "127.0.0.1", 0, ssl_context=tls).start()
        self.port = runner.addresses[0][1]
        try:
            yield
        finally:
            await runner.cleanup()

    @property
    def base(self) -> str:
        """Where webhooks go to, up to the carrier's name."""
        return f"{self._origin}/telephony"

    @property
    def _origin(self) -> str:
        return f"https://127.0.0.1:{self.port}"

    def urls(self, query: str = "") -> dict[Kind, str]:
        """The webhooks of a call."""
        kinds: tuple[Kind, ...] = get_args(Kind.__value__)
        return {kind: f"{self.base}/{self.carrier.name}/{kind}{query}" for kind in kinds}

    async def bot(self) -> Bot:
        """The bot that the next stream reaches."""
        async with asyncio.timeout(PATIENCE_SECONDS):
            return await self._bots.get()

    async def told(self, kind: Kind, *, times: int = 1) -> Webhook:
        """Wait for so many webhooks of a kind; returns the last of them."""
        async with asyncio.timeout(PATIENCE_SECONDS), self._came:
            await self._came.wait_for(lambda: len(self.of(kind)) >= times)
        return self.of(kind)[times - 1]

    def of(self, kind: Kind) -> list[Webhook]:
        """The webhooks of a kind so far."""
        return [webhook for each, webhook in self.webhooks if each == kind]

    async def _webhook(self, request: web.Request) -> web.Response:
        kind: Any = request.match_info["kind"]
        posted = WebhookRequest(
            kind=kind,
            url=f"{self._origin}{request.raw_path}",
            query=request.query,
            headers={name.lower(): value for name, value in request.headers.items()},
            body=await request.read(),
            received_at=time.time(),
        )
        try:
            self.carrier.verify(request=posted, secret=self.secret)
        except SignatureError:
            self.refused += 1
            return web.Response(status=403)
        webhook = self.carrier.read(request=posted)
        async with self._came:
            self.webhooks.append((kind, webhook))
            self._came.notify_all()
        if kind in ("events", "machine"):
            return web.Response(status=204)
        return self._answer(kind, webhook)

    def _answer(self, kind: Kind, webhook: Webhook) -> web.Response:
        urls = self.urls(f"?{self.query}" if webhook.direction == "outbound" else "")
        context = CallContext(urls=urls, language="en-US", call_id=webhook.call_id, max_call_seconds=900)
        document = self.carrier.render(plan=self.plans[kind] if kind not in self.raw else (), context=context)
        body = self.raw.get(kind, document.body)
        return web.Response(body=body.encode(), headers={"Content-Type": document.content_type})

    async def _stream(self, request: web.Request) -> web.StreamResponse:
        if self.refuses:
            return web.Response(status=self.refuses)
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        bot = Bot(socket, request)
        self._bots.put_nowait(bot)
        await bot.listen()
        return socket
