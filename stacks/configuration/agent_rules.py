"""What the values under `agent` must agree on: the pipeline with its models, services and keys, and with sessions."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Final

from stacks import regions
from stacks.configuration.errors import Mistake
from stacks.configuration.presence import missing_values, superfluous_values

if TYPE_CHECKING:
    from stacks.parameters import Parameters

OF_CASCADED: Final = ("speech_to_text", "text_to_speech", "speech_secret_arn")
OF_SPEECH_TO_SPEECH: Final = ("model_session_seconds",)
FOREIGN_TO_PIPELINE: Final = {
    "offline": OF_CASCADED + OF_SPEECH_TO_SPEECH,
    "cascaded": OF_SPEECH_TO_SPEECH,
    "speech_to_speech": OF_CASCADED,
}
KEYED_SERVICES: Final = {"speech_to_text": "deepgram", "text_to_speech": "cartesia"}


def _model_suits_pipeline(parameters: "Parameters") -> Iterator[Mistake]:
    """The offline pipeline takes no `agent.model_id`, and cascaded takes no speech-to-speech model."""
    pipeline, model_id = parameters.agent.pipeline, parameters.agent.model_id
    if pipeline == "offline" and model_id:
        allowed, remedy = (
            "nothing, as the offline pipeline uses no model",
            "remove it, or choose another agent.pipeline",
        )
    elif pipeline == "cascaded" and model_id in {*regions.SPEECH_TO_SPEECH_MODELS, *regions.RETIRED_MODELS}:
        allowed, remedy = "a Converse model; this one is speech-to-speech", "set agent.pipeline to speech_to_speech"
    else:
        return
    yield Mistake(path="agent.model_id", got=model_id, allowed=allowed, remedy=remedy, depends_on=("agent.pipeline",))


def _agent_fields_suit_pipeline(parameters: "Parameters") -> Iterator[Mistake]:
    """`agent` holds nothing that its `pipeline` has no use for."""
    pipeline = parameters.agent.pipeline
    yield from superfluous_values(
        parameters.agent,
        path="agent",
        superfluous=FOREIGN_TO_PIPELINE[pipeline],
        reason=f"agent.pipeline is {pipeline}",
        remedy="choose another agent.pipeline",
        depends_on=("agent.pipeline",),
    )


def _keys_are_named(parameters: "Parameters") -> Iterator[Mistake]:
    """`agent.speech_to_text` deepgram and `agent.text_to_speech` cartesia need `agent.speech_secret_arn`."""
    agent = parameters.agent
    if agent.pipeline != "cascaded":
        return
    keyed = [
        f"agent.{name} is {service}" for name, service in KEYED_SERVICES.items() if getattr(agent, name) == service
    ]
    depends_on = ("agent.pipeline", *(f"agent.{name}" for name in KEYED_SERVICES))
    if keyed:
        yield from missing_values(
            agent,
            path="agent",
            needed={"speech_secret_arn": "the ARN of the secret with the service's key"},
            reason=" and ".join(keyed),
            depends_on=depends_on,
        )
    else:
        yield from superfluous_values(
            agent,
            path="agent",
            superfluous=["speech_secret_arn"],
            reason="Transcribe and Polly take the agent's role and no key",
            remedy="set agent.speech_to_text to deepgram or agent.text_to_speech to cartesia",
            depends_on=depends_on,
        )


def _session_ends_in_order(parameters: "Parameters") -> Iterator[Mistake]:
    """`agent.idle_timeout_seconds` is at most `agent.max_lifetime_seconds`."""
    # Neither has to do with `agent.reconnect_grace_seconds`: an agent that waits for its caller is not idle.
    idle, lifetime = parameters.agent.idle_timeout_seconds, parameters.agent.max_lifetime_seconds
    if idle > lifetime:
        yield Mistake(
            path="agent.idle_timeout_seconds",
            got=idle,
            allowed=f"at most agent.max_lifetime_seconds, which is {lifetime}",
            remedy="lower agent.idle_timeout_seconds or raise agent.max_lifetime_seconds",
            depends_on=("agent.max_lifetime_seconds",),
        )


def _image_is_named_once(parameters: "Parameters") -> Iterator[Mistake]:
    """`agent.image_source` ecr needs `agent.image_repository_name` and `agent.image_digest`; others refuse them."""
    agent = parameters.agent
    for name in ("image_repository_name", "image_digest"):
        value = getattr(agent, name)
        if agent.image_source == "ecr" and value is None:
            allowed, remedy = "the existing image, as agent.image_source is ecr", f"set agent.{name}"
        elif agent.image_source != "ecr" and value is not None:
            allowed = f"nothing, as agent.image_source {agent.image_source} builds the image"
            remedy = "remove it, or set agent.image_source to ecr"
        else:
            continue
        yield Mistake(
            path=f"agent.{name}", got=value, allowed=allowed, remedy=remedy, depends_on=("agent.image_source",)
        )


AGENT_RULES: Final = (
    _model_suits_pipeline,
    _agent_fields_suit_pipeline,
    _keys_are_named,
    _session_ends_in_order,
    _image_is_named_once,
)
