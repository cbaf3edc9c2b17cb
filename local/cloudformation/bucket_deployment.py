"""Custom::CDKBucketDeployment, by which the CDK puts files into a bucket."""

from collections.abc import Iterator
from typing import Any
from uuid import uuid4

from botocore.exceptions import ClientError

from local.cloudformation.deployed_files import is_selected, object_parameters, unzip
from local.cloudformation.resource_type import Properties, Resource, ResourceType
from local.emulator.clients import function_client

OWNER_TAG = "aws-cdk:cr-owned"


class BucketDeployment(ResourceType):
    """Unpacks archives into a bucket, as the function that aws-cdk-lib 2.275 deploys for it does, in the same order.

    That function leans on the AWS CLI, which is a layer of its own: its work is done here, with its role's permissions,
    and the function is deployed but never run. So nothing is proven of its runtime, memory, disk and time limit, of
    the layer, of its log, and of its role's permission to write that. Every file is sent at every deployment, as it is
    by `aws s3 sync`, which finds the unpacked files newer than the bucket's.
    """

    name = "Custom::CDKBucketDeployment"
    required = frozenset({"ServiceToken", "SourceBucketNames", "SourceObjectKeys", "DestinationBucketName"})
    optional = frozenset(
        {
            "SourceMarkers",
            "SourceMarkersConfig",
            "DestinationBucketKeyPrefix",
            "DestinationBucketArn",
            "RetainOnDelete",
            "Extract",
            "Prune",
            "Exclude",
            "Include",
            "UserMetadata",
            "SystemMetadata",
            "DistributionId",
            "DistributionPaths",
            "WaitForDistributionInvalidation",
            "SignContent",
            "OutputObjectKeys",
        }
    )

    def __init__(self) -> None:
        self._deployed: dict[str, Properties] = {}

    def create(self, properties: Properties) -> Resource:
        """Put the files where they belong."""
        return self._deploy(f"aws.cdk.s3deployment.{uuid4()}", properties)

    def update(self, physical_id: str, properties: Properties) -> Resource:
        """Put the files where they belong now; those of another place go first, unless they are to be retained."""
        before = self._deployed[physical_id]
        if not _is_true(properties, "RetainOnDelete") and _destination(before) != _destination(properties):
            _remove_all(_s3(properties), *_destination(before))
        return self._deploy(physical_id, properties)

    def delete(self, physical_id: str) -> None:
        """Remove all that is in the place, unless it is to be retained or the bucket says that somebody deploys to it.

        A bucket of this or another stack does say so, by a tag, as long as it isn't updated: its files then go with it.
        """
        properties = self._deployed[physical_id]
        if not _is_true(properties, "RetainOnDelete") and not _is_owned(properties):
            _remove_all(_s3(properties), *_destination(properties))
        _invalidate(properties)
        del self._deployed[physical_id]

    def _deploy(self, physical_id: str, properties: Properties) -> Resource:
        self._deployed[physical_id] = properties
        _synchronize(properties)
        _invalidate(properties)
        keys = properties["SourceObjectKeys"] if _is_true(properties, "OutputObjectKeys") else []
        attributes = {"SourceObjectKeys": keys, "DestinationBucketArn": properties.get("DestinationBucketArn", "")}
        return Resource(physical_id=physical_id, attributes=attributes)


def _synchronize(properties: Properties) -> None:
    """Send the files and, where that is wanted, remove what else is in the place; excluded files are left alone."""
    s3 = _s3(properties)
    bucket, prefix = _destination(properties)
    selection = {"exclude": properties.get("Exclude", []), "include": properties.get("Include", [])}
    files = {name: content for name, content in _files(s3, properties).items() if is_selected(name, **selection)}
    metadata = {"user": properties.get("UserMetadata", {}), "system": properties.get("SystemMetadata", {})}
    present = {key.removeprefix(prefix) for key in _keys(s3, bucket, prefix)}
    for name, content in files.items():
        s3.put_object(Bucket=bucket, Key=prefix + name, Body=content, **object_parameters(name, **metadata))
    if _is_true(properties, "Prune"):
        for name in present - files.keys():
            if is_selected(name, **selection):
                s3.delete_object(Bucket=bucket, Key=prefix + name)


def _files(s3: Any, properties: Properties) -> dict[str, bytes]:
    """Return the files of all sources by name; a later source's take the place of an earlier one's."""
    files: dict[str, bytes] = {}
    sources = list(zip(properties["SourceBucketNames"], properties["SourceObjectKeys"], strict=True))
    nothing: list[Properties] = [{}] * len(sources)
    markers, settings = (properties.get(name, nothing) for name in ("SourceMarkers", "SourceMarkersConfig"))
    for (bucket, key), own_markers, own_settings in zip(sources, markers, settings, strict=True):
        content = s3.get_object(Bucket=bucket, Key=key)["Body"].read()
        if _is_true(properties, "Extract"):
            escapes_json = _is_true(own_settings, "jsonEscape", default="false")
            files |= unzip(content, markers=own_markers, escapes_json=escapes_json)
        else:
            files[key.rpartition("/")[2]] = content
    return files


def _invalidate(properties: Properties) -> None:
    """Ask for the invalidation and for how it goes: the function asks even when it isn't told to wait."""
    distribution_id = properties.get("DistributionId")
    if not distribution_id:
        return
    cloudfront = function_client("cloudfront", function_arn=properties["ServiceToken"])
    prefix = properties.get("DestinationBucketKeyPrefix", "").strip("/")
    paths = properties.get("DistributionPaths", [f"/{prefix}/*" if prefix else "/*"])
    batch = {"Paths": {"Quantity": len(paths), "Items": paths}, "CallerReference": str(uuid4())}
    made = cloudfront.create_invalidation(DistributionId=distribution_id, InvalidationBatch=batch)["Invalidation"]
    cloudfront.get_invalidation(DistributionId=distribution_id, Id=made["Id"])


def _is_owned(properties: Properties) -> bool:
    bucket, prefix = properties["DestinationBucketName"], properties.get("DestinationBucketKeyPrefix", "")
    try:
        tags = _s3(properties).get_bucket_tagging(Bucket=bucket)["TagSet"]
    except ClientError as error:
        if error.response["Error"]["Code"] not in ("NoSuchTagSet", "NoSuchBucket"):
            raise
        return False
    tag = f"{OWNER_TAG}:{prefix}" if prefix not in ("", "/") else OWNER_TAG
    return any(each["Key"].startswith(tag) for each in tags)


def _remove_all(s3: Any, bucket: str, prefix: str) -> None:
    for key in list(_keys(s3, bucket, prefix)):
        s3.delete_object(Bucket=bucket, Key=key)


def _keys(s3: Any, bucket: str, prefix: str) -> Iterator[str]:
    for page in s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix):
        yield from (each["Key"] for each in page.get("Contents", []))


def _s3(properties: Properties) -> Any:
    return function_client("s3", function_arn=properties["ServiceToken"])


def _destination(properties: Properties) -> tuple[str, str]:
    """Return the bucket, and what all keys begin with: nothing, or a path with a slash at its end."""
    prefix = properties.get("DestinationBucketKeyPrefix", "").removesuffix("/")
    return properties["DestinationBucketName"], f"{prefix}/" if prefix else ""


def _is_true(properties: Properties, name: str, *, default: str = "true") -> bool:
    """Read a boolean, which CloudFormation gives to a function as text."""
    return str(properties.get(name, default)).lower() == "true"
