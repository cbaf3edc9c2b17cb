"""The life of a deployment on the embedded cloud, in order: call, refuse, update, diff, destroy."""

import asyncio
import json
import re
import secrets
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest
import time_machine
from botocore.auth import SigV4QueryAuth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect

from tests.agent_image.agent_process import until
from tests.agent_image.caller import SocketCaller
from tests.kinesisvideo.conftest import needs_coturn

from .conftest import Kit, request

pytestmark = pytest.mark.end_to_end

SESSION_ID = "X-Amzn-Bedrock-AgentCore-Runtime-Session-Id"
BOT_READY_SECONDS = 1.0
ECHO_ADDED_SECONDS = 0.060


def handshake_status(url: str) -> int:
    """Open a WebSocket and close it again; return the HTTP status of the handshake (101: open)."""
    try:
        with connect(url, proxy=None):
            return 101
    except InvalidStatus as refusal:
        return refusal.response.status_code


def signed_by_operator(kit: Kit, *, at: datetime, lifetime_seconds: int) -> str:
    """A URL for /ws that botocore signs with the operator's credentials, as if at the given time."""
    variables = kit.cloud_variables
    credentials = Credentials(variables["AWS_ACCESS_KEY_ID"], variables["AWS_SECRET_ACCESS_KEY"])
    runtime = kit.output("agent", "RuntimeArn").replace(":", "%3A").replace("/", "%2F")
    query = urlencode({"qualifier": "live", SESSION_ID: secrets.token_hex(20)})
    signed = AWSRequest("GET", f"{variables['AWS_ENDPOINT_URL']}/runtimes/{runtime}/ws?{query}")
    with time_machine.travel(at, tick=False):
        SigV4QueryAuth(credentials, "bedrock-agentcore", variables["AWS_REGION"], lifetime_seconds).add_auth(signed)
    return str(signed.url).replace("http://", "ws://", 1)


@needs_coturn
def test_spoken_call_over_webrtc_is_understood_and_relayed(deployed: Kit) -> None:
    done = deployed.call("--transport", "webrtc", "--json", "--wav", str(deployed.folder / "webrtc.wav"))
    assert done.returncode == 0, done.stdout + done.stderr
    report = json.loads(done.stdout)
    assert sum(turn["words_match"] for turn in report["call"]["turns"]) >= 3
    (path,) = report["call"]["paths"]
    assert path["remote_candidate"] == "relay"
    assert report["echo"]["latency_seconds"] is not None


def test_spoken_call_is_understood_and_quick(deployed: Kit) -> None:
    """After a call that is long enough for the next agent to be started: an earlier test may have used the last one."""
    done = deployed.call("--json", "--wav", str(deployed.folder / "call.wav"))
    assert done.returncode == 0, done.stdout + done.stderr
    report = json.loads(done.stdout)
    turns = report["call"]["turns"]
    assert sum(turn["words_match"] for turn in turns) >= 3
    assert all(turn["answered"] and turn["answer_heard"] for turn in turns)
    assert report["call"]["bot_ready_seconds"] <= BOT_READY_SECONDS
    assert abs(report["echo"]["added_seconds"]) <= ECHO_ADDED_SECONDS
    assert (deployed.folder / "call.wav").stat().st_size > 100_000


@needs_coturn
def test_ice_servers_and_offers_are_for_the_session_of_their_caller(deployed: Kit, alice: str, bob: str) -> None:
    started = request(deployed, "POST", "/start", alice, {"transport": "webrtc"}).json()
    session = f"/sessions/{started['sessionId']}/api"
    urls = [url for server in started["iceConfig"]["iceServers"] for url in server["urls"]]
    assert [url.split(":")[0] for url in urls] == ["turn", "turns", "turns"] * 2
    renewed = request(deployed, "POST", f"{session}/ice-servers", alice)
    assert renewed.json().keys() == started.keys()
    nonsense = {"sdp": "v=0", "type": "offer", "pc_id": None, "restart_pc": False}
    assert request(deployed, "POST", f"{session}/offer", alice, nonsense).json()["error"]["code"] == "invalid_offer"
    for method, path in (("POST", "offer"), ("PATCH", "offer"), ("POST", "ice-servers")):
        refused = request(deployed, method, f"{session}/{path}", bob, nonsense)
        assert (refused.status_code, refused.json()["error"]["code"]) == (403, "not_your_session")


@pytest.mark.parametrize("token", [None, "not-a-token"])
def test_api_refuses_without_a_valid_token(deployed: Kit, token: str | None) -> None:
    assert request(deployed, "POST", "/start", token).status_code == 401


def test_api_refuses_a_token_with_another_signature(deployed: Kit, alice: str, bob: str) -> None:
    foreign = alice.rsplit(".", 1)[0] + "." + bob.rsplit(".", 1)[1]
    assert request(deployed, "POST", "/start", foreign).status_code == 401


def test_url_opens_once_signed_and_not_with_another_session_id(deployed: Kit, alice: str) -> None:
    url = request(deployed, "POST", "/start", alice).json()["wsUrl"]
    session_id = parse_qs(urlsplit(url).query)[SESSION_ID][0]
    other = ("A" if session_id[0] != "A" else "B") + session_id[1:]
    assert handshake_status(url.replace(session_id, other)) == 403
    assert handshake_status(url) == 101


def test_url_is_refused_when_expired(deployed: Kit) -> None:
    now = datetime.now(UTC)
    assert handshake_status(signed_by_operator(deployed, at=now, lifetime_seconds=60)) == 101
    late = now - timedelta(seconds=61)
    assert handshake_status(signed_by_operator(deployed, at=late, lifetime_seconds=60)) == 403


