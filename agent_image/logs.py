"""One form for every log line, and no line with what is said in a call unless the log level is DEBUG."""

import logging
import sys

# Pipecat's modules whose warnings quote the caller's messages or the bot's words, or come at the end of every call.
_QUIET_MODULES = (
    "pipecat.processors.frameworks.rtvi.processor",
    "pipecat.serializers.protobuf",
    "pipecat.services.tts_service",
)
_FORMAT = "%(asctime)s %(levelname)s %(name)s: %(message)s"


def configure_logs(*, level: str) -> None:
    """Send the standard library's logs to stderr."""
    logging.basicConfig(level=level, format=_FORMAT, stream=sys.stderr)
    # The AgentCore SDK adds a handler of its own to a logger that has none, and each line would come twice.
    logging.getLogger("bedrock_agentcore.app").addHandler(logging.NullHandler())


def configure_pipecat_logs(*, level: str) -> None:
    """Send Pipecat's logs, which are loguru's, the same way. Tracebacks come without the values of variables."""
    from loguru import logger

    levels: dict[str | None, str | int | bool] = {"": level}
    if level != "DEBUG":
        levels.update(dict.fromkeys(_QUIET_MODULES, "ERROR"))
    logger.remove()
    logger.add(
        sys.stderr,
        format="{time:YYYY-MM-DD HH:mm:ss,SSS} {level} {name}: {message}",
        filter=levels,
        backtrace=False,
        diagnose=False,
    )
