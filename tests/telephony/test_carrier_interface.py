"""What holds for every carrier alike; each one's own tests are in tests/telephony/carriers."""

import pytest

from telephony.carrier import (
    KINDS,
    CallContext,
    Carrier,
    RoomCarrier,
    SignatureError,
    StartsRecordings,
    StreamCarrier,
    WebhookRequest,
)
from telephony.carriers import daily, load, plivo, telnyx, twilio, vonage
from telephony.plan import Ask, Connect, HangUp, Next, Record, Say, Step, Transfer
from telephony.settings import API_URLS
from telephony.settings import CARRIERS as NAMES
from tests.telephony.conftest import PUBLIC_URL

# The type checker holds each of them to the interface.
STREAMING: list[StreamCarrier] = [plivo.CARRIER, telnyx.CARRIER, twilio.CARRIER, vonage.CARRIER]
IN_ROOMS: list[RoomCarrier] = [daily.CARRIER]
CARRIERS: list[Carrier] = [*STREAMING, *IN_ROOMS]
SIGNED_URL = "wss://host.example/ws?X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=A%2FB&qualifier=live"
PLANS: list[list[Step]] = [
    [Say(text="Hello & <welcome>."), Record(), Connect(url=SIGNED_URL), Next()],
    [Say(text="Hello."), Ask(question="May we record? Press 1.")],
    [Connect(url=SIGNED_URL), Next()],
    [Transfer(target="+12025550199")],
    [Transfer(target="sip:desk@pbx.example.com")],
    [HangUp()],
]


def test_every_carrier_that_can_be_deployed_has_a_module() -> None:
    assert {carrier.name for carrier in CARRIERS} == set(NAMES)
    assert {carrier.name for carrier in STREAMING} == set(API_URLS)
    assert [carrier.name for carrier in CARRIERS if isinstance(carrier, RoomCarrier)] == ["daily"]
    for carrier in CARRIERS:
        assert load(carrier.name) is carrier
        assert carrier.secret_fields
    assert [carrier.name for carrier in CARRIERS if isinstance(carrier, StartsRecordings)] == ["telnyx"]


@pytest.mark.parametrize("carrier", STREAMING, ids=lambda carrier: str(carrier.name))
@pytest.mark.parametrize("plan", PLANS, ids=lambda plan: "-".join(type(step).__name__ for step in plan))
def test_every_plan_of_ours_can_be_said_to_every_carrier_that_streams(carrier: StreamCarrier, plan: list[Step]) -> None:
    context = CallContext(
        urls={kind: f"{PUBLIC_URL}/telephony/{carrier.name}/{kind}?call=a&proof=b" for kind in KINDS},
        language="en-US",
        call_id="fixture-call-id",
        max_call_seconds=3600,
    )

    document = carrier.render(plan=plan, context=context)

    assert document.body
    assert document.content_type
    assert SIGNED_URL not in repr(document)


@pytest.mark.parametrize("carrier", CARRIERS, ids=lambda carrier: str(carrier.name))
def test_an_empty_webhook_is_unsigned(carrier: Carrier) -> None:
    request = WebhookRequest(
        kind="answer",
        url=f"{PUBLIC_URL}/telephony/{carrier.name}/answer",
        query={},
        headers={},
        body=b"",
        received_at=1.8e9,
    )

    with pytest.raises(SignatureError, match=r"^unsigned$"):
        carrier.verify(request=request, secret=dict.fromkeys(carrier.secret_fields, "x" * 44))
