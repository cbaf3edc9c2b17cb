"""A service of containers in the embedded cloud: real processes, a TLS load balancer before them, rolling updates."""

import json
import re
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.client import HTTPSConnection
from pathlib import Path
from typing import Any

import pytest

from local.processes import started

from .conftest import Cloud, Stack, push_image
from .container_templates import load_balancer, network, service
from .templates import get, ref

STACK = "containers"
DEADLINE_SECONDS = 60


@dataclass
class Deployed:
    """The stack, how it is changed, and how its load balancer is asked."""

    cloud: Cloud
    image: str
    outputs: dict[str, str]

    def update(self, **what: Any) -> Stack:
        resources = network() | load_balancer() | service(self.image, **what)
        return self.cloud.deploy(STACK, resources, Domain=get("Balancer", "DNSName"), Service=ref("Service"))

    def begin_update(self, **what: Any) -> Callable[[], Stack]:
        """Begin an update; return what waits for its end."""
        ended: list[Stack] = []
        thread = threading.Thread(target=lambda: ended.append(self.update(**what)))
        thread.start()

        def wait() -> Stack:
            thread.join(DEADLINE_SECONDS)
            return ended[0]

        return wait

    @property
    def address(self) -> tuple[str, int]:
        name, _, port = self.outputs["Domain"].partition(":")
        return name, int(port)

    def connect(self, name: str = "") -> ssl.SSLSocket:
        host, port = self.address
        trust = ssl.create_default_context(cafile=self.cloud.directory.authority)
        return trust.wrap_socket(socket.create_connection(("127.0.0.1", port)), server_hostname=name or host)

    def ask(self, path: str = "/", *, name: str = "") -> Any:
        connection = HTTPSConnection(*self.address)
        connection.sock = self.connect(name)
        connection.request("GET", path)
        answer = connection.getresponse()
        body = answer.read()
        connection.close()
        assert answer.status == 200, (answer.status, body)
        return json.loads(body)

    @contextmanager
    def echo(self) -> Iterator["Echo"]:
        with self.connect() as tls, tls.makefile("rwb") as file:
            file.write(b"GET /echo HTTP/1.1\r\nHost: a.test\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n")
            file.flush()
            while file.readline().strip():
                pass
            version, pid = file.readline().decode().split()
            yield Echo(file, version, int(pid))

    def described(self) -> Any:
        ecs = self.cloud.client("ecs")
        _, cluster, name = self.outputs["Service"].split("/")
        return ecs.describe_services(cluster=cluster, services=[name])["services"][0]

    def only_log(self) -> Path:
        """The log of the only task."""
        (arn,) = self.cloud.client("ecs").list_tasks()["taskArns"]
        (log,) = self.cloud.directory.tasks.glob(f"*-{arn.rpartition('/')[2][:8]}.log")
        return log


@dataclass
class Echo:
    """An upgraded connection to one task, which says who it is first."""

    file: Any
    version: str
    pid: int

    def say(self, word: str) -> str:
        self.file.write(f"{word}\n".encode())
        self.file.flush()
        line: bytes = self.file.readline()
        return line.decode().strip()


def until[Value](what: Callable[[], Value]) -> Value:
    deadline = time.monotonic() + DEADLINE_SECONDS
    while not (value := what()):
        assert time.monotonic() < deadline, "it has not come about"
        time.sleep(0.02)
    return value


@pytest.fixture(scope="module")
def image(cloud: Cloud) -> str:
    return push_image(cloud, "servers", context=Path(__file__).parent / "service")


@pytest.fixture(scope="module")
def deployed(cloud: Cloud, image: str) -> Iterator[Deployed]:
    found = Deployed(cloud=cloud, image=image, outputs={})
    made = found.update()
    assert made.status == "CREATE_COMPLETE", made.reasons
    found.outputs.update(made.outputs)
    yield found
    assert cloud.destroy(STACK).status == "DELETE_COMPLETE"


def test_a_task_is_reached_over_tls_by_the_balancer_s_name_and_its_own(deployed: Deployed) -> None:
    name, port = deployed.address
    told = deployed.ask(name="relay.switchboard.test")

    assert deployed.ask()["version"] == told["version"] == "1"
    assert re.fullmatch(r"[\w-]+\.elb\.localhost", name)
    assert told["headers"]["X-Forwarded-Proto"] == "https"
    with pytest.raises(ssl.SSLCertVerificationError):
        deployed.connect("relay.example.com")
    with socket.create_connection(("127.0.0.1", port)) as plain:
        plain.sendall(b"GET / HTTP/1.1\r\nHost: a.test\r\n\r\n")
        assert b"200" not in plain.recv(1000)


