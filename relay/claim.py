"""A token opens one stream, whichever task of the service sees it: DynamoDB remembers the ones that were used."""

import secrets

from relay.aws import Aws, AwsUnavailableError
from relay.token import Pass

_KEPT_SECONDS = 300
"""After a token's end, which bears a difference of clocks."""


def claim(*, aws: Aws, table_name: str, passed: Pass) -> bool:
    """Whether the token was unused until now; blocks. Raises `AwsUnavailableError`.

    The condition lets the same claim through twice, so that one whose answer was lost can be made again.
    https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_PutItem.html
    """
    mark = secrets.token_hex(8)
    answer = aws.call(
        service="dynamodb",
        target="DynamoDB_20120810.PutItem",
        version="1.0",
        body={
            "TableName": table_name,
            "Item": {
                "pk": {"S": f"stream#{passed.nonce}"},
                "claimed": {"S": mark},
                "expires": {"N": str(passed.expires + _KEPT_SECONDS)},
            },
            "ConditionExpression": "attribute_not_exists(pk) OR claimed = :mark",
            "ExpressionAttributeValues": {":mark": {"S": mark}},
        },
    )
    if answer.error and answer.error != "ConditionalCheckFailedException":
        raise AwsUnavailableError(answer.error)
    return not answer.error
