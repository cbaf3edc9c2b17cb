"""An HTTP API in the embedded cloud: address, CORS, JWT authorizer, and a function that calls back as its role."""

import base64
import io
import json
import subprocess
import time
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from local.lifecycle import CLOUD_PYTHON

from .conftest import Cloud
from .templates import get, ref, resource

ORIGIN = "https://app.example.com"
FUNCTION = """
import json, os
import boto3, greeting

def handler(event, context):
    secret = boto3.client("secretsmanager").get_secret_value(SecretId=os.environ["SECRET"])["SecretString"]
    answer = {
        "identity": boto3.client("sts").get_caller_identity()["Arn"],
        "secret_length": len(secret),
        "greeting": greeting.TEXT,
        "path": event["rawPath"],
        "route": event["routeKey"],
        "parameters": event.get("pathParameters"),
        "body": event.get("body"),
        "client": event["requestContext"]["authorizer"]["jwt"]["claims"].get("client_id"),
    }
    return {"statusCode": 200, "headers": {"content-type": "application/json"}, "body": json.dumps(answer)}
"""


def archive(name: str, content: str) -> bytes:
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w") as file:
        file.writestr(name, content)
    return data.getvalue()


def function_resources(bucket: str) -> dict[str, Any]:
    trust = {"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}
    may_read = {"Effect": "Allow", "Action": "secretsmanager:GetSecretValue", "Resource": ref("Secret")}
    return {
        "Secret": resource("AWS::SecretsManager::Secret", GenerateSecretString={"PasswordLength": 40}),
        "Role": resource("AWS::IAM::Role", AssumeRolePolicyDocument={"Statement": [trust]}),
        "Policy": resource(
            "AWS::IAM::Policy", PolicyName="read", Roles=[ref("Role")], PolicyDocument={"Statement": [may_read]}
        ),
        "Layer": resource("AWS::Lambda::LayerVersion", Content={"S3Bucket": bucket, "S3Key": "layer.zip"}),
        "Function": resource(
            "AWS::Lambda::Function",
            Runtime="python3.13",
            Handler="index.handler",
            Role=get("Role", "Arn"),
            Code={"S3Bucket": bucket, "S3Key": "function.zip"},
            Layers=[ref("Layer")],
            Environment={"Variables": {"SECRET": ref("Secret")}},
        ),
    }


def api_resources() -> dict[str, Any]:
    issuer = {"Fn::Sub": "https://cognito-idp.${AWS::Region}.amazonaws.com/${Pool}"}
    api, route = "AWS::ApiGatewayV2::", {"ApiId": ref("Api"), "Target": {"Fn::Sub": "integrations/${Integration}"}}
    guarded = route | {"AuthorizationType": "JWT", "AuthorizerId": ref("Authorizer")}
    methods, headers = ["POST", "PATCH"], ["authorization"]
    cors = {"AllowOrigins": [ORIGIN], "AllowMethods": methods, "AllowHeaders": headers, "MaxAge": 60}
    return {
        "Pool": resource("AWS::Cognito::UserPool"),
        "Client": resource(
            "AWS::Cognito::UserPoolClient", UserPoolId=ref("Pool"), ExplicitAuthFlows=["ALLOW_ADMIN_USER_PASSWORD_AUTH"]
        ),
        "Api": resource(f"{api}Api", Name="calls", ProtocolType="HTTP", CorsConfiguration=cors),
        "Stage": resource(f"{api}Stage", ApiId=ref("Api"), StageName="$default", AutoDeploy=True),
        "Authorizer": resource(
            f"{api}Authorizer",
            ApiId=ref("Api"),
            Name="users",
            AuthorizerType="JWT",
            IdentitySource=["$request.header.Authorization"],
            JwtConfiguration={"Issuer": issuer, "Audience": [ref("Client")]},
        ),
        "Integration": resource(
            f"{api}Integration",
            ApiId=ref("Api"),
            IntegrationType="AWS_PROXY",
            IntegrationUri=get("Function", "Arn"),
            PayloadFormatVersion="2.0",
        ),
        "Start": resource(f"{api}Route", RouteKey="POST /start", **guarded),
        "Stop": resource(f"{api}Route", RouteKey="DELETE /sessions/{session_id}", **guarded),
        "Offer": resource(f"{api}Route", RouteKey="POST /sessions/{session_id}/api/offer", **guarded),
        "Trickle": resource(f"{api}Route", RouteKey="PATCH /sessions/{session_id}/api/offer", **guarded),
    }


class Api:
    """The deployed API and its user pool."""

    def __init__(self, cloud: Cloud, outputs: Any) -> None:
        self.cloud = cloud
        self.url, self.pool, self.client, self.role = (outputs[name] for name in ("Url", "Pool", "Client", "Role"))

    def ask(
        self, token: str = "", *, method: str = "POST", path: str = "/start", body: str | None = None, **headers: str
    ) -> httpx.Response:
        with httpx.Client(trust_env=False, timeout=20) as client:
            authorization = {"Authorization": f"Bearer {token}"} if token else {}
            return client.request(method, self.url + path, content=body, headers=authorization | headers)

    def sign_in(self) -> str:
        """Make a user and return its access token."""
        cognito = self.cloud.client("cognito-idp")
        parameters = {"USERNAME": "alice", "PASSWORD": "correct-Horse-9"}
        cognito.admin_create_user(UserPoolId=self.pool, Username="alice")
        cognito.admin_set_user_password(
            UserPoolId=self.pool, Username="alice", Password=parameters["PASSWORD"], Permanent=True
        )
        answer = cognito.admin_initiate_auth(
            UserPoolId=self.pool, ClientId=self.client, AuthFlow="ADMIN_USER_PASSWORD_AUTH", AuthParameters=parameters
        )
        token: str = answer["AuthenticationResult"]["AccessToken"]
        return token

    def signed(self, token: str, **changes: Any) -> str:
        """Return a token that the pool itself could have signed: this one's claims with changes."""
        header, claims, _ = (base64.urlsafe_b64decode(part + "==") for part in token.split("."))
        key_file = self.cloud.directory.temporary / "cognito-pool-keys" / f"{self.pool}-access.pem"
        return subprocess.run(
            [CLOUD_PYTHON, Path(__file__).with_name("sign_token.py"), key_file, json.loads(header)["kid"]],
            input=json.dumps(json.loads(claims) | changes),
            capture_output=True,
            check=True,
            text=True,
        ).stdout


@pytest.fixture(scope="module")
def api(cloud: Cloud) -> Iterator[Api]:
    s3 = cloud.client("s3")
    s3.create_bucket(Bucket="code")
    s3.put_object(Bucket="code", Key="function.zip", Body=archive("index.py", FUNCTION))
    s3.put_object(Bucket="code", Key="layer.zip", Body=archive("python/greeting.py", "TEXT = 'from the layer'"))
    outputs = {"Url": get("Api", "ApiEndpoint"), "Pool": ref("Pool"), "Client": ref("Client"), "Role": ref("Role")}
    made = cloud.deploy("api", function_resources("code") | api_resources(), **outputs)
    assert made.status == "CREATE_COMPLETE", made.reasons
    yield Api(cloud, made.outputs)
    assert cloud.destroy("api").status == "DELETE_COMPLETE"


@pytest.fixture(scope="module")
def token(api: Api) -> str:
    return api.sign_in()


def test_the_address_needs_no_name_resolution(api: Api) -> None:
    (found,) = api.cloud.client("apigatewayv2").get_apis()["Items"]

    assert api.url.startswith(f"{api.cloud.state.endpoint}/")
    assert found["ApiEndpoint"] == api.url


def test_a_call_reaches_the_function_which_runs_as_its_role(api: Api, token: str) -> None:
    answer = api.ask(token)

    assert answer.status_code == 200, answer.text
    assert answer.json() == {
        "identity": answer.json()["identity"],
        "secret_length": 40,
        "greeting": "from the layer",
        "path": "/start",
        "route": "POST /start",
        "parameters": None,
        "body": None,
        "client": api.client,
    }
    assert answer.json()["identity"].startswith(f"arn:aws:sts::123456789012:assumed-role/{api.role}/")


def test_a_path_parameter_reaches_the_function(api: Api, token: str) -> None:
    answer = api.ask(token, method="DELETE", path="/sessions/abc_DEF-1")

    assert answer.json()["parameters"] == {"session_id": "abc_DEF-1"}


@pytest.mark.parametrize("method", ["POST", "PATCH"])
@pytest.mark.parametrize("session_id", ["0" * 96, "0" * 96 + ".eyJ-_a.b", "0" * 96 + "." + "aZ_-9" * 800])
def test_an_offer_and_its_candidates_reach_the_function_with_a_session_id_of_any_length(
    api: Api, token: str, method: str, session_id: str
) -> None:
    body, json_body = '{"sdp": "v=0\\r\\n"}', {"Content-Type": "application/json"}
    answer = api.ask(token, method=method, path=f"/sessions/{session_id}/api/offer", body=body, **json_body)

    assert answer.status_code == 200, answer.text
    told = answer.json()
    assert told["route"] == f"{method} /sessions/{{session_id}}/api/offer"
    assert told["parameters"] == {"session_id": session_id}
    assert told["path"] == f"/sessions/{session_id}/api/offer"
    assert told["body"] == body


def test_a_request_line_with_headers_over_the_limit_of_an_http_api_is_refused(api: Api, token: str) -> None:
    answer = api.ask(token, path=f"/sessions/{'0' * 10_240}/api/offer", body="{}")

    assert answer.status_code == 431


def test_an_escaped_session_id_is_decoded(api: Api, token: str) -> None:
    answer = api.ask(token, path="/sessions/abc%2Edef/api/offer", body="{}")

    assert answer.json()["parameters"] == {"session_id": "abc.def"}


def test_the_authorizer_takes_only_a_valid_token_of_its_pool_and_client(api: Api, token: str) -> None:
    header, _, signature = token.split(".")
    as_another = base64.urlsafe_b64encode(json.dumps({"sub": "bob"}).encode()).rstrip(b"=").decode()
    tokens = {
        "none": "",
        "no token": "token",
        "other claims": f"{header}.{as_another}.{signature}",
        "expired": api.signed(token, exp=int(time.time()) - 1),
        "other client": api.signed(token, client_id="another"),
        "other issuer": api.signed(token, iss="https://cognito-idp.us-east-1.amazonaws.com/us-east-1_other"),
    }

    assert {what: api.ask(wrong).status_code for what, wrong in tokens.items()} == dict.fromkeys(tokens, 401)
    assert api.ask(api.signed(token)).status_code == 200


def test_the_function_cannot_do_what_its_role_may_not(api: Api, token: str) -> None:
    iam = api.cloud.client("iam")
    policy = iam.get_role_policy(RoleName=api.role, PolicyName="read")["PolicyDocument"]
    iam.delete_role_policy(RoleName=api.role, PolicyName="read")
    refused = api.ask(token)
    iam.put_role_policy(RoleName=api.role, PolicyName="read", PolicyDocument=json.dumps(policy))

    assert refused.status_code >= 500
    assert "not authorized to perform: secretsmanager:GetSecretValue" in refused.text
    assert api.ask(token).status_code == 200


@pytest.mark.parametrize(("method", "path"), [("POST", "/start"), ("PATCH", "/sessions/abc.def/api/offer")])
def test_a_browser_of_an_allowed_origin_may_ask_and_another_may_not(api: Api, method: str, path: str) -> None:
    preflight = {"Access-Control-Request-Method": method, "Access-Control-Request-Headers": "authorization"}

    allowed = api.ask(method="OPTIONS", path=path, Origin=ORIGIN, **preflight)
    foreign = api.ask(method="OPTIONS", path=path, Origin="https://elsewhere.example.com", **preflight)

    assert allowed.status_code == 204
    assert allowed.headers["Access-Control-Allow-Origin"] == ORIGIN
    assert allowed.headers["Access-Control-Allow-Headers"] == "authorization"
    assert method in allowed.headers["Access-Control-Allow-Methods"].split(",")
    assert "Access-Control-Allow-Origin" not in foreign.headers
