"""What is uploaded: source and nothing around it, and the locked dependencies, installed without Docker."""

import shutil
import subprocess
import sys
from importlib.util import cache_from_source
from pathlib import Path

import pytest

from stacks.components import agent_image, connect_function, service_log_group, telephony_function
from stacks.components.python_layer import UvInstall
from stacks.components.relay import image
from tests.stacks.synthesis import ROOT, TELEPHONY, Json, deploy, only

UNCHECKED_HASH = 0b01  # PEP 552


@pytest.fixture
def source(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """A copy of the functions' folder that a test may change."""
    copy = tmp_path / "lambda"
    shutil.copytree(ROOT / "lambda", copy, ignore=shutil.ignore_patterns("__pycache__"))
    monkeypatch.setattr(connect_function, "SOURCE", copy)
    monkeypatch.setattr(service_log_group, "SOURCE", copy)
    monkeypatch.setattr(telephony_function, "SOURCE", copy)
    return copy


def test_the_function_is_the_packages_connect_and_shared(source: Path, tmp_path: Path) -> None:
    _write(source / "connect" / "__pycache__" / "handler.cpython-313.pyc")
    _write(source / "telephony" / "handler.py")
    assert (source / "requirements.txt").exists()
    function, _ = _asset_hashes(tmp_path / "cdk.out")
    staged = tmp_path / "cdk.out" / f"asset.{function}"
    files = {str(path.relative_to(staged)) for path in staged.rglob("*") if path.is_file()}
    expected = {
        str(path.relative_to(source)) for package in ("connect", "shared") for path in (source / package).rglob("*.py")
    }
    assert files == expected


def test_the_telephony_function_is_its_package_and_shared_with_a_layer_of_its_own(source: Path, tmp_path: Path) -> None:
    templates = deploy("dev", TELEPHONY["Plivo"], directory=tmp_path / "cdk.out").templates
    function, layer = _hashes(templates["telephony"])
    staged = tmp_path / "cdk.out" / f"asset.{function}"
    files = {str(path.relative_to(staged)) for path in staged.rglob("*") if path.is_file()}
    assert files == {
        str(path.relative_to(source))
        for package in ("telephony", "shared")
        for path in (source / package).rglob("*.py")
    }
    connect = _hashes(templates["connect"])
    _write(source / "telephony" / "requirements.txt")
    others = deploy("dev", TELEPHONY["Plivo"], directory=tmp_path / "locked").templates
    assert _hashes(others["connect"]) == connect
    same_function, other_layer = _hashes(others["telephony"])
    assert (same_function == function, other_layer != layer) == (True, True)


def test_the_log_groups_function_is_its_package_alone(source: Path, tmp_path: Path) -> None:
    _write(source / "log_groups" / "__pycache__" / "handler.cpython-313.pyc")
    template = deploy("dev", {}, directory=tmp_path).templates["agent"]
    staged = tmp_path / f"asset.{only(template, 'AWS::Lambda::Function')['Code']['S3Key'].removesuffix('.zip')}"
    files = {path.relative_to(staged) for path in staged.rglob("*") if path.is_file()}
    assert files == {path.relative_to(source) for path in (source / "log_groups").rglob("*.py")}


def test_hashes_follow_the_source_and_the_lock_and_nothing_else(source: Path, tmp_path: Path) -> None:
    function, layer = _asset_hashes(tmp_path / "first")
    _write(source / "shared" / "__pycache__" / "safe_log.cpython-313.pyc")
    _write(source / "connect" / ".mypy_cache" / "cache.json")
    assert _asset_hashes(tmp_path / "caches") == (function, layer)
    _write(source / "connect" / "new.py")
    edited_function, same_layer = _asset_hashes(tmp_path / "edited")
    assert (edited_function != function, same_layer == layer) == (True, True)
    _write(source / "requirements.txt")
    same_function, other_layer = _asset_hashes(tmp_path / "locked")
    assert (same_function == edited_function, other_layer != layer) == (True, True)


@pytest.mark.parametrize("image_source", ["asset", "codebuild"])
def test_the_image_is_built_from_source_and_follows_nothing_else(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, image_source: str
) -> None:
    copy = tmp_path / "agent_image"
    shutil.copytree(ROOT / "agent_image", copy, ignore=shutil.ignore_patterns("__pycache__"))
    monkeypatch.setattr(agent_image, "SOURCE", copy)
    before = _image_source(image_source, tmp_path / "first")
    assert {"Dockerfile", "server.py", "bot.py", "requirements.txt"} <= {path.name for path in before.iterdir()}
    packages = {path.parent.relative_to(copy) for path in copy.rglob("__init__.py")}
    assert packages == {path.parent.relative_to(before) for path in before.rglob("__init__.py")} != set()
    for cache in ("__pycache__/bot.cpython-313.pyc", "pipelines/__pycache__/x.pyc", "tools/.mypy_cache/x.json"):
        _write(copy / cache)
    _write(copy / "tools" / "notes.md")
    assert _image_source(image_source, tmp_path / "caches").name == before.name
    for number, edited in enumerate(("pipelines/offline.py", "tools/new.json")):
        hash_before = before.name
        _write(copy / edited)
        before = _image_source(image_source, tmp_path / f"edited{number}")
        assert before.name != hash_before, edited


def test_the_relays_image_is_its_package_and_its_locks(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    copy = tmp_path / "relay"
    shutil.copytree(ROOT / "relay", copy, ignore=shutil.ignore_patterns("__pycache__"))
    monkeypatch.setattr(image, "SOURCE", copy)
    before = _relay_source(tmp_path / "first")
    files = {path.name for path in before.iterdir()} - {".dockerignore"}
    assert files == {path.name for path in copy.iterdir() if path.suffix in {".py", ".txt", ""}} - {".dockerignore"}
    for other in ("__pycache__/server.cpython-313.pyc", "requirements.in", "notes.md", ".mypy_cache/x.json"):
        _write(copy / other)
    assert _relay_source(tmp_path / "others").name == before.name
    _write(copy / "server.py")
    assert _relay_source(tmp_path / "edited").name != before.name


def test_uv_installs_the_lock_for_the_functions_platform(tmp_path: Path) -> None:
    assert UvInstall(ROOT / "lambda" / "requirements.txt").try_bundle(str(tmp_path))
    logger = tmp_path / "python" / "aws_lambda_powertools" / "logging" / "logger.py"
    assert logger.is_file()
    compiled = Path(cache_from_source(str(logger)))
    assert compiled.exists() == (sys.version_info[:2] == (3, 13))
    if compiled.exists():
        code = compiled.read_bytes()
        assert int.from_bytes(code[4:8], "little") == UNCHECKED_HASH
        assert b"/opt/python/aws_lambda_powertools/logging/logger.py" in code
        assert str(tmp_path).encode() not in code


def test_a_lock_without_hashes_is_refused(tmp_path: Path) -> None:
    lock = tmp_path / "requirements.txt"
    lock.write_text("aws-lambda-powertools==3.37.0\n")
    with pytest.raises(subprocess.CalledProcessError):
        UvInstall(lock).try_bundle(str(tmp_path / "layer"))


def _asset_hashes(directory: Path) -> tuple[str, str]:
    return _hashes(deploy("dev", {}, directory=directory).templates["connect"])


def _hashes(template: Json) -> tuple[str, str]:
    """Of the function's code and of its layer."""
    function = only(template, "AWS::Lambda::Function")["Code"]["S3Key"]
    layer = only(template, "AWS::Lambda::LayerVersion")["Content"]["S3Key"]
    return function.removesuffix(".zip"), layer.removesuffix(".zip")


def _image_source(image_source: str, directory: Path) -> Path:
    """The staged folder that the image is built from."""
    assets = deploy("dev", {"agent.image_source": image_source}, directory=directory).asset_manifest("agent")
    if image_source == "asset":
        (image,) = assets["dockerImages"].values()
        return directory / str(image["source"]["directory"])
    (path,) = (file["source"]["path"] for file in assets["files"].values() if "Source" in file["displayName"])
    return directory / str(path)


def _relay_source(directory: Path) -> Path:
    """The staged folder that the relay's image is built from."""
    assets = deploy("dev", TELEPHONY["Twilio"], directory=directory).asset_manifest("telephony")
    (built,) = assets["dockerImages"].values()
    return directory / str(built["source"]["directory"])


def _write(path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("# written by a test\n")
