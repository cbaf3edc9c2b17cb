"""Evaluations of the bot: Pipecat's scenarios, held as calls."""

from loguru import logger

# Pipecat greets on the log when it is imported; a command's output is its own.
logger.disable("pipecat")
