"""Where ministack differs from AWS in what this kit leans on: each correction says what it corrects."""

import json
import os
import re
import string
from collections.abc import Mapping
from typing import Any

import ministack.app
from ministack.core import iam_actions, iam_evaluator
from ministack.core.responses import error_response_json, get_region
from ministack.services import apigateway, dynamodb, ec2, ecr
from ministack.services.cloudformation import provisioners

from local.cloudformation.resource_type import Properties
from local.emulator.buckets import correct_buckets
from local.emulator.cognito import correct_sign_in
from local.emulator.event_targets import ask_functions_policies
from local.emulator.layers import correct_layers
from local.emulator.log_keys import know_log_group_keys
from local.emulator.program_clients import correct_program_clients
from local.emulator.provisioning import Correction, correct_resource_type
from local.emulator.settling import answer_once_stacks_settle

# A zone id is fabricated from a zone's letter; no region has more zones than six.
_ZONE_LETTERS = "abcdef"
_REQUEST_LINE_AND_HEADERS_BYTES = 10_240


def correct(*, endpoint: str) -> None:
    """Apply all corrections; `endpoint` is the base URL of this cloud."""
    trust_loopback()
    know_one_root_key()
    report_missing_images()
    authorize_described_repositories()
    limit_request_lines()
    know_log_group_keys()
    answer_once_stacks_settle()
    correct_buckets()
    correct_layers()
    correct_sign_in(endpoint=endpoint)
    correct_program_clients()
    delete_tables_wholly()
    ask_functions_policies()
    correct_resource_type("AWS::EC2::VPCEndpoint", Correction(properties=_of_a_service))
    correct_resource_type("AWS::EC2::Subnet", Correction(properties=_with_zone_name))
    correct_resource_type(
        "AWS::SecretsManager::Secret",
        Correction(
            properties=_without_punctuation,
            # Ref is the ARN, and a policy that grants the secret says so; ministack gives the name.
            ref=lambda _name, attributes: attributes["Arn"],
            own_id=lambda arn: arn.rpartition(":")[2].rpartition("-")[0],
        ),
    )
    correct_resource_type(
        "AWS::ApiGatewayV2::Api",
        Correction(
            properties=_with_cors_names,
            attributes=lambda api_id, attributes: {**attributes, "ApiEndpoint": _api_endpoint(api_id, endpoint)},
        ),
    )


def trust_loopback() -> None:
    """Let a request count as aws:SecureTransport.

    The bucket of `cdk bootstrap` refuses anything else. This cloud listens on loopback only, where there is no wire to
    protect, and TLS would only bring a certificate that every client had to be told to trust.
    """
    pin_request_origin = ministack.app.pin_request_origin
    ministack.app.pin_request_origin = lambda source_ip, _secure: pin_request_origin(source_ip, True)


def know_one_root_key() -> None:
    """Let no key but the cloud's own be the root user's, whose signatures ministack doesn't verify; "test" is none."""
    root_keys = {"", os.environ["AWS_ACCESS_KEY_ID"]}
    iam_evaluator.is_root_access_key = lambda access_key_id: access_key_id in root_keys


def report_missing_images() -> None:
    """Let ECR's DescribeImages fail for an image that isn't there: it is how the CDK CLI knows that it has to push."""
    describe_images = ecr._describe_images

    def corrected(request: Mapping[str, Any]) -> Any:
        repository = request.get("repositoryName", "")
        for image_id in request.get("imageIds") or []:
            if repository in ecr._repositories and not ecr._find_image(repository, image_id):
                message = f"The image with imageId {image_id} does not exist within the repository {repository}"
                return error_response_json("ImageNotFoundException", message, 400)
        return describe_images(request)

    ecr._describe_images = corrected


