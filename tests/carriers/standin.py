"""What the carriers' stand-ins share: a REST server, webhooks, lines, and a call's way from ringing to its end."""

import asyncio
import ssl
from abc import ABC, abstractmethod
from collections.abc import Collection, Coroutine, Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar, Self
from urllib.parse import urlsplit

from aiohttp import ClientError, ClientSession, ClientTimeout, web
from yarl import URL

from tests.carriers.line import PhoneLine, Status
from tests.carriers.media import MisuseError, Resolver

WEBHOOK_SECONDS = 15.0
"""After this Twilio gives a webhook up (https://www.twilio.com/docs/api/errors/11200), the least patient of all."""


@dataclass(frozen=True, kw_only=True)
class Sent:
    """A webhook as it went out, and what came back."""

    url: str
    headers: Mapping[str, str]
    body: bytes
    status: int
    answer: bytes = field(repr=False)
    answer_headers: Mapping[str, str] = field(default_factory=dict, repr=False)


class CarrierStandIn(ABC):
    """A carrier between one customer's account and the phones of the world.

    `account` is the customer's secret; `webhook_base` is what the customer's numbers point to, up to the carrier's name
    (the stack's output TelephonyUrl); `connect` finds WebSocket servers that have no name here, and `trust` verifies
    them; the REST API has `api_port`, or a free one. `sent` are all webhooks.
    """

    name: ClassVar[str]

    def __init__(
        self,
        *,
        account: Mapping[str, str],
        webhook_base: str,
        connect: Resolver,
        trust: ssl.SSLContext | None = None,
        api_port: int = 0,
        plain_hosts: Collection[str] = (),
    ) -> None:
        self.account = account
        self.webhook_base = webhook_base.rstrip("/")
        self.connect = connect
        self.trust = trust
        self._api_port = api_port
        self._plain_hosts = plain_hosts
        self.lines: dict[str, PhoneLine] = {}
        self.sent: list[Sent] = []
        self._dialed: asyncio.Queue[PhoneLine] = asyncio.Queue()
        self._background: set[asyncio.Task[None]] = set()
        self._runner: web.AppRunner | None = None
        self._session: ClientSession | None = None

    def refuses_stream(self, url: str) -> bool:
        """Whether a stream's URL is none that a carrier connects to: they want TLS.

        Only a host of `plain_hosts`, as the embedded cloud is on loopback, may do without.
        """
        parts = urlsplit(url)
        return parts.scheme != "wss" and (parts.scheme, parts.hostname in self._plain_hosts) != ("ws", True)

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()

    async def start(self) -> None:
        """Serve the REST API on loopback."""
        application = web.Application()
        application.add_routes(self.routes())
        self._runner = web.AppRunner(application, access_log=None, shutdown_timeout=1)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", self._api_port).start()
        self._session = ClientSession(timeout=ClientTimeout(total=WEBHOOK_SECONDS), auto_decompress=True)

    async def aclose(self) -> None:
        """End everything; raises what went wrong on a line or behind it."""
        assert self._runner is not None
        assert self._session is not None
        try:
            for line in self.lines.values():
                await line.close()
            await asyncio.gather(*self._background)
        finally:
            await self._session.close()
            await self._runner.cleanup()

    @property
    def api_url(self) -> str:
        """The REST API's base URL."""
        assert self._runner is not None
        return f"http://127.0.0.1:{self._runner.addresses[0][1]}"

    @property
    def answer_url(self) -> str:
        """What the customer has entered for calls that come in."""
        return f"{self.webhook_base}/{self.name}/answer"

    @property
    def events_url(self) -> str:
        """What the customer has entered for the status of calls that come in."""
        return f"{self.webhook_base}/{self.name}/events"

    async def call_in(self, *, caller: str, called: str) -> PhoneLine:
        """Somebody calls the customer's number; numbers in E.164.

        Returns once the customer has answered with a document. Raises `MisuseError` where it has not.
        """
        line = self.new_line(direction="inbound", caller=caller, called=called)
        line.follow(self.converse(line, await self.ask_answer(line)))
        return line

    async def next_dialed(self, *, within: float = 60.0) -> PhoneLine:
        """The phone of the next person whom the customer has called: it rings."""
        async with asyncio.timeout(within):
            return await self._dialed.get()

    def dial(self, line: PhoneLine) -> None:
        """Place a call that the REST API has accepted."""
        self._dialed.put_nowait(line)
        line.follow(self._ring(line))

    async def _ring(self, line: PhoneLine) -> None:
        await self.report(line, "queued")
        await self.report(line, "ringing")
        decision = await line.decision()
        if decision != "human" and decision != "machine":
            await line.end(decision)
            return
        line.answered, line.answered_by = True, decision
        await self.report(line, "answered")
        document = await self.ask_answer(line)
        self.in_background(self.report_machine(line))
        await self.converse(line, document)

    def in_background(self, work: Coroutine[None, None, None]) -> None:
        """Do it beside the call."""
        self._background.add(asyncio.create_task(work))

    async def post(self, *, url: str, headers: Mapping[str, str], body: bytes) -> Sent:
        """Send a webhook exactly so; any status is an answer. Raises `MisuseError` where none comes."""
        assert self._session is not None
        try:
            async with self._session.post(
                URL(url, encoded=True), headers=headers, data=body, allow_redirects=False, ssl=self.trust or True
            ) as response:
                answer_headers = {name.lower(): value for name, value in response.headers.items()}
                sent = Sent(
                    url=url,
                    headers=headers,
                    body=body,
                    status=response.status,
                    answer=await response.read(),
                    answer_headers=answer_headers,
                )
        except (ClientError, TimeoutError) as error:
            raise MisuseError(f"{type(error).__name__} at the webhook {URL(url).path}") from error
        self.sent.append(sent)
        return sent

    async def ask(self, *, url: str, headers: Mapping[str, str], body: bytes) -> Sent:
        """Send a webhook that must be answered with 2xx; raises `MisuseError`."""
        sent = await self.post(url=url, headers=headers, body=body)
        if not 200 <= sent.status < 300:
            raise MisuseError(f"HTTP {sent.status} from the webhook {URL(url).path}")
        return sent

    def new_line(self, *, direction: Any, caller: str, called: str) -> PhoneLine:
        """A line with a call id of the carrier's own form."""
        line = PhoneLine(carrier=self, call_id=self.new_call_id(), direction=direction, caller=caller, called=called)
        self.lines[line.call_id] = line
        return line

    async def report(self, line: PhoneLine, status: Status) -> None:
        """Note what became of the call, and tell whoever asked for it."""
        line.statuses.append(status)
        await self.send_status(line, status)

    @abstractmethod
    def routes(self) -> list[web.RouteDef]:
        """The REST API."""

    @abstractmethod
    def new_call_id(self) -> str:
        """An id for a call."""

    @abstractmethod
    async def ask_answer(self, line: PhoneLine) -> Sent:
        """Send the signed webhook of a call that came in or was answered; raises `MisuseError`."""

    @abstractmethod
    async def converse(self, line: PhoneLine, document: Sent) -> None:
        """Carry out a document and all that follow it, step by step; raises `MisuseError`."""

    @abstractmethod
    async def send_status(self, line: PhoneLine, status: Status) -> None:
        """Send the signed status webhook, where the customer asked for this one; raises `MisuseError`."""

    @abstractmethod
    async def report_machine(self, line: PhoneLine) -> None:
        """Send the signed result of machine detection, where the customer asked for it; raises `MisuseError`."""
