"""What a webhook's function sees of a request in the embedded cloud, byte for byte, and who may call a route."""

import base64
import io
import json
import struct
import zipfile
from collections.abc import Iterator, Mapping
from http.client import HTTPConnection
from typing import Any
from urllib.parse import urlencode, urlsplit

import pytest

from local.lifecycle import CLOUD_PYTHON

from .conftest import Cloud
from .templates import get, ref, resource

FUNCTION = """
import json

def handler(event, context):
    import certifi, pure
    told = event | {"certifi": certifi.__file__, "pure": pure.TEXT}
    return {"statusCode": 200, "body": json.dumps(told)}
"""
FOREIGN = b"\x7fELF" + bytes(14) + struct.pack("<H", 243) + bytes(44)  # RISC-V, which this machine is not


def archive(files: Mapping[str, str | bytes]) -> bytes:
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w") as file:
        for name, content in files.items():
            file.writestr(name, content)
    return data.getvalue()


def layer(number: str) -> bytes:
    """A layer of a pure package, and of one that is compiled for no machine that anybody runs this on."""
    files: dict[str, str | bytes] = {
        "python/certifi/__init__.py": "raise ImportError('of the layer')",
        "python/certifi/core.so": FOREIGN,
    }
    info = f"python/certifi-{number}.dist-info"
    record = "\n".join(f"{path.removeprefix('python/')},," for path in (*files, f"{info}/RECORD"))
    return archive(files | {f"{info}/RECORD": record, "python/pure.py": "TEXT = 'of the layer'"})


