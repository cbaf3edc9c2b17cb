"""Where an AWS service is reached: its public host, or the endpoint that the environment names instead."""

import re
from collections.abc import Mapping


def service_endpoint(*, service_id: str, host_prefix: str, region: str, environ: Mapping[str, str]) -> str:
    """The base URL of a service, without a trailing slash.

    AWS_ENDPOINT_URL_<SERVICE_ID> goes before AWS_ENDPOINT_URL, as in every AWS SDK
    (https://docs.aws.amazon.com/sdkref/latest/guide/feature-ss-endpoints.html). Raises `ValueError` on a malformed one.
    """
    specific = f"AWS_ENDPOINT_URL_{service_id.upper().replace(' ', '_')}"
    for name in (specific, "AWS_ENDPOINT_URL"):
        if url := environ.get(name):
            return checked_url(name=name, url=url)
    return f"https://{host_prefix}.{region}.amazonaws.com"


def checked_url(*, name: str, url: str) -> str:
    """The base URL that the variable `name` holds, without a trailing slash; raises `ValueError`."""
    # The value is not quoted: a URL can hold a password, which is also why one with a user name is refused.
    if not re.fullmatch(r"https?://[A-Za-z0-9.\-]+(:[0-9]{1,5})?(/[A-Za-z0-9._~/\-]*)?", url):
        raise ValueError(f"{name}: needed http:// or https:// with a host, and at most a port and a path")
    return url.rstrip("/")
