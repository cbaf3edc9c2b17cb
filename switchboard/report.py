"""The facts of a call, as `--json` gives them. Durations are seconds."""

from dataclasses import dataclass, field

from switchboard.errors import ExitCode, OperatorError


@dataclass(frozen=True, slots=True, kw_only=True)
class AudioCount:
    """Audio that crossed the wire in one direction."""

    frames: int
    seconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class AgentInfo:
    """What the shipped agent says of itself in its `agent-info` server message; None where it does not.

    `startup_seconds`: from the start of its process until everything is loaded, so a process that is not started ahead
    of the call would add this much.
    """

    startup_seconds: float | None
    vad_stop_seconds: float | None
    pipeline: str | None
    pipecat: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Turn:
    """One sentence and its answer.

    `latency_seconds`: end of the caller's speech to the bot's first sound, as a listener hears it; negative when the
    bot spoke into the sentence. `turn_end_seconds`: end of speech to the bot's notice that the turn is over: voice
    activity detection, and the pause that the bot grants.
    """

    said: str
    heard_by_bot: str
    word_error_rate: float
    words_match: bool
    answered: str
    answer_heard: str
    latency_seconds: float | None
    turn_end_seconds: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class PathFacts:
    """A path that ICE found between caller and agent.

    Candidate types are RFC 8445's: host, srflx, prflx, relay; a host candidate also stands for the server-reflexive
    one on the same socket. `turn_protocol` (udp, tcp, tls) is how our packets get to our relay, None without one.
    From the offer's departure count `answer_seconds`, `data_channel_seconds` (to the open data channel) and
    `media_seconds` (to the bot's first RTP packet); before it were `gathering_seconds`. `interruption_seconds`: of an
    ICE restart, from the last packet of the path before to the first of this one.
    """

    local_candidate: str
    remote_candidate: str
    turn_protocol: str | None
    gathering_seconds: float
    answer_seconds: float
    data_channel_seconds: float
    media_seconds: float | None
    interruption_seconds: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class CallFacts:
    """The dialogue. `start_seconds` is what POST /start took.

    `connect_seconds` counts from the start of TCP to the open WebSocket, from the start of ICE gathering to the open
    data channel, or from the request to join a Daily room to the bot's presence in it; `bot_ready_seconds` from the
    same start to RTVI's bot-ready. `paths` holds WebRTC's path, and one more for each ICE restart. `interruptions` are
    the seconds from the loss of a WebSocket to the next one.
    """

    session_id: str
    start_seconds: float
    connect_seconds: float
    bot_ready_seconds: float | None
    agent: AgentInfo
    turns: list[Turn]
    sent: AudioCount
    received: AudioCount
    paths: list[PathFacts]
    interruptions: list[float]
    ended_by: str
    close_code: int | None
    ending: str


@dataclass(frozen=True, slots=True, kw_only=True)
class EchoFacts:
    """The second, short call, whose bot plays back what it heard as soon as it notices the end of speech."""

    session_id: str
    latency_seconds: float | None
    vad_wait_seconds: float | None

    @property
    def added_seconds(self) -> float | None:
        """What pipeline, network and client add to the wait that voice activity detection needs."""
        if self.latency_seconds is None or self.vad_wait_seconds is None:
            return None
        return self.latency_seconds - self.vad_wait_seconds


@dataclass(slots=True, kw_only=True)
class CallReport:
    """Filled while the call goes on, so that what was measured is reported also when it fails."""

    project: str
    environment: str
    region: str
    transport: str
    runtime_version: str | None = None
    call: CallFacts | None = None
    echo: EchoFacts | None = None
    wav: str | None = None
    failures: list[OperatorError] = field(default_factory=list)
    side_failures: list[OperatorError] = field(default_factory=list)
    """A session that could not be ended, a recording that could not be saved: failures that cause no other."""

    @property
    def errors(self) -> list[OperatorError]:
        """All failures, the cause first."""
        return self.failures + self.side_failures

    @property
    def exit_code(self) -> ExitCode:
        """The first failure's code."""
        return self.errors[0].exit_code if self.errors else ExitCode.OK
