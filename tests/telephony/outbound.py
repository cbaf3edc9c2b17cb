"""Calls that the kit has placed, as the calls API leaves them behind."""

import time
from urllib.parse import urlsplit

from shared.call_table import CallTable
from shared.credentials import Credentials
from telephony.calls.record import CallRecord, add_record, new_call_id
from telephony.carrier import Kind
from telephony.settings import load_settings
from telephony.webhook_urls import call_urls
from tests.telephony.calls.dynamodb import DynamoDb
from tests.telephony.conftest import SECRET_KEY, SESSION_KEY, TABLE, VARIABLES


def table_of(dynamodb: DynamoDb) -> CallTable:
    return CallTable(
        name=TABLE,
        region="eu-west-1",
        endpoint_url=dynamodb.url,
        credentials=Credentials(access_key="AKIDEXAMPLE", secret_key=SECRET_KEY),
    )


def placed_call(
    *, dynamodb: DynamoDb, body: str = "", carrier: str = "vonage", carrier_call_id: str = "", status: str = "queued"
) -> str:
    """Our id of a call that the carrier has taken."""
    call = new_call_id()
    record = CallRecord(
        call=call,
        carrier=carrier,
        status=status,
        owner="ann",
        to="+1…0777",
        body=body,
        carrier_call_id=carrier_call_id,
        created_at=int(time.time()),
    )
    add_record(record=record, table=table_of(dynamodb))
    return call


def outbound_query(*, call: str, kind: Kind, carrier: str = "vonage") -> str:
    """What the URLs say that the carrier was given for this call."""
    settings = load_settings(environ=VARIABLES)
    return urlsplit(call_urls(carrier=carrier, call=call, settings=settings, key=SESSION_KEY.encode())[kind]).query
