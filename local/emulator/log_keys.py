"""The two calls of CloudWatch Logs that ministack lacks: they give a log group a key and take it away."""

import json
from collections.abc import Mapping
from typing import Any

from ministack.core.responses import error_response_json, json_response
from ministack.services import cloudwatch_logs, kms


def know_log_group_keys() -> None:
    """Answer AssociateKmsKey and DisassociateKmsKey; nothing is encrypted, and the key's own policy is not asked.

    https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_AssociateKmsKey.html
    """
    handle_request = cloudwatch_logs.handle_request

    async def corrected(method: str, path: str, headers: Mapping[str, str], body: bytes, *rest: Any) -> Any:
        action = headers.get("x-amz-target", "").rpartition(".")[2]
        if action in ("AssociateKmsKey", "DisassociateKmsKey"):
            return _set_key(json.loads(body), needs_key=action == "AssociateKmsKey")
        return await handle_request(method, path, headers, body, *rest)

    cloudwatch_logs.handle_request = corrected


def _set_key(request: Mapping[str, Any], *, needs_key: bool) -> Any:
    group = cloudwatch_logs._log_groups.get(request["logGroupName"])
    if group is None:
        message = f"The specified log group does not exist: {request['logGroupName']}"
        return error_response_json("ResourceNotFoundException", message, 400)
    key_arn = request["kmsKeyId"] if needs_key else None
    key = kms._resolve_key(key_arn) if key_arn else None
    if needs_key and (key is None or key["Arn"] != key_arn or not key["Enabled"]):
        return error_response_json("InvalidParameterException", f"There is no enabled key with the ARN {key_arn}", 400)
    group["kmsKeyId"] = key_arn
    return json_response({})
