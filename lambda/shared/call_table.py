"""The one table of telephony: what must be known of a call, or has happened once, beyond a single request.

DynamoDB by signed requests. It deletes expired items up to days late
(https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/TTL.html), so an expired item counts as absent here.
"""

import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from shared.aws_request import AwsResponse, AwsUnreachableError, send_signed
from shared.credentials import Credentials
from shared.errors import RETRY_LATER, ApiError, wrong_setup

type Value = str | int
"""What an item's attribute holds here: a text, or a whole number."""

KEY, EXPIRES = "pk", "expires"
"""The partition key, and the table's TTL attribute: epoch seconds, from which on the item is absent."""

TIMEOUT_SECONDS = 2
"""For each request: a carrier waits for the answer to its webhook, Vonage 5 s in all."""

_COUNT = "n"
# Of the errors with status 400, those that time cures: https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Programming.Errors.html
_BUSY = {
    "LimitExceededException",
    "ProvisionedThroughputExceededException",
    "RequestLimitExceeded",
    "ThrottlingException",
    "TransactionInProgressException",
}


@dataclass(frozen=True, kw_only=True)
class CallTable:
    """Every method raises `ApiError`: 503 `call_table_unavailable` without an answer of use, 500 for a wrong setup.

    A write that failed so may still have been carried out.
    """

    name: str
    region: str
    endpoint_url: str
    credentials: Credentials

    def put_once(self, *, key: str, expires: int, values: Mapping[str, Value] | None = None) -> bool:
        """Write an item where there is none; False where there is one. Of any number at once, one succeeds."""
        expression = _Expression()
        condition = f"attribute_not_exists({expression.name(KEY)}) OR {expression.name(EXPIRES)} <= {_now(expression)}"
        item = {**(values or {}), KEY: key, EXPIRES: expires}
        return self._write(
            "PutItem", {"Item": _marshalled(item), "ConditionExpression": condition, **expression.arguments()}
        )

    def get(self, *, key: str) -> dict[str, Value] | None:
        """The item as it is now, every finished write included; None where there is none."""
        response = self._send("GetItem", {"Key": _marshalled({KEY: key}), "ConsistentRead": True})
        item = _item(response=response)
        return item if int(item.get(EXPIRES, 0)) > time.time() else None

    def update(
        self,
        *,
        key: str,
        values: Mapping[str, Value],
        one_of: Mapping[str, Sequence[Value]] | None = None,
        below: Mapping[str, int] | None = None,
    ) -> bool:
        """Set `values` in an item, if its attributes are among `one_of` and less than `below`.

        False, with nothing changed, where that isn't so, and where there is no item.
        """
        expression = _Expression()
        conditions = [f"{expression.name(EXPIRES)} > {_now(expression)}"]
        for name, allowed in (one_of or {}).items():
            choices = ", ".join(expression.value(value) for value in allowed)
            conditions.append(f"{expression.name(name)} IN ({choices})")
        conditions += [f"{expression.name(name)} < {expression.value(value)}" for name, value in (below or {}).items()]
        changes = [f"{expression.name(name)} = {expression.value(value)}" for name, value in values.items()]
        return self._write(
            "UpdateItem",
            {
                "Key": _marshalled({KEY: key}),
                "UpdateExpression": f"SET {', '.join(changes)}",
                "ConditionExpression": " AND ".join(conditions),
                **expression.arguments(),
            },
        )

    def count(self, *, key: str, limit: int, expires: int) -> bool:
        """Add one to the counter `key` unless it has reached `limit`; False, with nothing added, where it has.

        A counter that starts anew is another one: its key names its window of time, and `expires` only clears it away.
        """
        expression = _Expression()
        count = expression.name(_COUNT)
        added = f"if_not_exists({count}, {expression.value(0)}) + {expression.value(1)}"
        return self._write(
            "UpdateItem",
            {
                "Key": _marshalled({KEY: key}),
                "UpdateExpression": f"SET {count} = {added}, {expression.name(EXPIRES)} = {expression.value(expires)}",
                "ConditionExpression": f"attribute_not_exists({count}) OR {count} < {expression.value(limit)}",
                **expression.arguments(),
            },
        )

    def delete(self, *, key: str) -> None:
        """Take an item away; nothing happens where there is none."""
        self._send("DeleteItem", {"Key": _marshalled({KEY: key})})

    def _write(self, operation: str, arguments: Mapping[str, object]) -> bool:
        """Whether a conditional write was carried out."""
        return self._send(operation, arguments).status == 200

    def _send(self, operation: str, arguments: Mapping[str, object]) -> AwsResponse:
        """A success, or the refusal of a condition; raises `ApiError` for everything else.

        https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Programming.LowLevelAPI.html
        """
        try:
            response = send_signed(
                url=f"{self.endpoint_url}/",
                service="dynamodb",
                region=self.region,
                credentials=self.credentials,
                headers={
                    "Content-Type": "application/x-amz-json-1.0",
                    "X-Amz-Target": f"DynamoDB_20120810.{operation}",
                },
                body=json.dumps({"TableName": self.name, **arguments}).encode(),
                timeout_seconds=TIMEOUT_SECONDS,
            )
        except AwsUnreachableError as error:
            raise _unavailable(note=f"{operation}: {error}") from None
        if response.status == 200 or response.error_type == "ConditionalCheckFailedException":
            return response
        note = f"{operation}: HTTP {response.status} {response.error_type}".rstrip()
        if response.status >= 500 or response.error_type in _BUSY:
            raise _unavailable(note=note)
        raise wrong_setup(note=note)


@dataclass
class _Expression:
    """Placeholders for names and values: any name may be one of the words that DynamoDB keeps for itself.

    https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Expressions.ExpressionAttributeNames.html
    """

    names: dict[str, str] = field(default_factory=dict)
    values: dict[str, Value] = field(default_factory=dict)

    def name(self, name: str) -> str:
        """The placeholder of an attribute's name: one a name."""
        return self.names.setdefault(name, f"#{len(self.names)}")

    def value(self, value: Value) -> str:
        placeholder = f":{len(self.values)}"
        self.values[placeholder] = value
        return placeholder

    def arguments(self) -> dict[str, object]:
        return {
            "ExpressionAttributeNames": {placeholder: name for name, placeholder in self.names.items()},
            "ExpressionAttributeValues": _marshalled(self.values),
        }


def _now(expression: _Expression) -> str:
    return expression.value(int(time.time()))


def _marshalled(values: Mapping[str, Value]) -> dict[str, dict[str, str]]:
    """Attributes as the API has them: https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_AttributeValue.html."""
    return {name: {"N" if isinstance(value, int) else "S": str(value)} for name, value in values.items()}


def _item(*, response: AwsResponse) -> dict[str, Value]:
    try:
        item: Any = json.loads(response.body).get("Item") or {}
        return {name: int(typed["N"]) if "N" in typed else str(typed["S"]) for name, typed in item.items()}
    except (AttributeError, KeyError, TypeError, ValueError):
        raise _unavailable(note="GetItem: malformed answer") from None


def _unavailable(*, note: str) -> ApiError:
    return ApiError(
        status=503,
        code="call_table_unavailable",
        message="The service could not use its record of calls. Try again in a moment.",
        headers=RETRY_LATER,
        note=note,
    )
