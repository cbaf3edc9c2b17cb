"""Buckets of stacks: ministack gives them no tags, and removes even those that S3 keeps."""

from typing import Any

from ministack.services import s3
from ministack.services.cloudformation import provisioners

from local.cloudformation.resource_type import Properties

Made = tuple[str, dict[str, Any]]


def correct_buckets() -> None:
    """Let a bucket have its tags, and the deletion of a stack fail at one with objects or versions.

    https://docs.aws.amazon.com/AmazonS3/latest/userguide/delete-bucket.html
    """
    handlers = provisioners._RESOURCE_HANDLERS["AWS::S3::Bucket"]
    create, update, delete = handlers["create"], handlers["update"], handlers["delete"]

    def created(logical_id: str, properties: Properties, stack_name: str) -> Made:
        return _tagged(create(logical_id, properties, stack_name), properties)

    def updated(physical_id: str, old: Properties, new: Properties, *rest: Any) -> Made:
        return _tagged(update(physical_id, old, new, *rest), new)

    def deleted(name: str, *rest: Any) -> None:
        if _is_full(name):
            raise ValueError(f"The bucket you tried to delete is not empty: {name}. (Service: S3, Status Code: 409)")
        delete(name, *rest)

    handlers.update(create=created, update=updated, delete=deleted)


def _tagged(made: Made, properties: Properties) -> Made:
    name, _ = made
    s3._bucket_tags[name] = {tag["Key"]: tag["Value"] for tag in properties.get("Tags", [])}
    return made


def _is_full(name: str) -> bool:
    bucket = s3._buckets.get(name)
    versions = (found for (owner, _), found in s3._object_versions.items() if owner == name)
    return bucket is not None and (bool(bucket["objects"]) or any(versions))
