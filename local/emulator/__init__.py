"""All that touches ministack, of which much is private: written against one version, checked before anything else."""

from importlib.metadata import version

SUPPORTED_VERSION = "1.5.33"
_installed = version("ministack")

if _installed != SUPPORTED_VERSION:
    raise RuntimeError(
        f"ministack {_installed} is installed, but the embedded cloud is written against {SUPPORTED_VERSION}: run "
        "`make setup`, or go through local/emulator before you change the pin."
    )