def test_session_belongs_to_its_caller(deployed: Kit, alice: str, bob: str) -> None:
    session_id = request(deployed, "POST", "/start", alice).headers["switchboard-session-id"]
    assert request(deployed, "DELETE", f"/sessions/{session_id}", bob).status_code == 403
    assert request(deployed, "DELETE", f"/sessions/{session_id}", alice).status_code == 204


async def test_a_call_outlives_its_websocket(deployed: Kit, alice: str, bob: str) -> None:
    started = await asyncio.to_thread(request, deployed, "POST", "/start", alice)
    session_id = started.headers["switchboard-session-id"]
    async with SocketCaller.connect(started.json()["wsUrl"]) as caller:
        await caller.message("bot-stopped-speaking", within=30)
        asked = time.monotonic()
        await caller.say("I like music very much.")
        await caller.message("bot-stopped-speaking", after=asked, within=30)
        heard = caller.heard(after=asked)
        caller.drop()
        refused = await asyncio.to_thread(request, deployed, "POST", f"/sessions/{session_id}/url", bob)
        signed = await asyncio.to_thread(request, deployed, "POST", f"/sessions/{session_id}/url", alice)
        url = signed.json()["wsUrl"]
        back = await caller.reconnect(url)
        await caller.message("bot-ready", after=back)
        await caller.send_message("send-text", {"content": "What did I say before?"})
        answer = await caller.message("bot-llm-text", after=back, within=30)
        before = hang_ups(deployed)

    async def hung_up() -> bool:
        return hang_ups(deployed) > before

    await until(hung_up, within=20)  # the time of grace is longer
    assert (refused.status_code, refused.json()["error"]["code"]) == (403, "not_your_session")
    assert parse_qs(urlsplit(url).query)[SESSION_ID] == [session_id]
    assert handshake_status(url.replace("-Custom-Resume=1", "-Custom-Resume=2")) == 403
    assert "music" in heard
    assert heard.strip() in answer.data["text"]
    assert request(deployed, "DELETE", f"/sessions/{session_id}", alice).status_code == 204


def hang_ups(kit: Kit) -> int:
    """How many calls the agents' logs say that their callers ended."""
    return sum(path.read_text().count("the caller hung up") for path in (kit.folder / "cloud/agents").glob("*.log"))


@contextmanager
def without_inline_policies(kit: Kit, role: str) -> Iterator[None]:
    """Take a role's inline policies away, and give them back."""
    iam = kit.client("iam")
    policies = {
        name: iam.get_role_policy(RoleName=role, PolicyName=name)["PolicyDocument"]
        for name in iam.list_role_policies(RoleName=role)["PolicyNames"]
    }
    assert policies
    for name in policies:
        iam.delete_role_policy(RoleName=role, PolicyName=name)
    try:
        yield
    finally:
        for name, document in policies.items():
            iam.put_role_policy(RoleName=role, PolicyName=name, PolicyDocument=json.dumps(document))


def test_url_is_refused_after_its_signer_lost_the_permission(deployed: Kit, alice: str) -> None:
    resources = deployed.client("cloudformation").describe_stack_resources(StackName="switchboard-local-connect")
    (function,) = [
        resource["PhysicalResourceId"]
        for resource in resources["StackResources"]
        if resource["ResourceType"] == "AWS::Lambda::Function"
    ]
    role = deployed.client("lambda").get_function_configuration(FunctionName=function)["Role"].rsplit("/", 1)[1]
    url = request(deployed, "POST", "/start", alice).json()["wsUrl"]
    with without_inline_policies(deployed, role):
        assert handshake_status(url) == 403
    assert handshake_status(url) == 101


def test_an_edited_bot_becomes_a_new_version_behind_live(deployed: Kit) -> None:
    before = deployed.output("agent", "RuntimeVersion")
    bot = deployed.folder / "agent_image" / "bot.py"
    edited, replaced = re.subn(r"(?m)^GOODBYE = .*$", 'GOODBYE = "This is version two. Bye bye."', bot.read_text())
    assert replaced == 1
    bot.write_text(edited)
    deployed.cdk("deploy", "--all", "--require-approval", "never")
    after = deployed.output("agent", "RuntimeVersion")
    assert int(after) == int(before) + 1
    endpoint = deployed.client("bedrock-agentcore-control").get_agent_runtime_endpoint(
        agentRuntimeId=deployed.output("agent", "RuntimeId"), endpointName="live"
    )
    assert endpoint["liveVersion"] == after
    done = deployed.call("--json", "--no-echo", "--say", "Thank you and bye bye.")
    assert done.returncode == 0, done.stdout + done.stderr
    (turn,) = json.loads(done.stdout)["call"]["turns"]
    assert "version two" in turn["answered"]


def test_diff_finds_nothing_after_a_deployment(deployed: Kit) -> None:
    assert "There were no differences" in deployed.cdk("diff")


def test_destroy_leaves_nothing(deployed: Kit) -> None:
    deployed.cdk("destroy", "--all", "--force")
    stacks = deployed.client("cloudformation").list_stacks()["StackSummaries"]
    assert {stack["StackName"] for stack in stacks if stack["StackStatus"] != "DELETE_COMPLETE"} == {"CDKToolkit"}
    tagged = deployed.client("resourcegroupstaggingapi").get_resources(
        TagFilters=[{"Key": "project", "Values": ["switchboard"]}]
    )
    assert tagged["ResourceTagMappingList"] == []
    assert deployed.client("bedrock-agentcore-control").list_agent_runtimes()["agentRuntimes"] == []
    assert deployed.client("lambda").list_functions()["Functions"] == []
    assert deployed.client("cognito-idp").list_user_pools(MaxResults=10)["UserPools"] == []
