"""The images of the embedded cloud: not built, but kept as the folder that each was to be built from."""

import json
import shutil
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path


@dataclass(frozen=True, kw_only=True)
class Image:
    """What `docker build` was asked for, and the names that the result was given."""

    context: Path
    platform: str
    dockerfile: str = "Dockerfile"
    build_arguments: Mapping[str, str] = field(default_factory=dict)
    references: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class ImageStore:
    """Images on disk, a folder each: a copy of the build context, and image.json."""

    directory: Path

    def add(
        self,
        name: str,
        *,
        context: Path,
        platform: str,
        build_arguments: Mapping[str, str],
        dockerfile: str = "Dockerfile",
    ) -> Image:
        """Keep a copy of a build context under its local name, in place of an earlier one."""
        folder = self.directory / name
        if folder.exists():
            shutil.rmtree(folder)
        shutil.copytree(context, folder / "context", symlinks=True)
        return self._save(
            Image(
                context=folder / "context",
                platform=platform,
                dockerfile=dockerfile,
                build_arguments=build_arguments,
                references=(name,),
            )
        )

    def tag(self, image: Image, reference: str) -> Image:
        """Give an image one more name: `repository:tag` or `repository@digest`."""
        return self._save(replace(image, references=tuple(sorted({*image.references, reference}))))

    def find(self, reference: str) -> Image:
        """Return the image of this name; LookupError when there is none."""
        for image in self._all():
            if reference in image.references:
                return image
        raise LookupError(f"The embedded cloud has no image {reference}: nothing of that name was pushed to it.")

    def _all(self) -> Iterator[Image]:
        for record in sorted(self.directory.glob("*/image.json")):
            values = json.loads(record.read_text())
            values["references"] = tuple(values["references"])
            yield Image(context=record.parent / "context", **values)

    def _save(self, image: Image) -> Image:
        values = {
            "platform": image.platform,
            "dockerfile": image.dockerfile,
            "build_arguments": dict(image.build_arguments),
            "references": image.references,
        }
        (image.context.parent / "image.json").write_text(json.dumps(values, indent=2))
        return image
