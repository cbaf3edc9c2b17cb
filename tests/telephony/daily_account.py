"""An account at Daily, as the function is told of it, and the webhooks that Daily signs for it."""

import base64
import hashlib
import hmac
import json
import time
from collections.abc import Mapping
from typing import Any

from tests.rooms.daily_stub import API_KEY, DOMAIN_ID

SECRET_ARN = "arn:aws:secretsmanager:eu-west-1:123456789012:secret:daily-AbCdEf"
HMAC_KEY = base64.b64encode(b"the-key-of-dailys-webhooks").decode()
OTHER_HMAC_KEY = base64.b64encode(b"the-key-that-comes-after-it").decode()
NUMBER_ID = "5d2a6f3e-0b5f-4a8e-9d5a-9f7d5d0c2b11"
PREFIX = "switchboard-test"
DOMAIN = "6b6e2f5c-04a1-4f0c-8f0d-2f9f1f4f6a10"
PATH = "/telephony/daily/answer"
VARIABLES = {
    "SWITCHBOARD_DAILY_SECRET_ARN": SECRET_ARN,
    "SWITCHBOARD_DAILY_ROOM_PREFIX": PREFIX,
    "SWITCHBOARD_DAILY_SESSION_SECONDS": "1800",
    "SWITCHBOARD_DAILY_MAX_PARTICIPANTS": "4",
    "SWITCHBOARD_DAILY_NUMBER": NUMBER_ID,
}


def secret(*, api_key: str = API_KEY, hmac_key: str = HMAC_KEY) -> dict[str, str]:
    return {"apiKey": api_key, "domainId": DOMAIN_ID, "webhookHmac": hmac_key}


def webhook_event(
    *, fields: Mapping[str, Any], key: str = HMAC_KEY, age: float = 0.0, path: str = PATH, query: str = ""
) -> dict[str, Any]:
    """What API Gateway hands over of a webhook that Daily has signed `age` seconds ago, in milliseconds as it does."""
    body = json.dumps(fields, separators=(",", ":"))
    timestamp = str(int((time.time() - age) * 1000))
    signature = hmac.new(base64.b64decode(key), f"{timestamp}.{body}".encode(), hashlib.sha256).digest()
    return {
        "version": "2.0",
        "routeKey": f"POST {path}",
        "rawPath": path,
        "rawQueryString": query,
        "headers": {
            "content-type": "application/json",
            "X-Pinless-Timestamp": timestamp,
            "X-Pinless-Signature": base64.b64encode(signature).decode(),
        },
        "requestContext": {"requestId": "api-request-1", "http": {"method": "POST", "path": path}},
        "body": body,
        "isBase64Encoded": False,
    }
