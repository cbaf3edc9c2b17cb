"""The form of a log line, and what never stands in one."""

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from logs import WITHHELD, session_label
from shared.session_label import session_label as label_of_the_connect_api

IMAGE = Path(__file__).parents[2] / "agent_image"

# Own lines, a library's, and Pipecat's: one of machinery and one that quotes, each as the real modules log them.
PROGRAM = """
import asyncio, logging, sys
from loguru import logger
from bedrock_agentcore.runtime.context import BedrockAgentCoreContext
from logs import configure_logs, configure_pipecat_logs

level, transcripts, in_call = sys.argv[1], sys.argv[2] == "on", sys.argv[3] == "call"
configure_logs(level=level, transcripts=transcripts)
configure_pipecat_logs(level=level, transcripts=transcripts)
if in_call:
    BedrockAgentCoreContext.set_request_context("request-1", "session-1")

def pipecat(module, severity, text):
    logger.patch(lambda record: record.update(name=module)).log(severity, text)

own = logging.getLogger("switchboard.agent")
own.info("an own line", extra={"fields": {"kind": "throttled"}})
own.info("to wss://agent.example/ws?X-Amz-Signature=abc for +4915112345678 by candidate:1 1 udp 21307 10.0.0.7 5000")
own.info("joins with eyJhbGciOiJIUzI1NiJ9.eyJyIjoicm9vbSJ9.c2lnbmF0dXJl as 'sip:marzipan@daily.example;x=1' rings")
try:
    raise ValueError("marzipan in an error")
except ValueError:
    own.exception("the bot failed")
logging.getLogger("botocore.auth").debug("marzipan Authorization: AWS4-HMAC-SHA256 Credential=AKIA")
logging.getLogger("websockets.client").info("marzipan in a frame")
logging.getLogger("asyncio").error("Task exception was never retrieved: ValueError('marzipan')")
pipecat("pipecat.transports.base_output", "INFO", "machinery")
pipecat("pipecat.services.tts_service", "DEBUG", "Generating TTS [marzipan]")
pipecat("pipecat.services.llm_service", "INFO", "marzipan at INFO")
pipecat("pipecat.services.aws.llm", "ERROR", "Failed to parse tool arguments: marzipan")
"""


def log(level: str, *, transcripts: str = "off", place: str = "call") -> list[dict[str, Any]]:
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, level, transcripts, place],
        env={"PYTHONPATH": str(IMAGE)},
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    )
    assert done.stdout == ""
    return [json.loads(line) for line in done.stderr.splitlines()]


@pytest.mark.parametrize(
    ("level", "withheld"),
    [
        ("INFO", {"asyncio", "pipecat.services.aws.llm"}),
        (
            "DEBUG",
            {"asyncio", "pipecat.services.aws.llm", "pipecat.services.llm_service", "pipecat.services.tts_service"},
        ),
    ],
)
def test_no_line_quotes_a_call_or_holds_a_secret(level: str, withheld: set[str]) -> None:
    lines = log(level)
    messages = [line["message"] for line in lines]

    assert "marzipan" not in json.dumps(lines)
    assert messages[:2] == ["an own line", "to (URL) for (number) by (SDP)"]
    assert messages[2] == "joins with (token) as '(SIP address)' rings"
    assert "machinery" in messages
    assert {line["logger"] for line in lines if line["message"] == WITHHELD} == withheld


def test_every_line_says_when_how_grave_who_and_whose_it_is() -> None:
    first, *others = log("INFO")

    assert list(first) == ["time", "level", "logger", "message", "session", "request_id", "kind"]
    assert (first["level"], first["logger"], first["kind"]) == ("INFO", "switchboard.agent", "throttled")
    assert first["time"].endswith("Z")
    assert first["session"] != "session-1"
    assert {(line["session"], line["request_id"]) for line in others} == {(first["session"], "request-1")}


def test_an_error_in_a_call_is_named_and_placed_and_one_before_it_quoted() -> None:
    (in_call,) = (line["error"] for line in log("INFO") if "error" in line)
    (before,) = (line["error"] for line in log("INFO", place="start") if "error" in line)

    assert in_call.endswith("ValueError")
    assert "<string>" in in_call
    assert before.endswith("ValueError: marzipan in an error\n")


def test_transcripts_are_quoted_when_they_are_asked_for_but_never_secrets() -> None:
    lines = log("DEBUG", transcripts="on")
    messages = [line["message"] for line in lines]

    assert "Generating TTS [marzipan]" in messages
    assert "AKIA" not in json.dumps(lines)
    assert "X-Amz-Signature" not in json.dumps(lines)


def test_the_label_of_a_session_is_that_of_the_connect_api() -> None:
    assert session_label("0" * 96) == label_of_the_connect_api("0" * 96)


def test_the_command_of_the_guide_gives_a_sessions_label() -> None:
    guide = (IMAGE.parent / "docs" / "observability.md").read_text()
    (command,) = [line for line in guide.splitlines() if line.startswith("python3 -c ")]
    done = subprocess.run(["/bin/sh", "-c", command], capture_output=True, text=True, timeout=60, check=True)

    assert done.stdout.strip() == session_label("SESSION_ID")


def test_the_queries_of_the_guide_ask_for_members_that_lines_have() -> None:
    guide = (IMAGE.parent / "docs" / "observability.md").read_text()
    asked = {name for fields in re.findall(r"^fields ([^|]+)", guide, re.MULTILINE) for name in fields.split()}
    members = {*log("INFO")[0], "trace_id", "@timestamp"}

    assert {name.strip(",") for name in asked} <= members