def authorize_described_repositories() -> None:
    """Let IAM see which repository ECR's DescribeRepositories asks for: its parameter is plural."""
    extract_resource_arn = iam_actions.extract_resource_arn

    def corrected(service: str, method: str, path: str, headers: Any, body: bytes, *rest: Any) -> Any:
        names = json.loads(body or b"{}").get("repositoryNames") if service == "ecr" else None
        if names:
            body = json.dumps({"repositoryName": names[0]}).encode()
        return extract_resource_arn(service, method, path, headers, body, *rest)

    iam_actions.extract_resource_arn = corrected


def limit_request_lines() -> None:
    """Let an API refuse a request line that is too long together with its headers' values.

    https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-quotas.html
    """
    handle_execute_api_request = ministack.app._handle_execute_api_request

    async def corrected(host: str, path: str, method: str, headers: Mapping[str, str], *rest: Any, **more: Any) -> Any:
        size = len(f"{method} {path}") + sum(map(len, headers.values()))
        if size > _REQUEST_LINE_AND_HEADERS_BYTES and ministack.app._parse_execute_api_url(host, path):
            return 431, {"Content-Type": "application/json"}, b'{"message": "Request Header Fields Too Large"}'
        return await handle_execute_api_request(host, path, method, headers, *rest, **more)

    ministack.app._handle_execute_api_request = corrected


def delete_tables_wholly() -> None:
    """Let a stack delete a table as DynamoDB's DeleteTable does, which forgets the table's tags too."""

    def delete(name: str, _properties: Properties) -> None:
        if name in dynamodb._tables:
            status, _, body = dynamodb._delete_table({"TableName": name})
            if status != 200:
                raise ValueError(f"Table {name} can't be deleted: {body!r}")

    provisioners._RESOURCE_HANDLERS["AWS::DynamoDB::Table"]["delete"] = delete


def _with_zone_name(properties: Properties) -> Properties:
    """Know a region's fourth to sixth zone, and refuse what is none: ministack takes the first zone instead."""
    zone_id = properties.get("AvailabilityZoneId")
    if zone_id is None:
        return properties
    names = {ec2._az_id_for_zone_name(get_region() + letter): get_region() + letter for letter in _ZONE_LETTERS}
    if zone_id not in names:
        raise ValueError(f"Value ({zone_id}) for parameter availabilityZoneId is invalid: there are {list(names)}.")
    return {**properties, "AvailabilityZone": names[zone_id]}


def _of_a_service(properties: Properties) -> Properties:
    """Refuse an endpoint to what can be no service of the region: AWS's own, or one that an account shares.

    Whether the service is there, and lets this account connect to it, is not looked at.
    """
    name, region = properties.get("ServiceName", ""), re.escape(get_region())
    if not re.fullmatch(rf"com\.amazonaws\.({region}\.[\w.-]+|vpce\.{region}\.vpce-svc-[0-9a-f]{{17}})", name):
        raise ValueError(f"The Vpc Endpoint Service '{name}' does not exist")
    return properties


def _without_punctuation(properties: Properties) -> Properties:
    """Let a generated secret have no punctuation where a template wants none: ministack knows single characters."""
    generated = properties.get("GenerateSecretString") or {}
    if not generated.get("ExcludePunctuation"):
        return properties
    excluded = generated.get("ExcludeCharacters", "") + string.punctuation
    return {**properties, "GenerateSecretString": {**generated, "ExcludeCharacters": excluded}}


def _with_cors_names(properties: Properties) -> Properties:
    """Spell CORS settings as the API's data plane reads them; a template spells them with capitals."""
    cors = properties.get("CorsConfiguration")
    if not cors:
        return properties
    return {**properties, "CorsConfiguration": {name[0].lower() + name[1:]: value for name, value in cors.items()}}


def _api_endpoint(api_id: str, endpoint: str) -> str:
    """Give an API an address that needs no name resolution, in GetApi as well as in Fn::GetAtt."""
    address = f"{endpoint}/_aws/execute-api/{api_id}"
    apigateway._apis[api_id]["apiEndpoint"] = address
    return address
