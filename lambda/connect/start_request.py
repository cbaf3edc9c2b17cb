"""The body of POST /start: the transport that the caller wants, and what is for the agent."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from connect.settings import KNOWN_TRANSPORTS, Settings
from shared.agent_body import agent_body
from shared.errors import ApiError
from shared.request_body import check_type, json_object

_FIELDS = ("transport", "body", "createDailyRoom", "enableDefaultIceServers")


@dataclass(frozen=True, kw_only=True)
class StartRequest:
    """What the caller asks for; `agent_body` is compact JSON in UTF-8, empty where there is nothing to hand over."""

    transport: str
    agent_body: bytes


def parse_start_request(*, event: Mapping[str, Any], settings: Settings) -> StartRequest:
    """Check the request's body, which may be empty.

    The fields are those that Pipecat's clients send to a Pipecat runner's /start. `createDailyRoom: true` without a
    transport asks for `daily`, as it does there. `enableDefaultIceServers` has no effect: the ICE servers are the
    deployment's choice. Other fields are refused by name, a Daily room's properties among them: they are no caller's
    choice. Raises `ApiError` (400, 413).
    """
    fields = json_object(event=event, max_bytes=settings.max_body_bytes, fields=_FIELDS)
    for name in ("createDailyRoom", "enableDefaultIceServers"):
        check_type(name=name, value=fields.get(name, False), expected=bool)
    default = "daily" if fields.get("createDailyRoom") else settings.transports[0]
    transport = fields.get("transport", default)
    _check_transport(transport=transport, settings=settings)
    return StartRequest(transport=transport, agent_body=agent_body(value=fields.get("body", {})))


def check_deployed(*, transport: str, settings: Settings) -> None:
    """Refuse what needs a transport that this deployment has not."""
    if transport not in settings.transports:
        deployed = ", ".join(settings.transports)
        raise ApiError(
            status=400,
            code="transport_not_deployed",
            message=f"This deployment offers no {transport} transport; deployed: {deployed}.",
        )


def _check_transport(*, transport: object, settings: Settings) -> None:
    check_type(name="transport", value=transport, expected=str)
    if not isinstance(transport, str) or transport not in KNOWN_TRANSPORTS:
        raise ApiError(
            status=400,
            code="unknown_transport",
            message=f"There is no such transport; known: {', '.join(KNOWN_TRANSPORTS)}.",
        )
    check_deployed(transport=transport, settings=settings)
