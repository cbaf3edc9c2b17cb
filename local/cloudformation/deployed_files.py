"""The files of a Custom::CDKBucketDeployment: from archives and markers to names, contents and S3's parameters."""

import json
import mimetypes
import zipfile
from collections.abc import Mapping, Sequence
from fnmatch import fnmatchcase
from io import BytesIO
from typing import Any

# Python's own table, whatever this machine's files add: it is all that the AWS CLI has in Lambda.
_TYPES = mimetypes.MimeTypes()
# Options of `aws s3 sync`, by which the CDK names metadata, as S3 names them.
_SYSTEM_METADATA = {
    "acl": "ACL",
    "cache-control": "CacheControl",
    "content-disposition": "ContentDisposition",
    "content-encoding": "ContentEncoding",
    "content-language": "ContentLanguage",
    "content-type": "ContentType",
    "expires": "Expires",
    "sse": "ServerSideEncryption",
    "sse-kms-key-id": "SSEKMSKeyId",
    "storage-class": "StorageClass",
    "website-redirect": "WebsiteRedirectLocation",
}


def unzip(archive: bytes, *, markers: Mapping[str, Any], escapes_json: bool) -> dict[str, bytes]:
    """Return an archive's files with the values in place of the markers.

    `escapes_json`: values go into JSON, where a text is escaped and anything else is written out.
    """
    values = {
        marker.encode(): (_in_json(value) if escapes_json else str(value)).encode() for marker, value in markers.items()
    }
    with zipfile.ZipFile(BytesIO(archive)) as opened:
        return {info.filename: _replaced(opened.read(info), values) for info in opened.infolist() if not info.is_dir()}


def is_selected(name: str, *, exclude: Sequence[str], include: Sequence[str]) -> bool:
    """Whether a file takes part: all do but the excluded ones that aren't included again."""
    return not _matches(name, exclude) or _matches(name, include)


def object_parameters(name: str, *, user: Mapping[str, str], system: Mapping[str, str]) -> dict[str, Any]:
    """Return PutObject's parameters for a file, of which the type is guessed unless it is given.

    Raises ValueError for metadata that this cloud would silently ignore.
    """
    unknown = sorted(system.keys() - _SYSTEM_METADATA.keys())
    if unknown:
        raise ValueError(f"SystemMetadata {unknown} is not supported by the embedded cloud.")
    guessed, _ = _TYPES.guess_type(name)
    return {
        **({"ContentType": guessed} if guessed else {}),
        **{_SYSTEM_METADATA[key]: value for key, value in system.items()},
        **({"Metadata": {key.lower(): value for key, value in user.items()}} if user else {}),
    }


def _in_json(value: Any) -> str:
    written = json.dumps(value)
    return written[1:-1] if isinstance(value, str) else written


def _replaced(content: bytes, values: Mapping[bytes, bytes]) -> bytes:
    for marker, value in values.items():
        content = content.replace(marker, value)
    return content


def _matches(name: str, patterns: Sequence[str]) -> bool:
    return any(fnmatchcase(name, pattern) for pattern in patterns)
