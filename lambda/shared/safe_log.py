"""A structured log that can't leak: neither an exception's text nor botocore's canonical requests reach it."""

import logging
import traceback
from pathlib import Path
from types import TracebackType
from typing import override

from aws_lambda_powertools.logging import Logger
from aws_lambda_powertools.logging.formatter import LambdaPowertoolsFormatter

type _ExcInfo = tuple[type[BaseException], BaseException, TracebackType | None] | tuple[None, None, None]


class SafeFormatter(LambdaPowertoolsFormatter):
    """Says of an exception where it was raised, not what it says: its text may hold a URL, a token or a body."""

    @override
    def formatException(self, ei: _ExcInfo) -> str:
        frames = traceback.extract_tb(ei[2])
        return " > ".join(f"{Path(frame.filename).name}:{frame.lineno} {frame.name}" for frame in frames)


def create_logger() -> Logger:
    """The function's logger; POWERTOOLS_SERVICE_NAME and POWERTOOLS_LOG_LEVEL configure it."""
    for library in ("botocore", "urllib3"):
        # At DEBUG they write canonical requests, session token included, to the root logger that Lambda sets up.
        logging.getLogger(library).setLevel(logging.WARNING)
    logger = Logger(logger_formatter=SafeFormatter(serialize_stacktrace=False))
    logging.getLogger(logger.name).propagate = False  # the root logger's handlers would format exceptions in full
    return logger
