"""The bundle that deployers get is what the sources say."""

import subprocess
from pathlib import Path

WEB = Path(__file__).resolve().parents[2] / "web"


def files(folder: Path) -> dict[str, bytes]:
    """Every file's content by its path."""
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_release_is_built_from_these_sources(tmp_path: Path) -> None:
    vite = str(WEB / "node_modules/.bin/vite")
    options = ["--logLevel", "error", "--emptyOutDir", "--outDir", str(tmp_path)]
    subprocess.run([vite, "build", *options], cwd=WEB, check=True)
    built, released = files(tmp_path), files(WEB / "release")
    assert sorted(released) == sorted(built), "run `make web` and commit web/release"
    assert released == built, "run `make web` and commit web/release"
