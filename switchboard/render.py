"""Shows a call report: a table for people, one JSON document for machines."""

from collections.abc import Iterator
from dataclasses import asdict
from statistics import median
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from switchboard.errors import OperatorError
from switchboard.report import AudioCount, CallFacts, CallReport, EchoFacts, PathFacts, Turn

_MILESTONES = {
    "websocket": ("the start of TCP", "the open WebSocket"),
    "webrtc": ("the start of ICE gathering", "the open data channel"),
    "daily": ("the request to join the room", "the bot's presence in it"),
}


def report_document(report: CallReport) -> dict[str, Any]:
    """The report as plain data for JSON; durations are seconds, to the millisecond."""
    document = {
        "project": report.project,
        "environment": report.environment,
        "region": report.region,
        "transport": report.transport,
        "runtime_version": report.runtime_version,
        "call": asdict(report.call) if report.call else None,
        "echo": asdict(report.echo) | {"added_seconds": report.echo.added_seconds} if report.echo else None,
        "wav": report.wav,
        "errors": [_error_document(error) for error in report.errors],
        "exit_code": report.exit_code.value,
    }
    rounded: dict[str, Any] = _rounded(document)
    return rounded


def print_report(report: CallReport, *, console: Console) -> None:
    """The facts, the turns, the failures if any, and one line that sums up."""
    if report.call:
        console.print(_facts_table(report, report.call))
        console.print(_turns_table(report.call.turns))
    for error in report.errors:
        console.print(failure_text(error))
    console.print(_summary(report))


def failure_text(error: OperatorError) -> Text:
    """What failed, its likely causes and what to do next, for a terminal."""
    text = Text(f"Failed ({error.exit_code.value} {error.exit_code.name}): ", style="bold red")
    text.append(f"{error.problem}\n", style="default not bold")
    for title, lines in (("likely", error.causes), ("next", error.next_steps)):
        for line in lines:
            text.append(f"  {title}: {line}\n", style="default not bold")
    return text


def path_words(path: PathFacts) -> str:
    """Candidate types, how the relay is reached, and how long it took: until audio flowed, or flowed again."""
    protocol = f" ({path.turn_protocol})" if path.turn_protocol else ""
    pair = f"{path.local_candidate}{protocol} – {path.remote_candidate}"
    if path.interruption_seconds is not None:
        return f"{pair}, by an ICE restart that interrupted the audio for {path.interruption_seconds:.1f} s"
    heard = path.media_seconds is not None
    media = f"set up in {_milliseconds(path.media_seconds)} from the offer" if heard else "no audio came"
    steps = (path.answer_seconds, path.data_channel_seconds, path.gathering_seconds)
    answer, channel, gathering = map(_milliseconds, steps)
    return f"{pair}, {media} (answer {answer}, data channel {channel}; before the offer: gathering {gathering})"


def _facts_table(report: CallReport, call: CallFacts) -> Table:
    title = f"Call to {report.project}-{report.environment} ({report.region}, runtime version {report.runtime_version})"
    table = Table(title=Text(title), show_header=False, title_justify="left")
    table.add_column(style="bold", no_wrap=True)
    table.add_column()
    for name, text in _facts(report, call):
        table.add_row(name, Text(text))
    return table


def _facts(report: CallReport, call: CallFacts) -> Iterator[tuple[str, str]]:
    start, connected = _MILESTONES[report.transport]
    yield "start", f"{_milliseconds(call.start_seconds)} for the answer to POST /start"
    yield "connect", f"{_milliseconds(call.connect_seconds)} from {start} to {connected}"
    for path in call.paths:
        yield "path", path_words(path)
    yield "bot ready", f"{_milliseconds(call.bot_ready_seconds)} from {start} to bot-ready"
    if call.agent.startup_seconds is not None:
        yield "cold start", f"a process not started ahead would add {call.agent.startup_seconds:.2f} s"
    if report.echo:
        yield "echo", _echo(report.echo, call.agent.vad_stop_seconds)
    yield "audio sent", _count(call.sent)
    yield "audio received", _count(call.received)
    for seconds in call.interruptions:
        yield "interrupted", f"the WebSocket was lost, and replaced after {_milliseconds(seconds)} in the same session"
    yield "ended", call.ending
    yield "session", call.session_id
    if report.wav:
        yield "recording", f"{report.wav} (caller left, bot right)"


def _turns_table(turns: list[Turn]) -> Table:
    table = Table(title="Turns", title_justify="left", show_lines=True)
    for heading in ("", "said", "heard by the bot", "answered", "heard by us"):
        table.add_column(heading)
    for heading in ("latency", "turn end"):
        table.add_column(heading, justify="right", no_wrap=True)
    for number, turn in enumerate(turns, start=1):
        mark = "" if turn.words_match else " ✗"
        texts = (f"{number}{mark}", turn.said, turn.heard_by_bot, turn.answered, turn.answer_heard)
        times = (_milliseconds(turn.latency_seconds), _milliseconds(turn.turn_end_seconds))
        table.add_row(*map(Text, (*texts, *times)))
    return table


def _summary(report: CallReport) -> Text:
    outcome = "OK" if not report.errors else f"FAILED, exit code {report.exit_code.value}"
    return Text(", ".join([outcome, *_highlights(report)]), style="bold")


def _highlights(report: CallReport) -> Iterator[str]:
    if report.call is None:
        return
    turns = report.call.turns
    yield f"{sum(turn.words_match for turn in turns)} of {len(turns)} turns understood"
    latencies = [turn.latency_seconds for turn in turns if turn.latency_seconds is not None]
    if latencies:
        yield f"median answer after {_milliseconds(median(latencies))}"
    if report.echo:
        waits = (_milliseconds(seconds) for seconds in (report.echo.latency_seconds, report.echo.vad_wait_seconds))
        yield "echo after {} with a voice-activity wait of {}".format(*waits)
    if report.call.interruptions:
        yield "resumed after a lost connection"
    yield f"{report.call.sent.seconds:.1f} s of call, {report.call.ending}"


def _echo(echo: EchoFacts, vad_stop_seconds: float | None) -> str:
    setting = f" (set to {_milliseconds(vad_stop_seconds)})" if vad_stop_seconds is not None else ""
    return (
        f"{_milliseconds(echo.latency_seconds)} from end of speech to first bot audio, "
        f"of which {_milliseconds(echo.vad_wait_seconds)} voice-activity wait{setting}"
    )


def _count(count: AudioCount) -> str:
    return f"{count.frames} frames, {count.seconds:.1f} s"


def _milliseconds(seconds: float | None) -> str:
    return "not measured" if seconds is None else f"{round(seconds * 1000)} ms"


def _error_document(error: OperatorError) -> dict[str, object]:
    return {
        "exit_code": error.exit_code.value,
        "kind": error.exit_code.name.lower(),
        "problem": error.problem,
        "causes": error.causes,
        "next_steps": error.next_steps,
    }


def _rounded(value: object) -> Any:
    match value:
        case float():
            return round(value, 3)
        case dict():
            return {key: _rounded(item) for key, item in value.items()}
        case list() | tuple():
            return [_rounded(item) for item in value]
        case _:
            return value
