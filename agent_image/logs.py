"""One form for every log line, a JSON object, and no line with what is said in a call unless transcripts are on."""

import hashlib
import json
import logging
import os
import re
import sys
import traceback
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from bedrock_agentcore.runtime.context import BedrockAgentCoreContext

if TYPE_CHECKING:
    from loguru import Message

WITHHELD = "withheld: it may quote the call"
# The code whose messages are about machinery. All others' come with what they are about already in them, so a later
# version could quote a caller unseen: of those a line says where it comes from, and no more.
_OPEN = (
    "bedrock_agentcore",
    "botocore.credentials",
    "opentelemetry",
    "pipecat.audio.",
    "pipecat.pipeline.pipeline",
    "pipecat.transports.base_",
    "pipecat.transports.websocket.",
    "pipecat.utils.asyncio.",
    "pipecat.workers.base_worker",
    "pipecat.workers.runner",
    "switchboard",
    "uvicorn",
)
# Pipecat's modules that report what is no failure, or what comes at the end of every call.
_QUIET_MODULES = {
    "pipecat.processors.frameworks.rtvi.processor": "ERROR",
    "pipecat.serializers.protobuf": "ERROR",
    "pipecat.services.tts_service": "ERROR",
    "pipecat.transports.smallwebrtc.connection": "CRITICAL",
}
_SECRETS = (
    (re.compile(r"\b[a-z][a-z0-9+.-]*://[^\s\"']+", re.IGNORECASE), "(URL)"),
    (re.compile(r"\bcandidate:[^\"'\n]*|\bv=0[\\r\n].*", re.DOTALL), "(SDP)"),
    (re.compile(r"\bsips?:[^\s\"']+", re.IGNORECASE), "(SIP address)"),
    (re.compile(r"\beyJ[\w-]+\.[\w-]+\.[\w-]*"), "(token)"),
    (re.compile(r"\+\d{7,15}\b"), "(number)"),
)


def configure_logs(*, level: str, transcripts: bool = False) -> None:
    """Send the standard library's logs to stderr: the agent's own from `level` on, all others' from WARNING on.

    What other libraries say below that is headers, frames and signed requests.
    """
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_JsonFormatter(transcripts=transcripts))
    logging.basicConfig(level=max(level, "WARNING", key=_severity), handlers=[handler])
    logging.getLogger("switchboard").setLevel(level)
    # The AgentCore SDK adds a handler of its own to a logger that has none, and each line would come twice.
    logging.getLogger("bedrock_agentcore.app").addHandler(logging.NullHandler())


def configure_pipecat_logs(*, level: str, transcripts: bool = False) -> None:
    """Send Pipecat's logs, which are loguru's, the same way."""
    from loguru import logger

    def write(message: "Message") -> None:
        record = message.record
        shown = transcripts or _is_open(record["name"] or "")
        if shown or level == "DEBUG" or record["level"].no >= logging.WARNING:
            raised = record["exception"].value if record["exception"] else None
            line = _line(
                time=record["time"].timestamp(),
                level=record["level"].name,
                logger=record["name"] or "",
                message=record["message"] if shown else WITHHELD,
                fields={} if shown else {"place": f"{record['name']}:{record['line']}"},
                error=raised,
                quote=transcripts,
            )
            sys.stderr.write(line + "\n")

    levels: dict[str | None, str | int | bool] = {"": level}
    if level != "DEBUG":
        levels.update(_QUIET_MODULES)
    logger.remove()
    logger.add(write, format="{message}", filter=levels, backtrace=False, diagnose=False)


def silence_daily() -> None:
    """Keep daily-python's own log lines away, before it is imported: they come from Rust, in a form of their own.

    Its errors, with all they name, are written to stderr whatever `Daily.init` is told; what matters of them comes
    through Pipecat too.
    """
    os.environ["RUST_LOG"] = "off"  # of the library that it logs with: https://docs.rs/tracing-subscriber


def session_label(session_id: str) -> str:
    """A short hash that links log lines of one session without giving the id away; those of the connect API too."""
    return hashlib.sha256(session_id.encode()).hexdigest()[:16]


class _JsonFormatter(logging.Formatter):
    def __init__(self, *, transcripts: bool) -> None:
        super().__init__()
        self._transcripts = transcripts

    def format(self, record: logging.LogRecord) -> str:
        """One line of JSON; `extra={"fields": {…}}` adds members."""
        shown = _is_open(record.name)
        fields: Mapping[str, object] = getattr(record, "fields", {})
        return _line(
            time=record.created,
            level=record.levelname,
            logger=record.name,
            message=record.getMessage() if shown else WITHHELD,
            fields=fields if shown else {"place": f"{record.module}:{record.lineno}"},
            error=record.exc_info[1] if record.exc_info else None,
            quote=self._transcripts or (shown and BedrockAgentCoreContext.get_request_id() is None),
        )


def _line(
    *,
    time: float,
    level: str,
    logger: str,
    message: str,
    fields: Mapping[str, object],
    error: BaseException | None,
    quote: bool,
) -> str:
    members: dict[str, object] = {
        "time": datetime.fromtimestamp(time, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        "level": level,
        "logger": logger,
        "message": _without_secrets(message),
        **_context(),
        **fields,
    }
    if error is not None:
        members["error"] = _without_secrets(_describe(error, quote=quote))
    return json.dumps(members, default=str, ensure_ascii=False)


def _context() -> dict[str, str]:
    """Whose line it is: the session's label, the request, and the span, as far as there are any."""
    members = {}
    if session_id := BedrockAgentCoreContext.get_session_id():
        members["session"] = session_label(session_id)
    if request_id := BedrockAgentCoreContext.get_request_id():
        members["request_id"] = request_id
    if trace := sys.modules.get("opentelemetry.trace"):  # which is imported only where there can be spans
        span: Any = trace.get_current_span().get_span_context()
        if span.is_valid:
            members |= {"trace_id": f"{span.trace_id:032x}", "span_id": f"{span.span_id:016x}"}
    return members


def _describe(error: BaseException, *, quote: bool) -> str:
    """Where it was raised and what it is; its own words too where they can't quote a caller, or may."""
    if quote:
        return "".join(traceback.format_exception(error))
    places = [f"{frame.filename}:{frame.lineno} in {frame.name}" for frame in traceback.extract_tb(error.__traceback__)]
    return "\n".join(["Traceback, without the error's words:", *places, type(error).__qualname__])


def _without_secrets(text: str) -> str:
    for pattern, name in _SECRETS:
        text = pattern.sub(name, text)
    return text


def _is_open(logger: str) -> bool:
    return logger.startswith(_OPEN)


def _severity(level: str) -> int:
    return logging.getLevelNamesMapping()[level]
