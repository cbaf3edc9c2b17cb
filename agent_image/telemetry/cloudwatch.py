"""Sends metrics to CloudWatch with one signed request: a client of botocore would first read a large model of the API.

https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_PutMetricData.html
"""

import json
import os
import ssl
from typing import TYPE_CHECKING

import aiohttp
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest

from role_credentials import aws_session

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
    """Send a batch. Raises `CloudWatchError` for a refusal, and what aiohttp raises when the network fails."""
    url = _endpoint(region)
    body = json.dumps({"Namespace": NAMESPACE, "MetricData": metric_data(batch)}).encode()
    request = AWSRequest(method="POST", url=url, data=body, headers=_HEADERS)
    credentials = await aws_session().get_credentials()
    if credentials is None:
        raise CloudWatchError("the process has no AWS credentials; on AgentCore they are those of the execution role")
    SigV4Auth(await credentials.get_frozen_credentials(), "monitoring", region).add_auth(request)
    connector = aiohttp.TCPConnector(ssl=ssl.create_default_context(cafile=os.environ.get("AWS_CA_BUNDLE")))
    async with (
        aiohttp.ClientSession(connector=connector) as http,
        http.post(url, data=body, headers=dict(request.headers)) as answer,
    ):
        if answer.status >= _ERROR_STATUS:
            raise CloudWatchError(f"CloudWatch answered {answer.status} {_code(await answer.text())}".strip())


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


def _endpoint(region: str) -> str:
    """The endpoint, with botocore's own variables for another one."""
    chosen = os.environ.get("AWS_ENDPOINT_URL_CLOUDWATCH") or os.environ.get("AWS_ENDPOINT_URL")
    return f"{chosen or f'https://monitoring.{region}.amazonaws.com'}".rstrip("/") + "/"


def _code(answer: str) -> str:
    """The name of a refusal, which may follow a namespace: `com.amazon.coral.service#AccessDeniedException`."""
    try:
        return str(json.loads(answer).get("__type", "")).rpartition("#")[2]
    except (ValueError, AttributeError):
        return ""
