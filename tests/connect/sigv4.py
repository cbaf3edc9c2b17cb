"""SigV4 written from AWS's description, with nothing of botocore: the judge of what the function signs.

https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html
"""

import hashlib
import hmac
from collections.abc import Mapping
from urllib.parse import parse_qsl, quote, urlsplit


def header_signature_is_valid(
    *, method: str, target: str, headers: Mapping[str, str], body: bytes, secret_key: str
) -> bool:
    """Whether the Authorization header fits this request; `headers` by lower-case name, `target` as on the wire."""
    algorithm, _, rest = headers["authorization"].partition(" ")
    fields = dict(part.split("=", 1) for part in rest.split(", "))
    path, _, query = target.partition("?")
    expected = _signature(
        method=method,
        path=path,
        query=parse_qsl(query, keep_blank_values=True),
        headers={name: headers[name] for name in fields["SignedHeaders"].split(";")},
        payload_hash=hashlib.sha256(body).hexdigest(),
        amz_date=headers["x-amz-date"],
        scope=fields["Credential"].split("/", 1)[1],
        secret_key=secret_key,
    )
    return algorithm == "AWS4-HMAC-SHA256" and hmac.compare_digest(expected, fields["Signature"])


def presigned_url_is_valid(*, url: str, secret_key: str) -> bool:
    """Whether the X-Amz-Signature of a pre-signed GET fits the rest of its URL."""
    parts = urlsplit(url)
    pairs = parse_qsl(parts.query, keep_blank_values=True)
    query = dict(pairs)
    expected = _signature(
        method="GET",
        path=parts.path,
        query=[pair for pair in pairs if pair[0] != "X-Amz-Signature"],
        headers={"host": parts.netloc},
        payload_hash=hashlib.sha256(b"").hexdigest(),
        amz_date=query.get("X-Amz-Date", ""),
        scope=query.get("X-Amz-Credential", "/").split("/", 1)[-1],
        secret_key=secret_key,
    )
    return query.get("X-Amz-SignedHeaders") == "host" and query.get("X-Amz-Signature") == expected


def _signature(
    *,
    method: str,
    path: str,
    query: list[tuple[str, str]],
    headers: Mapping[str, str],
    payload_hash: str,
    amz_date: str,
    scope: str,
    secret_key: str,
) -> str:
    encoded = sorted((quote(name, safe="-_.~"), quote(value, safe="-_.~")) for name, value in query)
    canonical = "\n".join(
        (
            method,
            quote(path, safe="/-_.~"),  # encoded once more than on the wire, as every service but S3 has it
            "&".join(f"{name}={value}" for name, value in encoded),
            *(f"{name}:{' '.join(headers[name].split())}" for name in sorted(headers)),
            "",
            ";".join(sorted(headers)),
            payload_hash,
        )
    )
    text = "\n".join(("AWS4-HMAC-SHA256", amz_date, scope, hashlib.sha256(canonical.encode()).hexdigest()))
    key = b"AWS4" + secret_key.encode()
    for part in (*scope.split("/"), text):
        key = hmac.new(key, part.encode(), hashlib.sha256).digest()
    return key.hex()
