"""How files get into the bucket of a page, and out of it again."""

import io
import json
import zipfile
from collections.abc import Iterator, Mapping
from typing import Any

import pytest

from .conftest import Cloud
from .templates import Resource, get, ref, resource

ACTIONS = ("s3:GetObject*", "s3:GetBucket*", "s3:List*", "s3:DeleteObject*", "s3:PutObject*", "s3:PutBucketPolicy")
INVALIDATE = ("cloudfront:CreateInvalidation", "cloudfront:GetInvalidation")


def function(*actions: str) -> dict[str, Resource]:
    """The function of a custom resource, which is never run, and its role."""
    trust = {"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}
    allowed = {"Effect": "Allow", "Action": list(actions), "Resource": "*"}
    policy = {"PolicyName": "files", "PolicyDocument": {"Version": "2012-10-17", "Statement": [allowed]}}
    return {
        "Role": resource(
            "AWS::IAM::Role",
            AssumeRolePolicyDocument={"Version": "2012-10-17", "Statement": [trust]},
            Policies=[policy],
        ),
        "Function": resource(
            "AWS::Lambda::Function",
            Runtime="python3.13",
            Handler="index.handler",
            Role=get("Role", "Arn"),
            Code={"ZipFile": "raise SystemExit('this is never run')"},
        ),
    }


def deployment(*keys: str, bucket: str, **properties: Any) -> Resource:
    """A deployment of archives of the bucket of assets."""
    return resource(
        "Custom::CDKBucketDeployment",
        ServiceToken=get("Function", "Arn"),
        SourceBucketNames=["assets"] * len(keys),
        SourceObjectKeys=list(keys),
        DestinationBucketName=bucket,
        **properties,
    )


class Files:
    """The buckets of the tests."""

    def __init__(self, cloud: Cloud) -> None:
        self.s3 = cloud.client("s3")

    def archive(self, key: str, files: Mapping[str, str]) -> str:
        """Put an archive where the CDK CLI puts assets."""
        content = io.BytesIO()
        with zipfile.ZipFile(content, "w") as archive:
            for name, text in files.items():
                archive.writestr(name, text)
        self.s3.put_object(Bucket="assets", Key=key, Body=content.getvalue())
        return key

    def keys(self, bucket: str) -> list[str]:
        return [found["Key"] for found in self.s3.list_objects_v2(Bucket=bucket).get("Contents", [])]

    def text(self, bucket: str, key: str) -> str:
        content: bytes = self.s3.get_object(Bucket=bucket, Key=key)["Body"].read()
        return content.decode()


@pytest.fixture(scope="module")
def files(cloud: Cloud) -> Iterator[Files]:
    files = Files(cloud)
    files.s3.create_bucket(Bucket="assets")
    yield files
    for key in files.keys("assets"):
        files.s3.delete_object(Bucket="assets", Key=key)
    files.s3.delete_bucket(Bucket="assets")


@pytest.fixture
def bucket(files: Files) -> Iterator[str]:
    """A bucket to deploy to, which is no stack's."""
    name = "pages"
    files.s3.create_bucket(Bucket=name)
    yield name
    for key in files.keys(name):
        files.s3.delete_object(Bucket=name, Key=key)
    files.s3.delete_bucket(Bucket=name)


def test_files_are_put_with_values_in_place_of_markers_and_with_their_metadata(
    cloud: Cloud, files: Files, bucket: str
) -> None:
    bundle = files.archive(
        "bundle.zip", {"index.html": "old", "app.js": "<<one>>", "icon.svg": "", "a/data": "", "no": ""}
    )
    page = files.archive("page.zip", {"index.html": "to <<one>> and <<one>>\n<<two>>"})
    config = files.archive("config.zip", {"config.json": '{"said": "<<one>>", "memory": <<two>>}'})
    origin = {"Id": "bucket", "DomainName": "pages.s3.amazonaws.com", "S3OriginConfig": {}}
    behavior = {"TargetOriginId": "bucket", "ViewerProtocolPolicy": "https-only"}
    edge = {"Enabled": True, "Origins": [origin], "DefaultCacheBehavior": behavior}
    resources = function(*ACTIONS, *INVALIDATE) | {
        "Page": resource("AWS::CloudFront::Distribution", DistributionConfig=edge),
        "Files": deployment(
            *(bundle, page, config),
            bucket=bucket,
            SourceMarkers=[
                {},
                {"<<one>>": get("Function", "Arn"), "<<two>>": "2"},
                {"<<one>>": 'a "b"', "<<two>>": True},
            ],
            SourceMarkersConfig=[{}, {}, {"jsonEscape": "true"}],
            Exclude=["*"],
            Include=["*.*", "a/*"],
            SystemMetadata={"cache-control": "no-cache"},
            UserMetadata={"Release": "7"},
            DistributionId=ref("Page"),
            DistributionPaths=["/", "/index.html"],
        ),
    }

    keys = {"Fn::Join": [",", get("Files", "SourceObjectKeys")]}
    made = cloud.deploy("files", resources, Arn=get("Function", "Arn"), Keys=keys, Page=ref("Page"))

    assert made.status == "CREATE_COMPLETE", made.reasons
    arn = made.outputs["Arn"]
    assert made.outputs["Keys"] == "bundle.zip,page.zip,config.zip"
    assert files.keys(bucket) == ["a/data", "app.js", "config.json", "icon.svg", "index.html"]
    assert files.text(bucket, "index.html") == f"to {arn} and {arn}\n2"
    assert files.text(bucket, "app.js") == "<<one>>"
    assert json.loads(files.text(bucket, "config.json")) == {"said": 'a "b"', "memory": True}
    heads = {key: files.s3.head_object(Bucket=bucket, Key=key) for key in files.keys(bucket)}
    assert {key: head["ContentType"] for key, head in heads.items() if key != "a/data"} == {
        "app.js": "text/javascript",
        "config.json": "application/json",
        "icon.svg": "image/svg+xml",
        "index.html": "text/html",
    }
    assert {head["CacheControl"] for head in heads.values()} == {"no-cache"}
    assert heads["app.js"]["Metadata"] == {"release": "7"}
    (listed,) = cloud.client("cloudfront").list_invalidations(DistributionId=made.outputs["Page"])["InvalidationList"][
        "Items"
    ]
    invalidation = cloud.client("cloudfront").get_invalidation(DistributionId=made.outputs["Page"], Id=listed["Id"])[
        "Invalidation"
    ]
    assert (invalidation["Status"], invalidation["InvalidationBatch"]["Paths"]["Items"]) == (
        "Completed",
        ["/", "/index.html"],
    )

    assert cloud.destroy("files").status == "DELETE_COMPLETE"
    assert len(files.keys(bucket)) == 5


def test_an_update_removes_what_is_not_in_it_but_for_the_excluded(cloud: Cloud, files: Files, bucket: str) -> None:
    first = files.archive("first.zip", {"a.txt": "1", "b.txt": "1"})
    second = files.archive("second.zip", {"b.txt": "2"})
    files.s3.put_object(Bucket=bucket, Key="kept/x.js", Body=b"")

    def deploy(key: str, **properties: Any) -> None:
        resources = function(*ACTIONS) | {"Files": deployment(key, bucket=bucket, Exclude=["kept/*"], **properties)}
        deployed = cloud.deploy("updated", resources)
        assert deployed.status in ("CREATE_COMPLETE", "UPDATE_COMPLETE"), deployed.reasons

    deploy(first, RetainOnDelete=False, Prune=False)
    assert files.keys(bucket) == ["a.txt", "b.txt", "kept/x.js"]
    deploy(second, RetainOnDelete=False, Prune=False)
    assert (files.keys(bucket), files.text(bucket, "b.txt")) == (["a.txt", "b.txt", "kept/x.js"], "2")
    deploy(second, RetainOnDelete=False, Prune=True)
    assert files.keys(bucket) == ["b.txt", "kept/x.js"]
    deploy(second, RetainOnDelete=True, DestinationBucketKeyPrefix="en")
    assert files.keys(bucket) == ["b.txt", "en/b.txt", "kept/x.js"]
    deploy(second, RetainOnDelete=False, DestinationBucketKeyPrefix="fr")
    assert files.keys(bucket) == ["b.txt", "fr/b.txt", "kept/x.js"]

    assert cloud.destroy("updated").status == "DELETE_COMPLETE"
    assert files.keys(bucket) == ["b.txt", "kept/x.js"]


def test_files_of_a_bucket_that_goes_with_its_stack_are_left_to_that(cloud: Cloud, files: Files) -> None:
    archive = files.archive("owned.zip", {"a.txt": "1"})
    tags = [
        {"Key": "aws-cdk:cr-owned:12345678", "Value": "true"},
        {"Key": "aws-cdk:auto-delete-objects", "Value": "true"},
    ]
    properties = {"ServiceToken": get("Function", "Arn"), "BucketName": ref("Bucket")}
    web = function(*ACTIONS) | {
        "Bucket": resource(
            "AWS::S3::Bucket", BucketName="owned", Tags=tags, VersioningConfiguration={"Status": "Enabled"}
        ),
        "Emptied": resource("Custom::S3AutoDeleteObjects", **properties),
    }
    page = function(*ACTIONS) | {"Files": deployment(archive, bucket="owned", RetainOnDelete=False)}
    assert cloud.deploy("owned-web", web).status == "CREATE_COMPLETE"
    assert cloud.deploy("owned-page", page).status == "CREATE_COMPLETE"
    files.s3.put_object(Bucket="owned", Key="a.txt", Body=b"2")
    files.s3.put_object(Bucket="owned", Key="b.txt", Body=b"2")
    files.s3.delete_object(Bucket="owned", Key="b.txt")

    assert cloud.destroy("owned-page").status == "DELETE_COMPLETE"
    assert files.keys("owned") == ["a.txt"]

    assert cloud.destroy("owned-web").status == "DELETE_COMPLETE"
    assert "owned" not in [found["Name"] for found in files.s3.list_buckets()["Buckets"]]


def test_a_bucket_that_is_not_to_be_emptied_stays_with_its_stack(cloud: Cloud, files: Files) -> None:
    properties = {"ServiceToken": get("Function", "Arn"), "BucketName": ref("Bucket")}
    resources = function(*ACTIONS) | {
        "Bucket": resource("AWS::S3::Bucket", BucketName="full", Tags=[{"Key": "other", "Value": "true"}]),
        "Emptied": resource("Custom::S3AutoDeleteObjects", **properties),
    }
    assert cloud.deploy("full", resources).status == "CREATE_COMPLETE"
    files.s3.put_object(Bucket="full", Key="a.txt", Body=b"")

    refused = cloud.destroy("full")

    assert refused.status == "DELETE_FAILED"
    assert any("bucket you tried to delete is not empty" in reason for reason in refused.reasons)
    assert files.keys("full") == ["a.txt"]
    files.s3.delete_object(Bucket="full", Key="a.txt")
    assert cloud.destroy("full").status == "DELETE_COMPLETE"


@pytest.mark.parametrize("missing", ["s3:PutObject*", "s3:GetObject*", "s3:List*"])
def test_the_role_of_the_function_has_to_allow_it(cloud: Cloud, files: Files, bucket: str, missing: str) -> None:
    archive = files.archive("refused.zip", {"a.txt": "1"})
    actions = [action for action in ACTIONS if action != missing]

    made = cloud.deploy(f"no-{missing[3:7]}", function(*actions) | {"Files": deployment(archive, bucket=bucket)})

    assert made.status == "ROLLBACK_COMPLETE"
    assert any("AccessDenied" in reason for reason in made.reasons), made.reasons
    assert files.keys(bucket) == []


@pytest.mark.parametrize(
    ("properties", "refusal"),
    [
        ({"Colour": "red"}, "key [Colour] is not supported"),
        ({"SystemMetadata": {"colour": "red"}}, "SystemMetadata ['colour'] is not supported"),
    ],
)
def test_what_would_be_ignored_is_refused(
    cloud: Cloud, files: Files, bucket: str, properties: dict[str, Any], refusal: str
) -> None:
    archive = files.archive("unknown.zip", {"a.txt": "1"})
    resources = function(*ACTIONS) | {"Files": deployment(archive, bucket=bucket, **properties)}

    made = cloud.deploy(f"ignored-{'-'.join(properties)}", resources)

    assert any(refusal in reason for reason in made.reasons), made.reasons
    assert files.keys(bucket) == []