def api(bucket: str, *, layer_key: str) -> dict[str, Any]:
    trust = {"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}
    return {
        "Role": resource("AWS::IAM::Role", AssumeRolePolicyDocument={"Statement": [trust]}),
        "Layer": resource("AWS::Lambda::LayerVersion", Content={"S3Bucket": bucket, "S3Key": layer_key}),
        "Function": resource(
            "AWS::Lambda::Function",
            Runtime="python3.13",
            Handler="index.handler",
            Role=get("Role", "Arn"),
            Code={"S3Bucket": bucket, "S3Key": "function.zip"},
            Layers=[ref("Layer")],
        ),
        "Pool": resource("AWS::Cognito::UserPool"),
        "PoolDomain": resource("AWS::Cognito::UserPoolDomain", UserPoolId=ref("Pool"), Domain="webhooks"),
        "Users": resource(
            "AWS::Cognito::UserPoolClient", UserPoolId=ref("Pool"), ExplicitAuthFlows=["ALLOW_ADMIN_USER_PASSWORD_AUTH"]
        ),
        "Api": resource("AWS::ApiGatewayV2::Api", Name="webhooks", ProtocolType="HTTP"),
        "Stage": resource("AWS::ApiGatewayV2::Stage", ApiId=ref("Api"), StageName="$default", AutoDeploy=True),
    }


def routes(api_id: str, pool: str, issuer: str, function: str, users: str, suffix: str = "") -> dict[str, Any]:
    """A stack of its own: an open route, one for users, and one for programs with a scope, of the other stack's API."""

    def authorizer(name: str, *audience: Any) -> Any:
        return resource(
            "AWS::ApiGatewayV2::Authorizer",
            ApiId=api_id,
            Name=name,
            AuthorizerType="JWT",
            IdentitySource=["$request.header.Authorization"],
            JwtConfiguration={"Issuer": issuer, "Audience": [*audience]},
        )

    target = {"ApiId": api_id, "Target": {"Fn::Sub": "integrations/${Integration}"}}
    return {
        "Server": resource(
            "AWS::Cognito::UserPoolResourceServer",
            UserPoolId=pool,
            Identifier="kit",
            Name="kit",
            Scopes=[{"ScopeName": name, "ScopeDescription": name} for name in ("calls", "other")],
        ),
        **{
            name: resource(
                "AWS::Cognito::UserPoolClient",
                UserPoolId=pool,
                GenerateSecret=True,
                AllowedOAuthFlows=["client_credentials"],
                AllowedOAuthFlowsUserPoolClient=True,
                AllowedOAuthScopes=[{"Fn::Join": ["/", [ref("Server"), scope]]}],
            )
            for name, scope in (("Caller", "calls"), ("Other", "other"))
        },
        "Integration": resource(
            "AWS::ApiGatewayV2::Integration",
            ApiId=api_id,
            IntegrationType="AWS_PROXY",
            IntegrationUri=function,
            PayloadFormatVersion="2.0",
        ),
        "ForUsers": authorizer("users", users),
        "ForPrograms": authorizer("programs", ref("Caller"), ref("Other")),
        "Hook": resource("AWS::ApiGatewayV2::Route", RouteKey="POST /telephony/carrier/answer", **target),
        "Start": resource(
            "AWS::ApiGatewayV2::Route",
            RouteKey="POST /start",
            AuthorizationType="JWT",
            AuthorizerId=ref("ForUsers"),
            **target,
        ),
        "Calls": resource(
            "AWS::ApiGatewayV2::Route",
            RouteKey="POST /calls",
            AuthorizationType="JWT",
            AuthorizerId=ref("ForPrograms"),
            AuthorizationScopes=["kit/calls"],
            **target,
        ),
    }


class Webhooks:
    """The two deployed stacks."""

    def __init__(self, cloud: Cloud, outputs: dict[str, str]) -> None:
        self.cloud = cloud
        self.outputs = outputs
        self.base = urlsplit(outputs["Url"])

    def post(self, path: str, body: bytes = b"", **headers: str) -> tuple[int, dict[str, Any]]:
        """Send a request line that no library has normalised."""
        connection = HTTPConnection(str(self.base.hostname), self.base.port)
        connection.putrequest("POST", self.base.path + path)
        for name, value in ({"Content-Length": str(len(body))} | headers).items():
            connection.putheader(name.replace("_", "-"), value)
        connection.endheaders(body)
        answer = connection.getresponse()
        content = answer.read()
        connection.close()
        return answer.status, json.loads(content)

    def program_token(self, client: str, *, scope: str = "", secret: str | None = None) -> tuple[int, dict[str, Any]]:
        cognito = self.cloud.client("cognito-idp")
        client_id = self.outputs[client]
        described = cognito.describe_user_pool_client(UserPoolId=self.outputs["Pool"], ClientId=client_id)
        password = described["UserPoolClient"]["ClientSecret"] if secret is None else secret
        form = {"grant_type": "client_credentials"} | ({"scope": scope} if scope else {})
        connection = HTTPConnection(str(self.base.hostname), self.base.port)
        basic = base64.b64encode(f"{client_id}:{password}".encode()).decode()
        headers = {"Authorization": f"Basic {basic}", "Content-Type": "application/x-www-form-urlencoded"}
        connection.request("POST", urlsplit(self.outputs["Issuer"]).path + "/oauth2/token", urlencode(form), headers)
        answer = connection.getresponse()
        told = json.loads(answer.read())
        connection.close()
        return answer.status, told

    def user_token(self) -> str:
        cognito, pool = self.cloud.client("cognito-idp"), self.outputs["Pool"]
        cognito.admin_create_user(UserPoolId=pool, Username="ann", MessageAction="SUPPRESS")
        cognito.admin_set_user_password(UserPoolId=pool, Username="ann", Password="Correct-horse-1", Permanent=True)
        answer = cognito.admin_initiate_auth(
            UserPoolId=pool,
            ClientId=self.outputs["Users"],
            AuthFlow="ADMIN_USER_PASSWORD_AUTH",
            AuthParameters={"USERNAME": "ann", "PASSWORD": "Correct-horse-1"},
        )
        token: str = answer["AuthenticationResult"]["AccessToken"]
        return token


@pytest.fixture(scope="module")
def code(cloud: Cloud) -> str:
    s3 = cloud.client("s3")
    s3.create_bucket(Bucket="webhooks")
    (own,) = CLOUD_PYTHON.parents[1].glob("lib/python3.*/site-packages/certifi-*.dist-info")
    for key, content in {
        "function.zip": archive({"index.py": FUNCTION}),
        "layer.zip": layer(own.name.removesuffix(".dist-info").partition("-")[2]),
        "older.zip": layer("2000.1.1"),
    }.items():
        s3.put_object(Bucket="webhooks", Key=key, Body=content)
    return "webhooks"


@pytest.fixture(scope="module")
def webhooks(cloud: Cloud, code: str) -> Iterator[Webhooks]:
    names = {"Pool": ref("Pool"), "Users": ref("Users"), "ApiId": ref("Api"), "Function": get("Function", "Arn")}
    addresses = {"Url": get("Api", "ApiEndpoint"), "Issuer": get("Pool", "ProviderURL")}
    first = cloud.deploy("webhooks-api", api(code, layer_key="layer.zip"), **names, **addresses)
    assert first.status == "CREATE_COMPLETE", first.reasons
    given = {key: first.outputs[name] for key, name in (("api_id", "ApiId"), ("pool", "Pool"), ("issuer", "Issuer"))}
    given |= {"function": first.outputs["Function"], "users": first.outputs["Users"]}
    second = cloud.deploy("webhooks-routes", routes(**given), Caller=ref("Caller"), Other=ref("Other"))
    assert second.status == "CREATE_COMPLETE", second.reasons
    yield Webhooks(cloud, {**first.outputs, **second.outputs})
    for stack in ("webhooks-routes", "webhooks-api"):
        assert cloud.destroy(stack).status == "DELETE_COMPLETE"


@pytest.mark.parametrize(
    ("content_type", "is_base64"),
    [
        ("application/x-www-form-urlencoded; charset=UTF-8", True),
        ("application/octet-stream", True),
        ("application/json", False),
    ],
)
def test_a_body_arrives_byte_for_byte_and_a_form_in_base64(
    webhooks: Webhooks, content_type: str, is_base64: bool
) -> None:
    body = b"From=%2B15550100&Body=a+b%20c&Body=%C3%A9&empty=&~=1"
    status, event = webhooks.post("/telephony/carrier/answer", body, content_type=content_type)

    assert (status, event["isBase64Encoded"]) == (200, is_base64)
    assert (base64.b64decode(event["body"]) if is_base64 else event["body"].encode()) == body


@pytest.mark.parametrize("query", ["b=2&a=1&a=%2B1+x%20y&c", "q=%c3%A9&&=&~'()*!", "call=abc%2fdef%2Fg"])
def test_a_query_arrives_as_it_was_sent(webhooks: Webhooks, query: str) -> None:
    status, event = webhooks.post(f"/telephony/carrier/answer?{query}")

    assert (status, event["rawQueryString"], event["rawPath"]) == (200, query, "/telephony/carrier/answer")


def test_a_literal_route_has_its_key_no_parameters_and_headers_in_lower_case(webhooks: Webhooks) -> None:
    _, event = webhooks.post("/telephony/carrier/answer", X_Twilio_Signature="a+b/c=")

    assert event["routeKey"] == event["requestContext"]["routeKey"] == "POST /telephony/carrier/answer"
    assert event["requestContext"]["stage"] == "$default"
    assert not event["pathParameters"]
    assert event["headers"]["x-twilio-signature"] == "a+b/c="
    assert event["headers"].keys() == {name.lower() for name in event["headers"]}
    assert "authorizer" not in event["requestContext"]


def test_of_a_layer_a_package_for_another_machine_gives_way_to_this_environment_s(webhooks: Webhooks) -> None:
    _, event = webhooks.post("/telephony/carrier/answer")

    assert "/.venv-cloud/" in event["certifi"]
    assert event["pure"] == "of the layer"


def test_a_layer_with_a_package_that_nothing_stands_in_for_fails_its_stack(cloud: Cloud, code: str) -> None:
    failed = cloud.deploy("older-layer", api(code, layer_key="older.zip"))

    assert failed.status == "ROLLBACK_COMPLETE"
    assert any("certifi 2000.1.1 is compiled for another machine" in reason for reason in failed.reasons)


def test_a_program_s_token_opens_the_routes_of_its_scope_and_no_others(webhooks: Webhooks) -> None:
    caller, other = (webhooks.program_token(name)[1]["access_token"] for name in ("Caller", "Other"))
    user = webhooks.user_token()

    def statuses(token: str) -> tuple[int, int]:
        calls, start = (webhooks.post(path, Authorization=f"Bearer {token}") for path in ("/calls", "/start"))
        return calls[0], start[0]

    assert (statuses(caller), statuses(other), statuses(user)) == ((200, 401), (403, 401), (401, 200))
    _, event = webhooks.post("/calls", Authorization=f"Bearer {caller}")
    jwt = event["requestContext"]["authorizer"]["jwt"]
    assert (jwt["claims"]["scope"], jwt["claims"]["client_id"]) == ("kit/calls", webhooks.outputs["Caller"])


def test_a_program_gets_no_token_with_a_wrong_secret_or_for_a_scope_that_is_not_its_own(webhooks: Webhooks) -> None:
    assert webhooks.program_token("Caller", secret="wrong")[0] == 400
    assert webhooks.program_token("Caller", scope="kit/other") == (400, {"error": "invalid_grant"})
    assert webhooks.program_token("Caller", scope="kit/calls")[0] == 200


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"GenerateSecret": False}, "client_credentials goes with a client secret"),
        ({"AllowedOAuthFlows": ["client_credentials", "code"]}, "and with no other flow"),
        ({"AllowedOAuthScopes": ["kit/calls"]}, "Invalid scope requested: kit/calls"),
    ],
)
def test_a_client_that_cognito_would_refuse_is_refused(cloud: Cloud, changes: dict[str, Any], reason: str) -> None:
    least = {
        "GenerateSecret": True,
        "AllowedOAuthFlows": ["client_credentials"],
        "AllowedOAuthFlowsUserPoolClient": True,
    }
    client = resource("AWS::Cognito::UserPoolClient", UserPoolId=ref("Pool"), **least | changes)
    stack = f"client-{len(reason)}"
    failed = cloud.deploy(stack, {"Pool": resource("AWS::Cognito::UserPool"), "Client": client})

    assert failed.status == "ROLLBACK_COMPLETE"
    assert any(reason in each for each in failed.reasons), failed.reasons


