"""Custom::S3AutoDeleteObjects, which the CDK adds to a bucket that goes with its stack."""

import json
from typing import Any

from botocore.exceptions import ClientError

from local.cloudformation.resource_type import Properties, Resource, ResourceType
from local.emulator.clients import function_client

TAG = {"Key": "aws-cdk:auto-delete-objects", "Value": "true"}


class AutoDeleteObjects(ResourceType):
    """Empties a bucket, all versions of it, before it is deleted, if the bucket's tag allows that.

    The CDK's own function for it leans on the AWS SDK for JavaScript, which the Lambda service brings along and this
    cloud doesn't: its work is done here, with its role's permissions, and the function is deployed but never run.
    """

    name = "Custom::S3AutoDeleteObjects"
    required = frozenset({"ServiceToken", "BucketName"})
    create_only = frozenset({"BucketName"})

    def __init__(self) -> None:
        self._functions: dict[str, str] = {}

    def create(self, properties: Properties) -> Resource:
        """Do nothing yet."""
        return self.update(properties["BucketName"], properties)

    def update(self, physical_id: str, properties: Properties) -> Resource:
        """Do nothing yet."""
        self._functions[physical_id] = properties["ServiceToken"]
        return Resource(physical_id=physical_id)

    def delete(self, physical_id: str) -> None:
        """Close the bucket to new objects and remove those that are there."""
        s3 = function_client("s3", function_arn=self._functions[physical_id])
        try:
            if TAG in s3.get_bucket_tagging(Bucket=physical_id)["TagSet"]:
                _close(s3, physical_id)
                _empty(s3, physical_id)
        except s3.exceptions.NoSuchBucket:
            pass
        del self._functions[physical_id]


def _close(s3: Any, bucket: str) -> None:
    """Deny new objects, which CloudFront's or S3's logs may be, in a policy of the bucket's own."""
    try:
        policy = json.loads(s3.get_bucket_policy(Bucket=bucket)["Policy"])
    except ClientError as error:
        if error.response["Error"]["Code"] != "NoSuchBucketPolicy":
            raise
        policy = {"Version": "2012-10-17", "Statement": []}
    denial = {"Effect": "Deny", "Principal": "*", "Action": "s3:PutObject", "Resource": f"arn:aws:s3:::{bucket}/*"}
    policy["Statement"].append(denial)
    s3.put_bucket_policy(Bucket=bucket, Policy=json.dumps(policy))


def _empty(s3: Any, bucket: str) -> None:
    for page in s3.get_paginator("list_object_versions").paginate(Bucket=bucket):
        found = [*page.get("Versions", []), *page.get("DeleteMarkers", [])]
        objects = [{"Key": each["Key"], "VersionId": each["VersionId"]} for each in found]
        if objects and (errors := s3.delete_objects(Bucket=bucket, Delete={"Objects": objects}).get("Errors")):
            raise PermissionError(f"S3 kept objects of {bucket}: {errors}")
