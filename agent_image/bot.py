"""The bot: how a call sounds and what it can do. This is the file to edit."""

from pipecat.frames.frames import EndFrame, TTSSpeakFrame
from pipecat.pipeline.pipeline import Pipeline
from pipecat.pipeline.worker import PipelineParams, PipelineWorker
from pipecat.processors.aggregators.llm_context import LLMContext
from pipecat.processors.aggregators.llm_response_universal import LLMContextAggregatorPair
from pipecat.processors.frameworks.rtvi import RTVIProcessor
from pipecat.runner.types import RunnerArguments
from pipecat.transports.base_transport import BaseTransport
from pipecat.workers.runner import WorkerRunner

from agent_info import agent_info
from brain import ScriptedBrain, brain_name
from echo import echo_conversation
from speech import SAMPLE_RATE, create_stt, create_tts, turn_taking
from transports import create_transport

GREETING = "Welcome. How can I help you?"
GOODBYE = "Thank you for calling. Bye bye."
VOICE = "en-us+f2"


def create_pipeline(transport: BaseTransport, *, brain: str) -> Pipeline:
    """What happens to the caller's voice, step by step, until the bot's voice answers."""
    if brain == "echo":  # measures latency: no words are heard, and the caller's own voice answers
        return Pipeline([transport.input(), *echo_conversation(), transport.output()])
    user_aggregator, assistant_aggregator = LLMContextAggregatorPair(LLMContext(), user_params=turn_taking())
    return Pipeline(
        [
            transport.input(),  # the caller's audio
            create_stt(),  # becomes text
            user_aggregator,  # which is collected until the caller's turn is over
            ScriptedBrain(goodbye=GOODBYE),  # and answered: a language model's service goes here
            create_tts(voice=VOICE),  # the answer becomes audio
            transport.output(),  # which the caller hears
            assistant_aggregator,  # and what was heard is remembered
        ]
    )


async def bot(runner_args: RunnerArguments) -> None:
    """Run one call, from the open connection to its end."""
    transport = create_transport(runner_args)
    worker = PipelineWorker(
        create_pipeline(transport, brain=brain_name(runner_args.body)),
        params=PipelineParams(
            audio_in_sample_rate=SAMPLE_RATE,
            audio_out_sample_rate=SAMPLE_RATE,
            enable_metrics=True,
            enable_usage_metrics=True,
        ),
        idle_timeout_secs=runner_args.pipeline_idle_timeout_secs,
    )

    @worker.rtvi.event_handler("on_client_ready")
    async def greet(rtvi: RTVIProcessor) -> None:
        await rtvi.send_server_message(agent_info(runner_args))
        await worker.queue_frame(TTSSpeakFrame(GREETING))

    @transport.event_handler("on_client_disconnected")
    async def hang_up(*_: object) -> None:
        await worker.cancel()

    @transport.event_handler("on_session_timeout")  # AgentCore stops the session: there are seconds for a last word
    async def take_leave(*_: object) -> None:
        await worker.queue_frames([TTSSpeakFrame(GOODBYE), EndFrame()])

    runner = WorkerRunner(handle_sigint=runner_args.handle_sigint)
    await runner.add_workers(worker)
    await runner.run()
