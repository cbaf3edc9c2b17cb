"""Starting, finding and ending the embedded cloud."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from local import lifecycle, processes
from local.environment import DIRECTORY_VARIABLE
from local.state import PROJECT_DIRECTORY, CloudDirectory

from .conftest import Cloud, LocalCommand


def test_of_two_ups_the_second_finds_the_cloud_of_the_first_and_down_ends_all_of_it(
    tmp_path: Path, local_command: LocalCommand
) -> None:
    directory = CloudDirectory(path=tmp_path / "cloud")
    environment = {**os.environ, DIRECTORY_VARIABLE: str(directory.path)}
    command = [sys.executable, "-m", "local", "up"]
    ups = [
        subprocess.Popen(command, cwd=PROJECT_DIRECTORY, env=environment, stderr=subprocess.PIPE, text=True)
        for _ in range(2)
    ]
    said = [up.communicate()[1] for up in ups]
    state = directory.read_state()
    assert state
    where = f"{state.endpoint}  (log: {directory.log_file})"
    first_lines = sorted(text.splitlines()[0] for text in said)
    assert first_lines == [f"The embedded cloud is up: {where}", f"The embedded cloud was already up: {where}"]
    assert all("It does not prove: " in text for text in said)

    down = local_command("down", directory=directory.path)

    assert (down.returncode, down.stderr) == (0, "The embedded cloud is down.\n")
    assert processes.session_members(state.pid) == []
    assert list(tmp_path.iterdir()) == []


def test_without_a_cloud_every_command_says_so(tmp_path: Path, local_command: LocalCommand) -> None:
    status = local_command("status", directory=tmp_path)
    command = local_command("exec", "--", "true", directory=tmp_path)
    down = local_command("down", directory=tmp_path / "cloud")

    assert (status.returncode, command.returncode, down.returncode) == (1, 1, 0)
    assert "No embedded cloud is running" in status.stderr
    assert "No embedded cloud is running" in command.stderr
    assert down.stderr == "No embedded cloud was running.\n"


@pytest.mark.parametrize("command", ["up", "down"])
def test_a_folder_that_is_no_clouds_is_left_alone(tmp_path: Path, local_command: LocalCommand, command: str) -> None:
    (tmp_path / "thesis.txt").write_text("all of it")

    done = local_command(command, directory=tmp_path)

    assert (done.returncode, (tmp_path / "thesis.txt").read_text()) == (1, "all of it")
    assert done.stderr == f"{tmp_path} is there, but is not an embedded cloud's folder: name another one.\n"


def test_a_cloud_that_cannot_start_is_told_with_the_end_of_its_log(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    broken = tmp_path / "python"
    broken.write_text("#!/bin/sh\nseq 100\necho 'no such [module]'\nexit 1\n")
    broken.chmod(0o755)
    monkeypatch.setattr(lifecycle, "CLOUD_PYTHON", broken)
    directory = CloudDirectory(path=tmp_path / "cloud")

    with pytest.raises(lifecycle.CloudError) as error:
        lifecycle.start(directory)

    lines = str(error.value).splitlines()
    assert lines[0] == (f"The embedded cloud ended before it was ready. The end of its log, {directory.log_file}:")
    assert lines[1:] == [*map(str, range(87, 101)), "no such [module]"]
    assert lifecycle.find(directory) is None


def test_a_cloud_that_does_not_get_ready_is_ended(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    stuck = tmp_path / "python"
    stuck.write_text(f"#!/bin/sh\necho $$ > {tmp_path}/pid\nexec sleep 60\n")
    stuck.chmod(0o755)
    monkeypatch.setattr(lifecycle, "CLOUD_PYTHON", stuck)
    monkeypatch.setattr(lifecycle, "START_SECONDS", 0.5)

    with pytest.raises(lifecycle.CloudError, match=r"was not ready after 0\.5 s"):
        lifecycle.start(CloudDirectory(path=tmp_path / "cloud"))

    assert processes.started(int((tmp_path / "pid").read_text())) is None


def test_a_missing_environment_names_the_command_that_makes_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lifecycle, "CLOUD_PYTHON", tmp_path / "none")

    with pytest.raises(lifecycle.CloudError, match="make setup"):
        lifecycle.start(CloudDirectory(path=tmp_path / "cloud"))


def test_the_cloud_can_be_found_and_its_credentials_are_its_owners(cloud: Cloud, local_command: LocalCommand) -> None:
    status = local_command("status", directory=cloud.directory.path)

    assert status.returncode == 0
    assert cloud.state.endpoint in status.stderr
    assert cloud.directory.state_file.stat().st_mode & 0o777 == 0o600


def test_exec_runs_a_command_against_the_cloud_and_ends_as_it_ends(cloud: Cloud, local_command: LocalCommand) -> None:
    script = "import json, os, sys; print(json.dumps(dict(os.environ))); sys.exit(7)"

    done = local_command("exec", "--", "python", "-c", script, directory=cloud.directory.path)

    environment = json.loads(done.stdout)
    assert done.returncode == 7
    assert environment["AWS_ENDPOINT_URL"] == cloud.state.endpoint
    assert environment["PATH"].startswith(str(Path(sys.executable).parent))


def test_exec_of_what_is_no_command_exits_like_a_shell(cloud: Cloud, local_command: LocalCommand) -> None:
    done = local_command("exec", "--", "no-such-command", directory=cloud.directory.path)

    assert (done.returncode, done.stderr) == (127, "Can't run no-such-command: No such file or directory.\n")


def test_the_cloud_listens_on_loopback_only(cloud: Cloud) -> None:
    held = set()
    for pid in processes.session_members(cloud.state.pid):
        held |= {os.readlink(handle) for handle in Path(f"/proc/{pid}/fd").iterdir() if handle.exists()}
    listening = []
    for table in ("tcp", "tcp6", "udp", "udp6"):
        for line in Path(f"/proc/net/{table}").read_text().splitlines()[1:]:
            _, local_address, _, state, *rest = line.split()
            if f"socket:[{rest[5]}]" in held and (table.startswith("udp") or state == "0A"):
                listening.append(local_address)

    port = int(cloud.state.endpoint.rpartition(":")[2])
    assert f"0100007F:{port:04X}" in listening
    assert {address.split(":")[0] for address in listening} == {"0100007F"}
