#!/usr/bin/env python3
"""Every command outside coturn that the boot script calls, in place of Debian, systemd and AWS.

Called with the name of the command first. It reads and writes world.json in the folder $STAND_INS, notes each call in
calls.jsonl there, and refuses what it doesn't know. It doesn't prove that packages install, nor what AWS permits.
"""

import fcntl
import json
import os
import pathlib
import socket
import subprocess
import sys
from typing import Any, NoReturn

type World = dict[str, Any]

FOLDER = pathlib.Path(os.environ["STAND_INS"])
METADATA = "http://169.254.169.254/latest/"
TOKEN = "a-session-token"
UNIT = pathlib.Path("/lib/systemd/system/coturn.service")
DROP_IN = pathlib.Path("/etc/systemd/system/coturn.service.d/switchboard.conf")


def fail(message: str, code: int = 254) -> NoReturn:
    sys.stderr.write(f"{message}\n")
    sys.exit(code)


def option(arguments: list[str], name: str) -> str:
    return arguments[arguments.index(name) + 1]


def aws(world: World, arguments: list[str]) -> None:
    match arguments[:2]:
        case ["ec2", "associate-address"]:
            associate(world, arguments)
        case ["secretsmanager", "get-secret-value"]:
            value = secret(world, option(arguments, "--secret-id"), option(arguments, "--version-stage"))
            sys.stdout.write(f"{value}\n")
        case ["cloudformation", "signal-resource"]:
            if not world["stack_is_updating"]:
                fail("An error occurred (ValidationError) when calling the SignalResource operation: not in progress")
        case _:
            fail(f"no such call: {arguments}")


def associate(world: World, arguments: list[str]) -> None:
    if "--no-allow-reassociation" not in arguments:
        fail("this would take the address from another instance")
    operation = "when calling the AssociateAddress operation"
    if error := world.get("associate_error"):
        fail(f"An error occurred ({error}) {operation}")
    allocation = world["addresses"][option(arguments, "--allocation-id")]
    if allocation["held_for_attempts"] > 0:
        allocation["held_for_attempts"] -= 1
        fail(f"An error occurred (Resource.AlreadyAssociated) {operation}: it is associated with another instance")
    allocation["held_for_attempts"] = sys.maxsize
    world["instances"][option(arguments, "--instance-id")]["public-ipv4"] = allocation["address"]


def secret(world: World, arn: str, stage: str) -> str:
    operation = "when calling the GetSecretValue operation"
    if arn not in world["secrets"]:
        fail(f"An error occurred (AccessDeniedException) {operation}: not this secret")
    if stage not in world["secrets"][arn]:
        fail(f"An error occurred (ResourceNotFoundException) {operation}: no value for staging label {stage}")
    return str(world["secrets"][arn][stage])


def curl(world: World, arguments: list[str]) -> None:
    url = arguments[-1]
    if url == f"{METADATA}api/token":
        if option(arguments, "-X") != "PUT" or "X-aws-ec2-metadata-token-ttl-seconds: " not in " ".join(arguments):
            fail("a token is PUT, with a time to live", 22)
        sys.stdout.write(TOKEN)
    elif url.startswith(METADATA):
        if f"X-aws-ec2-metadata-token: {TOKEN}" not in arguments:
            fail("IMDSv2 wants a token: 401", 22)
        instance = world["instances"][os.environ["INSTANCE"]]
        sys.stdout.write(instance[url.removeprefix(f"{METADATA}meta-data/")])
    elif url.startswith("https://amazoncloudwatch-agent"):
        pathlib.Path(option(arguments, "-o")).write_text(url)
    else:
        fail(f"no such page: {url}", 22)


def gpg(world: World, arguments: list[str]) -> None:
    if "--verify" in arguments:
        key = world["signed_by"]
        sys.stdout.write(f"[GNUPG:] VALIDSIG {key} 2026-01-01 0 0 4 0 1 8 00 {key}\n")


def systemctl(world: World, arguments: list[str]) -> None:
    if arguments == ["enable", "--now", "coturn.service"]:
        start_coturn()


def start_coturn() -> None:
    """As systemd starts a unit of type notify: the commands of the unit and its drop-in, its user, its directory."""
    settings: dict[str, list[str]] = {}
    for line in (UNIT.read_text() + DROP_IN.read_text()).splitlines():
        name, equals, value = line.strip().partition("=")
        if equals and not line.startswith("#"):
            settings[name] = [*settings.get(name, []), value] if value else []
    logs = pathlib.Path("/var/log", settings["LogsDirectory"][-1])
    logs.mkdir(parents=True, exist_ok=True)
    os.chmod(logs, int(settings["LogsDirectoryMode"][-1], 8))
    user, group = settings["User"][-1], settings["Group"][-1]
    subprocess.run(["/bin/chown", f"{user}:{group}", logs], check=True)
    for command in settings["ExecStartPre"]:
        subprocess.run(command.removeprefix("+").split(), check=True)
    capability = "+" + settings["AmbientCapabilities"][-1].lower().removeprefix("cap_")
    rights = [
        "--reuid",
        user,
        "--regid",
        group,
        "--clear-groups",
        "--inh-caps",
        capability,
        "--ambient-caps",
        capability,
    ]
    notifications = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    notifications.bind(f"\0coturn-{os.environ['INSTANCE']}")
    notifications.settimeout(10)
    with open(FOLDER / f"{os.environ['INSTANCE']}.out", "w") as output:
        subprocess.Popen(
            ["/usr/bin/setpriv", *rights, "--", *settings["ExecStart"][-1].split()],
            stdout=output,
            stderr=output,
            env={"NOTIFY_SOCKET": f"@coturn-{os.environ['INSTANCE']}"},
            start_new_session=True,
        )
    try:
        while b"READY=1" not in notifications.recv(4096):
            pass
    except TimeoutError:
        fail("Job for coturn.service failed because a timeout was exceeded.", 1)


def main() -> None:
    name, arguments = pathlib.Path(sys.argv[1]).name, sys.argv[2:]
    with open(FOLDER / "world.json", "r+") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        with open(FOLDER / "calls.jsonl", "a") as calls:
            print(json.dumps([os.environ["INSTANCE"], name, *arguments]), file=calls)
        world = json.load(file)
        try:
            if world["busy"].get(name, 0) > 0:
                world["busy"][name] -= 1
                fail(f"{name}: could not get the lock", 100)
            if name in world["broken"]:
                fail(f"{name}: broken", 1)
            # What the others did is the note of their call.
            handler = {"aws": aws, "curl": curl, "gpg": gpg, "systemctl": systemctl}.get(name)
            if handler:
                handler(world, arguments)
        finally:
            file.seek(0)
            file.truncate()
            json.dump(world, file)


main()
