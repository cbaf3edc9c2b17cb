"""The boot of an instance, run for real up to a coturn that answers, or to a signal that says why not."""

import json
import os
import shutil
import signal
import subprocess
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.networks.lab import Lab, open_lab
from tests.turn.client import OK, SHARED_SECRET, credentials, refused_with
from tests.turn.conftest import Certificate
from tests.turn.instance import AGENT_CONTROL, CERTIFICATE_SECRET_ARN, SHARED_SECRET_ARN, Instance, World, boot
from tests.turn.internet import FIRST, SECOND, SERVERS, Internet, open_internet

INSTANCE = "i-0123456789abcdef0"
type Boot = Callable[..., Instance]


@pytest.fixture
def account(tmp_path: Path, certificate: Certificate) -> World:
    return World(tmp_path / "aws", addresses={FIRST: 0, SECOND: 0}, certificate=certificate.secret())


@pytest.fixture
def own_internet() -> Iterator[Internet]:
    with open_lab() as lab, open_internet(lab) as internet:
        yield internet


@pytest.fixture
def boot_once(lab: Lab, account: World, own_internet: Internet, tmp_path: Path) -> Iterator[Boot]:
    """Boot the machine behind a public address; `settings` replace some of the boot script's."""
    with ExitStack() as stack:

        def boot_machine(public: str = FIRST, **settings: str) -> Instance:
            return stack.enter_context(
                boot(
                    own_internet.servers[public],
                    world=account,
                    instance_id=INSTANCE,
                    private_address=SERVERS[public],
                    disk=tmp_path / "disk",
                    user_data=account.user_data(settings={"PAUSE_SECONDS": "0.05", **settings}),
                )
            )

        yield boot_machine


def test_a_server_is_ready_before_it_says_so(boot_once: Boot, account: World, own_internet: Internet) -> None:
    instance = boot_once()
    assert instance.code == 0, instance.boot_log
    (said,) = account.calls("signal-resource")
    assert _option(said, "--status") == "SUCCESS"
    assert _option(said, "--stack-name") == "switchboard-dev-turn"
    assert _option(said, "--logical-resource-id") == "Servers"
    assert _option(said, "--unique-id") == INSTANCE
    calls = account.calls()
    assert calls.index(said) > calls.index([INSTANCE, "systemctl", "enable", "--now", "coturn.service"])
    assert own_internet.caller.run(refused_with(FIRST, given=credentials())) == OK
    assert not account.calls("shutdown")
    assert account.calls("systemctl", "coturn-check.timer")


def test_coturn_does_not_run_before_it_is_configured(boot_once: Boot, account: World) -> None:
    boot_once()
    calls = [call[1:3] for call in account.calls()]
    assert calls.index(["systemctl", "mask"]) < calls.index(["apt-get", "-q"])
    assert account.calls("apt-get", "install", "coturn=4.6.1-1*")


def test_package_lists_that_are_being_updated_are_waited_for(boot_once: Boot, account: World) -> None:
    account.write(busy={"apt-get": 2})
    assert boot_once().code == 0
    assert len(account.calls("apt-get", "update")) == 3


def test_coturn_has_its_configuration_for_itself(boot_once: Boot, account: World) -> None:
    instance = boot_once()
    for name in ("turnserver.conf", "private-key.pem"):
        assert instance.mode(f"/etc/coturn-server/{name}") & 0o027 == 0, name
    # A secret among the words of a command shows in the list of processes.
    assert not [call for call in account.calls() if SHARED_SECRET in str(call)]
    assert SHARED_SECRET not in instance.boot_log
    coturn = Path(f"/proc/{instance.process('turnserver')}")
    assert "\nUid:\t0" not in (coturn / "status").read_text()
    assert SHARED_SECRET not in (coturn / "cmdline").read_text()


def test_the_agent_ships_both_logs_under_the_servers_address(boot_once: Boot, account: World) -> None:
    instance = boot_once()
    assert account.calls(Path(AGENT_CONTROL).name, "fetch-config", "file:/etc/coturn-server/cloudwatch-agent.json")
    configuration = json.loads(instance.file("/etc/coturn-server/cloudwatch-agent.json"))
    collected = configuration["logs"]["logs_collected"]["files"]["collect_list"]
    assert [file["file_path"] for file in collected] == [
        "/var/log/turnserver/turnserver.log",
        "/var/log/cloud-init-output.log",
    ]
    metrics = configuration["metrics"]["metrics_collected"].values()
    assert all(metric["append_dimensions"] == {"Server": FIRST} for metric in metrics)


def test_a_taken_address_is_left_to_its_owner(boot_once: Boot, account: World) -> None:
    addresses = account.read()["addresses"]
    first, second = addresses
    addresses[first]["held_for_attempts"], addresses[second]["held_for_attempts"] = 100, 2
    account.write(addresses=addresses)
    instance = boot_once(SECOND)
    assert instance.code == 0, instance.boot_log
    claims = [_option(call, "--allocation-id") for call in account.calls("associate-address")]
    assert claims == [first, second, first, second, first, second]
    assert f"external-ip={SECOND}/{SERVERS[SECOND]}" in instance.file("/etc/coturn-server/turnserver.conf")


