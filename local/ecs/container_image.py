"""An image as a process can be started from it: its files in a folder, and its command with this machine's Python."""

import re
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from local.ecs.dockerfile import Copy, Stage, parse
from local.images import Image

_PYTHON = re.compile(r"(?:.*/)?python(?:3(?:\.\d+)?)?")
# The interpreter is this machine's, and so is where it finds its programs and packages.
_OF_THE_IMAGE = {"PATH", "VIRTUAL_ENV", "PYTHONHOME", "LD_LIBRARY_PATH"}


@dataclass(frozen=True, kw_only=True)
class ContainerImage:
    """The files of an image's final stage below `root`, and what the Dockerfile says about its process."""

    root: Path
    stage: Stage

    @classmethod
    def of(cls, image: Image, *, folder: Path) -> "ContainerImage":
        """Copy what the Dockerfile copies below `folder`, unless that is done already.

        ValueError for a Dockerfile that can't be followed without building.
        """
        stages = parse((image.context / image.dockerfile).read_text())
        if not folder.exists():
            draft = folder.with_suffix(".draft")
            shutil.rmtree(draft, ignore_errors=True)
            _copy_stages(stages, context=image.context, folder=draft)
            draft.rename(folder)
        return cls(root=folder / stages[-1].name, stage=stages[-1])

    @property
    def working_directory(self) -> Path:
        """Where the process starts."""
        return _inside(self.root, self.stage.working_directory)

    @property
    def environment(self) -> Mapping[str, str]:
        """The image's variables, but for those that say where its programs are."""
        return {name: value for name, value in self.stage.environment.items() if name not in _OF_THE_IMAGE}

    def argv(self, *, python: Path, entry_point: Sequence[str], command: Sequence[str]) -> tuple[str, ...]:
        """Return the command with this machine's interpreter; what is given takes the place of the image's own.

        ValueError for a command that isn't Python's.
        """
        own_command = () if entry_point else self.stage.command
        words = (*(entry_point or self.stage.entry_point), *(command or own_command))
        program = words[0] if words else ""
        if not _PYTHON.fullmatch(program):
            raise ValueError(f"the image's command begins with {program!r}, and the embedded cloud runs Python only")
        return (str(python), *words[1:])


def _copy_stages(stages: Sequence[Stage], *, context: Path, folder: Path) -> None:
    folder.mkdir()
    for stage in stages:
        root = folder / stage.name
        if (folder / stage.base).is_dir():
            shutil.copytree(folder / stage.base, root, symlinks=True)
        for copy in stage.copies:
            if copy.stage:
                _copy(copy, source_root=folder / copy.stage, root=root)
            elif not _copy(copy, source_root=context, root=root):
                raise ValueError(f"Dockerfile: COPY {copy.sources}: there is no such file in the build context")
        _inside(root, stage.working_directory).mkdir(parents=True, exist_ok=True)


def _copy(copy: Copy, *, source_root: Path, root: Path) -> bool:
    """Return whether there was something to copy: of another stage, what only `RUN` makes isn't there."""
    destination = _inside(root, copy.destination)
    found = False
    for pattern in copy.sources:
        inside = pattern.removeprefix("./").strip("/")
        for source in [source_root] if inside in ("", ".") else sorted(source_root.glob(inside)):
            found = True
            if source.is_dir():
                shutil.copytree(source, destination, symlinks=True, dirs_exist_ok=True)
            else:
                target = destination / source.name if copy.destination.endswith("/") else destination
                target.parent.mkdir(parents=True, exist_ok=True)
                shutil.copy2(source, target)
    return found


def _inside(root: Path, path: str) -> Path:
    return root / path.lstrip("/")
