"""The agent's environment variables: what its pipeline needs of the parameters, and nothing else."""

from typing import Final

from stacks.parameters import AgentParameters, Parameters

LOG_LEVEL: Final = "INFO"


def agent_environment(parameters: Parameters, *, memory_id: str | None) -> dict[str, str]:
    """What agent_image/settings.py reads. AgentCore takes 2.5 KB of names and values together, platform V2."""
    agent, operations = parameters.agent, parameters.operations
    return {
        "AWS_REGION": parameters.region,
        "SWITCHBOARD_LOG_LEVEL": LOG_LEVEL,
        "SWITCHBOARD_LOG_TRANSCRIPTS": _switch(operations.log_transcripts),
        "SWITCHBOARD_PIPELINE": agent.pipeline,
        "SWITCHBOARD_PLATFORM_VERSION": agent.platform_version,
        "SWITCHBOARD_RECONNECT_GRACE_SECONDS": str(agent.reconnect_grace_seconds),
        "SWITCHBOARD_TRACING": _switch(operations.tracing),
        **({"SWITCHBOARD_MODEL_ID": parameters.model_id} if parameters.model_id else {}),
        **_of_pipeline(agent),
        **({"SWITCHBOARD_MEMORY_ID": memory_id} if memory_id else {}),
        **({"SWITCHBOARD_ROOMS_FUNCTION": parameters.rooms_function_name} if parameters.has_rooms else {}),
    }


def _of_pipeline(agent: AgentParameters) -> dict[str, str]:
    match agent.pipeline:
        case "cascaded":
            secret_arn = agent.speech_secret_arn
            return {
                "SWITCHBOARD_SPEECH_TO_TEXT": agent.speech_to_text,
                "SWITCHBOARD_TEXT_TO_SPEECH": agent.text_to_speech,
                **({"SWITCHBOARD_SPEECH_SECRET_ARN": secret_arn} if secret_arn else {}),
            }
        case "speech_to_speech":
            return {"SWITCHBOARD_MODEL_SESSION_SECONDS": str(agent.model_session_seconds)}
    return {}


def _switch(value: bool) -> str:
    return "on" if value else "off"
