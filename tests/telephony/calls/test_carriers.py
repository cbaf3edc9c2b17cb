"""Each carrier's own module is dialed and hung up through as the deployment says; what it sends is tested beside it."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import parse_qs, urlsplit

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from time_machine import travel

from shared import https_request
from shared.https_request import HttpResponse
from telephony.carriers import load
from tests.telephony.calls.conftest import NOON, Api, FakeCarrier, Secrets

CALL_ID = "1bd7c0de-9d1e-4f4f-8d55-0d1b3ba7a1c5"
NUMBERS = {"vonage": "+12125550100", "twilio": "+442079460000", "telnyx": "+12125550102", "plivo": "+12125550103"}
HOSTS = {
    "vonage": "api.nexmo.com",
    "twilio": "twilio.example.com",
    "telnyx": "api.telnyx.com",
    "plivo": "api.plivo.com",
}


@dataclass
class Http:
    """Answers as a carrier that takes every order, in the words of all four."""

    requests: list[tuple[str, str, str]] = field(default_factory=list)

    def __call__(
        self, *, method: str, url: str, headers: Mapping[str, str], body: bytes, timeout_seconds: float
    ) -> HttpResponse:
        self.requests.append((method, url, body.decode()))
        dialed = {"sid": CALL_ID, "uuid": CALL_ID, "request_uuid": CALL_ID, "call_sid": CALL_ID}
        hung_up = method == "DELETE" or method == "PUT" or CALL_ID in url
        return HttpResponse(
            status=204 if method == "DELETE" else 200 if hung_up else 201, body=json.dumps(dialed).encode()
        )


def private_key() -> str:
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()


@pytest.fixture
def http(api: Api, carrier: FakeCarrier, secrets: Secrets, monkeypatch: pytest.MonkeyPatch) -> Http:
    """A deployment of all four carriers, with their own modules."""
    monkeypatch.setenv("SWITCHBOARD_CARRIERS", ",".join(NUMBERS))
    monkeypatch.setenv("TWILIO_API_URL", "https://twilio.example.com")
    for name, number in NUMBERS.items():
        monkeypatch.setenv(f"SWITCHBOARD_{name.upper()}_NUMBER", number)
        monkeypatch.setenv(
            f"SWITCHBOARD_{name.upper()}_SECRET_ARN",
            f"arn:aws:secretsmanager:eu-west-1:123456789012:secret:{name}-AbCdEf",
        )
        fields = {secret_field: f"{name}-{secret_field}" for secret_field in load(name).secret_fields}
        if "privateKey" in fields:
            fields["privateKey"] = private_key()
        secrets.values[name] = json.dumps(fields)
    for user in ("telephony.calls.place", "telephony.calls.end"):
        monkeypatch.setattr(f"{user}.load", load)
    recorder = Http()
    monkeypatch.setattr(https_request, "request", recorder)
    return recorder


@pytest.mark.parametrize("name", NUMBERS)
def test_a_call_goes_out_and_is_ended_through_its_carrier(api: Api, http: Http, name: str) -> None:
    with travel(NOON, tick=False):
        placed = api.place(carrier=name)
        ended = api.end(placed.body["id"])

    assert (placed.status, placed.body["carrier"], ended.status) == (201, name, 204)
    (dial_method, dial_url, dialed), *hang_ups = http.requests
    assert (dial_method, urlsplit(dial_url).netloc) == ("POST", HOSTS[name])
    words = " ".join([dialed, *(value for values in parse_qs(dialed).values() for value in values)])
    assert "4930901820" in words
    assert NUMBERS[name][1:] in words
    assert f"https://api.example.com/telephony/{name}/answer?call={placed.body['id']}&proof=" in words
    assert hang_ups
    assert all(CALL_ID in url and urlsplit(url).netloc == HOSTS[name] for _, url, _ in hang_ups)