def test_a_server_without_an_address_gives_up(boot_once: Boot, account: World) -> None:
    addresses = account.read()["addresses"]
    account.write(addresses={name: {**address, "held_for_attempts": 100} for name, address in addresses.items()})
    instance = boot_once(CLAIM_ATTEMPTS="3")
    _assert_failed(instance, account, "no address after 3 attempts")
    assert len(account.calls("associate-address")) == 6


def test_another_error_than_a_taken_address_is_not_retried(boot_once: Boot, account: World) -> None:
    account.write(associate_error="UnauthorizedOperation")
    _assert_failed(boot_once(), account, "UnauthorizedOperation")
    assert len(account.calls("associate-address")) == 1


def test_an_agent_that_aws_did_not_sign_is_not_installed(boot_once: Boot, account: World) -> None:
    account.write(signed_by="0" * 40)
    _assert_failed(boot_once(), account, "not signed by AWS")
    assert len(account.calls("apt-get", "install")) == 1


@pytest.mark.parametrize("command", ["apt-get", "curl", "gpg"])
def test_a_command_that_fails_ends_the_boot(boot_once: Boot, account: World, command: str) -> None:
    account.write(broken=[command])
    _assert_failed(boot_once(), account, f"{command}: broken", signalled=command != "curl")


@pytest.mark.parametrize("arn", [SHARED_SECRET_ARN, CERTIFICATE_SECRET_ARN])
def test_a_secret_that_cannot_be_read_ends_the_boot(boot_once: Boot, account: World, arn: str) -> None:
    secrets = account.read()["secrets"]
    del secrets[arn]
    account.write(secrets=secrets)
    _assert_failed(boot_once(), account, "AccessDeniedException")


@pytest.mark.parametrize("content", ["not JSON", json.dumps({"certificate": "without a key"})])
def test_a_malformed_certificate_secret_ends_the_boot(boot_once: Boot, account: World, content: str) -> None:
    account.write(secrets={**account.read()["secrets"], CERTIFICATE_SECRET_ARN: {"AWSCURRENT": content}})
    _assert_failed(boot_once(), account, "failed")


def test_a_certificate_that_coturn_cannot_use_ends_the_boot(boot_once: Boot, account: World) -> None:
    """coturn itself starts without TLS and says nothing: the check asks by TLS too."""
    content = json.dumps({"certificate": "no certificate", "privateKey": "no key"})
    account.write(secrets={**account.read()["secrets"], CERTIFICATE_SECRET_ARN: {"AWSCURRENT": content}})
    _assert_failed(boot_once(), account, "coturn-check: no answer")


def test_a_pending_secret_is_taken_beside_the_current_one(
    boot_once: Boot, account: World, own_internet: Internet
) -> None:
    secrets = account.read()["secrets"]
    secrets[SHARED_SECRET_ARN]["AWSPENDING"] = "the next secret"
    account.write(secrets=secrets)
    boot_once()
    for secret in (SHARED_SECRET, "the next secret"):
        assert own_internet.caller.run(refused_with(FIRST, given=credentials(secret=secret))) == OK


def test_a_replacement_outside_of_an_update_has_nobody_to_signal(boot_once: Boot, account: World) -> None:
    account.write(stack_is_updating=False)
    instance = boot_once()
    assert instance.code == 0
    assert "CloudFormation took no signal" in instance.boot_log
    assert not account.calls("shutdown")


def test_a_server_that_hangs_is_noticed(boot_once: Boot) -> None:
    instance = boot_once()
    assert instance.run("/usr/local/sbin/coturn-check") == 0
    os.kill(instance.process("turnserver"), signal.SIGSTOP)
    assert instance.run("/usr/local/sbin/coturn-check") == 1


def test_units_are_as_systemd_wants_them(boot_once: Boot, tmp_path: Path) -> None:
    instance = boot_once()
    folder = tmp_path / "units"
    shutil.copytree(instance.disk / "etc/systemd/system", folder)
    shutil.copy("/lib/systemd/system/coturn.service", folder)
    units = [str(folder / name) for name in ("coturn.service", "coturn-check.service", "coturn-check.timer")]
    verified = subprocess.run(
        ["/usr/bin/systemd-analyze", "verify", "--man=no", *units], capture_output=True, text=True, check=False
    )
    complaints = [line for line in verified.stderr.splitlines() if "coturn" in line and "not executable" not in line]
    assert complaints == []


def _assert_failed(instance: Instance, account: World, reason: str, *, signalled: bool = True) -> None:
    assert instance.code != 0
    assert reason in instance.boot_log
    assert account.calls("shutdown", "--poweroff", "+5")
    if signalled:
        (said,) = account.calls("signal-resource")
        assert _option(said, "--status") == "FAILURE"


def _option(call: list[str], name: str) -> str:
    return call[call.index(name) + 1]
