"""The bot: how a call sounds and what it can do. This is the file to edit; docs/agent.md is its guide."""

from pipecat.pipeline.pipeline import Pipeline
from pipecat.processors.aggregators.llm_response_universal import LLMContextAggregatorPair
from pipecat.runner.types import RunnerArguments
from pipecat.transports.base_transport import BaseTransport

from conversation import hold_conversation
from keypad import Keypad
from pipelines import Persona, Services
from slow_tools import SlowTools
from tools.clock import current_time
from tools.end_call import end_call
from tools.orders import find_order
from tools.transfer_to_human import transfer_to_human

PROMPT = """\
You are the voice on the telephone of a small shop. You speak with callers: answer in one or two short sentences, in
plain words that sound natural when they are read out, without lists, signs or emoji. When a tool can answer, use it
rather than guess; when a tool failed, say so. Never say that you did what no tool did for you.\
"""
GREETING = "Welcome. How can I help you?"
GOODBYE = "Thank you for calling. Bye bye."
VOICES = {
    "offline": "en-us+f2",  # a voice and variant of espeak-ng
    "speech_to_speech": "tiffany",  # of Amazon Nova Sonic
    "polly": "Ruth",  # of the cascaded pipeline's text to speech: Amazon Polly,
    "cartesia": "71a7ad14-091c-4e8e-a314-022ece01c121",  # or Cartesia
}
TOOLS = (current_time, find_order, transfer_to_human, end_call)


def create_pipeline(*, transport: BaseTransport, services: Services, aggregators: LLMContextAggregatorPair) -> Pipeline:
    """What happens to the caller's voice, step by step, until the bot's voice answers."""
    steps = [
        transport.input(),  # the caller's audio
        Keypad(model_hears=services.stt is None),  # and the keys that a telephone's caller presses
        services.stt,  # become text
        aggregators.user(),  # which is collected until the caller's turn is over
        services.llm,  # and answered by a language model, which may call tools
        SlowTools(model_speaks=services.tts is None),  # meanwhile the caller hears that the bot is looking
        services.tts,  # the answer becomes audio
        transport.output(),  # which the caller hears
        aggregators.assistant(),  # and what was heard is remembered
    ]
    return Pipeline([step for step in steps if step])  # a model that hears and speaks itself has no stt and tts


async def bot(runner_args: RunnerArguments) -> None:
    """Run one call, from the open connection to its end."""
    persona = Persona(prompt=PROMPT, voices=VOICES, tools=TOOLS, goodbye=GOODBYE)
    await hold_conversation(runner_args, persona=persona, greeting=GREETING, create_pipeline=create_pipeline)