def test_a_pool_without_a_domain_gives_no_program_a_token(cloud: Cloud) -> None:
    resources = {
        "Pool": resource("AWS::Cognito::UserPool"),
        "Server": resource(
            "AWS::Cognito::UserPoolResourceServer",
            UserPoolId=ref("Pool"),
            Identifier="kit",
            Name="kit",
            Scopes=[{"ScopeName": "calls", "ScopeDescription": "calls"}],
        ),
        "Client": resource(
            "AWS::Cognito::UserPoolClient",
            UserPoolId=ref("Pool"),
            GenerateSecret=True,
            AllowedOAuthFlows=["client_credentials"],
            AllowedOAuthFlowsUserPoolClient=True,
            AllowedOAuthScopes=[{"Fn::Join": ["/", [ref("Server"), "calls"]]}],
        ),
    }
    url = {"Url": get("Pool", "ProviderURL")}
    made = cloud.deploy(
        "no-domain", resources, Pool=ref("Pool"), Caller=ref("Client"), Issuer=get("Pool", "ProviderURL"), **url
    )
    assert made.status == "CREATE_COMPLETE", made.reasons

    status, told = Webhooks(cloud, dict(made.outputs)).program_token("Caller")

    assert (status, told["error"]) == (400, "invalid_request")
    assert cloud.destroy("no-domain").status == "DELETE_COMPLETE"


