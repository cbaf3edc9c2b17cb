"""Which ICE servers Daily gives its own clients for a room: asked for where its SDK's own answer is of no use."""

import asyncio
import re
from urllib.parse import urlsplit

import aiohttp
from pydantic import BaseModel, Field, ValidationError, field_validator

from ice_servers import IceServer

_ROOM_HOST = re.compile(r"(?P<domain>[a-z0-9-]+)\.daily\.co", re.IGNORECASE)
_ROOM_NAME = re.compile(r"[A-Za-z0-9_-]{1,128}")
_SECONDS = 5.0
_LARGEST_BYTES = 65_536


class IceConfigError(Exception):
    """The call can't have media in this network; the message says why and what to do, and holds no secret."""


class _DailyIceServer(IceServer):
    @field_validator("urls", mode="before")
    @classmethod
    def _are_list(cls, urls: object) -> object:
        return [urls] if isinstance(urls, str) else urls


class _IceServers(BaseModel):
    servers: list[_DailyIceServer] = Field(alias="iceServers", min_length=1)


class _Answer(BaseModel):
    config: _IceServers = Field(alias="iceConfig")


def ice_url(room_url: str, *, signaling_url: str) -> str:
    """Where Daily's clients ask for the ICE servers of a room. Raises `IceConfigError`."""
    url = urlsplit(room_url)
    domain, room = _ROOM_HOST.fullmatch(url.hostname or ""), url.path.removeprefix("/")
    if url.scheme != "https" or domain is None or not _ROOM_NAME.fullmatch(room):
        raise IceConfigError(
            "the room's URL must be that of a room at DOMAIN.daily.co, by https: in a network without IPv4, Daily is "
            "asked for ICE servers by domain and room"
        )
    return f"{signaling_url}/rooms/ice/{domain['domain'].lower()}/{room}"


async def fetch_ice_servers(url: str) -> list[IceServer]:
    """What Daily answers at `ice_url`, checked. Raises `IceConfigError` after at most 5 seconds."""
    host = urlsplit(url).hostname
    try:
        status, body = await _get(url)
    except (aiohttp.ClientError, TimeoutError) as error:
        raise IceConfigError(
            f"{host} can't be asked for ICE servers ({type(error).__name__}); the agent's network must let TCP 443 out"
        ) from None
    if status != 200:
        hint = "the room is gone, or its domain is another" if status == 404 else "see status.daily.co"
        raise IceConfigError(f"{host} was asked for ICE servers and answered {status}, not 200; {hint}")
    try:
        return [*_Answer.model_validate_json(body).config.servers]
    except ValidationError as error:
        # Its own text quotes the input, which has credentials.
        wrong = "; ".join(f"{'.'.join(map(str, each['loc'])) or 'all'}: {each['msg']}" for each in error.errors())
        raise IceConfigError(f"{host} answered something else than ICE servers: {wrong}") from None


async def _get(url: str) -> tuple[int, bytes]:
    async with (
        asyncio.timeout(_SECONDS),
        aiohttp.ClientSession() as http,
        http.get(url, allow_redirects=False) as response,
    ):
        try:
            # What is longer is cut, and then no JSON.
            return response.status, await response.content.readexactly(_LARGEST_BYTES)
        except asyncio.IncompleteReadError as whole:
            return response.status, whole.partial
