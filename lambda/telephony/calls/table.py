"""The deployment's table of calls, for one request of the API."""

from shared.call_table import CallTable
from shared.credentials import Credentials
from telephony.settings import Settings


def call_table(*, settings: Settings, credentials: Credentials) -> CallTable:
    """The table, spoken to with this invocation's credentials."""
    return CallTable(
        name=settings.call_table_name,
        region=settings.call_table_region,
        endpoint_url=settings.dynamodb_url,
        credentials=credentials,
    )
