"""The docker that the CDK CLI calls."""

import json
from pathlib import Path

import pytest

from local import docker_stand_in
from local.environment import DIRECTORY_VARIABLE
from local.images import ImageStore

from .conftest import Cloud

ARM64 = ("--platform", "linux/arm64")


@pytest.fixture
def images(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ImageStore:
    context = tmp_path / "asset"
    (context / "tools").mkdir(parents=True)
    (context / "Dockerfile").write_text("FROM scratch\n")
    (context / "tools" / "clock.py").write_text("HOURS = 24\n")
    monkeypatch.chdir(context)
    monkeypatch.setenv(DIRECTORY_VARIABLE, str(tmp_path / "cloud"))
    return ImageStore(directory=tmp_path / "cloud" / "images")


def test_a_build_keeps_its_context_platform_and_arguments(images: ImageStore, tmp_path: Path) -> None:
    code = docker_stand_in.main(
        ["build", "--build-arg", "PIPELINE=offline", "--build-arg", "QUERY=a=b", "--tag", "cdkasset-1", *ARM64, "."]
    )

    assert code == 0
    image = images.find("cdkasset-1")
    assert (image.context / "tools" / "clock.py").read_text() == "HOURS = 24\n"
    assert image.context.is_relative_to(tmp_path / "cloud" / "images" / "cdkasset-1")
    assert (image.platform, image.build_arguments) == ("linux/arm64", {"PIPELINE": "offline", "QUERY": "a=b"})


def test_it_says_that_it_builds_nothing(images: ImageStore, capsys: pytest.CaptureFixture[str]) -> None:
    docker_stand_in.main(["build", "--tag", "cdkasset-1", *ARM64, "."])

    assert "built nothing" in capsys.readouterr().err


def test_a_second_build_of_a_name_takes_the_place_of_the_first(images: ImageStore) -> None:
    docker_stand_in.main(["build", "--tag", "cdkasset-1", *ARM64, "."])
    Path("tools/clock.py").unlink()
    docker_stand_in.main(["build", "--tag", "cdkasset-1", *ARM64, "."])

    assert not (images.find("cdkasset-1").context / "tools" / "clock.py").exists()


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (["--platform", "linux/amd64"], "this kit's images are linux/arm64; this build asks for linux/amd64"),
        ([], "this build asks for no platform"),
        ([*ARM64, "--file", "Containerfile"], "there is no Containerfile in the build context"),
    ],
)
def test_a_build_that_agentcore_could_not_run_fails(
    images: ImageStore, capsys: pytest.CaptureFixture[str], arguments: list[str], reason: str
) -> None:
    assert docker_stand_in.main(["build", "--tag", "cdkasset-1", *arguments, "."]) == 1
    assert reason in capsys.readouterr().err
    with pytest.raises(LookupError):
        images.find("cdkasset-1")


def test_inspect_fails_until_there_is_such_an_image(images: ImageStore) -> None:
    assert docker_stand_in.main(["inspect", "cdkasset-1"]) == 1
    docker_stand_in.main(["build", "--tag", "cdkasset-1", *ARM64, "."])
    assert docker_stand_in.main(["inspect", "cdkasset-1"]) == 0


@pytest.mark.parametrize("command", [["compose", "up"], ["build", "--secret", "id=x", "--tag", "t", *ARM64, "."], []])
def test_what_it_does_not_know_fails_loudly(
    images: ImageStore, capsys: pytest.CaptureFixture[str], command: list[str]
) -> None:
    with pytest.raises(SystemExit, match="2"):
        docker_stand_in.main(command)
    assert "usage: docker" in capsys.readouterr().err


def test_a_push_is_recorded_in_ecr_and_found_by_tag_and_by_digest(cloud: Cloud, image: str) -> None:
    (found,) = cloud.client("ecr").describe_images(repositoryName="agents", imageIds=[{"imageTag": "abc123"}])[
        "imageDetails"
    ]
    manifest = cloud.client("ecr").batch_get_image(repositoryName="agents", imageIds=[{"imageTag": "abc123"}])
    store = ImageStore(directory=cloud.directory.images)

    assert json.loads(manifest["images"][0]["imageManifest"])["layers"] == []
    assert store.find(image) == store.find(image.replace(":abc123", f"@{found['imageDigest']}"))


def test_a_push_to_a_repository_that_is_not_there_fails(cloud: Cloud, image: str, tmp_path: Path) -> None:
    elsewhere = image.replace("/agents:", "/others:")
    cloud.docker("tag", image, elsewhere, cwd=tmp_path)

    done = cloud.docker("push", elsewhere, cwd=tmp_path)

    assert done.returncode == 1
    assert "RepositoryNotFoundException" in done.stderr
    assert "Traceback" not in done.stderr
