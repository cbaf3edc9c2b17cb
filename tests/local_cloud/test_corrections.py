"""Where ministack is corrected to do as AWS does."""

import json

import pytest
from botocore.exceptions import ClientError

from .conftest import Cloud, MakeUser
from .templates import get, network, resource


@pytest.mark.parametrize(
    ("key", "code"),
    [
        ({"secret_access_key": "not the operator's"}, "SignatureDoesNotMatch"),
        ({"access_key_id": "test", "secret_access_key": "test"}, "InvalidClientTokenId"),
        ({"access_key_id": "123456789012", "secret_access_key": "test"}, "InvalidClientTokenId"),
    ],
)
def test_the_control_plane_verifies_every_signature_too(cloud: Cloud, key: dict[str, str], code: str) -> None:
    with pytest.raises(ClientError) as error:
        cloud.client("cloudformation", **key).describe_stacks()

    assert error.value.response["Error"]["Code"] == code


def test_a_bucket_that_asks_for_secure_transport_can_be_used(cloud: Cloud) -> None:
    s3 = cloud.client("s3")
    s3.create_bucket(Bucket="secure")
    refuse = {
        "Effect": "Deny",
        "Principal": "*",
        "Action": "s3:*",
        "Resource": "arn:aws:s3:::secure/*",
        "Condition": {"Bool": {"aws:SecureTransport": "false"}},
    }
    s3.put_bucket_policy(Bucket="secure", Policy=json.dumps({"Version": "2012-10-17", "Statement": [refuse]}))

    s3.put_object(Bucket="secure", Key="asset.zip", Body=b"content")

    assert s3.get_object(Bucket="secure", Key="asset.zip")["Body"].read() == b"content"


def test_ecr_says_when_an_image_is_not_there(cloud: Cloud, image: str) -> None:
    ecr = cloud.client("ecr")

    with pytest.raises(ecr.exceptions.ImageNotFoundException):
        ecr.describe_images(repositoryName="agents", imageIds=[{"imageTag": "missing"}])


def test_a_permission_for_one_repository_lets_it_be_described_and_no_other(
    cloud: Cloud, image: str, user: MakeUser
) -> None:
    cloud.client("ecr").create_repository(repositoryName="private")
    arn = "arn:aws:ecr:us-east-1:123456789012:repository/agents"
    ecr = user("describer", "ecr", {"Effect": "Allow", "Action": "ecr:DescribeRepositories", "Resource": arn})

    assert ecr.describe_repositories(repositoryNames=["agents"])["repositories"][0]["repositoryArn"] == arn
    with pytest.raises(ClientError, match="AccessDenied"):
        ecr.describe_repositories(repositoryNames=["private"])


def test_a_stack_of_added_types_is_done_at_the_first_look(cloud: Cloud) -> None:
    restricted = resource(
        "Custom::VpcRestrictDefaultSG",
        ServiceToken="arn:aws:lambda:us-east-1:123456789012:function:never-run",
        DefaultSecurityGroupId=get("Vpc", "DefaultSecurityGroup"),
        Account="123456789012",
    )
    template = {"Resources": network() | {"Address": resource("AWS::EC2::EIP"), "Restricted": restricted}}
    cloudformation = cloud.client("cloudformation")

    cloudformation.create_stack(StackName="at-once", TemplateBody=json.dumps(template))
    (found,) = cloudformation.describe_stacks(StackName="at-once")["Stacks"]

    assert found["StackStatus"] == "CREATE_COMPLETE"
    cloud.destroy("at-once")