def test_a_task_gets_its_image_s_and_its_template_s_variables_and_its_secrets(deployed: Deployed) -> None:
    told = deployed.ask("/environment")

    assert told["GREETING"] == "of the image"
    assert told["REPLACED"] == "of the template"
    assert (told["WHOLE"], told["FIELD"]) == ('{"field": "of the secret"}', "of the secret")
    assert (told["AWS_REGION"], told["HOST"]) == ("us-east-1", "127.0.0.1")
    assert told["AWS_ENDPOINT_URL"] == deployed.cloud.state.endpoint
    assert told["SSL_CERT_FILE"] == str(deployed.cloud.directory.ca_bundle)
    assert not told.keys() & {"AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "VIRTUAL_ENV"}
    assert (told["cwd"].endswith("/opt/app/code"), told["package"]) == (True, "server")


def test_a_task_is_who_its_task_role_says(deployed: Deployed) -> None:
    assert re.fullmatch(
        r"arn:aws:sts::123456789012:assumed-role/containers-TaskRole-\w+/[0-9a-f]{32}", deployed.ask("/identity")["arn"]
    )


def test_the_api_tells_of_the_real_tasks_and_targets(deployed: Deployed) -> None:
    found = deployed.described()
    tasks = deployed.cloud.client("ecs").list_tasks(serviceName=found["serviceName"])["taskArns"]
    (group,) = deployed.cloud.client("elbv2").describe_target_groups()["TargetGroups"]
    health = deployed.cloud.client("elbv2").describe_target_health(TargetGroupArn=group["TargetGroupArn"])

    assert (found["desiredCount"], found["runningCount"], len(tasks)) == (1, 1, 1)
    assert [each["rolloutState"] for each in found["deployments"]] == ["COMPLETED"]
    assert [each["TargetHealth"]["State"] for each in health["TargetHealthDescriptions"]] == ["healthy"]


def test_requests_go_to_the_least_busy_of_as_many_tasks_as_are_wanted(deployed: Deployed) -> None:
    assert deployed.update(count=2).status == "UPDATE_COMPLETE"

    assert len(deployed.cloud.client("ecs").list_tasks()["taskArns"]) == 2
    with deployed.echo() as first:
        idle = {deployed.ask()["pid"] for _ in range(4)}
        with deployed.echo() as second:
            assert idle == {second.pid} != {first.pid}

    assert deployed.update(count=1).status == "UPDATE_COMPLETE"
    assert len(deployed.cloud.client("ecs").list_tasks()["taskArns"]) == 1


def test_an_update_keeps_a_connection_to_its_end_while_new_ones_reach_the_new_version(deployed: Deployed) -> None:
    before = deployed.ask()
    old_log = deployed.only_log()
    with deployed.echo() as call:
        assert (call.version, call.pid) == ("1", before["pid"])
        ended = deployed.begin_update(variables={"VERSION": "2", "STUBBORN": "yes"})
        until(lambda: deployed.ask()["version"] == "2")
        for number in range(20):
            assert call.say(f"frame {number}") == f"frame {number}"
            assert deployed.ask()["version"] == "2"
        states = {each["rolloutState"] for each in deployed.described()["deployments"]}
        assert states == {"IN_PROGRESS", "COMPLETED"}
        assert "SIGTERM" not in old_log.read_text()
    assert ended().status == "UPDATE_COMPLETE"

    assert old_log.read_text() == "SIGTERM\nended by itself\n"
    assert started(before["pid"]) is None


def test_a_task_that_is_deaf_to_sigterm_is_killed_when_its_time_is_over(deployed: Deployed) -> None:
    old_log = deployed.only_log()
    stubborn = deployed.ask()
    assert stubborn["version"] == "2"
    began = time.monotonic()

    assert deployed.update(variables={"VERSION": "3"}).status == "UPDATE_COMPLETE"

    assert time.monotonic() - began >= 2
    assert old_log.read_text() == "SIGTERM\n"
    assert started(stubborn["pid"]) is None
    assert deployed.ask()["version"] == "3"


def test_a_revision_that_fails_ends_the_update_with_its_log_and_leaves_the_old_one(deployed: Deployed) -> None:
    before = deployed.ask()["pid"]
    failed = deployed.update(variables={"VERSION": "4", "BROKEN": "yes"})

    assert failed.status == "UPDATE_ROLLBACK_COMPLETE"
    reason = next(reason for reason in failed.reasons if "Circuit Breaker" in reason)
    log = re.search(r"exited with code 1: see its log (\S+\.log)", reason)
    assert log, reason
    assert "a word of the log" in Path(log[1]).read_text()
    assert deployed.ask()["pid"] == before


def test_a_task_that_ends_by_itself_is_replaced(deployed: Deployed) -> None:
    before = deployed.ask()
    with deployed.connect() as tls:
        tls.sendall(b"GET /exit HTTP/1.1\r\nHost: a.test\r\n\r\n")
        assert b"502" in tls.recv(1000)

    until(lambda: any("exited with code 7" in event["message"] for event in deployed.described()["events"]))
    until(lambda: deployed.described()["runningCount"] == 1)
    assert deployed.ask()["pid"] != before["pid"]


def test_a_deployment_can_be_asked_for_anew(deployed: Deployed) -> None:
    before, service_name = deployed.ask()["pid"], deployed.described()["serviceName"]
    deployed.cloud.client("ecs").update_service(service=service_name, forceNewDeployment=True)

    until(lambda: started(before) is None)
    assert deployed.ask()["pid"] != before
