"""Tells CloudFormation what became of a request; without it a stack would wait until ServiceTimeout."""

import json
from collections.abc import Mapping
from typing import Any

import urllib3

TIMEOUT_SECONDS = 10
# An answer has at most 4096 bytes.
LONGEST_REASON = 2_000


def answer(event: Mapping[str, Any], *, physical_resource_id: str, failure: str | None) -> None:
    """PUT the outcome to the event's ResponseURL, which is pre-signed; `failure` is why, or None.

    Raises urllib3's errors when it can't be delivered: Lambda then repeats the whole, which does no harm.
    https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/crpg-ref-responses.html
    """
    outcome = {
        "Status": "SUCCESS" if failure is None else "FAILED",
        "Reason": (failure or "")[:LONGEST_REASON],
        "PhysicalResourceId": physical_resource_id,
        **{name: event[name] for name in ("StackId", "RequestId", "LogicalResourceId")},
    }
    response = urllib3.PoolManager().request(
        "PUT",
        event["ResponseURL"],
        body=json.dumps(outcome).encode(),
        # S3's signature is over an empty content type.
        headers={"Content-Type": ""},
        timeout=TIMEOUT_SECONDS,
        retries=urllib3.Retry(3, backoff_factor=0.5, status_forcelist=(500, 502, 503)),
    )
    if response.status != 200:
        raise urllib3.exceptions.HTTPError(f"CloudFormation's answer place said {response.status}")
