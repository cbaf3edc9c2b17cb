"""Packages of a layer that are compiled for another machine, and what stands in for them."""

import io
import struct
import sys
import zipfile
from importlib.metadata import version
from pathlib import Path

import pytest

from local.layer_packages import ForeignCodeError, without_foreign_packages

OWN = struct.unpack_from("<H", Path(sys.executable).read_bytes()[:20], 18)[0]
FOREIGN = 62 if OWN == 183 else 183
# This package is in every environment of the kit, in a version that is read here; "compiled" is only in these archives.
PRESENT, PRESENT_VERSION = "certifi", version("certifi")


def elf(machine: int) -> bytes:
    return b"\x7fELF" + bytes(14) + struct.pack("<H", machine) + bytes(44)


def package(name: str, number: str, files: dict[str, bytes], *, recorded: bool = True) -> dict[str, bytes]:
    info = f"python/{name}-{number}.dist-info"
    record = "\n".join(
        f"{path.removeprefix('python/')},sha256=x,1" for path in (*files, f"{info}/METADATA", f"{info}/RECORD")
    )
    return files | {f"{info}/METADATA": b"", **({f"{info}/RECORD": record.encode()} if recorded else {})}


def layer(*packages: dict[str, bytes]) -> bytes:
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w") as archive:
        for files in packages:
            for name, content in files.items():
                archive.writestr(name, content)
    return data.getvalue()


def names(archive: bytes) -> set[str]:
    with zipfile.ZipFile(io.BytesIO(archive)) as found:
        return set(found.namelist())


PURE = package("pure", "1", {"python/pure/__init__.py": b"TEXT = 'pure'"})
COMPILED = {"python/compiled/__init__.py": b"", "python/compiled/_speed.cpython-313-x-linux-gnu.so": elf(FOREIGN)}


def test_a_package_for_another_machine_goes_as_a_whole_and_all_else_stays() -> None:
    cached = {
        "python/compiled/__pycache__/__init__.cpython-313.pyc": b"",
        "python/pure/__pycache__/a.cpython-313.pyc": b"",
    }
    script = {"python/lib.so": b"INPUT(-lm)"}
    kept = names(without_foreign_packages(layer(PURE, package(PRESENT, PRESENT_VERSION, COMPILED), cached, script)))

    assert kept == {
        *PURE,
        "python/pure/__pycache__/a.cpython-313.pyc",
        "python/lib.so",
    }


def test_a_layer_for_this_machine_stays_as_it_is() -> None:
    own = package(PRESENT, "0", {"python/compiled/_speed.so": elf(OWN)})

    assert without_foreign_packages(layer(PURE, own)) == layer(PURE, own)


@pytest.mark.parametrize(
    ("packages", "reason"),
    [
        (
            [package(PRESENT, "0.1", COMPILED)],
            rf"certifi 0\.1 is .*own environment has {PRESENT_VERSION}: put the same",
        ),
        ([package("no-such-package", "1", COMPILED)], "no-such-package 1 is .*own environment has none"),
        ([COMPILED], "_speed.* belongs to no package"),
        ([package(PRESENT, PRESENT_VERSION, COMPILED, recorded=False)], "belongs to no package"),
    ],
)
def test_a_package_without_its_like_in_this_environment_is_refused(
    packages: list[dict[str, bytes]], reason: str
) -> None:
    with pytest.raises(ForeignCodeError, match=reason):
        without_foreign_packages(layer(*packages))
