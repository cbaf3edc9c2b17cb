"""Finding the deployment and signing in, against botocore's own checks of requests and answers."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from switchboard.deployment import Deployment, configured_region
from switchboard.errors import ExitCode, OperatorError
from switchboard.sign_in import Identity, access_token
from tests.switchboard.conftest import TOKEN, Aws, Finished, runner
from tests.switchboard.stand_in import Reply, Script, StandIn, stand_in

POOL = Deployment(
    api_url="https://api.example",
    runtime_version="1",
    user_pool_id="us-east-1_pool",
    user_pool_client_id="client",
    issuer="https://issuer.example",
)
OTHER_ISSUER = Deployment(
    api_url="https://api.example",
    runtime_version="1",
    user_pool_id=None,
    user_pool_client_id=None,
    issuer="https://issuer.example",
)
OPEN = Deployment(
    api_url="https://api.example", runtime_version="1", user_pool_id=None, user_pool_client_id=None, issuer=None
)

Run = Callable[..., Finished]


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Run]:
    with runner(monkeypatch, tmp_path) as run:
        yield run


def sign_in(aws: Aws, deployment: Deployment, identity: Identity) -> str | None:
    with access_token(cognito=aws.cognito_client, deployment=deployment, identity=identity) as token:
        return token


def nobody() -> StandIn:
    service = StandIn(Script())
    service.api_url, service.websocket_url = "http://nobody.example", "ws://nobody.example"
    return service


def test_region_is_the_environment_s_own_where_nothing_else_names_one(tmp_path: Path) -> None:
    cdk_json = tmp_path / "cdk.json"
    cdk_json.write_text('{"context": {"environments": {"prod": {"region": "eu-west-1"}, "dev": {}}}}')
    regions = [configured_region(environment=name, cdk_json=cdk_json) for name in ("prod", "dev", "other")]
    assert regions == ["eu-west-1", "us-east-1", "us-east-1"]


def test_missing_stack_names_it_and_what_to_run(run: Run, aws: Aws) -> None:
    message = "Stack with id switchboard-dev-agent does not exist"
    aws.cloudformation.add_client_error("describe_stacks", "ValidationError", message, 400)
    finished = run(nobody(), aws, "--json")
    assert finished.exit_code == 15
    error = finished.document["errors"][0]
    assert error["problem"] == "stack switchboard-dev-agent does not exist in us-east-1"
    assert "deploy it: npx cdk deploy --all -c env=dev" in error["next_steps"]


def test_stack_without_its_output_is_named_with_its_state(run: Run, aws: Aws) -> None:
    aws.expect_stack("switchboard-dev-agent", RuntimeVersion="3")
    aws.expect_stack("switchboard-dev-connect", Issuer="x")
    finished = run(nobody(), aws)
    assert finished.exit_code == 15
    assert "stack switchboard-dev-connect is CREATE_COMPLETE and has no output ApiUrl" in finished.stdout


def test_missing_permission_is_told_in_the_service_s_words(run: Run, aws: Aws) -> None:
    aws.cloudformation.add_client_error("describe_stacks", "AccessDenied", "User: me is not authorized", 403)
    finished = run(nobody(), aws)
    assert finished.exit_code == 15
    assert "cannot be read: User: me is not authorized" in finished.stdout


def test_known_user_signs_in_and_is_kept(aws: Aws) -> None:
    aws.expect_sign_in()
    assert sign_in(aws, POOL, Identity(username="ann", password="pass")) == TOKEN
    [(operation, parameters)] = aws.cognito_calls
    assert operation == "AdminInitiateAuth"
    assert parameters["AuthParameters"] == {"USERNAME": "ann", "PASSWORD": "pass"}


def test_wrong_password_fails_the_command_as_sign_in(run: Run, aws: Aws) -> None:
    with stand_in(Script()) as service:
        aws.expect_outputs(api_url=service.api_url)
        aws.cognito.add_client_error("admin_initiate_auth", "NotAuthorizedException", "Incorrect username or password.")
        finished = run(service, aws, "--username", "ann", "--password", "hunter2hunter2", "--json")
    assert finished.exit_code == 10
    assert finished.document["errors"][0]["problem"] == "the user cannot sign in: Incorrect username or password."
    assert "hunter2hunter2" not in finished.stdout + finished.stderr
    assert service.requests == []


def test_challenge_is_named(aws: Aws) -> None:
    aws.expect_sign_in(ChallengeName="SOFTWARE_TOKEN_MFA")
    with pytest.raises(OperatorError, match="the user pool asks for SOFTWARE_TOKEN_MFA") as failure:
        sign_in(aws, POOL, Identity(username="ann", password="pass"))
    assert failure.value.exit_code is ExitCode.SIGN_IN


@pytest.mark.parametrize("reason", [KeyboardInterrupt, RuntimeError])
def test_temporary_user_is_deleted_whatever_happens(aws: Aws, reason: type[BaseException]) -> None:
    aws.expect_temporary_user()
    with (
        pytest.raises(reason),
        access_token(cognito=aws.cognito_client, deployment=POOL, identity=Identity()),
    ):
        raise reason
    aws.cognito.assert_no_pending_responses()
    assert len({parameters["Username"] for _, parameters in aws.cognito_calls if "Username" in parameters}) == 1


def test_temporary_user_whose_password_is_refused_is_deleted(aws: Aws) -> None:
    aws.cognito.add_response("admin_create_user", {})
    aws.cognito.add_client_error("admin_set_user_password", "InvalidPasswordException", "too short")
    aws.cognito.add_response("admin_delete_user", {})
    with pytest.raises(OperatorError, match="the temporary user gets no password: too short"):
        sign_in(aws, POOL, Identity())
    aws.cognito.assert_no_pending_responses()


def test_refused_creation_deletes_nothing(aws: Aws) -> None:
    aws.cognito.add_client_error("admin_create_user", "AccessDeniedException", "not authorized")
    with pytest.raises(OperatorError, match="no temporary user can be made: not authorized"):
        sign_in(aws, POOL, Identity())
    assert [operation for operation, _ in aws.cognito_calls] == ["AdminCreateUser"]


def test_user_that_stays_behind_is_a_failure_that_names_it(run: Run, aws: Aws) -> None:
    with stand_in(Script(replies=[Reply(heard="one", answer="Yes.")])) as service:
        aws.expect_outputs(api_url=service.api_url)
        aws.cognito.add_response("admin_create_user", {})
        aws.cognito.add_response("admin_set_user_password", {})
        aws.expect_sign_in()
        aws.cognito.add_client_error("admin_delete_user", "TooManyRequestsException", "slow down")
        finished = run(service, aws, "--say", "one", "--no-echo", "--json")
    assert finished.exit_code == 10
    assert finished.document["call"]["turns"][0]["words_match"] is True
    [error] = finished.document["errors"]
    assert f"delete user {aws.cognito_calls[0][1]['Username']}" in error["next_steps"]


def test_token_of_any_issuer_is_used_as_it_is(aws: Aws) -> None:
    assert sign_in(aws, OTHER_ISSUER, Identity(token="mine")) == "mine"
    assert aws.cognito_calls == []


def test_other_issuer_needs_a_token(aws: Aws) -> None:
    with pytest.raises(OperatorError) as failure:
        sign_in(aws, OTHER_ISSUER, Identity())
    assert "pass its access token with --token or SWITCHBOARD_TOKEN" in failure.value.next_steps


def test_open_api_is_called_without_a_token(aws: Aws) -> None:
    assert sign_in(aws, OPEN, Identity()) is None
