import re

import pytest

from telephony.settings import API_URLS, SettingsError, daily_of, load_settings
from tests.telephony.conftest import OUR_NUMBER, TARGET, VARIABLES, secret_arn

OPTIONAL = {
    "SWITCHBOARD_VONAGE_NUMBER",
    "SWITCHBOARD_TRANSFER_TO",
    "SWITCHBOARD_ALLOWED_COUNTRIES",
    "SWITCHBOARD_RECORDING",
    "SWITCHBOARD_LANGUAGE",
    "SWITCHBOARD_MACHINE_DETECTION",
    "SWITCHBOARD_AUTHORIZER",
}

# Of who places calls, these are wanted; all but the number itself, which says that they do.
OUTBOUND = {
    "SWITCHBOARD_CALLS_PER_MINUTE",
    "SWITCHBOARD_CALLS_PER_MINUTE_PER_CALLER",
    "SWITCHBOARD_QUIET_HOURS",
    "SWITCHBOARD_CALLS_SCOPE",
}


def without(*names: str) -> dict[str, str]:
    return {name: value for name, value in VARIABLES.items() if name not in names}


def test_the_environment_becomes_settings() -> None:
    settings = load_settings(environ=VARIABLES)

    assert settings.carriers == ("vonage", "twilio")
    assert settings.numbers == {"vonage": OUR_NUMBER}
    assert {name: secret.arn for name, secret in settings.secrets.items()} == {
        name: secret_arn(name) for name in ("vonage", "twilio")
    }
    assert settings.secrets["vonage"].endpoint_url == "https://secretsmanager.eu-west-1.amazonaws.com"
    assert settings.dynamodb_url == "https://dynamodb.eu-west-1.amazonaws.com"
    assert settings.runtime.base_url == "https://bedrock-agentcore.eu-west-1.amazonaws.com"
    assert settings.relay is not None
    assert settings.relay.url == "wss://relay.example.com"
    assert (settings.transfer_to, settings.announcement, settings.recording) == (TARGET, "", "off")
    assert (settings.machine_detection, settings.authenticated) == (True, True)
    assert settings.allowed_countries == ("US", "CA")
    assert (settings.quiet_hours, settings.calls_scope) == ("21:00-08:00", "switchboard/calls")
    assert OUR_NUMBER not in repr(settings)
    assert TARGET not in repr(settings)


def test_what_may_be_left_out_may_be_left_out() -> None:
    settings = load_settings(environ=without(*OPTIONAL, *OUTBOUND))

    assert (settings.numbers, settings.calls_scope, settings.transfer_to) == ({}, "", "")
    assert (settings.allowed_countries, settings.quiet_hours) == ((), "off")
    assert (settings.recording, settings.language, settings.machine_detection) == ("off", "en-US", False)
    assert settings.authenticated, "nobody is let in unauthenticated by a missing variable"


def test_who_places_calls_says_how_many_and_when() -> None:
    with pytest.raises(SettingsError) as raised:
        load_settings(environ=without(*OUTBOUND))

    assert set(re.findall(r"(SWITCHBOARD_\w+): got nothing", str(raised.value))) == OUTBOUND


def test_a_relay_is_asked_for_only_with_a_carrier_that_needs_one() -> None:
    environ = without("SWITCHBOARD_RELAY_URL", "SWITCHBOARD_RELAY_KEY_SECRET_ARN")

    assert load_settings(environ={**environ, "SWITCHBOARD_CARRIERS": "vonage"}).relay is None
    with pytest.raises(SettingsError, match=r"SWITCHBOARD_RELAY_URL: got nothing"):
        load_settings(environ=environ)


IN_ROOMS = {
    **VARIABLES,
    "SWITCHBOARD_CARRIERS": "vonage,daily",
    "SWITCHBOARD_DAILY_SECRET_ARN": secret_arn("daily"),
    "SWITCHBOARD_DAILY_ROOM_PREFIX": "switchboard-dev",
    "SWITCHBOARD_DAILY_SESSION_SECONDS": "3600",
    "SWITCHBOARD_DAILY_MAX_PARTICIPANTS": "4",
    "SWITCHBOARD_DAILY_NUMBER": "5d2a6f3e-0b5f-4a8e-9d5a-9f7d5d0c2b11",
}


def test_rooms_are_asked_for_with_their_carrier_only() -> None:
    assert load_settings(environ=VARIABLES).daily is None
    with pytest.raises(SettingsError, match="SWITCHBOARD_CARRIERS has none"):
        daily_of(load_settings(environ=VARIABLES))

    settings = load_settings(environ=IN_ROOMS)

    assert (daily_of(settings).room_prefix, daily_of(settings).api_url) == (
        "switchboard-dev",
        "https://api.daily.co/v1",
    )
    assert settings.secrets["daily"] == daily_of(settings).secret
    assert settings.numbers["daily"] == IN_ROOMS["SWITCHBOARD_DAILY_NUMBER"]
    assert set(settings.api_urls) == {"vonage"}
    missing = {name: value for name, value in IN_ROOMS.items() if not name.startswith("SWITCHBOARD_DAILY_")}
    with pytest.raises(SettingsError) as raised:
        load_settings(environ=missing)
    named = set(re.findall(r"(SWITCHBOARD_DAILY_\w+): got nothing", str(raised.value)))
    assert named == set(IN_ROOMS) - set(missing) - {"SWITCHBOARD_DAILY_NUMBER"}


