from urllib.parse import parse_qsl, urlsplit

import pytest
from hypothesis import HealthCheck, assume, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from telephony.calls.record import new_call_id
from telephony.carrier import KINDS, Kind, WebhookRequest
from telephony.settings import Settings
from telephony.webhook_urls import WrongUrlError, call_of, call_urls, check_inbound
from tests.telephony.calls.dynamodb import DynamoDb
from tests.telephony.conftest import PUBLIC_URL, Output, Phone
from tests.telephony.outbound import outbound_query, placed_call

KEY = b"k" * 32
kinds = st.sampled_from(KINDS)


def request(*, url: str, kind: Kind) -> WebhookRequest:
    query = dict(parse_qsl(urlsplit(url).query, keep_blank_values=True))
    return WebhookRequest(kind=kind, url=url, query=query, headers={}, body=b"", received_at=0.0)


@pytest.mark.parametrize("kind", KINDS)
def test_a_webhook_at_its_url_names_its_call(settings: Settings, kind: Kind) -> None:
    call = new_call_id()
    url = call_urls(carrier="telnyx", call=call, settings=settings, key=KEY)[kind]

    assert url.startswith(f"{PUBLIC_URL}/telephony/telnyx/{kind}?call={call}&proof=")
    assert call_of(request=request(url=url, kind=kind), carrier="telnyx", key=KEY) == call


@pytest.mark.parametrize("kind", ["answer", "events", "machine"])
def test_what_a_console_names_has_nothing_behind_it(settings: Settings, kind: Kind) -> None:
    url = call_urls(carrier="plivo", call="", settings=settings, key=KEY, call_id="CA1")[kind]

    assert url == f"{PUBLIC_URL}/telephony/plivo/{kind}"
    assert call_of(request=request(url=url, kind=kind), carrier="plivo", key=KEY) == ""
    check_inbound(request=request(url=url, kind=kind), carrier="plivo", key=KEY, call_id="CA1")


@pytest.mark.parametrize("kind", ["consent", "next"])
def test_what_a_document_names_is_for_its_call_alone(settings: Settings, kind: Kind) -> None:
    url = call_urls(carrier="telnyx", call="", settings=settings, key=KEY, call_id="CA1")[kind]
    named = request(url=url, kind=kind)

    assert call_of(request=named, carrier="telnyx", key=KEY) == ""
    check_inbound(request=named, carrier="telnyx", key=KEY, call_id="CA1")
    other: Kind = "next" if kind == "consent" else "consent"
    for wrong in (
        {"call_id": "CA2"},
        {"key": b"j" * 32},
        {"carrier": "vonage"},
        {"request": request(url=url, kind=other)},
        {"request": request(url=url.partition("?")[0], kind=kind)},
    ):
        with pytest.raises(WrongUrlError):
            check_inbound(**{"request": named, "carrier": "telnyx", "key": KEY, "call_id": "CA1", **wrong})  # type: ignore[arg-type]


@pytest.mark.usefixtures("confidential")
@pytest.mark.parametrize("kind", ["consent", "next"])
def test_an_answer_that_is_sent_elsewhere_is_refused(
    phone: Phone, dynamodb: DynamoDb, output: Output, kind: str
) -> None:
    """What Vonage and Telnyx sign is the same for all webhooks: only the URL says which it is."""
    assert phone.post(kind, query="").status == 403
    assert phone.post(kind, query=f"proof={'0' * 32}").status == 403
    assert {metric["reason"] for metric in output.counted()} == {"wrong url"}
    assert not dynamodb.operations


many = hypothesis_settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)


@given(own=kinds, other=kinds)
@many
def test_one_webhooks_url_is_not_anothers(settings: Settings, own: Kind, other: Kind) -> None:
    assume(own != other)
    url = call_urls(carrier="telnyx", call=new_call_id(), settings=settings, key=KEY)[own]

    with pytest.raises(WrongUrlError):
        call_of(request=request(url=url.replace(f"/{own}?", f"/{other}?"), kind=other), carrier="telnyx", key=KEY)
    with pytest.raises(WrongUrlError):
        call_of(request=request(url=url, kind=own), carrier="vonage", key=KEY)
    with pytest.raises(WrongUrlError):
        call_of(request=request(url=url, kind=own), carrier="telnyx", key=b"j" * 32)


@given(
    query=st.dictionaries(
        st.sampled_from(["call", "proof", "leg", "x"]), st.text("0123456789abcdef-_é", max_size=40), min_size=1
    ),
    kind=kinds,
)
@many
def test_no_query_can_be_made_up(query: dict[str, str], kind: Kind) -> None:
    assume(set(query) != {"proof"} or kind not in ("consent", "next"))  # that one is for `check_inbound`
    made_up = WebhookRequest(kind=kind, url="", query=query, headers={}, body=b"", received_at=0.0)

    with pytest.raises(WrongUrlError):
        call_of(request=made_up, carrier="telnyx", key=KEY)


@pytest.mark.usefixtures("confidential")
def test_a_true_webhook_at_a_url_that_nobody_gave_is_refused(phone: Phone, dynamodb: DynamoDb, output: Output) -> None:
    """Even the carrier's own signature over the URL isn't enough: Vonage and Telnyx sign none."""
    own = outbound_query(call=placed_call(dynamodb=dynamodb), kind="answer")
    dynamodb.operations.clear()

    for query in (own.replace("call=", "call=A"), own[:-1], own + "&x=1", "call=1", f"proof={'0' * 32}", "x="):
        assert phone.post("answer", query=query).status == 403
    assert {metric["reason"] for metric in output.counted()} == {"wrong url"}
    assert not dynamodb.operations
