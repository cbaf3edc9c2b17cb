import io
import json
from collections.abc import Iterator

import pytest
from time_machine import Traveller, travel

from shared.call_status import note_status
from shared.call_table import CallTable
from telephony.carrier import CarrierError
from tests.telephony.calls.conftest import NOON, Api, FakeCarrier


@pytest.fixture(autouse=True)
def clock() -> Iterator[Traveller]:
    with travel(NOON, tick=False) as traveller:
        yield traveller


def test_the_caller_hangs_up_by_the_id_that_the_carrier_answered_with(api: Api, carrier: FakeCarrier) -> None:
    answered = api.end(api.place().body["id"])

    assert (answered.status, answered.body) == (204, {})
    assert carrier.hung_up == ["carrier-call-1"]


def test_the_id_of_the_webhooks_is_the_better_one(api: Api, carrier: FakeCarrier, table: CallTable) -> None:
    call = api.place().body["id"]
    note_status(call=call, call_id="CallUUID-1", status="ringing", table=table)

    api.end(call)

    assert carrier.hung_up == ["CallUUID-1"]


def test_a_call_that_is_over_is_not_hung_up(api: Api, carrier: FakeCarrier, table: CallTable) -> None:
    call = api.place().body["id"]
    note_status(call=call, call_id="C1", status="busy", table=table)

    assert api.end(call).status == 204
    assert not carrier.hung_up


def test_hanging_up_twice_is_no_error(api: Api, carrier: FakeCarrier) -> None:
    call = api.place().body["id"]

    assert (api.end(call).status, api.end(call).status) == (204, 204)


def test_another_callers_call_is_left_alone(api: Api, carrier: FakeCarrier) -> None:
    call = api.place(subject="ann").body["id"]

    assert (api.end(call, subject="bob").status, api.end("a" * 22).status) == (404, 404)
    assert not carrier.hung_up


def test_a_call_without_an_id_of_the_carriers_can_not_be_ended(
    api: Api, carrier: FakeCarrier, table: CallTable
) -> None:
    carrier.fails = CarrierError(status=0, carried_out=True, note="ReadTimeoutError")
    call = api.place().body["id"]
    carrier.fails = None

    answered = api.end(call)
    assert (answered.status, answered.code) == (409, "call_not_known")
    assert answered.headers["retry-after"] == "1"
    note_status(call=call, call_id="C1", status="ringing", table=table)
    assert api.end(call).status == 204
    assert carrier.hung_up == ["C1"]


@pytest.mark.parametrize(
    ("status", "code", "waits"),
    [
        (0, "carrier_unavailable", True),
        (400, "carrier_unavailable", True),
        (401, "carrier_account_refused", False),
        (429, "carrier_busy", True),
        (500, "carrier_unavailable", True),
    ],
)
def test_a_carrier_that_does_not_end_a_call_is_told(
    api: Api, carrier: FakeCarrier, status: int, code: str, waits: bool
) -> None:
    call = api.place().body["id"]
    carrier.fails = CarrierError(status=status, carried_out=True, note="refused")

    answered = api.end(call)

    assert (answered.status, answered.code) == (503, code)
    assert ("retry-after" in answered.headers) == waits


def test_a_carrier_that_is_deployed_no_more_is_named(
    api: Api, carrier: FakeCarrier, monkeypatch: pytest.MonkeyPatch
) -> None:
    call = api.place(carrier="vonage").body["id"]
    monkeypatch.setenv("SWITCHBOARD_CARRIERS", "twilio")
    api.module.cached_settings.cache_clear()

    answered = api.end(call)

    assert (answered.status, answered.code) == (409, "carrier_not_deployed")
    assert "no vonage any more" in answered.message


def test_the_log_says_what_was_done(api: Api, log_text: io.StringIO, table: CallTable) -> None:
    call = api.place().body["id"]
    api.end(call)
    note_status(call=call, call_id="C1", status="completed", table=table)
    api.end(call)

    notes = [json.loads(line)["note"] for line in log_text.getvalue().splitlines()]
    assert notes[1:] == ["vonage hung up", "vonage already gone"]
