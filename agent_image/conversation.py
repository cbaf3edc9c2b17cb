"""What every bot needs around its pipeline: the caller's coming and going, tools, memory, failures and telemetry."""

from contextlib import AsyncExitStack
from typing import Protocol

from pipecat.frames.frames import TTSSpeakFrame
from pipecat.pipeline.pipeline import Pipeline
from pipecat.pipeline.worker import PipelineParams, PipelineWorker
from pipecat.processors.aggregators.llm_context import LLMContext
from pipecat.processors.aggregators.llm_response_universal import LLMContextAggregatorPair
from pipecat.processors.frameworks.rtvi import RTVIProcessor
from pipecat.runner.types import RunnerArguments
from pipecat.transports.base_transport import BaseTransport
from pipecat.workers.runner import WorkerRunner

from agent_info import agent_info
from brain import brain_name
from call_resources import CallResources
from echo import echo_conversation
from failures import end_on_failure
from guarded_tools import guarded
from memory import open_memory
from pipelines import SAMPLE_RATE, Persona, Services, create_services
from settings import current_settings
from telemetry import observers
from transports import Transport, create_transport

_MACHINE = (
    "An answering machine has taken this call, and records now. Leave a short message at once: who is calling, and "
    "why. Ask nothing, as nobody answers, and end the call after it."
)


class CreatePipeline(Protocol):
    """How a bot puts its pipeline together."""

    def __call__(
        self, *, transport: BaseTransport, services: Services, aggregators: LLMContextAggregatorPair
    ) -> Pipeline:
        """The steps from the transport's input to the aggregator that remembers what was heard."""


async def hold_conversation(
    runner_args: RunnerArguments, *, persona: Persona, greeting: str, create_pipeline: CreatePipeline
) -> None:
    """Run one call, from the open connection to its end."""
    transport = create_transport(runner_args)
    async with AsyncExitStack() as closing:
        if brain_name(runner_args.body) == "echo":  # no words are heard, and the caller's own voice answers
            pipeline = Pipeline([transport.input(), *echo_conversation(), transport.output()])
            model_speaks = False
        else:
            services = create_services(settings=current_settings(), persona=persona)
            aggregators = await _open_context(runner_args, transport, persona, services, closing)
            pipeline = create_pipeline(transport=transport, services=services, aggregators=aggregators)
            model_speaks = services.tts is None
        resources = CallResources(
            connection=transport.connection, goodbye=persona.goodbye, model_speaks=model_speaks, phone=transport.phone
        )
        closing.callback(resources.close)
        worker = _create_worker(pipeline, runner_args=runner_args, resources=resources, transport=transport)
        end_on_failure(worker, connection=transport.connection)
        _Caller(worker, runner_args=runner_args, resources=resources, greeting=greeting).attend(transport)
        runner = WorkerRunner(handle_sigint=runner_args.handle_sigint)
        await runner.add_workers(worker)
        await runner.run()


async def _open_context(
    runner_args: RunnerArguments,
    transport: Transport,
    persona: Persona,
    services: Services,
    closing: AsyncExitStack,
) -> LLMContextAggregatorPair:
    """The context of a call, with the tools and with what is remembered of the caller's last call."""
    memory = await open_memory(
        settings=current_settings(),
        caller=transport.connection.caller,
        session_id=runner_args.session_id,
        body=runner_args.body,
    )
    context = LLMContext(memory.earlier if memory else [], tools=[guarded(tool) for tool in persona.tools])
    aggregators = LLMContextAggregatorPair(context, user_params=services.turn_taking)
    if memory:
        closing.push_async_callback(memory.close)
        memory.observe(aggregators)
    return aggregators


def _create_worker(
    pipeline: Pipeline, *, runner_args: RunnerArguments, resources: CallResources, transport: Transport
) -> PipelineWorker:
    settings = current_settings()
    worker = PipelineWorker(
        pipeline,
        params=PipelineParams(
            audio_in_sample_rate=SAMPLE_RATE,
            audio_out_sample_rate=SAMPLE_RATE,
            enable_metrics=True,
            enable_usage_metrics=True,
        ),
        app_resources=resources,
        observers=observers(
            session_id=runner_args.session_id, settings=settings, transport=transport.kind, phone=resources.phone
        ),
        enable_tracing=settings.tracing,
        conversation_id=runner_args.session_id,
        idle_timeout_secs=runner_args.pipeline_idle_timeout_secs,
    )
    resources.watch(worker)
    return worker


class _Caller:
    """Greets the caller once, hangs up when they have left, and takes leave when AgentCore stops the session."""

    def __init__(
        self, worker: PipelineWorker, *, runner_args: RunnerArguments, resources: CallResources, greeting: str
    ) -> None:
        self._worker = worker
        self._runner_args = runner_args
        self._resources = resources
        self._greeting = greeting
        self._greeted = False

    def attend(self, transport: BaseTransport) -> None:
        if phone := self._resources.phone:  # a telephone has no client that says when it is ready
            phone.on_answered = self._notice_machine
            transport.add_event_handler("on_client_connected", self._greet)
        else:
            self._worker.rtvi.add_event_handler("on_client_ready", self._greet_client)
        transport.add_event_handler("on_client_disconnected", self._hang_up)
        transport.add_event_handler("on_session_timeout", self._take_leave)

    async def _greet_client(self, rtvi: RTVIProcessor) -> None:
        await rtvi.send_server_message(agent_info(self._runner_args))
        await self._greet()

    async def _greet(self, *_: object) -> None:
        # A caller who lost the connection comes back, and says again that they are ready; one who hears an apology
        # needs no welcome.
        if self._greeted or self._resources.failed:
            return
        self._greeted = True
        if self._machine_answered:
            await self._leave_message()
        else:
            await self._worker.queue_frame(TTSSpeakFrame(self._greeting))

    @property
    def _machine_answered(self) -> bool:
        return self._resources.phone is not None and self._resources.phone.answered_by == "machine"

    async def _notice_machine(self) -> None:
        if self._machine_answered and self._greeted:
            await self._leave_message()

    async def _leave_message(self) -> None:
        await self._resources.instruct(self._worker, instruction=_MACHINE)

    async def _hang_up(self, *_: object) -> None:
        await self._worker.cancel()

    async def _take_leave(self, *_: object) -> None:
        await self._resources.say_and_end(self._worker, sentence=self._resources.goodbye)
