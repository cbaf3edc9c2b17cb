"""One form for every log line, and no line with what is said in a call unless the log level is DEBUG."""

import logging
import sys

# Pipecat's modules whose messages quote the caller's messages or the bot's words, or come at the end of every call.
_QUIET_MODULES = {
    "pipecat.processors.frameworks.rtvi.processor": "ERROR",
    "pipecat.serializers.protobuf": "ERROR",
    "pipecat.services.tts_service": "ERROR",
    "pipecat.transports.smallwebrtc.connection": "CRITICAL",
}
# Loggers of the standard library whose informative messages name addresses and candidates.
_QUIET_LOGGERS = ("aioice", "aiortc")
_FORMAT = "%(asctime)s %(levelname)s %(name)s: %(message)s"


def configure_logs(*, level: str) -> None:
    """Send the standard library's logs to stderr."""
    logging.basicConfig(level=level, format=_FORMAT, stream=sys.stderr)
    if level == "INFO":
        for name in _QUIET_LOGGERS:
            logging.getLogger(name).setLevel("WARNING")
    # The AgentCore SDK adds a handler of its own to a logger that has none, and each line would come twice.
    logging.getLogger("bedrock_agentcore.app").addHandler(logging.NullHandler())


def configure_pipecat_logs(*, level: str) -> None:
    """Send Pipecat's logs, which are loguru's, the same way. Tracebacks come without the values of variables."""
    from loguru import logger

    levels: dict[str | None, str | int | bool] = {"": level}
    if level != "DEBUG":
        levels.update(_QUIET_MODULES)
    logger.remove()
    logger.add(
        sys.stderr,
        format="{time:YYYY-MM-DD HH:mm:ss,SSS} {level} {name}: {message}",
        filter=levels,
        backtrace=False,
        diagnose=False,
    )
