"""CloudWatch's PutMetricData in AWS JSON 1.0, as an agent's role may use it: in one namespace only.

It checks the limits of https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_PutMetricData.html
It proves nothing about statistics, alarms and prices, nor about the other protocols of the service.
"""

import json
from collections import Counter
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any

from aiohttp import web

from tests.models.stand_in import AwsStandIn, refusal, validation_error

NAMESPACE = "bedrock-agentcore"
_UNITS = {"Count", "Seconds", "Milliseconds"}
_MAX_METRICS, _MAX_VALUES, _MAX_DIMENSIONS = 1000, 150, 30


@dataclass(kw_only=True)
class CloudWatchStandIn(AwsStandIn):
    """Keeps how often each value of a metric came, by the metric's name and its dimensions as `name=value`."""

    service: str = "monitoring"
    metrics: dict[tuple[str, ...], Counter[float]] = field(default_factory=dict)

    def routes(self) -> list[web.RouteDef]:
        return [web.post("/", self._put_metric_data)]

    def find(self, name: str, **dimensions: str) -> Counter[float]:
        """The values of all metrics of this name that have (at least) these dimensions."""
        wanted = {f"{key}={value}" for key, value in dimensions.items()}
        found: Counter[float] = Counter()
        for (its_name, *its_dimensions), values in self.metrics.items():
            if its_name == name and wanted <= set(its_dimensions):
                found += values
        return found

    async def _put_metric_data(self, request: web.Request) -> web.Response:
        await self.verified(request)
        if request.headers.get("X-Amz-Target") != "GraniteServiceVersion20100801.PutMetricData":
            raise refusal("UnknownOperationException", HTTPStatus.NOT_FOUND, "no such operation")
        if request.content_type != "application/x-amz-json-1.0":
            raise validation_error(f"Content-Type: {request.content_type}")
        message = json.loads(await request.read())
        if message.keys() != {"Namespace", "MetricData"}:
            raise validation_error(f"members: {sorted(message)}")
        if message["Namespace"] != NAMESPACE:
            raise refusal("AccessDeniedException", HTTPStatus.FORBIDDEN, "no policy allows cloudwatch:PutMetricData")
        if not 1 <= len(message["MetricData"]) <= _MAX_METRICS:
            raise validation_error(f"MetricData: {len(message['MetricData'])} members")
        for datum in message["MetricData"]:
            self._keep(datum)
        return web.json_response({}, content_type="application/x-amz-json-1.0")

    def _keep(self, datum: dict[str, Any]) -> None:
        values, counts, dimensions = datum["Values"], datum["Counts"], datum["Dimensions"]
        if datum.keys() != {"MetricName", "Unit", "Dimensions", "Values", "Counts"} or datum["Unit"] not in _UNITS:
            raise validation_error(f"MetricDatum: {sorted(datum)} in {datum.get('Unit')}")
        if not 1 <= len(values) <= _MAX_VALUES or len(values) != len(counts) or len(set(values)) != len(values):
            raise validation_error(f"{len(values)} values, {len(counts)} counts")
        if len(dimensions) > _MAX_DIMENSIONS or not all(pair["Name"] and pair["Value"] for pair in dimensions):
            raise validation_error("Dimensions: too many, or one without a name or a value")
        name = (datum["MetricName"], *(f"{pair['Name']}={pair['Value']}" for pair in dimensions))
        kept = self.metrics.setdefault(name, Counter())
        for value, count in zip(values, counts, strict=True):
            kept[value] += count