@pytest.mark.parametrize("number", [OUR_NUMBER, "5D2A6F3E-0B5F-4A8E-9D5A-9F7D5D0C2B11", "5d2a6f3e"])
def test_daily_knows_its_numbers_by_ids(number: str) -> None:
    with pytest.raises(SettingsError, match=r"SWITCHBOARD_DAILY_NUMBER: .*a UUID in lower case"):
        load_settings(environ={**IN_ROOMS, "SWITCHBOARD_DAILY_NUMBER": number})


@pytest.mark.parametrize("carrier", sorted(API_URLS))
def test_a_carriers_api_is_its_public_host_unless_told_otherwise(carrier: str) -> None:
    environ = {
        **VARIABLES,
        "SWITCHBOARD_CARRIERS": carrier,
        f"SWITCHBOARD_{carrier.upper()}_SECRET_ARN": secret_arn(carrier),
    }

    assert load_settings(environ=environ).api_url(carrier) == API_URLS[carrier]
    told = {**environ, f"{carrier.upper()}_API_URL": "http://127.0.0.1:8080/"}
    assert load_settings(environ=told).api_url(carrier) == "http://127.0.0.1:8080"


def test_all_missing_variables_are_named_at_once() -> None:
    with pytest.raises(SettingsError) as raised:
        load_settings(environ={"SWITCHBOARD_CARRIERS": "twilio", "SWITCHBOARD_TWILIO_NUMBER": OUR_NUMBER})

    named = set(re.findall(r"((?:SWITCHBOARD|AWS)_\w+): got nothing", str(raised.value)))
    needed = set(VARIABLES) - OPTIONAL - {"SWITCHBOARD_CARRIERS", "SWITCHBOARD_VONAGE_SECRET_ARN"}
    assert named == needed - {"SWITCHBOARD_PUBLIC_URL"}
    assert "SWITCHBOARD_PUBLIC_URL: needed http" in str(raised.value)


@pytest.mark.parametrize(
    ("name", "value", "allowed"),
    [
        ("SWITCHBOARD_CARRIERS", "vonage,exotel", "a comma list of vonage, twilio, telnyx, plivo, daily"),
        ("SWITCHBOARD_CARRIERS", "", "a comma list of vonage, twilio, telnyx, plivo, daily"),
        ("SWITCHBOARD_VONAGE_SECRET_ARN", "vonage", "a secret's ARN"),
        ("SWITCHBOARD_VONAGE_NUMBER", "15550100123", "a number in E.164"),
        ("SWITCHBOARD_PUBLIC_URL", "https://user:pass@api.example.com", "http:// or https://"),
        ("TWILIO_API_URL", "https://user:pass@api.twilio.com", "http:// or https://"),
        ("SWITCHBOARD_CALL_TABLE_NAME", "a b", "a DynamoDB table's name"),
        ("SWITCHBOARD_RELAY_URL", "https://relay.example.com", "wss:// with a host"),
        ("SWITCHBOARD_RELAY_URL", "wss://relay.example.com/x", "wss:// with a host"),
        ("SWITCHBOARD_TRANSFER_TO", "5550100", "E.164"),
        ("SWITCHBOARD_TRANSFER_TO", "https://example.com", "E.164"),
        ("SWITCHBOARD_ANNOUNCEMENT", "x" * 241, "0 to 240 characters"),
        ("SWITCHBOARD_ANNOUNCEMENT", "two\nlines", "in one line"),
        ("SWITCHBOARD_RECORDING", "on", "off, announced or consent"),
        ("SWITCHBOARD_LANGUAGE", "English", "a BCP 47 tag"),
        ("SWITCHBOARD_MACHINE_DETECTION", "yes", "on or off"),
        ("SWITCHBOARD_MAX_CALL_SECONDS", "3601", "from 1 to 3600"),
        ("SWITCHBOARD_PRESIGNED_URL_LIFETIME_SECONDS", "301", "from 1 to 300"),
        ("SWITCHBOARD_ALLOWED_COUNTRIES", "us", "ISO 3166"),
        ("SWITCHBOARD_CALLS_PER_MINUTE", "0", "from 1 to"),
        ("SWITCHBOARD_QUIET_HOURS", "24:00-08:00", "off, or hours"),
        ("SWITCHBOARD_CALLS_SCOPE", "two words", "the scope that POST /calls needs"),
        ("SWITCHBOARD_AUTHORIZER", "None", "cognito, oidc or none"),
        ("AWS_ENDPOINT_URL_DYNAMODB", "localhost:8000", "http:// or https://"),
    ],
)
def test_a_wrong_variable_is_named_with_what_is_allowed(name: str, value: str, allowed: str) -> None:
    with pytest.raises(SettingsError, match=rf"{name}: .*{re.escape(allowed)}") as raised:
        load_settings(environ={**VARIABLES, name: value})

    assert "user:pass" not in str(raised.value)


@pytest.mark.parametrize("recording", ["announced", "consent"])
def test_a_recording_needs_its_sentence(recording: str) -> None:
    with pytest.raises(SettingsError, match=r"SWITCHBOARD_RECORDING_SENTENCE: .*1 to 240 characters"):
        load_settings(environ={**VARIABLES, "SWITCHBOARD_RECORDING": recording})


@pytest.mark.parametrize("target", ["sip:desk@pbx.example.com:5061;transport=tls", "sips:1@[::1]", "+4915112345678"])
def test_a_call_can_be_handed_to_a_number_or_a_sip_address(target: str) -> None:
    assert load_settings(environ={**VARIABLES, "SWITCHBOARD_TRANSFER_TO": target}).transfer_to == target
