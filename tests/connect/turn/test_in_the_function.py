"""Each source behind POST /start, as the function is deployed; and what the function writes meanwhile."""

import io
import json
import logging
from collections.abc import Iterator

import pytest

from connect.turn import kvs
from tests.connect.aws_stub import Reply
from tests.connect.conftest import CONFIDENTIAL, FOREIGN_VARIABLES, Function
from tests.connect.turn.cloud import PASSWORD, TURN_SECRET_ARN, TurnCloud, throttled
from tests.connect.turn.conftest import SOURCES
from tests.connect.turn.test_static import ANSWERS, CREDENTIAL, SECRETS

COTURN_SECRET = "coturn-shared-secret-EXAMPLE"
TEXTS = {**{source: json.dumps(fields) for source, fields in SECRETS.items()}, "coturn": COTURN_SECRET}


@pytest.fixture
def deployed(
    function: Function,
    cloud: TurnCloud,
    log_text: io.StringIO,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    capfd: pytest.CaptureFixture[str],
) -> Iterator[Function]:
    """The handler at DEBUG before the stand-ins; what it wrote is searched afterwards."""
    monkeypatch.setattr(kvs, "_pool", kvs.ChannelPool())
    for name in (*FOREIGN_VARIABLES, "AWS_ENDPOINT_URL_KINESIS_VIDEO"):
        monkeypatch.delenv(name, raising=False)
    for name in ("AWS_ENDPOINT_URL", "SWITCHBOARD_CLOUDFLARE_URL", "SWITCHBOARD_TWILIO_URL"):
        monkeypatch.setenv(name, cloud.url)
    monkeypatch.setenv("SWITCHBOARD_TRANSPORTS", "webrtc")
    root_text = io.StringIO()
    monkeypatch.setattr(logging.root, "handlers", [logging.StreamHandler(root_text)])
    caplog.set_level(logging.DEBUG)

    yield function

    output = capfd.readouterr()
    written = "\n".join((log_text.getvalue(), root_text.getvalue(), output.out, output.err))
    secrets = [PASSWORD, CREDENTIAL, COTURN_SECRET, *(text for fields in SECRETS.values() for text in fields.values())]
    assert log_text.getvalue()
    assert not [word for word in (*CONFIDENTIAL, *secrets, "minted-user", "1893456000:", "turn:") if word in written]


def choose(source: str, *, cloud: TurnCloud, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in SOURCES[source].items():
        monkeypatch.setenv(name, value)
    if source in TEXTS:
        cloud.secrets[TURN_SECRET_ARN] = TEXTS[source]
    if source in ANSWERS:
        cloud.broker = Reply(status=201, body=json.dumps(ANSWERS[source]).encode())


@pytest.mark.parametrize("source", SOURCES)
def test_a_caller_gets_the_servers_of_the_deployments_source(
    deployed: Function, cloud: TurnCloud, monkeypatch: pytest.MonkeyPatch, source: str
) -> None:
    choose(source, cloud=cloud, monkeypatch=monkeypatch)

    answered = deployed.start_webrtc()

    assert answered.status == 200
    servers = answered.body["iceConfig"]["iceServers"]
    assert bool(servers) == (source != "none")
    for server in servers:
        assert server["urls"]
        assert server.keys() == {"urls"} or server["credential"]


@pytest.mark.parametrize("source", ["kvs", "cloudflare", "twilio"])
def test_a_source_that_fails_is_told_with_a_status(
    deployed: Function, cloud: TurnCloud, log_text: io.StringIO, monkeypatch: pytest.MonkeyPatch, source: str
) -> None:
    choose(source, cloud=cloud, monkeypatch=monkeypatch)
    cloud.broker = Reply(status=429, body=CREDENTIAL.encode())
    cloud.ice_replies = dict.fromkeys(("0", "1", "2"), throttled())

    answered = deployed.start_webrtc()

    assert (answered.status, answered.code) == (503, "turn_unavailable")
    assert answered.headers["retry-after"] == "1"
    logged = json.loads(log_text.getvalue().splitlines()[-1])
    assert logged["code"] == "turn_unavailable"
    assert "ClientLimitExceededException" in logged["note"] or "HTTP 429" in logged["note"]


def test_a_key_that_is_refused_is_for_the_operator_to_mend(
    deployed: Function, cloud: TurnCloud, log_text: io.StringIO, monkeypatch: pytest.MonkeyPatch
) -> None:
    choose("twilio", cloud=cloud, monkeypatch=monkeypatch)
    cloud.broker = Reply(status=401, body=CREDENTIAL.encode())

    answered = deployed.start_webrtc()

    assert (answered.status, answered.code) == (500, "wrong_setup")
    assert "Twilio refused to mint" in json.loads(log_text.getvalue().splitlines()[-1])["note"]
