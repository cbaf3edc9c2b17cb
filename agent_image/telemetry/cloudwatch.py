"""Sends metrics to CloudWatch.

https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_PutMetricData.html
"""

import json
from typing import TYPE_CHECKING

from aws_request import AwsRequestError, endpoint, post

if TYPE_CHECKING:
    from telemetry.metrics import Batch

# The only namespace that the execution role of an AgentCore runtime may write.
NAMESPACE = "bedrock-agentcore"
_HEADERS = {
    "Content-Type": "application/x-amz-json-1.0",
    "X-Amz-Target": "GraniteServiceVersion20100801.PutMetricData",
}
_ERROR_STATUS = 400


class CloudWatchError(Exception):
    """Metrics weren't taken; the message says why, without anything of the request."""


async def put_metric_data(batch: "Batch", *, region: str) -> None:
    """Send a batch. Raises `CloudWatchError` when it isn't taken."""
    url = endpoint("cloudwatch", host=f"monitoring.{region}.amazonaws.com")
    body = json.dumps({"Namespace": NAMESPACE, "MetricData": metric_data(batch)}).encode()
    try:
        answer = await post(url, body=body, headers=_HEADERS, signing_name="monitoring", region=region)
    except AwsRequestError as error:
        raise CloudWatchError(str(error)) from error
    if answer.status >= _ERROR_STATUS:
        raise CloudWatchError(f"CloudWatch answered {answer.status} {_code(answer.text)}".strip())


def metric_data(batch: "Batch") -> list[dict[str, object]]:
    """The members of `MetricData`; values without a time get that of their arrival."""
    return [
        {
            "MetricName": metric.name,
            "Unit": metric.unit,
            "Dimensions": [{"Name": name, "Value": value} for name, value in metric.dimensions],
            "Values": list(values),
            "Counts": list(values.values()),
        }
        for metric, values in batch.items()
    ]


def _code(answer: str) -> str:
    """The name of a refusal, which may follow a namespace: `com.amazon.coral.service#AccessDeniedException`."""
    try:
        return str(json.loads(answer).get("__type", "")).rpartition("#")[2]
    except (ValueError, AttributeError):
        return ""