def test_generated_secrets_without_punctuation_have_none_and_a_rotation_keeps_the_old_value(cloud: Cloud) -> None:
    generated = {"ExcludePunctuation": True, "PasswordLength": 64}
    template = generated | {"SecretStringTemplate": '{"accountSid": ""}', "GenerateStringKey": "authToken"}
    resources = {
        "Plain": resource("AWS::SecretsManager::Secret", GenerateSecretString=generated),
        "Account": resource("AWS::SecretsManager::Secret", GenerateSecretString=template),
    }
    made = cloud.deploy("secrets", resources, Plain=ref("Plain"), Account=ref("Account"))
    manager = cloud.client("secretsmanager")
    plain = manager.get_secret_value(SecretId=made.outputs["Plain"])["SecretString"]
    account = json.loads(manager.get_secret_value(SecretId=made.outputs["Account"])["SecretString"])
    manager.put_secret_value(SecretId=made.outputs["Account"], SecretString='{"authToken": "new"}')
    now = manager.get_secret_value(SecretId=made.outputs["Account"])
    previous = manager.get_secret_value(SecretId=made.outputs["Account"], VersionStage="AWSPREVIOUS")

    assert (plain.isalnum(), len(plain)) == (True, 64)
    assert (account["accountSid"], account["authToken"].isalnum(), len(account["authToken"])) == ("", True, 64)
    assert now["SecretString"] == '{"authToken": "new"}'
    assert json.loads(previous["SecretString"]) == account
    assert now["CreatedDate"] >= previous["CreatedDate"]
    assert cloud.destroy("secrets").status == "DELETE_COMPLETE"
