"""What the telephony function is told of the parameters."""

from collections.abc import Iterator
from typing import Final

from stacks.parameters import Parameters, TelephonyParameters

SERVICE: Final = "telephony"


def telephony_environment(parameters: Parameters, *, calls_scope: str | None) -> dict[str, str]:
    """The choices; `calls_scope` is there where calls go out. A value that was left out has no variable."""
    telephony = parameters.telephony
    return {
        "POWERTOOLS_LOG_LEVEL": "INFO",
        "POWERTOOLS_METRICS_NAMESPACE": "Switchboard",
        "POWERTOOLS_SERVICE_NAME": SERVICE,
        "SWITCHBOARD_AUTHORIZER": parameters.connect.authorizer,
        "SWITCHBOARD_CARRIERS": ",".join(telephony.carriers),
        "SWITCHBOARD_LANGUAGE": telephony.language,
        "SWITCHBOARD_MAX_CALL_SECONDS": str(telephony.max_call_seconds),
        "SWITCHBOARD_PRESIGNED_URL_LIFETIME_SECONDS": str(parameters.connect.presigned_url_lifetime_seconds),
        "SWITCHBOARD_RECORDING": telephony.recording,
        **{name: value for name, value in _said_and_done(telephony) if value},
        **(_outbound(telephony, calls_scope=calls_scope) if calls_scope else {}),
    }


def _said_and_done(telephony: TelephonyParameters) -> Iterator[tuple[str, str | None]]:
    yield "SWITCHBOARD_ANNOUNCEMENT", telephony.announcement
    yield "SWITCHBOARD_RECORDING_SENTENCE", telephony.recording_sentence
    yield "SWITCHBOARD_TRANSFER_TO", telephony.transfer_to
    if telephony.relay_domain_name:
        yield "SWITCHBOARD_RELAY_URL", f"wss://{telephony.relay_domain_name}"
    for carrier in telephony.carriers:
        if carrier != "daily":  # whose API is the same for rooms without a phone in them
            yield f"{carrier.upper()}_API_URL", getattr(telephony, f"{carrier}_api_url")


def _outbound(telephony: TelephonyParameters, *, calls_scope: str) -> dict[str, str]:
    return {
        **{f"SWITCHBOARD_{carrier.upper()}_NUMBER": number for carrier, number in telephony.numbers.items()},
        "SWITCHBOARD_ALLOWED_COUNTRIES": ",".join(telephony.allowed_countries),
        "SWITCHBOARD_CALLS_PER_MINUTE": str(telephony.calls_per_minute),
        "SWITCHBOARD_CALLS_PER_MINUTE_PER_CALLER": str(telephony.calls_per_minute_per_caller),
        "SWITCHBOARD_CALLS_SCOPE": calls_scope,
        "SWITCHBOARD_MACHINE_DETECTION": "on" if telephony.machine_detection else "off",
        "SWITCHBOARD_QUIET_HOURS": telephony.quiet_hours,
    }
