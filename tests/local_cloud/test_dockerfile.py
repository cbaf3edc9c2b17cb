"""What a process of an image is started from, read from its Dockerfile and its build context."""

from pathlib import Path

import pytest

from local.ecs.container_image import ContainerImage
from local.images import Image

PYTHON = Path("/usr/bin/some-python")


@pytest.fixture
def context(tmp_path: Path) -> Path:
    folder = tmp_path / "context"
    (folder / "package").mkdir(parents=True)
    (folder / "package" / "__init__.py").write_text("")
    (folder / "settings.json").write_text("{}")
    (folder / "a.txt").write_text("a")
    (folder / "b.txt").write_text("b")
    return folder


def made(context: Path, dockerfile: str) -> ContainerImage:
    (context / "Dockerfile").write_text(dockerfile)
    image = Image(context=context, platform="linux/arm64")
    return ContainerImage.of(image, folder=context.parent / "stages")


def files(image: ContainerImage) -> set[str]:
    return {str(path.relative_to(image.root)) for path in image.root.rglob("*") if path.is_file()}


def test_the_final_stage_has_what_was_copied_into_it_and_into_the_stages_that_it_copies_from(context: Path) -> None:
    image = made(
        context,
        """\
# A comment.
ARG BASE=python
FROM --platform=linux/arm64 ${BASE} AS build
WORKDIR /build
COPY *.txt ./
COPY --chown=1:1 package /opt/app/code/package/
RUN make \\
    # a comment within
    && make install
FROM build as more
WORKDIR more
COPY settings.json renamed.json
FROM ${BASE}
ENV HOME_OF=/opt/app PATH=/opt/app/bin:${PATH}
COPY --from=build /opt/app $HOME_OF
COPY --from=build /usr/lib/what-run-makes /usr/lib/
COPY --from=more /build /build
WORKDIR /opt/app/code
USER 1000:1000
HEALTHCHECK --interval=10s CMD ["true"]
CMD ["/opt/app/bin/python3.13", "-m", "package"]
""",
    )

    assert files(image) == {
        "opt/app/code/package/__init__.py",
        "build/a.txt",
        "build/b.txt",
        "build/more/renamed.json",
    }
    assert image.working_directory == image.root / "opt/app/code"
    assert image.environment == {"HOME_OF": "/opt/app"}
    assert image.argv(python=PYTHON, entry_point=(), command=()) == (str(PYTHON), "-m", "package")


@pytest.mark.parametrize(
    ("instructions", "entry_point", "command", "arguments"),
    [
        ('CMD ["python", "a"]', (), (), ["a"]),
        ('ENTRYPOINT ["python"]\nCMD ["a", "b c"]', (), (), ["a", "b c"]),
        ('ENTRYPOINT ["python"]\nCMD ["a"]', (), ("d",), ["d"]),
        ('ENTRYPOINT ["python", "x"]\nCMD ["a"]', ("python", "y"), (), ["y"]),
        ('CMD ["a"]\nENTRYPOINT ["python"]', (), (), []),
    ],
)
def test_the_command_is_what_docker_would_run(
    context: Path, instructions: str, entry_point: tuple[str, ...], command: tuple[str, ...], arguments: list[str]
) -> None:
    image = made(context, f"FROM scratch\n{instructions}\n")

    assert image.argv(python=PYTHON, entry_point=entry_point, command=command) == (str(PYTHON), *arguments)


@pytest.mark.parametrize(
    ("instruction", "reason"),
    [
        ("CMD python -m package", "CMD has to be a JSON array"),
        ("COPY missing.txt /", "there is no such file in the build context"),
        ("ONBUILD RUN true", "can't follow ONBUILD"),
        ('CMD ["node", "server.js"]', "begins with 'node', and the embedded cloud runs Python only"),
        ("WORKDIR /", "begins with '', and"),
    ],
)
def test_what_cannot_be_followed_is_refused_by_name(context: Path, instruction: str, reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        made(context, f"FROM scratch\n{instruction}\n").argv(python=PYTHON, entry_point=(), command=())
