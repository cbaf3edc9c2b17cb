"""Packages of a Lambda layer that are compiled for another machine: this environment's own take their place.

A layer is installed for the function's architecture, while functions run here under this cloud's Python. What is pure
Python stays in the layer; a distribution with compiled code for another machine goes as a whole, and only if this
environment has that very version: a function has to meet the code that it was locked with, or not to run at all.
"""

import io
import re
import struct
import sys
import zipfile
from collections.abc import Iterator
from functools import lru_cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path, PurePosixPath

_RECORD = re.compile(r"(?P<folder>python/(?:lib/python3\.\d+/site-packages/)?)(?P<info>[^/]+\.dist-info)/RECORD")
_COMPILED = re.compile(r"\.so(?:\.[\d.]+)?$")
_CACHED = re.compile(r"(?P<folder>.*/)__pycache__/(?P<stem>[^/]+)\.cpython-\d+(?:\.opt-\d)?\.pyc")
_ELF_MAGIC = b"\x7fELF"
# e_machine of the ELF header: https://refspecs.linuxfoundation.org/elf/gabi4+/ch4.eheader.html
_MACHINE_OFFSET = 18


class ForeignCodeError(Exception):
    """A layer holds compiled code that can't run here and that nothing here can stand in for."""


@lru_cache(maxsize=4)
def without_foreign_packages(archive: bytes) -> bytes:
    """Return a layer's archive without the packages for another machine; ForeignCodeError where one has no stand-in."""
    with zipfile.ZipFile(io.BytesIO(archive)) as layer:
        foreign = {name for name in layer.namelist() if _COMPILED.search(name) and _is_foreign(layer, name)}
        if not foreign:
            return archive
        dropped = set(_files_to_drop(layer, foreign))
        if orphans := sorted(foreign - dropped):
            raise ForeignCodeError(f"{orphans[0]} is compiled for another machine and belongs to no package.")
        return _copy(layer, dropped=dropped)


def _is_foreign(layer: zipfile.ZipFile, name: str) -> bool:
    with layer.open(name) as file:
        return _machine(file.read(_MACHINE_OFFSET + 2)) not in (0, _own_machine())


def _machine(header: bytes) -> int:
    """Return the e_machine of a little-endian ELF file; 0 for what is none, such as a linker's script."""
    is_elf = header.startswith(_ELF_MAGIC) and len(header) == _MACHINE_OFFSET + 2
    machine: int = struct.unpack_from("<H", header, _MACHINE_OFFSET)[0] if is_elf else 0
    return machine


@lru_cache
def _own_machine() -> int:
    with Path(sys.executable).open("rb") as file:
        return _machine(file.read(_MACHINE_OFFSET + 2))


def _files_to_drop(layer: zipfile.ZipFile, foreign: set[str]) -> Iterator[str]:
    for name in layer.namelist():
        record = _RECORD.fullmatch(name)
        if not record:
            continue
        lines = layer.read(name).decode().splitlines()
        files = {str(PurePosixPath(record["folder"], line.split(",")[0].strip('"'))) for line in lines}
        if files & foreign:
            _check_stand_in(record["info"])
            yield from files
            yield from (cached for cached in layer.namelist() if _source(cached) in files)


def _check_stand_in(info: str) -> None:
    package, _, wanted = info.removesuffix(".dist-info").rpartition("-")
    try:
        present = version(package)
    except PackageNotFoundError:
        present = "none"
    if present != wanted:
        raise ForeignCodeError(
            f"{package} {wanted} is compiled for another machine, and the embedded cloud's own environment has "
            f"{present}: put the same version into local/requirements.in, then run `make lock` and `make setup`."
        )


def _source(cached: str) -> str | None:
    found = _CACHED.fullmatch(cached)
    return f"{found['folder']}{found['stem']}.py" if found else None


def _copy(layer: zipfile.ZipFile, *, dropped: set[str]) -> bytes:
    kept = io.BytesIO()
    with zipfile.ZipFile(kept, "w") as copy:
        for entry in layer.infolist():
            if entry.filename not in dropped:
                copy.writestr(entry, layer.read(entry), compress_type=zipfile.ZIP_STORED)
    return kept.getvalue()
